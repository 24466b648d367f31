"""Training from sources: the same losses whatever brings the samples, and what a run leaves behind."""

from __future__ import annotations

import signal
import threading
from dataclasses import replace

import numpy as np
import pytest

import polydl as dl
from polydl.errors import DataError, DefinitionError

torch = pytest.importorskip("torch")
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(22, 4)).astype(np.float32), RNG.integers(0, 3, 22).astype(np.int32)
IMAGES = RNG.random((22, 6, 6, 3)).astype(np.float32)
SIZE = 8


def net(backend="torch", **options):
    model = dl.Sequential(dl.Dense(5), dl.tanh, dl.Dense(3))
    return dl.compile(model, dl.Input((None, 4)), backend=backend, **options)


def image_net(backend="torch", **options):
    model = dl.Sequential(dl.Conv2D(4, 3), dl.relu, dl.Flatten(), dl.Dense(3))
    return dl.compile(model, dl.Input((None, 6, 6, 3)), backend=backend, **options)


def training(**options):
    defaults = {
        "loss": dl.CrossEntropy(),
        "optimizer": dl.Adam(1e-2),
        "batch_size": SIZE,
        "epochs": 2,
    }
    return dl.Training(**{**defaults, **options})


def cut(*arrays):
    return [tuple(a[i : i + SIZE] for a in arrays) for i in range(0, 22, SIZE)]


class Rows:
    """As datasets.Dataset has it: columns by name, rows by number."""

    column_names = ("x", "y")

    def __len__(self):
        return 22

    def __getitem__(self, rows):
        return {"x": [X[i] for i in rows], "y": [Y[i] for i in rows]}


def loader():
    data = torch.utils.data.TensorDataset(torch.from_numpy(X), torch.from_numpy(Y))
    return torch.utils.data.DataLoader(data, batch_size=SIZE)


def tf_dataset():
    tf = pytest.importorskip("tensorflow")
    return tf.data.Dataset.from_tensor_slices((X, Y)).batch(SIZE).prefetch(1)


def grain_dataset():
    grain = pytest.importorskip("grain")
    return grain.MapDataset.source(list(zip(X, Y, strict=True))).batch(SIZE)


def hugging_face():
    datasets = pytest.importorskip("datasets")
    return dl.Columns(datasets.Dataset.from_dict({"x": X.tolist(), "y": Y.tolist()}), "x", "y")


SOURCES = {
    "list": lambda: cut(X, Y),
    "generator function": lambda: lambda: iter(cut(X, Y)),
    "function of the epoch": lambda: lambda epoch: cut(X, Y),
    "torch": loader,
    "tf.data": tf_dataset,
    "grain": grain_dataset,
    "Hugging Face": hugging_face,
    "rows": lambda: dl.Columns(Rows(), "x", "y"),
}


@pytest.fixture(scope="module")
def expected():
    return net().fit(training(shuffle=False), (X, Y), validation=(X[:9], Y[:9]))


@pytest.mark.parametrize("name", SOURCES)
def test_losses_are_those_of_arrays(name, expected):
    history = net().fit(training(shuffle=False), SOURCES[name](), validation=(X[:9], Y[:9]))
    np.testing.assert_array_equal(history.steps, expected.steps)
    assert history.epochs == expected.epochs


def test_rows_are_shuffled_as_arrays_are():
    ours = net().fit(training(), dl.Columns(Rows(), "x", "y"))
    np.testing.assert_array_equal(ours.steps, net().fit(training(), (X, Y)).steps)


@pytest.mark.parametrize("backend", ["keras", "flax"])
@pytest.mark.parametrize("steps", [1, 2, None])
def test_other_backends(backend, steps):
    run = training(shuffle=False, steps_per_execution=steps, metrics=[dl.Accuracy()])
    source = net(backend).fit(run, lambda: iter(cut(X, Y)), validation=cut(X, Y))
    arrays = net(backend).fit(run, (X, Y), validation=(X, Y))
    np.testing.assert_allclose(source.steps, arrays.steps, rtol=1e-6)
    assert source.epochs == [pytest.approx(epoch, rel=1e-6) for epoch in arrays.epochs]


def test_arrays_with_a_source_for_validation(expected):
    history = net().fit(training(shuffle=False), (X, Y), validation=[(X[:9], Y[:9])])
    np.testing.assert_array_equal(history.steps, expected.steps)
    assert history.epochs == [pytest.approx(epoch) for epoch in expected.epochs]


def test_evaluation_and_weights():
    weights = RNG.random(22).astype(np.float32)
    made, run = net(), training(shuffle=False)
    assert made.evaluate(run, cut(X, Y, weights)) == pytest.approx(
        made.evaluate(run, (X, Y, weights))
    )
    ours = net().fit(run, cut(X, Y, weights))
    np.testing.assert_array_equal(ours.steps, net().fit(run, (X, Y, weights)).steps)


def test_a_second_fit_goes_on_with_the_epochs():
    seen = []

    def batches(epoch):
        seen.append(epoch)
        return cut(X, Y)

    twice, once = net(), net()
    first = twice.fit(training(shuffle=False), batches)
    second = twice.fit(training(shuffle=False), batches)
    whole = once.fit(training(shuffle=False, epochs=4), batches)
    np.testing.assert_array_equal(np.concatenate([first.steps, second.steps]), whole.steps)
    assert seen == [0, 1, 2, 3, 0, 1, 2, 3]  # each opened once


# --- augmentations --------------------------------------------------------------------------------

AUGMENT = [dl.RandomFlip(), dl.RandomCrop(1), dl.Mixup(0.4, classes=3)]
SOFT = {"loss": dl.CrossEntropy("probabilities"), "augment": AUGMENT, "shuffle": False}


def by_hand():
    """Batches augmented outside: Compose has the same draws."""
    compose = dl.Compose(AUGMENT)
    return lambda epoch: [compose(epoch, i, *batch) for i, batch in enumerate(cut(IMAGES, Y))]


def test_augmented_arrays_sources_and_batches_made_by_hand_are_the_same():
    arrays = image_net().fit(training(**SOFT), (IMAGES, Y), validation=(IMAGES, Y))
    source = image_net().fit(training(**SOFT), cut(IMAGES, Y), validation=(IMAGES, Y))
    plain = training(**{**SOFT, "augment": ()})
    hand = image_net().fit(plain, by_hand(), validation=cut(IMAGES, np.eye(3)[Y]))
    none = image_net().fit(plain, (IMAGES, np.eye(3)[Y]))
    np.testing.assert_array_equal(arrays.steps, source.steps)
    np.testing.assert_array_equal(arrays.steps, hand.steps)
    assert arrays.epochs == source.epochs
    assert (arrays.steps != none.steps).all()


def test_augmentation_is_the_same_on_every_backend_and_layout():
    run = training(**{**SOFT, "shuffle": True, "randomness": "portable"})
    curves = [
        image_net(backend, dtype="float64", **options).fit(run, (IMAGES, Y)).steps
        for backend, options in (
            ("torch", {}), ("torch", {"layout": "channels_first"}), ("keras", {}), ("flax", {}),
        )
    ]  # fmt: skip
    for curve in curves[1:]:
        np.testing.assert_allclose(curve, curves[0], rtol=1e-11)


def test_evaluation_takes_labels_and_leaves_samples_as_they_are():
    made = image_net()
    mixing = made.evaluate(training(**SOFT), (IMAGES, Y))
    assert mixing == made.evaluate(training(**SOFT), cut(IMAGES, Y))
    assert mixing == pytest.approx(made.evaluate(training(), (IMAGES, Y)))


def test_a_run_that_goes_on_draws_the_same():
    twice, run = image_net(), training(**{**SOFT, "shuffle": True})
    halves = [twice.fit(training(**{**SOFT, "shuffle": True, "epochs": 1}), (IMAGES, Y)).steps
              for _ in range(2)]  # fmt: skip
    whole = image_net().fit(run, (IMAGES, Y)).steps
    np.testing.assert_array_equal(np.concatenate(halves), whole)


@pytest.mark.parametrize("source", [False, True])
def test_the_emitted_text_does_it_alone(source):
    run = training(**{**SOFT, "shuffle": True}, data="batches" if source else "arrays")
    soft = np.eye(3, dtype=np.float32)[Y]
    fresh = image_net()
    names: dict = {}
    exec(compile(fresh.emit_training(run), "training.py", "exec"), names)
    data = [lambda epoch: cut(IMAGES, soft)] if source else [[IMAGES], soft]
    losses, _ = names["fit"](names["Trainer"](fresh.native), *data)
    ours = image_net().fit(run, cut(IMAGES, Y) if source else (IMAGES, Y)).steps
    np.testing.assert_array_equal(losses, ours)


class Two(dl.Module):
    def __init__(self):
        self.dense = dl.Dense(3)

    def __call__(self, photo, extra):
        return self.dense(dl.ops.mean(photo, (1, 2)) + extra)


def test_the_input_that_is_changed_is_chosen_by_name():
    inputs = {"extra": dl.Input((None, 3)), "photo": dl.Input((None, 6, 6, 3))}
    data = ({"extra": X[:, :3], "photo": IMAGES}, Y)

    def losses(*augment):
        two = dl.compile(Two(), inputs, backend="torch")
        return two.fit(training(augment=augment), data).steps

    cutout = dl.Cutout(3, input="photo")
    assert (losses(cutout) != losses()).any()
    with pytest.raises(DefinitionError, match=r"no input 'foto'. Did you mean 'photo'"):
        losses(dl.Cutout(3, input="foto"))
    with pytest.raises(DataError, match=r"^data: Cutout takes images \(batch, height, width"):
        losses(dl.Cutout(3))


# --- what a run leaves behind ---------------------------------------------------------------------


def failing(epoch):
    yield from cut(X, Y)[:2]
    raise OSError("disk is gone")


def once_for_all():
    """A function of the epoch that gives the same generator each time."""
    given = iter(cut(X, Y))
    return lambda: given


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (failing, "data: batch 3 of epoch 1 .*disk is gone"),
        (
            lambda: (b for b in [*cut(X, Y)[:1], (X[:8, :2], Y[:8])]),
            "batch 2 of epoch 1 .*input 'x'",
        ),
        (once_for_all(), "epoch 2 .* no batches.*as from a generator"),
    ],
)
def test_errors_surface_and_the_thread_ends(data, text):
    made = net()
    before = made.weights
    with pytest.raises(DataError, match=text):
        made.fit(training(shuffle=False), data)
    assert not threads()
    assert any(
        (made.weights[path] != before[path]).any() for path in before
    )  # what was learnt stays


def test_a_generator_does_for_one_epoch_only():
    made = net()
    before = made.weights
    text = "data: its batches come once only.* 2 epochs are to be made.* Give a list"
    with pytest.raises(DataError, match=text):
        made.fit(training(), iter(cut(X, Y)))
    assert all((made.weights[path] == before[path]).all() for path in before)
    assert len(made.fit(training(epochs=1), iter(cut(X, Y))).steps) == len(cut(X, Y))


def test_an_interrupt_ends_the_thread():
    drawn = []

    def batches(epoch):
        for i, batch in enumerate(cut(X, Y) * 50):
            drawn.append(i)
            if i == 20:
                signal.raise_signal(signal.SIGINT) if main() else signal.pthread_kill(
                    threading.main_thread().ident, signal.SIGINT
                )
            yield batch

    history = net().fit(training(), batches)
    assert history.interrupted
    assert len(history.steps) < 150
    assert not threads()


def main():
    return threading.current_thread() is threading.main_thread()


def threads():
    return [thread for thread in threading.enumerate() if thread.name == "prefetch"]


def test_no_thread_where_none_is_wanted(expected):
    names = set()

    def batches():
        for batch in cut(X, Y):
            names.add(threading.current_thread().name)
            yield batch

    history = net().fit(training(shuffle=False), batches, prefetch=0)
    np.testing.assert_array_equal(history.steps, expected.steps)
    assert names == {threading.main_thread().name}


BAD = [
    (lambda: training(augment=dl.RandomFlip()), "augmentations must be in a list, got RandomFlip"),
    (lambda: training(augment=[dl.RandomFlip, dl.Cutout()]), "the class RandomFlip: call it"),
    (lambda: training(augment=[dl.Mixup()]), r"Mixup makes soft targets.*CrossEntropy"),
    (lambda: training(data="files"), "data must be 'arrays' or 'batches'"),
    (lambda: net().fit(training(), (X, Y), prefetch=-1), "prefetch must be 0 or more, got -1"),
    (lambda: net().fit(training(**{**SOFT, "augment": [dl.Mixup(classes=2)]}), (X, Y)),
     "^data: labels run from 0 to 2, of the classes 0 to 1"),
    (lambda: net().fit(training(**{**SOFT, "augment": [dl.Mixup()]}), (X, Y)),
     "^data: targets: Mixup mixes integer labels .* dl.Mixup\(classes="),
    (lambda: net().fit(training(), (X, Y), validation=iter(cut(X, Y))), "validation: .* come once"),
    (lambda: net().fit(training(augment=[dl.Cutout()]), cut(X, Y)), "^data: batch 1 .*takes images"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "text"), BAD)
def test_bad_input(make, text):
    with pytest.raises((DataError, DefinitionError, TypeError), match=text):
        make()


# --- experiments ----------------------------------------------------------------------------------


def experiment(data, validation=None):
    model = dl.Sequential(dl.Dense(5), dl.tanh, dl.Dense(3))
    return dl.Experiment(model, dl.Input((None, 4)), training(shuffle=False), data, validation)


def test_an_experiment_of_batches_trains_and_is_not_compared(expected):
    made = experiment(cut(X, Y), [(X[:9], Y[:9])])
    made.check()
    history = net().fit(made.training, made.data, made.validation)
    np.testing.assert_array_equal(history.steps, expected.steps)
    with pytest.raises(DataError, match=r"data comes in batches.*comparison needs arrays"):
        made.arrays()
    with pytest.raises(DataError, match="batches of data come once only"):
        experiment(iter(cut(X, Y)))
    with pytest.raises(DataError, match=r"^data: batch 1 .*input 'x': expected the shape"):
        experiment(cut(X[:, :2], Y)).check()
    columns = experiment(dl.Columns({"x": X, "y": Y}, "x", "y"))
    assert columns.data[0] is X


# --- going on -------------------------------------------------------------------------------------


class Dying(dl.Callback):
    def __init__(self, step):
        self.step = step

    def on_step_end(self, run, step):
        if step == self.step:
            raise OSError("killed")


@pytest.mark.parametrize("step", [2, 3, 4])  # in an epoch, at its end, in the next
@pytest.mark.parametrize("kind", ["augmented arrays", "augmented batches", "rows"])
def test_a_run_that_died_goes_on_with_the_same_batches(kind, step, tmp_path):
    data, options = {
        "augmented arrays": ((IMAGES, Y), SOFT | {"shuffle": True}),
        "augmented batches": (lambda epoch: cut(IMAGES + epoch, Y), SOFT),
        "rows": (dl.Columns(Rows(), "x", "y"), {}),
    }[kind]
    make = net if kind == "rows" else image_net
    checkpoint = dl.Checkpoint(str(tmp_path), every_steps=1)
    whole, died = make(), make()
    expected = whole.fit(training(**options), data)
    run = training(**options, checkpoint=checkpoint)
    with pytest.raises(OSError, match="killed"):
        died.fit(replace(run, callbacks=[Dying(step)]), data)
    again = make()
    history = again.fit(run, data, resume=True)
    np.testing.assert_array_equal(history.steps, expected.steps)
    assert history.epochs == expected.epochs
    for path, value in whole.weights.items():
        np.testing.assert_array_equal(again.weights[path], value)
