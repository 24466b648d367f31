"""Flax's part of the conformance suite's round trips."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import numpy as np
from flax import nnx

from polydl.conformance.kit import Kit, Transform
from polydl.net import Net
from polydl_flax.gradients import _flat

ALONE = '''
import inspect

import jax
import numpy as np
from flax import nnx


def restore(module, entry, folder):
    """Flax's own way: the abstract module, then arrays put into it."""
    make = getattr(module, entry)
    takes_rngs = "rngs" in inspect.signature(make.__init__).parameters
    model = nnx.eval_shape(lambda: make(rngs=nnx.Rngs(0)) if takes_rngs else make())
    with np.load(folder / "weights.npz") as saved:
        for path, variable in nnx.to_flat_state(nnx.state(model)):
            if isinstance(variable, nnx.RngKey):
                value = jax.random.key(0)
            elif isinstance(variable, nnx.RngCount):
                value = jax.numpy.zeros((), jax.numpy.uint32)
            else:
                value = jax.numpy.asarray(saved[".".join(map(str, path))])
            variable.set_value(value)
    model.eval()
    return model


def call(model, arrays, nested):
    graphdef, state = nnx.split(model)
    return jax.jit(lambda state, *x: nnx.merge(graphdef, state)(*x))(state, *arrays)


def others(source, entry, folder):
    return []
'''


def save(native: nnx.Module, folder: Path) -> Any:
    """The pure dict of the module's state; the same by dotted path in a file, without keys."""
    arrays = {}
    for path, variable in nnx.to_flat_state(nnx.state(native)):
        if not isinstance(variable, nnx.RngState):
            arrays[".".join(map(str, path))] = np.asarray(variable.get_value())
    np.savez(folder / "weights.npz", allow_pickle=False, **arrays)
    return jax.tree.map(lambda x: x, nnx.to_pure_dict(nnx.state(native)))


def _split_and_merged(net: Net, inputs: list[np.ndarray]) -> list[np.ndarray]:
    graphdef, state = nnx.split(net.native)
    outputs = nnx.jit(lambda model, *x: _flat(model(*x)))(nnx.merge(graphdef, state), *inputs)
    return [np.asarray(y) for y in outputs]


def _jitted(net: Net, inputs: list[np.ndarray]) -> list[np.ndarray]:
    graphdef, state = nnx.split(net.native)

    @jax.jit
    def call(state: Any, *x: Any) -> Any:
        return _flat(nnx.merge(graphdef, state)(*x))

    return [np.asarray(y) for y in call(state, *inputs)]


def _parameters(native: nnx.Module) -> int:
    return sum(leaf.size for leaf in jax.tree.leaves(nnx.state(native, nnx.Param)))


KIT = Kit(
    save=save,
    parameters=_parameters,
    alone=ALONE,
    transforms={
        "nnx.split/merge": Transform(_split_and_merged),
        "jax.jit": Transform(_jitted),
    },
)
