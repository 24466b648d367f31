"""Indices that an input brings are checked on the host: at a call, in predict and in fit."""

from __future__ import annotations

import re

import numpy as np
import pytest

import polydl as dl
from polydl import ops
from polydl.errors import DataError
from polydl.training.arrays import training_arrays

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
