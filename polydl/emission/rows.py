"""Rows of natives: from a Block to the framework's own part that stands for it."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import TYPE_CHECKING, Any

from polydl.emission.code import Code, Literal, Option, binary, literal_text
from polydl.emission.native import Native, function_native
from polydl.precision import is_low
from polydl.program.types import Block, Entry

if TYPE_CHECKING:
    from polydl.emission.emitter import Emitter

Row = Callable[["Emitter", Block, Literal], Native | None]


def own_entry(emitter: Emitter, block: Block, name: str) -> Entry | None:
    """One of the module's own entries."""
    return emitter.program.entries.get(f"{block.path}.{name}".lstrip("."))


def weight_shape(emitter: Emitter, block: Block, name: str) -> tuple[int, ...]:
    """The canonical shape of one of the module's own entries."""
    entry = own_entry(emitter, block, name)
    assert entry is not None
    return entry.shape


def function_row(template: str, module: str = "") -> Row:
    """module: what stands for it in a sequence of modules."""
    return lambda emitter, block, literal: function_native(template, module=module)


def merged(symbol: str, precedence: int) -> Row:
    """Any number of arguments with an operator between them."""

    def call(_: str, args: list[Code]) -> Code:
        return reduce(lambda a, b: binary(a, symbol, b, precedence), args)

    return lambda emitter, block, literal: Native(call=call)


def spatial_widths(block: Block) -> tuple[tuple[int, int], ...]:
    """(before, after) of each axis between batch and channels, from the setting `widths`."""
    widths, rank = block.config["widths"], len(block.inputs[0].shape) - 2
    given = (widths,) * rank if isinstance(widths, int) else widths
    return tuple((w, w) if isinstance(w, int) else w for w in given)


def cut(pairs: tuple[tuple[int, int], ...], before: str = ":") -> str:
    """Axes without their edges, as an index: ":, 1:-1, :-2"."""
    return ", ".join([before, *(f"{low or ''}:{-high or ''}" for low, high in pairs)])


# a setting of ours, or one with the framework's default for it
Setting = str | tuple[str, Any]


def called(
    function: str, arguments: str = "{0}", support: tuple[str, ...] = (), /, **settings: Setting
) -> Row:
    """A call of a function of the framework. settings: ours under its keywords.

    {*} among the arguments stands for all, {name} for a setting of ours by its place. All axes there
    are count as the default None; there is no native over (), which functions take for all.
    """

    def row(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
        if block.config.get("axis") == ():
            return None
        given = arguments.replace("{*}", ", ".join(f"{{{i}}}" for i in range(len(block.inputs))))
        for name, value in block.config.items():
            if f"{{{name}}}" in given:
                given = given.replace(f"{{{name}}}", _text(name, value, literal))
        given += "".join(_option(block, k, v, literal) for k, v in settings.items())
        return function_native(f"{function}({given})", support=support)

    return row


def not_low(row: Row) -> Row:
    """A row that stands in no half-size float."""
    return lambda emitter, block, literal: (
        None if is_low(emitter.floating(block)) else row(emitter, block, literal)
    )


def split(function: str, axis: str) -> Row:
    """A function that takes the number of equal parts, or a tuple of indices. axis: its keyword."""

    def row(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
        indices, place = block.config["indices"], block.config["axis"]
        size, first = block.inputs[0].shape[place], indices[0]
        parts = len(indices) + 1
        even = size == first * parts and indices == tuple(range(first, first * parts, first or 1))
        text = f"{function}({{0}}, {parts if even else indices}, {axis}={place})"
        return function_native(text)

    return row


def _option(block: Block, keyword: str, setting: Setting, literal: Literal) -> str:
    name, *default = (setting,) if isinstance(setting, str) else setting
    value = block.config[name]
    if default == [None] and isinstance(value, tuple) and len(value) == len(block.inputs[0].shape):
        return ""
    if default and _may_vary(name, value):
        return literal(value, name, Option(f", {keyword}=", default[0]))
    return "" if [value] == default else f", {keyword}={_text(name, value, literal)}"


def _text(name: str, value: Any, literal: Literal) -> str:
    if name == "axis" and isinstance(value, tuple) and len(value) == 1:
        return str(value[0])
    if _may_vary(name, value):
        return literal(value, name)
    return str(value) if isinstance(value, tuple) else literal_text(value)


def _may_vary(name: str, value: Any) -> bool:
    """Whether a setting is a number that may become an argument of a class; no axis does."""
    return name != "axis" and isinstance(value, (int, float)) and not isinstance(value, bool)


def transforms(module: str, complex_: str) -> dict[str, str]:
    """Helper texts: a framework's Fourier transforms as pairs of real and imaginary parts."""
    text = '''def {name}({arguments}):
    """{module}.{name}, as real and imaginary parts."""
    y = {module}.{name}({given})
    return y.real, y.imag'''.replace("{module}", module)
    pair = "real, imaginary"
    given = {
        "fft": (pair, f"{complex_}({pair})"),
        "ifft": (pair, f"{complex_}({pair})"),
        "rfft": ("x", "x"),
    }
    return {
        name: text.replace("{name}", name).replace("{arguments}", a).replace("{given}", g)
        for name, (a, g) in given.items()
    }
