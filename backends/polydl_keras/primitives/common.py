"""What the tables of primitives have in common."""

from __future__ import annotations

from typing import Any

from polydl.emission.body import Body
from polydl.emission.code import Code, tuple_text
from polydl.emission.emitter import Emitter
from polydl.program.types import Block
from polydl_keras.bodies import LayerBody

DTYPES = {"int": '"int32"', "bool": '"bool"'}


def dtype_text(body: Body, dtype: str) -> str:
    """A dtype argument. Floats follow a value in scope, so that floatx at run time has no say."""
    if dtype != "float":
        return DTYPES[dtype]
    for name, value in body.bound.items():
        if value.dtype == "float":
            return f"{name}.dtype"
    if isinstance(body, LayerBody):
        return "self.compute_dtype"
    return floating_text(body.emitter, body.block)


def floating_text(emitter: Emitter, block: Block) -> str:
    """The type that a Block computes in, where no array is at hand that has it."""
    floating = emitter.floating(block)
    return "keras.config.floatx()" if floating == emitter.dtype else f'"{floating}"'


def axes_text(axes: Any) -> str:
    if isinstance(axes, tuple):
        return str(axes[0]) if len(axes) == 1 else tuple_text([str(axis) for axis in axes])
    return str(axes)


def transposed(code: Code, axes: tuple[int, ...]) -> Code:
    if axes == tuple(range(len(axes)))[::-1]:
        return Code(f"ops.transpose({code.text})")
    return Code(f"ops.transpose({code.text}, {tuple_text([str(axis) for axis in axes])})")


def pad_text(x: str, widths: tuple[tuple[int, int], ...], value: float = 0.0) -> str:
    shown = {0.0: "", float("-inf"): ', constant_values=float("-inf")'}
    fill = shown.get(value, f", constant_values={value!r}")
    return f"ops.pad({x}, {tuple_text([str(tuple(pair)) for pair in widths])}{fill})"


def same_padding(padding: tuple[tuple[int, int], ...], spans: tuple[int, ...]) -> bool:
    """Whether this is what "same" pads where strides are 1: the odd one after."""
    return all(
        low == (span - 1) // 2 and low + high == span - 1
        for (low, high), span in zip(padding, spans, strict=True)
    )


def transposed_padding(padding: tuple[tuple[int, int], ...]) -> tuple[tuple[int, ...], str]:
    """output_padding of a transposed convolution that is "valid", and a slice of what it keeps."""
    more = tuple(max(-high, 0) for _, high in padding)
    kept = [f"{low or ''}:{-max(high, 0) or ''}" for low, high in padding]
    return more, f"[:, {', '.join(kept)}]" if any(part != ":" for part in kept) else ""
