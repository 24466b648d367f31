"""Targets and weights of several outputs, as a user gives them and by the keys of outputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from polydl.errors import DataError, nearest
from polydl.training.heads import Head


def picked(heads: Sequence[Head], given: Any, what: str, where: str) -> dict[Any, Any]:
    """What a user gives for outputs, by their keys. Raises DataError for what fits no head."""
    if heads[0].key is None:
        return {None: given}
    wanted: list[Any] = [head.key for head in heads]
    if isinstance(wanted[0], str):
        if not isinstance(given, Mapping):
            raise DataError(
                f"{where}: {what} must be a dict, an array for each of the outputs "
                f"{', '.join(map(repr, wanted))}, got {type(given).__name__}"
            )
        extra = [key for key in given if key not in wanted]
        if extra:
            raise DataError(
                f"{where}: {what} for {extra[0]!r}, an output without a loss. "
                f"{nearest(str(extra[0]), wanted)}"
            )
        return {key: given[key] for key in wanted if key in given}
    if not isinstance(given, (tuple, list)):
        raise DataError(
            f"{where}: {what} must be a tuple, an array for each output with a loss, got "
            f"{type(given).__name__}"
        )
    return dict(_positions(wanted, given, what, where))


def _positions(
    wanted: list[int], given: Sequence[Any], what: str, where: str
) -> Iterator[tuple[int, Any]]:
    """Of a tuple for the outputs with a loss, or for all outputs, None where there is no loss."""
    if len(given) == len(wanted):
        yield from zip(wanted, given, strict=True)
        return
    full = len(given) > max(wanted)
    if not full or any(x is not None for i, x in enumerate(given) if i not in wanted):
        raise DataError(
            f"{where}: {what} are {len(given)} arrays; there are {len(wanted)} outputs with a loss"
        )
    for i in wanted:
        yield i, given[i]


def nested(heads: Sequence[Head], given: Sequence[Any]) -> tuple[Any, ...]:
    """(targets,) or (targets, weights) as a user gives them. given: as `Training.given` has them."""
    names = dict.fromkeys(name for head in heads for name in head.given.values())
    named = dict(zip(names, given, strict=True))

    def of(what: str) -> Any:
        found = {head.key: named[head.given[what]] for head in heads if what in head.given}
        if heads[0].key is None:
            return found.get(None)
        if isinstance(heads[0].key, str):
            return found
        return tuple(found.get(head.key) for head in heads)

    if not any("weights" in head.given for head in heads):
        return (of("targets"),)
    return of("targets"), named["weights"] if heads[0].shared else of("weights")
