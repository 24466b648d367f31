"""How the oracle runs a Program: shared modules, state, modes, sizes, and arrays that do not fit."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from reference_helpers import evaluate, int32, normal, same

import polydl as dl
from polydl import ops
from polydl.errors import DataError, DTypeError, ProgramError, ShapeError, WeightsError
from polydl.program.binding import bind_sizes
from polydl.program.sizes import Size
from polydl.program.types import Program
from polydl.reference import Interpreter


class Counter(dl.Module):
    """Counts its calls, and adds the count before this one to x."""

    def __call__(self, x):
        count = self.state("count", (), "zeros", dtype="int")
        self.update("count", count + 1)
        return x + count.astype("float")


class Twice(dl.Module):
    def __init__(self):
        self.counter, self.dense = Counter(), dl.Dense(2)
        self.tied = self.dense

    def __call__(self, x):
        x = self.counter(self.counter(self.tied(self.dense(x))))
        return {"x": x, "mode": dl.when_training(x * 2.0, lambda: x)}


def twice(training, count=5):
    program = dl.trace(Twice(), dl.Input((None, 2)))
    weights = {
        "counter.count": np.asarray(count),
        "dense.kernel": np.array([[1.0, 2.0], [0.0, -1.0]]),
        "dense.bias": np.array([0.5, 0.0]),
    }
    return Interpreter(program).run(weights, [np.eye(2)], training), weights


def test_shared_modules_state_and_modes():
    (outputs, state), weights = twice(training=True)
    once = np.eye(2) @ weights["dense.kernel"] + weights["dense.bias"]
    expected = once @ weights["dense.kernel"] + weights["dense.bias"] + (5 + 6)
    same(outputs[0], expected)
    same(outputs[1], 2 * expected)
    assert state.keys() == {"counter.count"}
    same(state["counter.count"], np.int32(7))
    assert weights["counter.count"] == 5  # what was given is left alone
    (outputs, _), _ = twice(training=False)
    same(outputs[1], expected)


class Sizes(dl.Module):
    def __call__(self, x, y):
        batch, time, width = x.shape
        flat = ops.reshape(x, (batch * time, width))
        positions = ops.arange(batch * time).astype("float")
        later = ops.reshape(flat + positions[:, None], (batch, time, width))[:, 1:]
        padded = ops.pad(y, ((0, 0), (1, 0)))
        pooled = ops.window_sum(x, window=(2,), strides=(2,), padding=((0, 0),))
        return later, padded, ops.full((time // 2, batch), 1.0), pooled


def test_symbolic_sizes():
    program = dl.trace(Sizes(), (dl.Input(("b", "t", 3)), dl.Input(("b", "u"))))
    x, y = normal(2, 5, 3), normal(2, 7)
    outputs, _ = Interpreter(program).run({}, [x, y])
    same(outputs[0], (x + np.arange(10.0).reshape(2, 5, 1))[:, 1:])
    same(outputs[1], np.concatenate([np.zeros((2, 1)), y], axis=1))
    same(outputs[2], np.ones((2, 2)))
    same(outputs[3], x[:, 0:4:2] + x[:, 1:4:2])
    assert bind_sizes(program, [(2, 5, 3), (2, 7)]) == {"b": 2, "t": 5, "u": 7}


@pytest.mark.parametrize(
    ("shapes", "text"),
    [
        ([(2, 5, 4), (2, 7)], r"input 'x': expected the shape \(b, t, 3\), got \(2, 5, 4\)"),
        ([(2, 5, 3), (2, 7, 1)], r"input 'y': .*\(b, u\), got \(2, 7, 1\)"),
        ([(2, 5, 3), (4, 7)], r"input 'y': .*got \(4, 7\): b is 2 in input 'x'"),
        ([(2, 5, 3)], "expected 2 arrays"),
    ],
)
def test_shapes_that_do_not_fit(shapes, text):
    program = dl.trace(Sizes(), (dl.Input(("b", "t", 3)), dl.Input(("b", "u"))))
    with pytest.raises(DataError, match=text):
        bind_sizes(program, shapes)
    with pytest.raises(DataError, match=text):
        Interpreter(program).run({}, [np.zeros(shape) for shape in shapes])


def with_root(program, **changes):
    root = dataclasses.replace(program.root, **changes)
    return Program({**program.blocks, "": root}, program.entries, None, None)


def test_programs_that_are_wrong():
    program = dl.trace(dl.Sequential(dl.relu), dl.Input((None, 3)))
    compound = dataclasses.replace(program.root.inputs[0], shape=(Size.symbol("b") * 2, 3))
    with pytest.raises(ProgramError, match=r"b\*2"):
        bind_sizes(with_root(program, inputs=(compound,)), [(4, 3)])

    (call,) = program.root.nodes
    for shape in ((4, 2), (Size.symbol("nowhere"), 3)):
        wrong = dataclasses.replace(call, outputs=(dataclasses.replace(call.output, shape=shape),))
        with pytest.raises(ProgramError, match=r"call gave|nowhere"):
            Interpreter(with_root(program, nodes=(wrong,))).run({}, [np.zeros((4, 3))])


def test_arrays_that_do_not_fit():
    interpreter = Interpreter(dl.trace(dl.Embedding(5, 3), dl.Input((None,), "int")))
    table = {"table": normal(5, 3)}
    with pytest.raises(DTypeError, match="expected int"):
        interpreter.run(table, [np.zeros(2)])
    with pytest.raises(DataError, match="int32"):
        interpreter.run(table, [np.array([2**31])])
    with pytest.raises(WeightsError, match="no weight for table"):
        interpreter.run({}, [int32(1)])
    with pytest.raises(WeightsError, match=r"expected the shape \(5, 3\)"):
        interpreter.run({"table": normal(3, 5)}, [int32(1)])
    same(interpreter.run(table, [np.array([4], np.int64)])[0][0], table["table"][[4]])

    dropout = Interpreter(dl.trace(dl.Dropout(), dl.Input((None, 2))))
    with pytest.raises(DataError, match="give the run an rng"):
        dropout.run({}, [np.ones((1, 2))], training=True)
    with pytest.raises(DTypeError, match="expected float"):
        dropout.run({}, [np.ones((1, 2), int)])

    pool = Interpreter(dl.trace(dl.MaxPool2D(3), dl.Input((None, None, 4, 1))))
    with pytest.raises(ShapeError, match="do not fit"):
        pool.run({}, [np.ones((1, 2, 4, 1))])


def test_results_do_not_alias_what_was_given():
    x, weights = np.ones((2, 3)), {"mean": np.zeros(3), "variance": np.ones(3)}
    weights |= {"scale": np.ones(3), "bias": np.zeros(3)}
    (y,), state = Interpreter(dl.trace(dl.BatchNorm(), dl.Input((None, 3)))).run(weights, [x])
    (z,), _ = Interpreter(dl.trace(dl.Dropout(), dl.Input((None, 3)))).run({}, [x])
    repeated = evaluate(lambda x: ops.broadcast_to(x, (4, 2, 3)), x)
    for array in (y, z, repeated, *state.values()):
        array[...] = 9.0
    assert np.all(x == 1.0)
    assert np.all(weights["mean"] == 0.0)
