"""Indices that an input brings are checked on the host: at a call, in predict and in fit."""

from __future__ import annotations

import re

import numpy as np
import pytest

import polydl as dl
from polydl import ops
from polydl.backend import installed_backends
from polydl.errors import DataError
from polydl.training.arrays import training_arrays

BACKENDS = [b.name for b in installed_backends() if not b.missing and not b.problem]
IDS = dl.Input((None, 4), "int")


class Model(dl.Module):
    """One function of indices and a table of 10 rows."""

    def __init__(self, function, rows=10):
        self.embed = dl.Embedding(rows, 2)
        self.function = function

    def __call__(self, ids):
        return self.function(self.embed, ids)


def scanned(embed, ids):
    start = ops.zeros((ids.shape[0], 2))
    return dl.scan(lambda c, i: (c + embed(i), c), start, ids, axis=1)[0]


def joined(embed, ids):
    return embed(ops.concatenate([ops.zeros((ids.shape[0], 1), "int"), ids[:, 1:]], 1))


def looked_up_twice(embed, ids):
    return embed(ids[:, :2]), embed(ids[:, 2:])


# (function, position of an index beyond, whether that is refused)
CASES = {
    "as it is": (lambda embed, ids: embed(ids), (1, 3), True),
    "a slice": (lambda embed, ids: embed(ids[:, :-1]), (1, 2), True),
    "left out of a slice": (lambda embed, ids: embed(ids[:, :-1]), (1, 3), False),
    "a column": (lambda embed, ids: embed(ids[:, 1]), (0, 1), True),
    "another column": (lambda embed, ids: embed(ids[:, 1]), (0, 2), False),
    "reshaped": (lambda embed, ids: embed(ops.reshape(ids, (-1, 2, 2))), (1, 2), True),
    "transposed, then a row": (lambda embed, ids: embed(ops.transpose(ids)[3]), (1, 3), True),
    "transposed, another row": (lambda embed, ids: embed(ops.transpose(ids)[3]), (1, 2), False),
    "reversed": (lambda embed, ids: embed(ops.flip(ids, 1)), (0, 2), True),
    "one step at a time": (scanned, (1, 2), True),
    "behind a first token": (joined, (1, 2), True),
    "replaced by a first token": (joined, (1, 0), False),
    "in two calls": (looked_up_twice, (0, 3), True),
    "recomputed": (lambda embed, ids: dl.remat(embed, ids), (0, 3), True),
    "clipped by the model": (lambda embed, ids: embed(ops.clip(ids, 0, 9)), (0, 1), False),
    "a table of the model's own": (
        lambda embed, ids: ops.take(ops.constant([float(i) for i in range(10)]), ids), (0, 1), True,
    ),
    "one of ten segments": (
        lambda embed, ids: ops.segment_sum(ops.zeros((ids.shape[0], 4)), ids, 10), (0, 1), True,
    ),
}  # fmt: skip


def ids(position, value):
    array = np.full((2, 4), 9)
    array[position] = value
    return array


@pytest.mark.parametrize("value", [10, -1, 2**31 - 1])
@pytest.mark.parametrize("case", CASES)
def test_indices_beyond(case, value):
    function, position, refused = CASES[case]
    net = dl.compile(Model(function), IDS, backend="reference")
    net(ids(position, 3))
    if not refused:
        net(ids(position, value))
        return
    where = re.escape(f"input 'ids' holds {value} at {list(position)}, but ")
    for call in (net, net.predict):
        with pytest.raises(DataError, match=rf"{where}.* among 10 rows, from 0 to 9.*ops\.clip"):
            call(ids(position, value))


def test_the_module_is_named():
    net = dl.compile(dl.Sequential(Model(CASES["as it is"][0])), IDS, backend="reference")
    with pytest.raises(DataError, match=r"but 0\.embed \(Embedding\) looks it up"):
        net(ids((0, 0), 10))


def test_rows_known_at_run_time():
    class Pick(dl.Module):
        def __call__(self, x, places):
            return ops.take_along_axis(x, places, 1)

    inputs = (dl.Input((None, None)), dl.Input((None, None), "int"))
    net = dl.compile(Pick(), inputs, backend="reference")
    x = np.ones((2, 5), np.float32)
    assert net((x, np.full((2, 3), 4))).shape == (2, 3)
    with pytest.raises(DataError, match=r"'places' holds 5 at \[1, 2\].*among 5 rows"):
        net((x, np.array([[0, 1, 2], [3, 4, 5]])))


def test_what_training_alone_looks_up_is_left_to_training():
    """It would refuse indices that a call never looks at."""

    def function(embed, ids):
        return dl.when_training(lambda: embed(ids), lambda: ops.zeros((ids.shape[0], 4, 2)))

    net = dl.compile(Model(function), IDS, backend="reference")
    net(ids((0, 0), 10))


def test_fit_checks_inputs_and_labels():
    program = dl.trace(Model(lambda embed, ids: ops.mean(embed(ids), 1)), IDS)
    training = dl.Training(loss=dl.CrossEntropy(), optimizer=dl.Adam())

    def data(given, labels, where):
        return training_arrays(program, training, "float32", (given, np.array(labels)), where)

    data(ids((0, 0), 0), [0, 1], "data")
    with pytest.raises(DataError, match=r"^validation: input 'ids' holds -7 at \[1, 0\]"):
        data(ids((1, 0), -7), [0, 1], "validation")
    for label in (2, -1):
        with pytest.raises(DataError, match=rf"^data: CrossEntropy: labels.*{label}.* 2 outputs"):
            data(ids((0, 0), 0), [0, label], "data")


class Counted(dl.Module):
    """One function of x (batch, t, 2) and a table of 6 rows."""

    def __init__(self, function):
        self.table = dl.Embedding(6, 2)
        self.function = function

    def __call__(self, x):
        return self.function(self.table, x)


def steps(x, start=0):
    return ops.arange(start, x.shape[1] + start)


# (function, the longest t that has all places, what t + 1 looks up)
COUNTED = {
    "positions": (lambda table, x: x + table(steps(x)), 6, "table (Embedding) looks up place 6"),
    "from the second": (lambda table, x: x + table(steps(x) + 1), 5, "place 6 among 6"),
    "in two calls": (lambda table, x: table(steps(x)) + table(steps(x, 2)), 4, "place 6 among 6"),
    "recomputed": (lambda table, x: x + dl.remat(lambda: table(steps(x))), 6, "place 6 among 6"),
    "backwards": (lambda table, x: x + table(ops.flip(steps(x), 0)), 6, "place 6 among 6"),
    "distances": (lambda table, x: x + table(abs(steps(x, -5))), 11, "place 6 among 6"),
    "clipped by the model": (lambda table, x: x + table(ops.clip(steps(x), 0, 5)), 99, None),
    "an edge": (lambda table, x: ops.pad(x, ((0, 0), (1, 2), (0, 0)), mode="edge"), 99, None),
}  # fmt: skip


@pytest.mark.parametrize("case", COUNTED)
def test_places_that_the_model_counts(case):
    """It is the length of the input that decides, so it is the length that is checked."""
    function, most, found = COUNTED[case]
    net = dl.compile(Counted(function), dl.Input((None, "t", 2)), backend="reference")
    for call in (net, net.predict):
        call(np.zeros((1, most, 2), np.float32))
        if found:
            where = rf"input 'x' has {most + 1} on axis 1, but .*{re.escape(found)}.*, from 0 to 5"
            with pytest.raises(DataError, match=where):
                call(np.zeros((1, most + 1, 2), np.float32))


@pytest.mark.parametrize("pair", [(2, 0), (0, 2), (1, 2)])
def test_what_is_too_short_to_reflect(pair):
    function = lambda table, x: ops.pad(x, ((0, 0), pair, (0, 0)), mode="reflect")
    net = dl.compile(Counted(function), dl.Input((None, "t", 2)), backend="reference")
    x = np.arange(6, dtype=np.float32).reshape(1, 3, 2)
    np.testing.assert_array_equal(net(x), np.pad(x, ((0, 0), pair, (0, 0)), "reflect"))
    with pytest.raises(DataError, match=r"has 2 on axis 1, but .* looks up place 2 among 2"):
        net(x[:, :2])


@pytest.mark.parametrize("backend", ["reference", *BACKENDS])
@pytest.mark.parametrize("model", ["gpt2", "encoding"])
def test_more_tokens_than_the_context(model, backend):
    models = {
        "gpt2": lambda: dl.models.GPT2(vocabulary=11, context=6, width=4, blocks=1, heads=2),
        "encoding": lambda: dl.Sequential(dl.Embedding(11, 4), dl.LearnedPositionalEncoding(6)),
    }
    net = dl.compile(models[model](), dl.Input((None, "t"), "int"), backend=backend)
    assert net(np.zeros((2, 6), int)).shape[:2] == (2, 6)
    with pytest.raises(DataError, match=r"has 9 on axis 1, but .* looks up place 8 among 6"):
        net(np.zeros((2, 9), int))
