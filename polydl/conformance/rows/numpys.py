"""Rows of what dl.ops takes over from NumPy beside its functions: default axes, conversions, operators.

One text runs on tensors and on arrays; what NumPy gives is the expectation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from polydl import ops
from polydl.conformance.row import Apply, Apply2, Row, plain
from polydl.conformance.samplers import integers, spread
from polydl.spec.input import Input


def _defaults(n: Any, x: Any) -> dict[str, Any]:
    """x (batch, 3, 4); no axis is given."""
    first, _, third = n.split(x[0], 3)
    return {
        "argmax": n.argmax(x),
        "argmin": n.argmin(x, keepdims=True),
        "argmax_kept": n.argmax(x, -2, keepdims=True),
        "cumsum": n.cumsum(x),
        "cumprod": n.cumprod(x),
        "repeat": n.repeat(x, 2),
        "roll": n.roll(x, 5),
        "concatenate": n.concatenate([x, x[1:]]),
        "concatenate_flat": n.concatenate([x, x[0]], None),
        "first": first,
        "third": third,
        "sort": n.sort(x, None),
        "argsort": n.argsort(x, None),
        "take": n.take(x[0, 0], n.argsort(x[0, 1])),
        "pad": n.pad(x, 1),
        "pad_pair": n.pad(x, (1, 0)),
        "flip": n.flip(x),
        "flip_none": n.flip(x, ()),
        "arange": x[0, 0, 0] + n.arange(0.5, 2.0, 0.4),
        "arange_down": x[0, 0, 0] + n.arange(1.5, -1, -0.75),
    }


def _conversions(n: Any, x: Any, a: Any) -> dict[str, Any]:
    """x (batch, 4) of floats, a (batch, 4) of ints from 0 to 9."""
    held, pair = x > 0.5, (x > 0.0, a > 4)
    return {
        "sum": n.sum(held, 1),
        "sum_of_all": n.sum(held),
        "prod": n.prod(held, 1),
        "cumsum": n.cumsum(held, 1),
        "mean": n.mean(held, 1),
        "max": n.max(held, 1),
        "min": n.min(held, 1, keepdims=True),
        "argmax": n.argmax(held, 1),
        "sort": n.sort(held, 1),
        "logaddexp": n.logaddexp(n.log(x * 0.0), n.log(x * 0.0)),
        "mean_of_ints": n.mean(a, 1),
        "var": n.var(a),
        "std": n.std(a, 1, ddof=1),
        "median": n.median(a[0]),
        "any": n.any(a, 1),
        "all": n.all(a - 3, 1),
        "count": n.count_nonzero(a, 1),
        "divide": n.divide(a, a + 1),
        "quotient": a / 4,
        "inverse": 6 / (a + 1),
        "reciprocal": n.reciprocal(a + 1.0 if n is np else a + 1),
        "of_float": a / 0.5,
        "mean_of_both": n.mean(pair[0] & pair[1]),
    }


def _operators(n: Any, x: Any, a: Any) -> dict[str, Any]:
    """x (batch, 4) of floats, a (batch, 4) of ints from 0 to 9."""
    held, low, b = x > 0.5, a < 5, a + 1
    whole, rest = divmod(a - 5, b)
    return {
        "floor_divide": (a - 5) // b,
        "floor_divide_by": 17 // b,
        "remainder": (a - 5) % 3,
        "remainder_by": 17 % b,
        "whole": whole,
        "rest": rest,
        "floats": x // 0.75,
        "floats_rest": x % -0.94,
        "float_equal": x * 0.0 + 0.1 == 0.1,
        "floats_by": 2.7 // (x * x + 0.3),
        "left": a << 2,
        "left_of": 1 << a,
        "right": (a - 5) >> 1,
        "right_of": -512 >> a,
        "and": held & low,
        "or": held | low,
        "xor": held ^ low,
        "not": ~held,
        "and_true": True & held,
        "bits_and": a & 6,
        "bits_or": 6 | a,
        "bits_xor": a ^ b,
        "bits_not": ~a,
        "positive": +a,
        "round": np.round(x) if n is np else round(x),
    }


def _indexing(n: Any, x: Any, ids: Any) -> dict[str, Any]:
    """x (batch, 5, 3), ids (4,) of ints from 0 to 2."""
    del n
    return {
        "reversed": x[:, ::-1],
        "reversed_batch": x[::-1, ..., ::-1],
        "back_by_two": x[:, ::-2],
        "back_from": x[:, 3::-1, 0],
        "back_to": x[:, -2:0:-2],
        "back_to_end": x[:, :-3:-1],
        "none_left": x[:, 1:3:-1],
        "back_by_two_batch": x[::-2],
        "every_other": x[::2],
        "every_other_later": x[1::2, None],
        "first": x[:1],
        "last": x[-1:],
        "numpy_int": x[:, np.int64(1), np.int32(-1)],
        "numpy_slice": x[:, np.int64(1) : np.uint8(3)],
        "list": x[:, [0, -1, 2]],
        "array": x[..., np.array([[0, 2], [1, 1]])],
        "after_int": x[:, 1, [2, 0]],
        "new_axis": x[:, None, [2, 0, 0, 1], ::2],
        "empty": x[:, []],
        "ids": x[ids - ids],
        "ids_of_axis": x[:, ids],
        "ids_of_pair": x[:, ids[:2, None] * ids[None, :3]],
        "id": x[:, ids[0]],
    }


def _both(formula: Callable[..., dict[str, Any]]) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The formula on tensors, and on arrays, whose ints come out as int32."""

    def on_arrays(*given: Any) -> list[Any]:
        results = [np.asarray(result) for result in formula(np, *given).values()]
        return [r.astype(np.int32) if r.dtype.kind == "i" else r for r in results]

    return lambda *given: formula(ops, *given), on_arrays


DEFAULTS, DEFAULTS_EXPECTED = _both(_defaults)
CONVERSIONS, CONVERSIONS_EXPECTED = _both(_conversions)
OPERATORS, OPERATORS_EXPECTED = _both(_operators)
INDEXING, INDEXING_EXPECTED = _both(_indexing)
PAIR = (Input((None, 4)), Input((None, 4), "int"))
SAMPLES = (spread(3, 4), integers(3, 4))
ROWS: tuple[Row, ...] = (
    Row(
        "NumPy's default axes",
        ("primitive:argmax", "primitive:argmin", "primitive:cumsum", "primitive:roll",
         "primitive:concatenate", "primitive:sort", "polydl:split@1", "polydl:repeat@1"),
        lambda: Apply(DEFAULTS), Input((None, 3, 4)), spread(2, 3, 4), plain(DEFAULTS_EXPECTED),
    ),
    Row(
        "NumPy's conversions of ints and bools",
        ("primitive:sum", "primitive:mean", "primitive:any", "primitive:divide",
         "polydl:logaddexp@1"),
        lambda: Apply2(CONVERSIONS), PAIR, SAMPLES, plain(CONVERSIONS_EXPECTED), gradients=False,
    ),
    Row(
        "NumPy's indexing",
        ("primitive:index", "primitive:flip", "primitive:take", "primitive:constant"),
        lambda: Apply2(INDEXING), (Input((None, 5, 3)), Input((4,), "int")),
        (spread(5, 5, 3), integers(4, high=3)), plain(INDEXING_EXPECTED),
    ),
    Row(
        "Python's operators",
        ("primitive:floor_divide", "primitive:remainder", "primitive:left_shift",
         "primitive:right_shift", "primitive:logical_xor", "primitive:bitwise_not"),
        lambda: Apply2(OPERATORS), PAIR, SAMPLES, plain(OPERATORS_EXPECTED), gradients=False,
    ),
)  # fmt: skip
