"""Sources: the batches of each kind of data, what goes wrong with them, and the thread before them."""

from __future__ import annotations

import itertools
import threading
import time

import numpy as np
import pytest

import polydl as dl
from polydl.errors import DataError, DTypeError, ShapeError
from polydl.sources.check import BatchCheck
from polydl.sources.feed import Feed
from polydl.sources.making import arrays_of, source_of
from polydl.sources.prefetch import Prefetch
from polydl.training.arrays import SampleCheck

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(10, 4)).astype(np.float32), RNG.integers(0, 3, 10).astype(np.int32)
MODEL = dl.trace(dl.Sequential(dl.Dense(3)), dl.Input((None, 4)))


class Pair(dl.Module):
    def __init__(self):
        self.dense = dl.Dense(3)

    def __call__(self, left, right):
        return self.dense(left + right)


SEVERAL = dl.trace(Pair(), {"left": dl.Input((None, 4)), "right": dl.Input((None, 4))})


def training(loss=None, **options):
    return dl.Training(loss or dl.CrossEntropy(), dl.SGD(0.1), batch_size=4, **options)


def feed(data, program=MODEL, run=None, floating="float32"):
    run = run or training()
    source = source_of(data, run, floating, "data")
    assert source is not None
    return Feed(source, "data", BatchCheck(SampleCheck(program, run, floating)))


def batches(data, epoch=0, **options):
    return list(feed(data, **options).batches(epoch))


def cut(*arrays):
    return [tuple(a[i : i + 4] for a in arrays) for i in range(0, 10, 4)]


def same(given, expected):
    assert len(given) == len(expected)
    for a, b in zip(given, expected, strict=True):
        assert len(a) == len(b)
        for one, other in zip(a, b, strict=True):
            assert type(one) is np.ndarray
            np.testing.assert_array_equal(one, other)


class Rows:
    """As datasets.Dataset has it: columns by name, rows by number."""

    def __init__(self, **columns):
        self.columns = {name: np.asarray(column).tolist() for name, column in columns.items()}
        self.column_names = list(columns)

    def __len__(self):
        return len(next(iter(self.columns.values())))

    def __getitem__(self, rows):
        return {name: [column[i] for i in rows] for name, column in self.columns.items()}


class Tensor:
    """An array of another library."""

    def __init__(self, array):
        self.array = array

    def numpy(self):
        return self.array

    def __array__(self, *args, **kwargs):
        return self.array


class Own(dl.Source):
    def batches(self, epoch):
        return iter(cut(X, Y)[::-1] if epoch else cut(X, Y))


def generated():
    yield from cut(X, Y)


DICTS = [{"x": x, "y": y} for x, y in cut(X, Y)]
GIVEN = {
    "list": lambda: cut(X, Y),
    "lists of tensors": lambda: iter([[Tensor(x), Tensor(y)] for x, y in cut(X, Y)]),
    "generator": generated,
    "generator function": lambda: generated,
    "function of the epoch": lambda: lambda epoch: generated(),
    "other precisions": lambda: [(x.astype(np.float64), y.astype(np.int64)) for x, y in cut(X, Y)],
    "columns of dicts": lambda: dl.Columns(DICTS, "x", "y"),
    "own": Own,
}


@pytest.mark.parametrize("name", GIVEN)
def test_every_kind_gives_the_same_batches(name):
    same(batches(GIVEN[name]()), cut(X, Y))


def test_rows_come_in_the_order_of_arrays():
    run = training(seed=3)
    order = np.random.Generator(np.random.Philox(key=[3, 1])).permutation(10)
    expected = cut(X[order], Y[order])
    columns = dl.Columns(Rows(image=X, label=Y, more=Y), "image", "label")
    same(batches(columns, 1, run=run), expected)
    same(batches(columns, run=training(shuffle=False)), cut(X, Y))
    assert feed(columns).source.length == 3


def test_columns_of_arrays_are_arrays():
    columns = dl.Columns({"x": X, "y": Y, "w": X[:, 0]}, ("x", "x"), "y", "w")
    (left, right), targets, weights = arrays_of(columns)
    assert left is X
    assert right is X
    assert targets is Y
    np.testing.assert_array_equal(weights, X[:, 0])


def test_several_inputs_by_name_and_weights():
    weights = RNG.random(10).astype(np.float32)
    given = [({"right": a, "left": b}, y, w) for a, b, y, w in cut(X, 2 * X, Y, weights)]
    result = batches(given, program=SEVERAL, run=training(weights="sample"))
    same(result, cut(2 * X, X, Y, weights))
    named = dl.Columns(
        [dict(zip("abyw", batch, strict=True)) for batch in cut(X, 2 * X, Y, weights)],
        {"left": "b", "right": "a"}, "y", "w",
    )  # fmt: skip
    same(batches(named, program=SEVERAL, run=training(weights="sample")), result)


def test_losses_without_targets():
    class Mean(dl.Loss):
        target_dtype = None

        def __call__(self, outputs):
            return dl.ops.mean(outputs)

    run = training(Mean())
    for given in ([(x, None) for (x,) in cut(X)], [(x,) for (x,) in cut(X)], iter(cut(X))):
        same(batches(given, run=run), cut(X))
    same(batches(iter([x for (x,) in cut(X)]), run=run), cut(X))


def listed(*arrays):
    return [list(batch) for batch in cut(*arrays)]


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_lists_of_batches_that_are_lists(count):
    """As list(DataLoader) has them, whose collate gives lists."""
    cuts = (listed(X, Y) * 2)[:count]
    same(batches(cuts), [tuple(batch) for batch in cuts])
    named = [[{"left": x, "right": x}, y] for x, y in cuts]
    same(batches(named, program=SEVERAL), [(x, x, y) for x, y in cuts])


def test_lists_that_may_be_batches_or_arrays():
    rows = list(X[:4])
    assert source_of([rows, list(Y[:4])], training(), "float32", "data") is None
    assert source_of([rows, list(X[:4])], training(), "float32", "data") is None
    with pytest.raises(
        DataError, match=r"a list of 2 lists .* as tuples, \[\(inputs, targets\), ..."
    ):
        source_of([[X[:4], X[:4]], [X[4:8], X[4:8]]], training(dl.MSE()), "float32", "data")
    assert len(batches([[X[:4], X[:4, :3]]] * 4, run=training(dl.MSE()))) == 4


def test_epochs_of_a_stream_without_an_end():
    stream = itertools.cycle(cut(X, Y))
    given = feed(lambda epoch: itertools.islice(stream, 2))
    first, second = list(given.batches(0)), list(given.batches(1))
    same([*first, *second], [*cut(X, Y), cut(X, Y)[0]])


def test_the_first_batch_can_be_seen_before():
    for data in (generated(), generated, cut(X, Y)):
        made = feed(data)
        np.testing.assert_array_equal(made.peek(0)[0], X[:4])
        same(list(made.batches(0)), cut(X, Y))


def test_a_buffer_that_is_filled_anew_is_copied():
    def refilled():
        x, y = np.zeros((4, 4), np.float32), np.zeros(4, np.int32)
        for i in range(3):
            x[:], y[:] = i, i % 3
            yield x, y

    assert [b[0][0, 0] for b in batches(refilled)] == [0, 1, 2]


class Short(list):
    def __len__(self):
        return 5


def failing(epoch):
    yield cut(X, Y)[0]
    raise OSError("disk is gone")


class Endless:
    def cardinality(self):
        return -1

    def __iter__(self):
        return iter(())


def at(number, batch):
    return [*cut(X, Y)[:number], batch]


WRONG = {
    "shape": (
        at(2, (X[:4, :3], Y[:4])), DataError,
        r"^data: batch 3 of epoch 1 \(counted from 1\): input 'x': expected the shape \(batch, 4\), "
        r"got \(4, 3\)",
    ),
    "dtype": (at(1, (X[:4].astype(int), Y[:4])), DTypeError, "batch 2 .*float values, got int"),
    "targets": (at(1, (X[:4], Y[:3])), DataError, r"batch 2 .*number of samples: \(4, 4\), \(3,\)"),
    "shape of targets": (at(1, (X[:4], Y[:4, None])), ShapeError, r"batch 2 .*targets have the shape"),
    "labels": (at(1, (X[:4], Y[:4] + 3)), DataError, "batch 2 .*labels run from 3"),
    "NaN": (at(1, (X[:4] * np.nan, Y[:4])), DataError, r"batch 2 .*input 'x' holds nan"),
    "more than can be accumulated": (
        [(X[:6], Y[:6])], DataError, "batch 1 .*6 samples, where batch_size=4.*accumulated in 2 parts",
    ),
    "no pair": (iter([X]), DataError, r"batch 1 .*expected \(inputs, targets\)"),
    "dict": (DICTS, DataError, r'batch 1 .*got a dict \(x, y\).*dl.Columns\(data, inputs="..."'),
    "weights on the way": (at(1, (X[:4], Y[:4], X[:4, 0])), DataError,
                           r"batch 2 .*got \(inputs, targets, weights\), after \(inputs, targets\)"),
    "structure": (at(1, ((X[:4], X[:4]), Y[:4])), DataError, "batch 2 "),
    "length": (Short(cut(X, Y)), DataError, "epoch 1 .*ended after 3 batches.*says 5"),
    "nothing": (iter([]), DataError, r"data: epoch 1 \(counted from 1\) has no batches$"),
    "error": (failing, DataError, "data: batch 2 of .*could not be made: OSError: disk is gone"),
    "no iterable": (lambda epoch: 3, DataError, "function of the epoch gave int"),
    "endless": (Endless(), DataError, "data: Endless has no end.*take"),
    "rows without names": (Rows(x=X, y=Y), DataError, r"which columns of the Rows.*dl.Columns"),
    "number": (3, DataError, r"data: int is neither \(inputs, targets\), nor an iterable"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_says_which_batch(name):
    data, kind, text = WRONG[name]
    with pytest.raises(kind, match=text):
        batches(data, run=training(accumulate=2) if "accumulated" in name else None)


COLUMNS = [
    (lambda: dl.Columns(Rows(image=X, label=Y), "imge", "label"), "no column 'imge'.*mean 'image'"),
    (lambda: dl.Columns({"x": X}, "x", "y"), "no column 'y'. Known: x"),
    (lambda: dl.Columns({"train": Rows(x=X)}, "x", None), r"choose a split, such as data\['train'\]"),
    (lambda: dl.Columns(3, "x", "y"), "int has no columns"),
    (lambda: batches(dl.Columns(DICTS, "z", "y")), "batch 1 .*no column 'z'"),
    (lambda: batches(dl.Columns(cut(X, Y), "x", "y")), "batch 1 .*batches that are dicts, got tuple"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "text"), COLUMNS)
def test_wrong_columns(make, text):
    with pytest.raises(DataError, match=text):
        make()


def test_a_generator_is_empty_in_its_second_epoch():
    made = feed(generated())
    assert len(list(made.batches(0))) == 3
    with pytest.raises(
        DataError, match=r"data: epoch 2 .* no batches.*once only, as from a generator"
    ):
        list(made.batches(1))


# --- the thread -----------------------------------------------------------------------------------


def test_prefetch_keeps_the_order_and_runs_ahead():
    made = []

    def numbers():
        for i in range(8):
            made.append((i, threading.current_thread().name))
            yield i

    items = Prefetch(numbers(), ahead=3)
    assert next(items) == 0
    waited(lambda: len(made) == 5)  # one taken, three ready, one waiting for its place
    assert list(items) == list(range(1, 8))
    assert [i for i, _ in made] == list(range(8))
    assert made[0][1] != "prefetch"
    assert {name for _, name in made[1:]} == {"prefetch"}
    assert not alive()


def test_an_error_in_the_thread_comes_where_its_item_would():
    items = Prefetch(failing_after(3))
    assert [next(items) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(DataError, match="three"):
        next(items)
    assert not alive()
    assert list(items) == []


def failing_after(count):
    yield from range(count)
    raise DataError("three")


def test_closing_ends_the_thread_and_the_generator():
    ended = []

    def numbers():
        try:
            yield from itertools.count()
        finally:
            ended.append(True)

    items = Prefetch(numbers())
    next(items), next(items)
    items.close()
    assert ended
    assert not alive()
    assert list(items) == []


def alive():
    return [thread for thread in threading.enumerate() if thread.name == "prefetch"]


def waited(condition):
    for _ in range(1000):
        if condition():
            return
        time.sleep(0.005)
    raise AssertionError("it did not come")
