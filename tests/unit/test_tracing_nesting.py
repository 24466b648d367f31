"""Nested inputs and outputs, symbolic sizes and numbers in definitions."""

from __future__ import annotations

import numpy as np
import pytest
from tracing_helpers import X, module, run, traced

import polydl as dl
from polydl.errors import ShapeError
from polydl.program.types import Value


def test_dicts_and_tuples_in_and_out():
    class Nest(dl.Module):
        def __call__(self, image, pair):
            return {"sum": image + pair[0], "parts": (pair[1], {"deep": image * 2.0})}

    class Outer(dl.Module):
        def __init__(self):
            self.nest = Nest()

        def __call__(self, a, b):
            out = self.nest(b, pair=(a, b))
            return {**out, "list": [a]}

    program = traced(Outer(), {"b": X, "a": X})
    assert [v.name for v in program.root.inputs] == ["b", "a"]
    assert [v.name for v in program.blocks["nest"].inputs] == ["image", "pair_0", "pair_1"]
    leaf = None
    assert program.outputs == (
        "dict",
        {"sum": leaf, "parts": ("tuple", (leaf, ("dict", {"deep": leaf}))),
         "list": ("tuple", (leaf,))},
    )  # fmt: skip
    net = dl.compile(program, backend="reference", dtype="float64")
    a, b = np.ones((2, 4)), np.full((2, 4), 3.0)
    out = net({"a": a, "b": b})
    np.testing.assert_allclose(out["parts"][1]["deep"], 2 * b)
    np.testing.assert_allclose(out["sum"], a + b)


def test_symbols_are_named_and_shared():
    model = module(lambda self, x, y: x + y[:, :, 0])
    program = traced(model, (dl.Input((None, "time")), dl.Input((None, "time", 3))))
    assert program.symbols == ("batch", "time")
    (out,) = program.root.outputs
    assert isinstance(out, Value)
    assert str(out.shape) == "(batch, time)"
    with pytest.raises(ShapeError, match="do not broadcast"):
        dl.trace(model, (dl.Input((None, None)), dl.Input((None, None, 3))))


def test_numpy_numbers_are_numbers():
    program = traced(module(lambda self, x: np.float32(2) * x + np.int64(3) - np.array(1.0)))
    (out,), _ = run(program, np.ones((1, 4)))
    np.testing.assert_allclose(out, np.full((1, 4), 4.0))
