"""The modules of a package, so that a new part is one new file and no list needs its name."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from types import ModuleType
from typing import Any


def modules(package: str) -> list[ModuleType]:
    """Every module of a package that is being imported, in alphabetical order."""
    path = importlib.import_module(package).__path__
    names = sorted(found.name for found in pkgutil.iter_modules(path))
    return [importlib.import_module(f"{package}.{name}") for name in names]


def registered(package: str) -> dict[str, Any]:
    """The built-in classes and functions that a package's modules register, by name."""
    from polydl.spec.registry import CLASSES, FUNCTIONS

    modules(package)
    parts: list[Any] = [*CLASSES.values(), *FUNCTIONS.values()]
    return {part.__name__: part for part in parts if part.__module__.startswith(f"{package}.")}


def merged(package: str, table: str) -> dict[str, Any]:
    """One table of the tables called so in a package's modules. ValueError if two name a thing."""
    found: dict[str, Any] = {}
    for module in modules(package):
        part: Mapping[str, Any] = getattr(module, table, {})
        if module.__name__.rpartition(".")[2] != "common" and found.keys() & part.keys():
            raise ValueError(f"{module.__name__}: {found.keys() & part.keys()} stands there twice")
        found |= part
    return found
