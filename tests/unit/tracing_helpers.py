"""What the tests of tracing share."""

from __future__ import annotations

import numpy as np

import polydl as dl
from polydl.program.types import Block, Program, walk
from polydl.program.verify import verify
from polydl.reference import Interpreter
from polydl.spec.initializers import initial_weights

X = dl.Input((None, 4))


def module(call, make=None) -> dl.Module:
    """A Module of one expression, with attributes from `make`."""

    class Model(dl.Module):
        def __init__(self):
            for name, value in (make or {}).items():
                setattr(self, name, value)

        def __call__(self, *inputs):
            return call(self, *inputs)

    return Model()


def traced(model, inputs=X) -> Program:
    program = dl.trace(model, inputs)
    verify(program)
    return program


def run(program, *arrays, training=False, weights=None, seed=0):
    values = {**initial_weights(program, seed), **(weights or {})}
    return Interpreter(program).run(values, list(arrays), training, np.random.default_rng(0))


def names(block: Block) -> list[str]:
    return [v.name for node in walk(block.nodes) for v in node.outputs if v.name]
