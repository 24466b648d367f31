"""An emitted NNX module, with numpy in and out of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import jax
import numpy as np
from flax import nnx

from polydl.backend import NativeModel
from polydl.emission.emitted import Emitted
from polydl.errors import WeightsError
from polydl.precision import is_low
from polydl.program.structure import flatten_as
from polydl.program.types import Program, inference_writes
from polydl_flax.construct import placed
from polydl_flax.gradients import Gradients
from polydl_flax.weights import get_weights, set_weights, to_canonical, to_numpy, variable_at

Arrays = list[jax.Array]


class FlaxModel(NativeModel):
    """An nnx.Module, kept in evaluation mode.

    Calls go through jax.jit on a flat list of the arrays that the module's Variables hold: JAX takes
    a list in microseconds, a State of Variables in hundreds.
    """

    def __init__(
        self,
        program: Program,
        emitted: Emitted,
        native: nnx.Module,
        dtype: str,
        device: jax.Device | None = None,
    ):
        self.program, self.emitted, self.dtype = program, emitted, dtype
        self.native, self.device = native, device
        native.train()
        training = nnx.graphdef(native)
        native.eval()
        inference, state = nnx.split(native)
        structure = jax.tree.structure(state)
        # the module's own Variables, so that whoever changes them changes what is called
        self.variables = jax.tree.leaves(state, is_leaf=lambda v: isinstance(v, nnx.Variable))
        self._gradients: Gradients | None = None

        @jax.jit
        def infer(values: Arrays, *inputs: jax.Array) -> Any:
            return nnx.merge(inference, jax.tree.unflatten(structure, values))(*inputs)

        @jax.jit
        def train(values: Arrays, *inputs: jax.Array) -> tuple[Any, Arrays]:
            module = nnx.merge(training, jax.tree.unflatten(structure, values))
            outputs = module(*inputs)
            return outputs, jax.tree.leaves(nnx.state(module))

        used = {
            id(variable_at(native, emitted.bindings[path].native))
            for path in inference_writes(program)
        }
        self.carried = [i for i, variable in enumerate(self.variables) if id(variable) in used]

        @partial(jax.jit, donate_argnums=0)
        def step(carried: Arrays, others: Arrays, *inputs: jax.Array) -> tuple[Any, Arrays]:
            values = list(others)
            for place, value in zip(self.carried, carried, strict=True):
                values[place] = value
            module = nnx.merge(inference, jax.tree.unflatten(structure, values))
            outputs = module(*inputs)
            after = jax.tree.leaves(nnx.state(module))
            return outputs, [after[place] for place in self.carried]

        self._infer: Callable[..., Any] = infer
        self._train: Callable[..., Any] = train
        self._step: Callable[..., Any] = step

    def call(
        self, inputs: list[np.ndarray], training: bool, keep_state: bool = False
    ) -> list[np.ndarray]:
        values = [variable.get_raw_value() for variable in self.variables]
        if is_low(self.dtype):
            inputs = [x.astype(self.dtype) if x.dtype.kind == "f" else x for x in inputs]
        if training:
            outputs, after = self._train(values, *inputs)
            for variable, value in zip(self.variables, after, strict=True):
                variable.set_value(value)
        elif keep_state:
            outputs = self._carry_on(values, inputs)
        else:
            outputs = self._infer(values, *inputs)
        return [to_numpy(leaf) for leaf in flatten_as(self.program.outputs, outputs, "outputs")]

    def _carry_on(self, values: Arrays, inputs: list[np.ndarray]) -> Any:
        """A call whose updates of state stay; the arrays before it are given away."""
        chosen = set(self.carried)
        others = [None if i in chosen else value for i, value in enumerate(values)]
        outputs, after = self._step([values[i] for i in self.carried], others, *inputs)
        for place, value in zip(self.carried, after, strict=True):
            self.variables[place].set_value(value)
        return outputs

    @contextmanager
    def seeded(self, seed: int) -> Iterator[None]:
        nnx.reseed(self.native, default=seed)
        for variable in self.variables:
            if isinstance(variable, nnx.RngState):
                variable.set_value(placed(variable.get_value(), self.device))
        yield

    def random_state(self) -> dict[str, np.ndarray]:
        return {
            str(number): np.array(_raw(variable.get_value()))
            for number, variable in enumerate(self.variables)
            if isinstance(variable, nnx.RngState)
        }

    def set_random_state(self, state: Mapping[str, np.ndarray]) -> None:
        for number, variable in enumerate(self.variables):
            if not isinstance(variable, nnx.RngState):
                continue
            value = jax.numpy.asarray(state[str(number)])
            is_key = isinstance(variable, nnx.RngKey)
            variable.set_value(jax.random.wrap_key_data(value) if is_key else value)

    def get_weights(self) -> dict[str, np.ndarray]:
        return get_weights(self.native, self.emitted.bindings)

    def set_weights(self, weights: Mapping[str, np.ndarray]) -> None:
        set_weights(self.native, self.emitted.bindings, weights, self.device)

    def native_weights(self) -> dict[str, np.ndarray]:
        state = nnx.state(self.native, nnx.Not(nnx.RngState))
        return {".".join(map(str, path)): to_numpy(v[...]) for path, v in nnx.to_flat_state(state)}

    def import_native(self, saved: Any) -> dict[str, np.ndarray]:
        """From an nnx.State of this program's module, or its nnx.to_pure_dict."""
        if isinstance(saved, nnx.Module):
            saved = nnx.state(saved)
        if not isinstance(saved, Mapping):
            raise WeightsError(
                f"expected an nnx.State or its nnx.to_pure_dict, got {type(saved).__name__}"
            )
        given = dict(_leaves(saved))
        # nnx.state has a shared Variable once, under the first of its paths in alphabetical order
        own = nnx.to_flat_state(nnx.state(self.native))
        names = {id(variable): ".".join(map(str, path)) for path, variable in own}
        found, missing = {}, []
        for path, binding in self.emitted.bindings.items():
            name = names[id(variable_at(self.native, binding.native))]
            if name in given:
                found[path] = np.array(to_canonical(np.asarray(given[name]), binding))
            else:
                missing.append(name)
        if missing:
            raise WeightsError(
                f"the saved state lacks {missing}. It must be of the module that this program emits"
            )
        return found

    def gradients(
        self, inputs: list[np.ndarray], cotangents: list[np.ndarray | None], training: bool
    ) -> tuple[dict[str, np.ndarray], list[np.ndarray | None]]:
        if self._gradients is None:
            self._gradients = Gradients(self.native)
        by_variable, by_input = self._gradients(inputs, cotangents, training)
        found = {}
        for path, binding in self.emitted.bindings.items():
            slope = by_variable.get(id(variable_at(self.native, binding.native)))
            if slope is not None:
                found[path] = np.array(to_canonical(np.asarray(slope), binding))
        return found, by_input


def _raw(value: jax.Array) -> jax.Array:
    """The numbers of a key, or of a count."""
    is_key = jax.dtypes.issubdtype(value.dtype, jax.dtypes.prng_key)
    return jax.random.key_data(value) if is_key else value


def _leaves(tree: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Arrays of a nested mapping by dotted path, random keys left out."""
    if isinstance(tree, Mapping):
        for name, branch in tree.items():
            yield from _leaves(branch, f"{path}.{name}" if path else str(name))
        return
    value = tree.get_value() if isinstance(tree, nnx.Variable) else tree
    if not (hasattr(value, "dtype") and jax.dtypes.issubdtype(value.dtype, jax.dtypes.prng_key)):
        yield path, value
