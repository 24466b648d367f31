"""Derivatives of an emitted NNX module's outputs, for the conformance suite."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

Cotangents = Sequence[np.ndarray | None]
# compiles three times faster; each function runs once or twice
QUICK = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}


class Gradients:
    """Of sum(output * cotangent), jitted once for each mode and shape."""

    def __init__(self, native: nnx.Module):
        native.train()
        training = nnx.graphdef(native)
        native.eval()
        inference, state = nnx.split(native)
        self.structure = jax.tree.structure(state)
        self.variables = jax.tree.leaves(state, is_leaf=lambda v: isinstance(v, nnx.Variable))
        self.trained = [i for i, v in enumerate(self.variables) if isinstance(v, nnx.Param)]
        self.modes = {True: self._jitted(training), False: self._jitted(inference)}

    def _jitted(self, graphdef: Any) -> Callable[..., Any]:
        def total(params: list[Any], floats: list[Any], rest: Any, inputs: Any, given: Any) -> Any:
            values = _merged(rest, params)
            model = nnx.merge(graphdef, jax.tree.unflatten(self.structure, values))
            outputs = _flat(model(*_merged(inputs, floats)))
            pairs = zip(outputs, given, strict=True)
            return sum(jnp.sum(y * weight) for y, weight in pairs if weight is not None)

        return jax.jit(jax.grad(total, argnums=(0, 1)), compiler_options=QUICK)

    def __call__(
        self, inputs: Sequence[np.ndarray], cotangents: Cotangents, training: bool
    ) -> tuple[dict[int, np.ndarray], list[np.ndarray | None]]:
        """By each Param, under its id, and by each input."""
        values = [variable.get_raw_value() for variable in self.variables]
        rest = [None if i in self.trained else v for i, v in enumerate(values)]
        is_float = [x.dtype.kind == "f" for x in inputs]
        by_param, by_float = self.modes[training](
            [values[i] for i in self.trained],
            [x for x, f in zip(inputs, is_float, strict=True) if f],
            rest,
            [None if f else x for x, f in zip(inputs, is_float, strict=True)],
            list(cotangents),
        )
        found = {id(self.variables[i]): g for i, g in zip(self.trained, by_param, strict=True)}
        floats = iter(by_float)
        return found, [np.array(next(floats)) if f else None for f in is_float]


def _merged(partial: list[Any], rest: list[Any]) -> list[Any]:
    """`partial` with each None replaced by the next of `rest`."""
    fill = iter(rest)
    return [next(fill) if x is None else x for x in partial]


def _flat(outputs: Any) -> list[Any]:
    """Leaves in the program's order; JAX's own order of a dict is alphabetical."""
    if isinstance(outputs, dict):
        outputs = tuple(outputs.values())
    if not isinstance(outputs, tuple):
        return [outputs]
    return [leaf for part in outputs for leaf in _flat(part)]
