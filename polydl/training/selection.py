"""How a text says which of a model's parameters it means, in as few words as are exact."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

PREFIXES = 4  # more of them read worse than the names


@dataclass(frozen=True)
class Selection:
    """Parameters by native name. Where `names` is empty, all those that meet the conditions.

    ranks: "" for any, ">" for two axes or more, "<" for fewer. prefixes: names begin with one of
    them, or (without) with none.
    """

    ranks: str = ""
    prefixes: tuple[str, ...] = ()
    without: bool = False
    names: tuple[str, ...] = ()

    @property
    def is_all(self) -> bool:
        return not (self.ranks or self.prefixes or self.names)

    def among(self, pairs: str, named: str) -> tuple[str, str]:
        """The text of a parameter, and the end of a comprehension over `name` and it.

        pairs: the text of all names with their parameters, named: of a dict of them.
        """
        if self.names:
            return f"{named}[name]", f"for name in {_listed(self.names)}"
        condition = self.condition("name", "p.ndim")
        return "p", f"for name, p in {pairs}" + (f" if {condition}" if condition else "")

    def condition(self, name: str, rank: str) -> str:
        """As Python's text, of the texts of a parameter's name and its number of axes."""
        if self.names:
            return f"{name} in {_listed(self.names)}"
        parts = []
        if self.ranks:
            parts.append(f"{rank} > 1" if self.ranks == ">" else f"{rank} < 2")
        if self.prefixes:
            given = _listed(self.prefixes) if len(self.prefixes) > 1 else f'"{self.prefixes[0]}"'
            parts.append(f"{'not ' if self.without else ''}{name}.startswith({given})")
        return " and ".join(parts)

    @property
    def takes_name(self) -> bool:
        return bool(self.names or self.prefixes)


def select(chosen: Collection[str], ranks: Mapping[str, int], separators: str = ".") -> Selection:
    """The shortest selection that gives exactly the chosen names. ranks: of every parameter."""
    wanted = set(chosen)
    for sign, fits in (("", lambda n: True), (">", lambda n: n > 1), ("<", lambda n: n < 2)):
        among = {name for name, rank in ranks.items() if fits(rank)}
        if wanted == among:
            return Selection(sign)
    for sign, fits in (("", lambda n: True), (">", lambda n: n > 1), ("<", lambda n: n < 2)):
        among = {name for name, rank in ranks.items() if fits(rank)}
        if not wanted < among:
            continue
        for part, without in ((wanted, False), (among - wanted, True)):
            prefixes = _cover(part, among, separators)
            if prefixes is not None and len(prefixes) <= PREFIXES:
                return Selection(sign, prefixes, without)
    return Selection(names=tuple(name for name in ranks if name in wanted))


def _cover(part: set[str], among: set[str], separators: str) -> tuple[str, ...] | None:
    """Beginnings, up to a separator, that the names of a part have and no others."""
    found: dict[str, None] = {}
    for name in sorted(part):
        ends = [i + 1 for i, character in enumerate(name) if character in separators]
        begins = [name[:end] for end in ends]
        fitting = (b for b in begins if all(n in part for n in among if n.startswith(b)))
        first = next(fitting, None)
        if first is None:
            return None
        found[first] = None
    return tuple(found)


def _listed(names: tuple[str, ...]) -> str:
    inner = ", ".join(f'"{name}"' for name in names)
    return f"({inner},)" if len(names) == 1 else f"({inner})"
