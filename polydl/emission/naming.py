"""Names in emitted text: of classes, attributes and local variables."""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Collection, Container

from polydl.program.types import Entry

PYTHON_WORDS = frozenset(keyword.kwlist) | {"self", "super", "match", "case", "type"}
BUILTINS = frozenset(dir(builtins))


_WORDS = frozenset({"NAdam", "RAdam", "RMSprop"})  # that are written in one


def snake_case(name: str) -> str:
    """ "ResBlock" to "res_block", "ViT" to "vit"; a trailing "2D" is left out: "Conv2D" to "conv"."""
    if name in _WORDS:
        return name.lower()
    name = re.sub(r"[123]D$", "", name)
    name = re.sub(r"([a-z0-9])([A-Z])(?!$)", r"\1_\2", name)
    return re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", name).lower()


def camel_case(name: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in name.split("_") if part)


def singular(name: str) -> str:
    """A loop variable for a list of layers: "blocks" to "block", "encoder" to "layer"."""
    if name.endswith("ies"):
        return f"{name[:-3]}y"
    if name.endswith("s") and not name.endswith("ss") and len(name) > 2:
        return name[:-1]
    return "layer"


def unique(name: str, taken: Container[str]) -> str:
    """`name`, or the first of name2, name3, ... that is not taken."""
    if name not in taken:
        return name
    joint = "_" if name[-1:].isdigit() else ""
    number = 2
    while f"{name}{joint}{number}" in taken:
        number += 1
    return f"{name}{joint}{number}"


def attribute_name(name: str, reserved: Collection[str]) -> str:
    """An attribute's name in the text: a trailing underscore where the framework has its own."""
    if name in PYTHON_WORDS or name in reserved or not name.isidentifier():
        return f"{name}_" if name.isidentifier() else f"layer{name}"
    return name


def size_hints(entry: Entry) -> list[str]:
    """Names for the sizes of a parameter, should they become constructor arguments."""
    rank = len(entry.shape)
    if rank < 2:
        return ["features"] * rank
    window = ["height", "width", "depth"][: rank - 2] if rank > 2 else []
    return [*window, *["size"] * (rank - 2 - len(window)), "inputs", "outputs"]
