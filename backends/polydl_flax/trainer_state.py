"""What a Flax Trainer carries: optax' state, averages, and the scale of a loss."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from polydl.training.rule_groups import lies_like_parameter, native_slot, rule_groups
from polydl.training.trainer_state import Arrays, OptimizerState, TrainerState
from polydl_flax.optimizers import native_optimizer
from polydl_flax.weights import to_canonical, to_native

COUNTS = ("count", "step")  # fields of optax, and of definitions, that count updates


class FlaxTrainerState(TrainerState):
    def optimizer(self) -> OptimizerState:
        leaves = {_keys(path): leaf for path, leaf in _flat(self.trainer.opt_state)[0]}
        found: OptimizerState = {}
        for path, slot, place, like_parameter in self._slots():
            value = np.asarray(leaves[_found(leaves, place)])
            if like_parameter:
                value = to_canonical(value, self.emitted.bindings[path])
            found.setdefault(path, {})[slot] = np.array(value)
        return found

    def set_optimizer(self, state: OptimizerState, updates: int) -> None:
        """Leaves that are not a parameter's are counts of updates."""
        flat, structure = _flat(self.trainer.opt_state)
        leaves = {_keys(path): leaf for path, leaf in flat}
        for keys, leaf in leaves.items():
            if keys[-1] in COUNTS:
                leaves[keys] = _like(leaf, np.asarray(updates))
        for path, slot, place, like_parameter in self._slots():
            value = state[path][slot]
            if like_parameter:
                value = to_native(value, self.emitted.bindings[path])
            keys = _found(leaves, place)
            leaves[keys] = _like(leaves[keys], value)
        self.trainer.opt_state = jax.tree.unflatten(structure, list(leaves.values()))

    def updates(self) -> int:
        flat, _ = _flat(self.trainer.opt_state)
        counts = [leaf for path, leaf in flat if _keys(path)[-1] in COUNTS]
        return max((int(count) for count in counts), default=0)

    def _averages(self) -> Arrays:
        found = {}
        for path, inner, key in self._places():
            value = np.asarray(inner[key])
            found[path] = np.array(to_canonical(value, self.emitted.bindings[path]))
        return found

    def set_averages(self, values: Mapping[str, np.ndarray]) -> None:
        for path, inner, key in self._places():
            inner[key] = _like(inner[key], to_native(values[path], self.emitted.bindings[path]))

    def _loss_scale(self) -> dict[str, float]:
        state = self.trainer.loss_scale
        return {"scale": float(state["scale"]), "good_steps": int(state["good_steps"])}

    def _set_loss_scale(self, state: Mapping[str, float]) -> None:
        own = self.trainer.loss_scale
        self.trainer.loss_scale = {
            name: _like(own[name], np.asarray(state[name])) for name in ("scale", "good_steps")
        }

    def _slots(self) -> Iterator[tuple[str, str, tuple[str, ...], bool]]:
        """(path, slot, the last keys of its leaf, whether it lies like its parameter)."""
        for group in rule_groups(self.parts, native_optimizer):
            for path in group.paths:
                keys = self.emitted.bindings[path].native.split(".")
                for slot in group.optimizer.slots:
                    place = (native_slot(group, slot), *keys)
                    yield path, slot, place, lies_like_parameter(group, slot)

    def _places(self) -> Iterator[tuple[str, Any, str | int]]:
        """Of each average, the dict that holds it, and its key; those of a list's items are numbers."""
        for path in self.parts.ranks:
            if path in self.parts.frozen:
                continue
            names = self.emitted.bindings[path].native.split(".")
            *outer, last = (int(name) if name.isdigit() else name for name in names)
            inner = self.trainer.averages
            for key in outer:
                inner = inner[key]
            yield path, inner, last


def _flat(state: Any) -> tuple[list[Any], Any]:
    return jax.tree_util.tree_flatten_with_path(state)


def _keys(path: tuple[Any, ...]) -> tuple[str, ...]:
    return tuple(jax.tree_util.keystr((key,), simple=True) for key in path)


def _found(leaves: dict[tuple[str, ...], Any], place: tuple[str, ...]) -> tuple[str, ...]:
    return next(keys for keys in leaves if keys[-len(place) :] == place)


def _like(leaf: Any, value: np.ndarray) -> jax.Array:
    """An array of a leaf's dtype, on its device."""
    put: Callable[..., jax.Array] = jax.device_put
    return put(jnp.asarray(value, leaf.dtype), leaf.sharding)
