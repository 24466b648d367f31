"""A run that ceases to be finite: the step, the place, the weights that stay, and going on."""

from __future__ import annotations

import numpy as np
import pytest

import polydl as dl
from polydl import ops
from polydl.errors import DivergenceError, NotFiniteWarning, WeightsError
from polydl.training import guard

pytest.importorskip("torch")
RNG = np.random.default_rng(0)
x = RNG.normal(size=(40, 4))
targets = x @ RNG.normal(size=(4, 2))
X = dl.Input((None, 4))


class Steady(dl.losses.Loss):
    """Its gradient by the first output is 1."""

    def __call__(self, outputs, targets):
        return ops.mean(outputs)


class Shift(dl.Module):
    """x + shift, and the log of the shift, which steps of -rate bring below 0."""

    def __init__(self, start=1.05):
        self.start = start

    def __call__(self, x):
        shift = self.parameter("shift", (1,), self.start)
        h = ops.log(shift + 0.0 * ops.sum(x))
        return x[:, :2] + shift + 0.0 * h


def net(*layers, backend="torch", **options):
    return dl.compile(dl.Sequential(*layers), X, backend=backend, **options)


def training(loss=None, rate=0.1, **options):
    settings = {"batch_size": 8, "epochs": 3, "optimizer": dl.SGD(rate), **options}
    return dl.Training(loss or dl.MSE(), **settings)


def diverged(one, settings, data=(x, targets), **options):
    with pytest.raises(DivergenceError) as caught:
        one.fit(settings, data, progress=False, **options)
    for value in one.weights.values():
        assert np.isfinite(value).all()
    return caught.value


# --- what is found --------------------------------------------------------------------------------


def test_an_exploding_rate_is_found_at_its_step(backend):
    error = diverged(net(dl.Dense(2), backend=backend), training(rate=1e4))
    free = net(dl.Dense(2), backend=backend)
    losses = free.fit(training(rate=1e4), (x, targets), check_finite=False).steps
    assert error.step == int(np.argmax(~np.isfinite(losses))) + 1
    assert error.path == "loss"
    assert f"the loss of step {error.step} is inf (in epoch 2, both counted from 1)" in str(error)
    assert "The loss had risen from" in str(error)
    assert "Lower the learning rate" in str(error)
    np.testing.assert_array_equal(error.history.steps, losses[: error.step])


def test_the_log_of_a_users_layer_is_named(backend):
    """A shift of 1.05 that falls by 0.1 a step is below 0 at step 11."""
    error = diverged(net(Shift(), backend=backend), training(Steady(), epochs=9))
    assert (error.step, error.path) == (12, "0")
    assert "nan first arises at log in 0 (Shift)" in str(error)
    assert "Keep what the logarithm is taken of above 0" in str(error)
    assert len(error.history.epochs) == 2


def test_a_root_at_zero_breaks_the_update():
    """Its derivative is infinite: the loss is finite, and the weights that follow are not."""
    root = dl.Sequential(dl.Dense(2), lambda h: ops.sqrt(h * h * 0.0) + h)
    error = diverged(dl.compile(root, X, backend="torch"), training(epochs=1))
    assert (error.step, error.path) == (1, "")
    assert "after the update of step 1 made weights that are not finite" in str(error)
    assert "the gradient of 0.bias is the first that is not" in str(error)
    assert "likely by sqrt in the model (Sequential)" in str(error)


def test_the_last_update_of_all_is_looked_at():
    root = dl.Sequential(dl.Dense(2), lambda h: ops.sqrt(h * h * 0.0) + h)
    error = diverged(dl.compile(root, X, backend="torch"), training(epochs=1, batch_size=40))
    assert error.step == 1
    assert "the update of step 1 makes weights that are not finite" in str(error)
    assert np.isfinite(error.history.steps).all()


def test_masks_of_the_framework_itself_are_drawn_again():
    """Dropout drops all four units of a sample in time; the root of 0 has no derivative."""
    layers = dl.Dense(4), dl.Dropout(0.5), lambda h: ops.sqrt(ops.sum(h * h, -1, keepdims=True))
    one = net(*layers, dl.Dense(2))
    error = diverged(one, training(rate=1e-3, epochs=50))
    assert "made weights that are not finite" in str(error)
    assert "likely by sqrt in the model (Sequential)" in str(error)


def test_it_can_be_left_out():
    history = net(dl.Dense(2)).fit(training(rate=1e4), (x, targets), check_finite=False)
    assert not np.isfinite(history.steps).all()


def test_state_is_watched_as_weights_are(backend):
    """The running variance overflows in the third batch, and no loss ever shows it."""
    inputs = np.where(np.arange(40)[:, None] // 8 == 2, 1e25 * x, x)
    layers = dl.BatchNorm(), dl.Dense(2)
    settings = training(rate=1e-3, shuffle=False)
    one, other = net(*layers, backend=backend), net(*layers, backend=backend)
    error = diverged(one, settings, (inputs, targets))
    assert (error.step, error.path) == (3, "0")
    assert "the update of step 3 makes state that is not finite: 0.variance (in epoch 1" in str(
        error
    )
    assert "what the step writes to 0.variance is not: inf first arises at" in str(error)
    assert "on the way back" not in str(error)
    assert "The net holds the weights of before step 3" in str(error)
    other.fit(training(rate=1e-3, shuffle=False, epochs=1), (x[:16], targets[:16]))
    for path, value in other.weights.items():
        np.testing.assert_allclose(one.weights[path], value, rtol=1e-5, atol=1e-6, err_msg=path)


def test_before_the_first_update_no_rate_is_to_blame():
    error = diverged(net(lambda h: h * 1e30, dl.Dense(2)), training())
    assert error.step == 1
    assert "float32 ends at 3.4e+38. Keep numbers small" in str(error)
    assert "learning rate" not in str(error)
    error = diverged(net(lambda h: h - ops.log(h * 0.0 - 1.0), dl.Dense(2)), training())
    assert "Keep what the logarithm is taken of above 0" in str(error)


def test_weights_that_are_bad_before_the_first_step_are_refused():
    one = net(dl.Dense(2))
    kernel = one.weights["0.kernel"]
    kernel[1, 0] = np.nan
    one.load_weights({**one.weights, "0.kernel": kernel})
    text = r"before the first step: '0.kernel' holds nan at \[1, 0\]. Load others"
    with pytest.raises(WeightsError, match=text):
        one.fit(training(), (x, targets))
    one.fit(training(epochs=1), (x, targets), check_finite=False)


# --- the net after it -----------------------------------------------------------------------------


@pytest.mark.parametrize("randomness", ["native", "portable"])
def test_the_net_stands_before_the_bad_step(backend, randomness, monkeypatch):
    """Wherever copies were kept: the weights are those of as many steps of another net."""
    monkeypatch.setattr(guard, "KEEP", 3)
    layers = (dl.Dense(3), dl.Dropout(0.3), dl.Dense(4), Shift(0.95))
    options = {"randomness": randomness, "optimizer": dl.Adam(0.1), "batch_size": 20}
    one, other = (net(*layers, backend=backend, dtype="float64") for _ in range(2))
    error = diverged(one, training(Steady(), epochs=20, **options))
    assert error.step == 11
    other.fit(training(Steady(), epochs=5, **options), (x, targets))
    for path, value in other.weights.items():
        np.testing.assert_allclose(one.weights[path], value, rtol=1e-12, err_msg=path)
    assert (one._fitting.prepared.steps, one._fitting.prepared.epochs) == (10, 5)
    state = [n._fitting.prepared.state.optimizer() for n in (one, other)]
    for path, slots in state[0].items():
        for slot, value in slots.items():
            np.testing.assert_allclose(value, state[1][path][slot], rtol=1e-12)


def test_losses_are_looked_at_within_an_epoch(backend, monkeypatch):
    monkeypatch.setattr(guard, "LOOK", 4)
    seen = []
    one = net(Shift(), backend=backend)
    settings = training(Steady(), batch_size=1, epochs=2, steps_per_execution=2)
    error = diverged(one, settings, after_epoch=lambda *given: seen.append(given))
    assert (error.step, seen) == (12, [])
    assert len(error.history.steps) == 12


@pytest.mark.parametrize(
    "options",
    [
        {"accumulate": 2},
        {"optimizer": dl.SGD(dl.Piecewise((5,), (0.1, 0.1)))},
        {"shuffle": False},
    ],
)
def test_all_kinds_of_steps(backend, options):
    error = diverged(net(Shift(), backend=backend), training(Steady(), epochs=9, **options))
    assert (error.step, error.path) == (12, "0")


def test_batches_of_an_iterable():
    batches = [(x[i : i + 8], targets[i : i + 8]) for i in range(0, 40, 8)]
    error = diverged(net(Shift()), training(Steady(), epochs=9), batches)
    assert (error.step, error.path) == (12, "0")


def test_batches_that_come_once_only():
    """There is no way back but to the beginning."""
    one = net(Shift())
    before = one.weights
    once = ((x[:8], targets[:8]) for _ in range(30))
    error = diverged(one, training(Steady(), epochs=1), once)
    assert (error.step, error.path) == (12, "")
    np.testing.assert_array_equal(one.weights["0.shift"], before["0.shift"])


def test_images_in_channels_first():
    class Image(dl.Module):
        def __init__(self):
            self.conv, self.shift = dl.Conv2D(2, 3), Shift()

        def __call__(self, x):
            return self.shift(ops.mean(self.conv(x), (1, 2)))

    images = RNG.normal(size=(40, 5, 6, 3))
    one = dl.compile(Image(), dl.Input((None, 5, 6, 3)), backend="torch", layout="channels_first")
    error = diverged(one, training(Steady(), epochs=9), (images, targets))
    assert (error.step, error.path) == (12, "shift")


def test_a_callback_that_steers_is_not_asked_again():
    """A copy is kept of each epoch, so that what it changed is not changed twice."""

    class Kick(dl.Callback):
        def on_epoch_end(self, run, epoch, scores):
            run.net.load_weights({"0.shift": run.net.weights["0.shift"] - 0.3})

    error = diverged(net(Shift()), training(Steady(), epochs=9, callbacks=[Kick()]))
    assert (error.step, error.path) == (9, "0")
    assert len(error.history.epochs) == 1


def test_checkpoints_stay_good(tmp_path):
    settings = training(Steady(), epochs=9, checkpoint=dl.Checkpoint(tmp_path, every_steps=1))
    one = net(Shift())
    error = diverged(one, settings)
    assert f"The checkpoints in {tmp_path} are of before it too" in str(error)
    last = dl.load(tmp_path / "last.safetensors", backend="torch")
    np.testing.assert_array_equal(last.weights["0.shift"], one.weights["0.shift"])


def test_a_run_that_was_resumed_in_the_middle_of_an_epoch(tmp_path, monkeypatch):
    monkeypatch.setattr(guard, "LOOK", 1)
    settings = training(Steady(), epochs=9, checkpoint=dl.Checkpoint(tmp_path, every_steps=1))

    class Stop(dl.Callback):
        def on_step_end(self, run, step):
            if step == 7:
                run.stop()

    net(Shift()).fit(training(Steady(), epochs=9, checkpoint=settings.checkpoint,
                              callbacks=[Stop()]), (x, targets))  # fmt: skip
    error = diverged(net(Shift()), settings, resume=True)
    assert (error.step, error.path) == (12, "0")
    assert len(error.history.steps) == 12


def test_it_goes_on_from_there():
    one = net(dl.Dense(2), dtype="float64")
    diverged(one, training(rate=1e4, epochs=30))
    one.load_weights({path: 0 * value for path, value in one.weights.items()})
    losses = one.fit(training(rate=0.1), (x, targets)).steps
    assert losses[-1] < 0.1 * losses[0]


# --- float16, evaluation --------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["fit", "check_gradients"])
def test_an_overflow_of_float16_is_named_by_its_path(where):
    """4 x 300 x 300 is beyond 65504, for the second layer only."""
    one = net(dl.Dense(4, use_bias=False), dl.Dense(2), dtype="float32")
    one.load_weights({"0.kernel": np.full((4, 4), 75.0), "1.kernel": np.full((4, 2), 300.0),
                      "1.bias": np.zeros(2)})  # fmt: skip
    settings, data = training(epochs=1, precision="float16"), (np.ones_like(x), targets)
    if where == "fit":
        error = diverged(one, settings, data)
        assert (error.step, error.path) == (1, "1")
        text = str(error)
        assert 'Give the run precision="bfloat16"' in text
    else:
        found = dl.check_gradients(one, settings, data)
        assert not found.ok
        assert np.isfinite(found.loss)
        assert found.cause.path == "1"
        text = str(found)
        assert dl.check_gradients(one, training(epochs=1, precision="bfloat16"), data).cause is None
    assert "inf first arises at matmul in" in text
    assert "if all of the model is computed in float16" in text


class Log(dl.Module):
    def __call__(self, x):
        return ops.log(x)


POSITIVE = np.abs(x) + 0.1
NEGATIVE = np.where(np.arange(40)[:, None] < 20, POSITIVE, -POSITIVE)
FINITE = "ignore:.*invalid value.*:RuntimeWarning"


def halves(inputs):
    return [(inputs[:10], targets[:10]), (inputs[10:30], targets[10:30])]


@pytest.mark.filterwarnings(FINITE)
@pytest.mark.parametrize("batches", [False, True])
def test_an_evaluation_that_is_not_finite_says_where(backend, batches):
    one = net(Log(), dl.Dense(2), backend=backend)
    data = halves(NEGATIVE) if batches else (NEGATIVE, targets)
    with pytest.warns(NotFiniteWarning) as caught:
        scores = one.evaluate(training(), data)
    assert np.isnan(scores["loss"])
    (warning,) = (w for w in caught if w.category is NotFiniteWarning)
    assert warning.filename == __file__
    text, number = str(warning.message), 3 - batches
    assert text.startswith(f"evaluate: loss is nan. The loss of batch {number} (counted from 1) is")
    assert "nan first arises at log in 0 (Log)" in text


@pytest.mark.filterwarnings(FINITE)
@pytest.mark.parametrize("batches", [False, True])
@pytest.mark.parametrize("average", [None, dl.EMA(0.9)])
def test_validation_that_is_not_finite_is_said_once(backend, batches, average):
    one, settings = net(Log(), dl.Dense(2), backend=backend), training(rate=1e-3, average=average)
    validation = halves(NEGATIVE) if batches else (NEGATIVE, targets)
    with pytest.warns(NotFiniteWarning) as caught:
        history = one.fit(settings, (POSITIVE, targets), validation)
    assert np.isnan(history["val_loss"]).all()
    assert np.isfinite(history["loss"]).all()
    (warning,) = (w for w in caught if w.category is NotFiniteWarning)
    assert warning.filename == __file__
    text = str(warning.message)
    assert text.startswith("epoch 1: val_loss is nan. The loss of batch ")
    assert "nan first arises at log in 0 (Log)" in text


def test_finite_evaluations_say_nothing(recwarn):
    one = net(Log(), dl.Dense(2))
    one.fit(training(rate=1e-3), (POSITIVE, targets), (POSITIVE, targets))
    one.evaluate(training(), (POSITIVE, targets))
    assert not [w for w in recwarn if w.category is NotFiniteWarning]
