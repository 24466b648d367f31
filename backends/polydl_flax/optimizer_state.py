"""What optax' transformations carry, in canonical layouts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from polydl.backend import OptimizerState
from polydl.training.emission import EmittedTraining
from polydl.training.rule_groups import lies_like_parameter, native_slot, rule_groups
from polydl_flax.optimizers import native_optimizer
from polydl_flax.weights import to_canonical, to_native

COUNTS = ("count", "step")  # fields of optax, and of definitions, that count updates


def optimizer_state(emitted: EmittedTraining, trainer: Any) -> OptimizerState:
    """By canonical path and slot."""
    leaves = {_keys(path): leaf for path, leaf in _flat(trainer.opt_state)[0]}
    found: OptimizerState = {}
    for path, slot, place, like_parameter in _places(emitted):
        value = np.asarray(_at(leaves, place))
        if like_parameter:
            value = to_canonical(value, emitted.bindings[path])
        found.setdefault(path, {})[slot] = np.array(value)
    return found


def set_optimizer_state(
    emitted: EmittedTraining, trainer: Any, state: OptimizerState, step: int
) -> None:
    """Leaves that are not a parameter's are counts of updates."""
    flat, structure = _flat(trainer.opt_state)
    leaves = {_keys(path): leaf for path, leaf in flat}
    for keys, leaf in leaves.items():
        if keys[-1] in COUNTS:
            leaves[keys] = _like(leaf, np.asarray(step))
    for path, slot, place, like_parameter in _places(emitted):
        value = state[path][slot]
        if like_parameter:
            value = to_native(value, emitted.bindings[path])
        keys = _found(leaves, place)
        leaves[keys] = _like(leaves[keys], value)
    trainer.opt_state = jax.tree.unflatten(structure, list(leaves.values()))


def updates(trainer: Any) -> int:
    """How many updates the optimizer has counted; 0 where it does not count."""
    counts = [leaf for path, leaf in _flat(trainer.opt_state)[0] if _keys(path)[-1] in COUNTS]
    return max((int(count) for count in counts), default=0)


def _places(emitted: EmittedTraining) -> list[tuple[str, str, tuple[str, ...], bool]]:
    """(path, slot, the last keys of its leaf, whether it lies like its parameter)."""
    return [
        (
            path,
            slot,
            (native_slot(group, slot), *emitted.bindings[path].native.split(".")),
            lies_like_parameter(group, slot),
        )
        for group in rule_groups(emitted.parts, native_optimizer)
        for path in group.paths
        for slot in group.optimizer.slots
    ]


def _flat(state: Any) -> tuple[list[Any], Any]:
    return jax.tree_util.tree_flatten_with_path(state)


def _keys(path: tuple[Any, ...]) -> tuple[str, ...]:
    return tuple(jax.tree_util.keystr((key,), simple=True) for key in path)


def _found(leaves: dict[tuple[str, ...], Any], place: tuple[str, ...]) -> tuple[str, ...]:
    return next(keys for keys in leaves if keys[-len(place) :] == place)


def _at(leaves: dict[tuple[str, ...], Any], place: tuple[str, ...]) -> Any:
    return leaves[_found(leaves, place)]


def _like(leaf: Any, value: np.ndarray) -> jax.Array:
    """An array of a leaf's dtype, on its device."""
    put: Callable[..., jax.Array] = jax.device_put
    return put(jnp.asarray(value, leaf.dtype), leaf.sharding)
