"""Emitted PyTorch against the reference interpreter, in float64."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

import polydl as dl
from polydl.net import Net
from polydl.program.passes import remove_dead_code
from polydl.program.structure import flatten
from polydl.program.verify import verify

X = dl.Input((None, 4))
MODES = (False, True, True, False)  # state moves in between


def module(call: Any, **attributes: Any) -> dl.Module:
    """A Module of one function, with attributes."""

    class Model(dl.Module):
        def __init__(self) -> None:
            for name, value in attributes.items():
                setattr(self, name, value)

        def __call__(self, *inputs):
            return call(self, *inputs)

    return Model()


def sample(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def same(a: Any, b: Any, tolerance: float = 1e-9) -> None:
    """Nested arrays of equal shapes, dtype kinds and values."""
    (left, structure), (right, other) = flatten(a), flatten(b)
    assert structure == other
    for x, y in zip(left, right, strict=True):
        assert (x.shape, x.dtype.kind) == (y.shape, y.dtype.kind)
        np.testing.assert_allclose(x, y, rtol=tolerance, atol=tolerance)


def both(model: Any, inputs: Any, arrays: Any, **options: Any) -> Net:
    """Compile for PyTorch and for the reference; outputs and weights must agree in both modes."""
    program = remove_dead_code(dl.trace(model, inputs))
    verify(program)
    reference = dl.compile(program, backend="reference", dtype="float64")
    net = dl.compile(program, backend="torch", dtype="float64", **options)
    for training in MODES:
        same(net(arrays, training=training), reference(arrays, training=training))
        same(net.weights, reference.weights)
    return net


def source(model: Any, inputs: Any = X, **options: Any) -> str:
    """The emitted text without its imports."""
    text = dl.compile(model, inputs, backend="torch", **options).source
    return text[text.index("\n\n\n") + 3 :]


def formatted(text: str) -> str:
    """What a formatter makes of a text."""
    beside = Path(sys.executable).with_name("ruff")
    ruff = str(beside) if beside.exists() else shutil.which("ruff") or "ruff"
    done = subprocess.run(
        [ruff, "format", "--isolated", "--line-length", "88", "-"],
        input=text, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout
