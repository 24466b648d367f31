"""The settings of parts, as plain data."""

from __future__ import annotations

import dataclasses
from typing import Any

from polydl.errors import DefinitionError
from polydl.spec.registry import kind_of


def config_of(part: Any) -> dict[str, Any]:
    """The settings of a dataclass by name. A part among them becomes {"kind": ..., its settings}."""
    if not dataclasses.is_dataclass(part):
        name = type(part).__name__
        raise DefinitionError(
            f"{name} must be a dataclass of its settings. Put @dataclasses.dataclass above its class"
        )
    return {f.name: _plain(getattr(part, f.name)) for f in dataclasses.fields(part)}


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {"kind": kind_of(type(value)) or type(value).__name__, **config_of(value)}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    return value
