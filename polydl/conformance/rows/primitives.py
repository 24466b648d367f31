"""Rows of the primitives: each in a definition of its own, several to a model."""

from __future__ import annotations

import math

import numpy as np

from polydl import ops
from polydl.conformance.expectations import Array
from polydl.conformance.row import Apply, Apply2, Apply3, RandomRow, Row, plain
from polydl.conformance.samplers import fixed, integers, normal, spread, uniform
from polydl.spec.input import Input
from polydl.spec.tensor import Tensor


def _named(*names: str) -> tuple[str, ...]:
    return tuple(f"primitive:{name}" for name in names)


_erf = np.vectorize(math.erf, otypes=[np.float64])


def _unary(x: Tensor) -> dict[str, Tensor]:
    return {
        "negative": -x,
        "absolute": abs(x),
        "exp": ops.exp(x),
        "tanh": ops.tanh(x),
        "erf": ops.erf(x),
        "stop_gradient": x * ops.stop_gradient(x),
        "cube": x**3.0,
    }


def _unary_expected(x: Array) -> dict[str, Array]:
    return {
        "negative": 0 - x,
        "absolute": np.where(x < 0, 0 - x, x),
        "exp": np.e**x,
        "tanh": np.sinh(x) / np.cosh(x),
        "erf": _erf(x),
        "stop_gradient": x * x,
        "cube": x * x * x,
    }


def _positive(x: Tensor) -> dict[str, Tensor]:
    return {
        "log": ops.log(x),
        "sqrt": ops.sqrt(x),
        "rsqrt": ops.rsqrt(x),
        "power": x**1.7,
        "power_of": 1.7**x,
        "inverse": 1.0 / x,
    }


def _positive_expected(x: Array) -> dict[str, Array]:
    return {
        "log": np.log2(x) * math.log(2),
        "sqrt": x**0.5,
        "rsqrt": x**-0.5,
        "power": np.exp(1.7 * np.log(x)),
        "power_of": np.exp(x * math.log(1.7)),
        "inverse": x**-1.0,
    }


def _binary(a: Tensor, b: Tensor) -> dict[str, Tensor]:
    """a (batch, 3, 4) and b (4,)."""
    return {
        "add": a + b,
        "subtract": a - b,
        "reversed": 2.0 - a,
        "multiply": a * b,
        "divide": a / (b * b + 1.0),
        "nested": a - (b - (a - 1.0)) * -2.0,
        "maximum": ops.maximum(a, b),
        "minimum": ops.minimum(a, b),
        "maximum_of_a_number": ops.maximum(a, 0.25),
        "minimum_of_a_number": ops.minimum(0.25, a),
        "greater": a > b,
        "greater_equal": a >= b,
        "less": a < b,
        "less_equal": a <= b,
        "equal": ops.maximum(a, b) == a,
        "not_equal": ops.maximum(a, b) != a,
        "logical": ~((a > 0.0) & (b > 0.0)) | (a > b),
        "where": ops.where(a > b, a, b * 2.0),
        "where_of_numbers": ops.where(a > b, 1.0, -1.0),
        "astype": (a > b).astype("float"),
        "cut": (a * 3.0).astype("int"),
    }


def _binary_expected(a: Array, b: Array) -> dict[str, Array]:
    c = np.broadcast_to(b, a.shape)
    larger = np.array([max(p, q) for p, q in zip(a.flat, c.flat, strict=True)]).reshape(a.shape)
    smaller = a + c - larger
    return {
        "add": a + c,
        "subtract": -(c - a),
        "reversed": -(a - 2),
        "multiply": c * a,
        "divide": a * (1 / (c**2 + 1)),
        "nested": a + 2 * c - 2 * a + 2,
        "maximum": larger,
        "minimum": smaller,
        "maximum_of_a_number": np.clip(a, 0.25, None),
        "minimum_of_a_number": np.clip(a, None, 0.25),
        "greater": c < a,
        "greater_equal": ~(a < c),
        "less": c > a,
        "less_equal": ~(a > c),
        "equal": c < a,
        "not_equal": a < c,
        "logical": (a <= 0) | (c <= 0) | (a > c),
        "where": np.choose(a > c, [c + c, a]),
        "where_of_numbers": np.sign(a - c),
        "astype": 1.0 * (a > c),
        "cut": np.array([int(v * 3) for v in a.flat], np.int32).reshape(a.shape),
    }


def _integers(a: Tensor, b: Tensor) -> dict[str, Tensor]:
    return {
        "negative": -a,
        "absolute": abs(b),
        "add": a + b,
        "multiply_wraps": a * 0x7FEB352D,
        "and": a & 0xFFFF,
        "xor": a ^ b,
        "shift": ops.shift_right_logical(a, 15),
        "equal": a == b,
        "less": a < b,
        "maximum": ops.maximum(a, b),
        "minimum_of_a_number": ops.minimum(a, 3),
        "where": ops.where(a > b, a, 7),
        "sum_wraps": ops.sum(a, 1),
        "max": ops.max(a, 0),
        "argmax": ops.argmax(a, 1),
        "float": a.astype("float"),
        "bool": (b & 1).astype("bool"),
    }


def _wrapped(values: Array) -> Array:
    """Exact integers as int32."""
    wrap = [(int(v) + 2**31) % 2**32 - 2**31 for v in values.ravel()]
    return np.array(wrap, np.int32).reshape(values.shape)


def _integers_expected(a: Array, b: Array) -> dict[str, Array]:
    exact_a, exact_b = a.astype(object), b.astype(object)
    shifted = [(int(v) % 2**32) >> 15 for v in a.flat]
    return {
        "negative": _wrapped(-exact_a),
        "absolute": _wrapped(abs(exact_b)),
        "add": _wrapped(exact_a + exact_b),
        "multiply_wraps": _wrapped(exact_a * 0x7FEB352D),
        "and": _wrapped(exact_a % 2**16),
        "xor": np.array([p ^ q for p, q in zip(a.flat, b.flat, strict=True)]).reshape(a.shape),
        "shift": np.array(shifted, np.int32).reshape(a.shape),
        "equal": (a - b) == 0,
        "less": b > a,
        "maximum": np.where(a > b, a, b),
        "minimum_of_a_number": np.clip(a, None, 3),
        "where": np.where(a > b, a, np.int32(7)),
        "sum_wraps": _wrapped(exact_a.sum(1)),
        "max": np.sort(a, 0)[-1],
        "argmax": np.argsort(a, 1)[:, -1].astype(np.int32),
        "float": a * 1.0,
        "bool": np.array([v % 2 == 1 for v in b.flat]).reshape(b.shape),
    }


def _reductions(x: Tensor) -> dict[str, Tensor]:
    """x (batch, 3, 4)."""
    return {
        "sum": ops.sum(x, 1),
        "sum_of_all": ops.sum(x),
        "sum_kept": ops.sum(x, (0, 2), keepdims=True),
        "mean": ops.mean(x, -1),
        "mean_of_two": ops.mean(x, (0, 1)),
        "mean_kept": ops.mean(x, 1, keepdims=True),
        "mean_of_all": ops.mean(x),
        "max": ops.max(x, 1),
        "max_kept": ops.max(x, (1, 2), keepdims=True),
        "min": ops.min(x, 2),
        "min_of_all": ops.min(x),
        "argmax": ops.argmax(x, -1),
        "argmax_first": ops.argmax(x, 0),
    }


def _reductions_expected(x: Array) -> dict[str, Array]:
    a, b, c = x.shape
    ordered = np.sort(x, 1)
    return {
        "sum": np.einsum("abc->ac", x),
        "sum_of_all": np.array(math.fsum(x.flat)),
        "sum_kept": np.einsum("abc->b", x).reshape(1, b, 1),
        "mean": np.einsum("abc->ab", x) / c,
        "mean_of_two": np.einsum("abc->c", x) / (a * b),
        "mean_kept": (np.einsum("abc->ac", x) / b)[:, None],
        "mean_of_all": np.array(math.fsum(x.flat) / x.size),
        "max": ordered[:, -1],
        "max_kept": np.sort(x.reshape(a, -1))[:, -1].reshape(a, 1, 1),
        "min": np.sort(x)[..., 0],
        "min_of_all": np.array(sorted(x.flat)[0]),
        "argmax": np.argsort(x, -1)[..., -1].astype(np.int32),
        "argmax_first": np.argsort(x, 0)[-1].astype(np.int32),
    }


def _arrays(x: Tensor, y: Tensor) -> dict[str, Tensor]:
    """x (batch, 3, 4), y (batch, 2, 4)."""
    batch = x.shape[0]
    return {
        "reshape": ops.reshape(x, (batch, 12)),
        "fold": ops.reshape(x, (-1, 4)),
        "split": ops.reshape(x, (batch, 3, 2, 2)),
        "transpose": ops.transpose(x, (0, 2, 1)),
        "reverse": ops.transpose(x),
        "matrix": ops.transpose(ops.reshape(x, (-1, 4))),
        "broadcast_to": ops.broadcast_to(x[:, :1], (batch, 5, 4)),
        "concatenate": ops.concatenate([x, y], 1),
        "concatenate_last": ops.concatenate([x[:, :2], y, y], -1),
        "row": x[:, 1],
        "last": x[..., -1],
        "slice": x[1:, ::2, 1:3],
        "new_axis": x[:, None, :, 0],
        "pad": ops.pad(x, ((0, 0), (1, 2), (0, 1))),
        "pad_with": ops.pad(x, ((0, 0), (0, 0), (2, 0)), -1.5),
        "full": ops.full((batch, 2), 0.5) + x[:, 0, :2],
        "full_of_integers": ops.full((2, batch), 3, "int"),
        "full_of_bools": ops.full((2,), True, "bool") & (x[:, 0, :2] > 0.0),
        "constant": x * ops.constant((0.1, 0.25, -3.0, 7.5)),
        "constant_of_integers": ops.constant((3, 0, 7), "int"),
        "arange": ops.arange(batch) * 2,
        "arange_fixed": ops.arange(4).astype("float") * x,
        "matmul": x @ ops.transpose(y, (0, 2, 1)),
        "matmul_broadcast": x @ ops.transpose(y[0]),
    }


def _arrays_expected(x: Array, y: Array) -> dict[str, Array]:
    batch = len(x)
    return {
        "reshape": np.array([list(s.flat) for s in x]),
        "fold": np.concatenate(list(x)),
        "split": np.stack([x[..., :2], x[..., 2:]], 2),
        "transpose": np.swapaxes(x, 1, 2),
        "reverse": x.T,
        "matrix": np.concatenate(list(x)).T,
        "broadcast_to": np.repeat(x[:, :1], 5, 1),
        "concatenate": np.hstack([x, y]),
        "concatenate_last": np.dstack([x[:, :2], y, y]),
        "row": np.take(x, 1, 1),
        "last": np.take(x, 3, 2),
        "slice": x[1:][:, [0, 2]][..., [1, 2]],
        "new_axis": np.expand_dims(x[..., 0], 1),
        "pad": np.block([[np.zeros((batch, 1, 5))], [x, np.zeros((batch, 3, 1))],
                         [np.zeros((batch, 2, 5))]]),
        "pad_with": np.concatenate([np.full((batch, 3, 2), -1.5), x], 2),
        "full": x[:, 0, :2] + 0.5,
        "full_of_integers": np.array([[3] * batch] * 2, np.int32),
        "full_of_bools": x[:, 0, :2] > 0,
        "constant": np.stack([x[..., i] * c for i, c in enumerate((0.1, 0.25, -3.0, 7.5))], -1),
        "constant_of_integers": np.array([3, 0, 7], np.int32),
        "arange": np.array(range(0, 2 * batch, 2), np.int32),
        "arange_fixed": x * [0.0, 1.0, 2.0, 3.0],
        "matmul": np.einsum("bik,bjk->bij", x, y),
        "matmul_broadcast": np.einsum("bik,jk->bij", x, y[0]),
    }  # fmt: skip


def _gathers(table: Tensor, rows: Tensor, picks: Tensor) -> dict[str, Tensor]:
    """table (6, 3), rows (batch, 2), picks (6, 2)."""
    return {
        "take": ops.take(table, rows - 4, 0),
        "take_along_axis": ops.take_along_axis(table, picks, 1),
        "take_along_first": ops.take_along_axis(table[:, :2], picks[:3] + 2, 0),
    }


def _gathers_expected(table: Array, rows: Array, picks: Array) -> dict[str, Array]:
    nearest = [[table[sorted((0, i - 4, 5))[1]] for i in row] for row in rows]
    return {
        "take": np.array(nearest),
        "take_along_axis": np.array([[table[i, j] for j in p] for i, p in enumerate(picks)]),
        "take_along_first": np.array(
            [[table[p + 2, j] for j, p in enumerate(r)] for r in picks[:3]]
        ),
    }


def _uniform_bits(x: Array, y: Array) -> None:
    """int32 that are uniform: mean of the top bit, of the low bit, and no repeats."""
    assert y.dtype == np.int32
    assert len(np.unique(y)) > 0.99 * y.size
    for bit in (0, 1, 15, 30, 31):
        share = float(((y >> bit) & 1).mean())
        assert abs(share - 0.5) < 5 * 0.5 / math.sqrt(y.size), f"bit {bit} is set in {share}"


BATCH = (None, 3, 4)
ROWS: tuple[Row | RandomRow, ...] = (
    Row(
        "unary", _named("negative", "absolute", "exp", "tanh", "erf", "stop_gradient", "power"),
        lambda: Apply(_unary), Input((None, 5)), spread(4, 5), plain(_unary_expected),
    ),
    Row(
        "unary, positive", _named("log", "sqrt", "rsqrt", "power", "divide"),
        lambda: Apply(_positive), Input((None, 5)), uniform(3, 5, low=0.3, high=3.0),
        plain(_positive_expected),
    ),
    Row(
        "binary",
        _named("add", "subtract", "multiply", "divide", "maximum", "minimum", "greater",
               "greater_equal", "less", "less_equal", "equal", "not_equal", "logical_and",
               "logical_or", "logical_not", "where", "astype"),
        lambda: Apply2(_binary), (Input(BATCH), Input((4,))),
        (spread(2, 3, 4), fixed([0.37, -0.83, 1.41, -0.12])), plain(_binary_expected),
    ),
    Row(
        "integers",
        _named("negative", "absolute", "add", "multiply", "bitwise_and", "bitwise_xor",
               "shift_right_logical", "equal", "less", "maximum", "minimum", "where", "sum", "max",
               "argmax", "astype"),
        lambda: Apply2(_integers), (Input((None, 6), "int"), Input((None, 6), "int")),
        (integers(3, 6, low=-(2**31), high=2**31), integers(3, 6, low=-999, high=999)),
        plain(_integers_expected), gradients=False,
    ),
    Row(
        "reductions", _named("sum", "mean", "max", "min", "argmax"),
        lambda: Apply(_reductions), Input(BATCH), spread(2, 3, 4), plain(_reductions_expected),
        resized=spread(5, 3, 4),
    ),
    Row(
        "arrays",
        _named("reshape", "transpose", "broadcast_to", "concatenate", "index", "pad", "full",
               "constant", "arange", "matmul"),
        lambda: Apply2(_arrays), (Input(BATCH), Input((None, 2, 4))),
        (normal(2, 3, 4), normal(2, 2, 4)), plain(_arrays_expected),
        resized=(normal(3, 3, 4), normal(3, 2, 4)),
    ),
    Row(
        "gathers", _named("take", "take_along_axis"),
        lambda: Apply3(_gathers),
        (Input((6, 3)), Input((None, 2), "int"), Input((6, 2), "int")),
        (normal(6, 3), fixed([[4, 9], [7, 7], [0, 13]], np.int32), integers(6, 2, high=3)),
        plain(_gathers_expected),
    ),
    RandomRow(
        "random bits", _named("random_bits"), lambda: Apply(lambda x: ops.random_bits(x.shape)),
        Input((None, 128)), normal(64, 128), _uniform_bits,
    ),
)  # fmt: skip
