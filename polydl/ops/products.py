"""Matrix products and sums over named axes."""

from __future__ import annotations

import string

from polydl.errors import DefinitionError, ShapeError
from polydl.primitives.equations import Equation
from polydl.spec.apply import apply
from polydl.spec.tensor import Tensor


def matmul(a: Tensor, b: Tensor) -> Tensor:
    """Matrix product of the last two axes; a vector is a row on the left, a column on the right."""
    if not isinstance(a, Tensor) or not isinstance(b, Tensor):
        raise DefinitionError(f"matmul takes two tensors, got {a!r} and {b!r}")
    if a.ndim == 1 and b.ndim == 1:
        return einsum("i,i->", a, b)
    if a.ndim == 1:
        return einsum("i,...ij->...j", a, b)
    if b.ndim == 1:
        return einsum("...ij,j->...i", a, b)
    return apply("matmul", a, b)


def einsum(equation: str, *operands: Tensor) -> Tensor:
    """Products of elements, summed: axes are letters, such as "bqhd,bkhd->bhqk".

    `...` stands for leading axes that broadcast. Without `->`, the result has the letters that occur
    once, in alphabetical order.
    """
    if not isinstance(equation, str):
        raise ShapeError(f"einsum: {equation!r} is no equation such as 'bij,bjk->bik'")
    ranks = [x.ndim for x in operands]
    return apply("einsum", *operands, equation=Equation.parse(equation, ranks).text)


def dot(a: Tensor, b: Tensor) -> Tensor:
    """Sum over a's last axis and b's last but one (its only one, of a vector), as NumPy's dot."""
    if a.ndim == 0 or b.ndim == 0:
        return a * b
    if a.ndim <= 2 and b.ndim <= 2:
        return matmul(a, b)
    return tensordot(a, b, ((a.ndim - 1,), (max(b.ndim - 2, 0),)))


def outer(a: Tensor, b: Tensor) -> Tensor:
    """Every element of the vector a times every one of the vector b."""
    return einsum("i,j->ij", a, b)


def tensordot(a: Tensor, b: Tensor, axes: int | tuple[tuple[int, ...], tuple[int, ...]]) -> Tensor:
    """Sum over a's last `axes` axes and b's first; or over pairs of axes, (a's, b's)."""
    if isinstance(axes, int):
        axes = (tuple(range(a.ndim - axes, a.ndim)), tuple(range(axes)))
    left, right = (
        tuple(axis % x.ndim for axis in given) for x, given in zip((a, b), axes, strict=True)
    )
    if len(left) != len(right):
        raise ShapeError(f"tensordot: {axes} are not as many axes of each")
    letters = iter(string.ascii_letters)
    of_a = [next(letters) for _ in range(a.ndim)]
    shared = {j: of_a[i] for i, j in zip(left, right, strict=True)}
    of_b = [shared[j] if j in shared else next(letters) for j in range(b.ndim)]
    kept = [x for i, x in enumerate(of_a) if i not in left]
    kept += [x for j, x in enumerate(of_b) if j not in right]
    return einsum(f"{''.join(of_a)},{''.join(of_b)}->{''.join(kept)}", a, b)
