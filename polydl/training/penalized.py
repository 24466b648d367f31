"""Which parameters a penalty is of, and the text of their sum."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial

from polydl.emission.emitter import Emitter
from polydl.emission.naming import snake_case, unique
from polydl.errors import DefinitionError, nearest
from polydl.penalties.penalty import Penalty


def penalized(
    penalty: Penalty, shapes: Mapping[str, tuple[int, ...]], frozen: Collection[str]
) -> tuple[str, ...]:
    """Their canonical paths. shapes: of all parameters.

    Raises DefinitionError where there are none that are trained.
    """
    name, where = type(penalty).__name__, penalty.where
    if where is None:
        found = [path for path, shape in shapes.items() if len(shape) > 1]
        what = "no parameter has two axes or more"
    else:
        found = [path for path in shapes if fnmatchcase(path, where)]
        what = f"the pattern {where!r} matches no parameter. {nearest(where, list(shapes))}"
    trained = tuple(path for path in found if path not in frozen)
    if not trained:
        all_frozen = "all parameters that it is of are frozen: it would be a constant"
        raise DefinitionError(f"{name}: {all_frozen if found else what}")
    return trained


@dataclass(frozen=True)
class EmittedPenalty:
    """A penalty. name: for its parameters. total: the text of the sum of values of one, of its text."""

    rate: float
    name: str
    total: Callable[[str], str]
    paths: tuple[str, ...]


def emitted_penalties(
    penalties: Sequence[Penalty], found: Mapping[str, tuple[str, ...]], emitter: Emitter
) -> tuple[EmittedPenalty, ...]:
    """found: the paths that each is of, by the key of its function."""
    emitted: dict[str, EmittedPenalty] = {}
    for penalty, (key, paths) in zip(penalties, found.items(), strict=True):
        name = unique(f"{snake_case(type(penalty).__name__)}_weights", emitted)
        total = partial(_text, emitter, key)
        emitted[name] = EmittedPenalty(float(penalty.rate), name, total, paths)
    return tuple(emitted.values())


def _text(emitter: Emitter, key: str, parameter: str) -> str:
    return emitter.function_text(key, [parameter])


def sum_lines(
    penalties: Sequence[EmittedPenalty], owner: str = "", each: str = "p", parameter: str = "p"
) -> list[str]:
    """Statements that return what all penalties come to.

    owner: of the lists of parameters. each: a name for what these hold, parameter: its parameter.
    """
    terms = [
        f"{found.rate!r} * sum({found.total(parameter)} for {each} in {owner}{found.name})"
        for found in penalties
    ]
    if len(terms) == 1:
        return [f"return {terms[0]}"]
    first, *others, last = terms
    lines = [f"total = {first}", *(f"total = total + {term}" for term in others)]
    return [*lines, f"return total + {last}"]
