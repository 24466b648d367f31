"""What tells attention where things stand: sinusoids, rotations, linear biases."""

from __future__ import annotations

import math

from polydl import ops
from polydl.errors import DefinitionError, ShapeError
from polydl.program.sizes import same
from polydl.spec.registry import builtin_function
from polydl.spec.tensor import Tensor


@builtin_function()
def sinusoidal_encoding(
    position: Tensor, *, width: int = 512, base: float = 10000.0, interleaved: bool = True
) -> Tensor:
    """sin(p f_i) and cos(p f_i) with f_i = base^(-2i / width): positions (...) to (..., width).

    Vaswani et al. 2017, section 3.5: sine and cosine of each frequency side by side. interleaved=False:
    all sines, then all cosines, as tensor2tensor and fairseq order them, though their frequencies are
    base^(-i / (width / 2 - 1)).
    """
    if isinstance(width, bool) or not isinstance(width, int) or width < 2 or width % 2:
        raise DefinitionError(
            f"sinusoidal_encoding: width must be even and positive, got {width!r}"
        )
    angles = _angles(position, width, base)
    sine = ops.sin(angles)
    cosine = ops.cos(angles)
    if not interleaved:
        return ops.concatenate([sine, cosine], -1)
    pairs = ops.stack([sine, cosine], axis=-1)
    return ops.reshape(pairs, (*position.shape, width))


@builtin_function()
def rotary_embedding(
    x: Tensor, position: Tensor | None = None, *, base: float = 10000.0, interleaved: bool = False
) -> Tensor:
    """Pairs of features turned by the angle p f_i, f_i = base^(-2i / head). Su et al. 2021.

    x (batch, time, heads, head). position: int (time,) or (batch, time), 0, 1, ... by default.
    Feature i and feature i + head / 2 are a pair, as in GPT-NeoX and in Llama as Hugging Face has it
    ("rotate_half"). interleaved: features 2i and 2i + 1 are, as in the paper, GPT-J and Meta's Llama.
    """
    if x.ndim != 4:
        raise ShapeError(f"rotary_embedding takes (batch, time, heads, head), got {x!r}")
    head = x.shape[3]
    if not isinstance(head, int) or head % 2:
        raise ShapeError(f"rotary_embedding: the size of a head must be even, got {head}")
    time = ops.arange(x.shape[1]) if position is None else position
    if time.dtype != "int" or time.ndim not in (1, 2) or not same(time.shape[-1], x.shape[1]):
        raise ShapeError(f"position must be int (time,) or (batch, time) of {x!r}, got {time!r}")
    cosine, sine = rotary_angles(time, head=head, base=base)
    return rotate(x, cosine, sine, interleaved=interleaved)


@builtin_function()
def rotary_angles(
    position: Tensor, *, head: int = 64, base: float = 10000.0
) -> tuple[Tensor, Tensor]:
    """cos and sin of p f_i, f_i = base^(-2i / head): positions (...) to (..., 1, head / 2) twice.

    What rotary_embedding turns by, to be shared by queries and keys with `rotate`.
    """
    if head < 2 or head % 2:
        raise DefinitionError(f"rotary_angles: head must be even and positive, got {head!r}")
    angles = _angles(position, head, base)[..., None, :]
    cosine = ops.cos(angles)
    sine = ops.sin(angles)
    return cosine, sine


@builtin_function()
def rotate(x: Tensor, cosine: Tensor, sine: Tensor, *, interleaved: bool = False) -> Tensor:
    """Each pair (a, b) of features as (a cos - b sin, b cos + a sin); pairs as in rotary_embedding."""
    if interleaved:
        first = x[..., ::2]
        second = x[..., 1::2]
    else:
        first, second = ops.split(x, 2, -1)
    turned = first * cosine - second * sine
    other = second * cosine + first * sine
    if not interleaved:
        return ops.concatenate([turned, other], -1)
    return ops.reshape(ops.stack([turned, other], axis=-1), x.shape)


def _angles(position: Tensor, width: int, base: float) -> Tensor:
    """Position times each of width / 2 frequencies."""
    if not 0 < base < math.inf:
        raise DefinitionError(f"the base of frequencies must be a number above 0, got {base!r}")
    index = ops.arange(width // 2)
    frequency = ops.exp(index.astype("float") * (-2.0 * math.log(base) / width))
    return position.astype("float")[..., None] * frequency


def alibi_slopes(heads: int) -> list[float]:
    """2^(-8 (h + 1) / heads). Where heads is no power of two: those of the power below, then every
    other one of the power above, as the paper's authors do.
    """
    power = 2 ** int(math.log2(heads))
    slopes = [2.0 ** (-8 * (h + 1) / power) for h in range(power)]
    return slopes + [2.0 ** (-4 * (2 * h + 1) / power) for h in range(heads - power)]


@builtin_function()
def alibi_bias(query: Tensor, key: Tensor, *, heads: int = 8) -> Tensor:
    """-slope · |query - key| of positions (time,), (keys,): (1, heads, time, keys). Press et al. 2021.

    Add it to attention scores, as MultiHeadAttention(alibi=True) does. Slopes are 2^(-8 h / heads), h
    from 1, where heads is a power of two. Without causality, queries look both ways alike.
    """
    if isinstance(heads, bool) or not isinstance(heads, int) or heads < 1:
        raise DefinitionError(f"alibi_bias: heads must be a positive integer, got {heads!r}")
    for name, position in (("query", query), ("key", key)):
        if position.dtype != "int" or position.ndim != 1:
            raise ShapeError(f"alibi_bias: {name} must be int positions (time,), got {position!r}")
    slopes = ops.constant(alibi_slopes(heads))
    distance = abs(query[:, None] - key).astype("float")
    return (-slopes[:, None, None] * distance)[None]
