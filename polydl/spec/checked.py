"""Checks of settings, for parts that their errors name."""

from __future__ import annotations

from polydl.errors import DefinitionError, nearest


class Checked:
    """A part whose constructor checks its settings."""

    def require(self, holds: bool, what: str) -> None:
        """Raise DefinitionError, which names the part, unless a setting is possible."""
        if not holds:
            raise DefinitionError(f"{type(self).__name__}: {what}")

    def require_one_of(self, name: str, known: tuple[str | None, ...]) -> None:
        """Raise DefinitionError unless a setting has one of the known values."""
        given = getattr(self, name)
        if given not in known:
            raise DefinitionError(
                f"{type(self).__name__}: there is no {name} {given!r}. "
                f"{nearest(str(given), [name for name in known if name])}"
            )
