"""What the rows of natives have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from polydl.emission.code import Literal
from polydl.emission.emitter import Emitter
from polydl.emission.native import Native, function_native
from polydl.program.types import Block, Value

Row = Callable[[Emitter, Block, Literal], Native | None]


CHANNELS_FIRST = "channels_first"


ANY = "any"


DENSE = {"kernel": ("weight", (1, 0)), "bias": ("bias", None)}


def known_size(value: Any, axis: int) -> int | None:
    size = value.shape[axis] if isinstance(value, Value) else None
    return size if isinstance(size, int) else None


def weight_shape(emitter: Emitter, block: Block, name: str) -> tuple[int, ...]:
    """The canonical shape of one of the module's own entries."""
    return emitter.program.entries[f"{block.path}.{name}".lstrip(".")].shape


def function_row(template: str, module: str = "") -> Row:
    """module: what stands for it in a sequence of modules."""
    return lambda emitter, block, literal: function_native(template, module=module)


def with_axis(function: str) -> Row:
    return lambda emitter, block, literal: function_native(
        f"{function}({{0}}, dim={block.config['axis']})"
    )
