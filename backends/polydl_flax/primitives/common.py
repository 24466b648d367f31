"""What the tables of primitives have in common."""

from __future__ import annotations

from polydl.emission.body import Body
from polydl.emission.code import Code


def dtype_text(dtype: str, floating: str) -> str:
    """jnp's name of one of our dtypes; `floating` is what "float" stands for."""
    return {"float": f"jnp.{floating}", "int": "jnp.int32", "bool": "jnp.bool_"}[dtype]


def own_dtype(body: Body, dtype: str) -> str:
    return dtype_text(dtype, body.emitter.floating(body.block))


def in_low(body: Body, args: list[Code]) -> list[Code]:
    """Operands that must have one dtype: where the model computes in another than its state has."""
    floating = body.emitter.floating(body.block)
    if floating == body.emitter.dtype:
        return args
    cast = f".astype(jnp.{floating})"
    return [a if a.text.endswith(cast) else Code(f"{a.atom}{cast}") for a in args]


def transposed(code: Code, axes: tuple[int, ...]) -> Code:
    if axes == (1, 0):
        return Code(f"{code.atom}.T")
    return Code(f"{code.atom}.transpose({', '.join(map(str, axes))})")


def transposed_padding(
    padding: tuple[tuple[int, int], ...], reach: tuple[int, ...]
) -> tuple[tuple[int, int], ...]:
    """XLA's padding of a transposed convolution's input, for what ours leaves out of its output."""
    return tuple(
        (span - 1 - low, span - 1 - high) for (low, high), span in zip(padding, reach, strict=True)
    )


def number(value: float) -> str:
    """A literal; infinities have none in Python."""
    if value in (float("inf"), float("-inf")):
        return "jnp.inf" if value > 0 else "-jnp.inf"
    return repr(value)
