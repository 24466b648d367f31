"""Nested tuples and dicts of arrays, flattened to a list and back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from polydl.errors import DataError
from polydl.program.types import Structure


def flatten(tree: Any) -> tuple[list[Any], Structure]:
    """Leaves in order, and the structure that `unflatten` needs. A list counts as a tuple."""
    if isinstance(tree, dict):
        leaves, parts = [], {}
        for name, branch in tree.items():
            inner, parts[str(name)] = flatten(branch)
            leaves += inner
        return leaves, ("dict", parts)
    if isinstance(tree, (tuple, list)):
        leaves, items = [], []
        for branch in tree:
            inner, part = flatten(branch)
            leaves += inner
            items.append(part)
        return leaves, ("tuple", tuple(items))
    return [tree], None


def unflatten(structure: Structure, leaves: Sequence[Any]) -> Any:
    return _take(structure, iter(leaves))


def _take(structure: Structure, leaves: Iterator[Any]) -> Any:
    if structure is None:
        return next(leaves)
    kind, parts = structure
    if kind == "dict":
        return {name: _take(part, leaves) for name, part in parts.items()}
    return tuple(_take(part, leaves) for part in parts)


def flatten_as(structure: Structure, tree: Any, where: str) -> list[Any]:
    """Leaves of `tree`, which must be nested as `structure` says."""
    if structure is None:
        if isinstance(tree, dict):
            raise DataError(f"{where}: expected one array, got a dict of {sorted(map(str, tree))}")
        return [tree]
    kind, parts = structure
    if kind == "dict":
        if not isinstance(tree, dict) or set(tree) != set(parts):
            given = sorted(map(str, tree)) if isinstance(tree, dict) else type(tree).__name__
            raise DataError(f"{where}: expected a dict with the keys {sorted(parts)}, got {given}")
        branches = [(part, tree[name]) for name, part in parts.items()]
        return [leaf for part, branch in branches for leaf in flatten_as(part, branch, where)]
    if not isinstance(tree, (tuple, list)) or len(tree) != len(parts):
        given = str(len(tree)) if isinstance(tree, (tuple, list)) else type(tree).__name__
        raise DataError(f"{where}: expected a tuple of {len(parts)} arrays, got {given}")
    pairs = zip(parts, tree, strict=True)
    return [leaf for part, branch in pairs for leaf in flatten_as(part, branch, where)]
