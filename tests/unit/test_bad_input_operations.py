"""Impossible operations are refused, with what, where and what instead."""

from __future__ import annotations

import pytest

import polydl as dl
from polydl import ops
from polydl.conformance.row import Apply
from polydl.errors import DefinitionError, DTypeError, ShapeError

ROWS = dl.Input((None, 3, 4))
LABELS = dl.Input((None, 3), "int")
CALLS = [
    (lambda x: ops.einsum("bij,bjk", x, x), ROWS, ShapeError, "'j' of .* is 4 and 3"),
    (lambda x: ops.einsum("bi->b", x), ROWS, ShapeError, "names 'bi' what has 3 axes"),
    (lambda x: ops.einsum("bij->bk", x), ROWS, ShapeError, "has letters twice, or new"),
    (lambda x: ops.top_k(x, 5), ROWS, ShapeError, "an axis of 4 has no 5 largest"),
    (lambda x: ops.split(x, 3, axis=2), ROWS, ShapeError, "an axis of 4 has no 3 equal parts"),
    (lambda x: ops.squeeze(x, 1), ROWS, ShapeError, "axis 1 of .* is not of size 1"),
    (lambda x: ops.sort(x, 3), ROWS, ShapeError, "axis 3 is out of range for 3 axes"),
    (lambda x: ops.median(x[:, :0], 1), ROWS, ShapeError, "an axis of 0 has no middle"),
    (lambda x: ops.var(x, 1, ddof=3), ROWS, ShapeError, r"var: .* more than ddof=3 elements, got 3"),
    (lambda x: ops.std(x, 1, ddof=4), ROWS, ShapeError, r"std: .* more than ddof=4 elements, got 3"),
    (lambda x: ops.rfft(x, axis=0), ROWS, ShapeError, "rfft: axis 0 of .* has no fixed size"),
    (lambda x: ops.fft((x, x), axis=3), ROWS, ShapeError, "fft: "),
    (lambda x: ops.pad(x, ((0, 0), (1, 0))), ROWS, ShapeError, "for each axis"),
    (lambda x: ops.pad(x, ((0, 0),) * 3, mode="reflex"), ROWS, DefinitionError, "got 'reflex'"),
    (lambda x: ops.pad(x, ((0, 0), (3, 0), (0, 0)), mode="reflect"), ROWS, ShapeError,
     "an axis of 3 cannot reflect 3"),
    (lambda x: ops.tile(x, (1, -1, 1)), ROWS, ShapeError, "has a negative number"),
    (lambda x: ops.irfft((x, x), 12), ROWS, ShapeError, "12 numbers have 7 terms, got 4"),
    (lambda x: x[:, ::0], ROWS, ShapeError, "a slice's step must be positive, got 0"),
    (lambda x: x[x > 0.0], ROWS, DefinitionError, r"a mask .* ops\.where\(mask, x, 0.0\)"),
    (lambda x: x[:, [True, False, True]], ROWS, DefinitionError, "a mask as an index"),
    (lambda x: x[:, [0, 3]], ROWS, ShapeError, "3 is out of range for an axis of 3"),
    (lambda x: x[:, [[-4]]], ROWS, ShapeError, "-4 is out of range for an axis of 3"),
    (lambda x: x[[0, -1]], ROWS, ShapeError, "-1 from the end of an axis of batch is not known"),
    (lambda x: x[:, [0.5]], ROWS, DefinitionError, "an index must be of integers"),
    (lambda x: x[:, x[0, 0]], ROWS, DefinitionError, "an index must be of integers"),
    (lambda x: x[:, [0], [1]], ROWS, DefinitionError, "two lists .* ops.take_along_axis"),
    (lambda x: x[0, :, [1, 2]], ROWS, DefinitionError, r"two steps, as in x\[0\]\[:, places\]"),
    (lambda x: x[:, True], ROWS, DefinitionError, "cannot be indexed with True"),
    (lambda x: x[:, :1.5], ROWS, DefinitionError, "cannot be indexed with slice"),
    (lambda x: x[:, : ops.argmax(x)], ROWS, DefinitionError, r"start \+ ops.arange\(n\)"),
    (lambda x: x[:2], ROWS, ShapeError, r"slice :2 of .* ops.take\(x, ops.arange"),
    (lambda x: x[-2:], ROWS, ShapeError, r"bounds may be sizes such as x.shape\[axis\] - 3"),
    (lambda x: ops.clip(x, 1.0, 0.0), ROWS, DefinitionError, "low is at most high"),
    (lambda x: ops.take(x, x, axis=1), ROWS, DTypeError, "take takes int, got float"),
    (lambda x: ops.sin(x), LABELS, DTypeError, "sin takes float, got int"),
    (lambda x: ops.take(x, ops.arange(2)), ROWS, DefinitionError, "give the axis of .* axis=0"),
    (lambda x: x < 1.5, LABELS, DTypeError, r"Python float .* Convert those with .astype\('float'\)"),
    (lambda x: x * 1.5, LABELS, DTypeError, r"Convert those with .astype\('float'\)"),
    (lambda x: x + True, LABELS, DTypeError, "Write 1 for True"),
    (lambda x: ops.fft(x), ROWS, ShapeError, r"of real numbers: ops.rfft\(x\)"),
    (lambda x: ops.logaddexp(x, x), LABELS, DTypeError, r"logaddexp: takes no int\[batch, 3\] and"),
    (lambda x: dl.relu(x), LABELS, DTypeError, r": relu: takes no int.* with .astype\('float'\)"),
    (lambda x: ops.matmul(x, x), LABELS, DTypeError, r"takes float.*Convert with .astype\('float'\)"),
    (lambda x: (x > 0) * 2.0, LABELS, DTypeError, r"Convert those with .astype\('float'\)"),
    (lambda x: x & 1, ROWS, DTypeError, "bitwise_and takes int, got float"),
    (lambda x: ops.pad(x, ((1, 2, 3),) * 3), ROWS, ShapeError, "widths are .before, after."),
    (lambda x: x.sum(), ROWS, AttributeError, r"no attribute 'sum'. Use dl.ops.sum\(x\)"),
    (lambda x: x.T, ROWS, AttributeError, r"Use dl.ops.transpose\(x\)"),
    (lambda x: round(x, 2), ROWS, DefinitionError, "gives whole numbers"),
    (lambda x: ops.cumsun(x), ROWS, AttributeError, "Did you mean 'cumsum'"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "given", "error", "text"), CALLS)
def test_impossible_operations(call, given, error, text):
    with pytest.raises(error, match=text):
        dl.trace(Apply(call), given)
