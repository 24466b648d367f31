"""Rows of the array vocabulary under dl.ops, in groups: a model computes many at once."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from polydl import ops
from polydl.conformance import expectations as e
from polydl.conformance.expectations import Array
from polydl.conformance.row import Apply, Apply2, Apply3, RandomRow, Row, plain
from polydl.conformance.samplers import fixed, integers, normal, spread, uniform
from polydl.spec.input import Input
from polydl.spec.tensor import Tensor


def _primitives(names: str) -> tuple[str, ...]:
    return tuple(f"primitive:{name}" for name in names.split())


def _functions(names: str) -> tuple[str, ...]:
    return tuple(f"polydl:{name}@1" for name in names.split())


def _each(function: Callable[[float], float]) -> Callable[[Array], Array]:
    return np.vectorize(function, otypes=[np.float64])


def _smooth(x: Tensor) -> dict[str, Tensor]:
    return {
        "square": ops.square(x),
        "exp2": ops.exp2(x),
        "expm1": ops.expm1(x),
        "sin": ops.sin(x),
        "cos": ops.cos(x),
        "tan": ops.tan(x * 0.5),
        "arctan": ops.arctan(x),
        "sinh": ops.sinh(x),
        "cosh": ops.cosh(x),
        "arcsinh": ops.arcsinh(x),
        "erfc": ops.erfc(x),
        "reciprocal": ops.reciprocal(x),
    }


def _smooth_expected(x: Array) -> dict[str, Array]:
    turn = np.exp(1j * x)
    half = np.exp(0.5j * x)
    return {
        "square": np.abs(x) ** 2,
        "exp2": np.exp(x * math.log(2)),
        "expm1": _each(math.expm1)(x),
        "sin": turn.imag,
        "cos": turn.real,
        "tan": half.imag / half.real,
        "arctan": np.arctan2(x, np.ones_like(x)),
        "sinh": (np.exp(x) - np.exp(-x)) / 2,
        "cosh": (np.exp(x) + np.exp(-x)) / 2,
        "arcsinh": np.log(x + np.sqrt(x * x + 1)),
        "erfc": _each(math.erfc)(x),
        "reciprocal": x**-1.0,
    }


def _bounded(x: Tensor) -> dict[str, Tensor]:
    """x in (0.1, 0.9)."""
    return {
        "log1p": ops.log1p(x),
        "log2": ops.log2(x),
        "log10": ops.log10(x),
        "arcsin": ops.arcsin(x),
        "arccos": ops.arccos(x),
        "arctanh": ops.arctanh(x),
        "arccosh": ops.arccosh(x + 1.0),
        "erfinv": ops.erfinv(x),
        "arctan2": ops.arctan2(x, x * x - 0.5),
    }


def _bounded_expected(x: Array) -> dict[str, Array]:
    def erfinv(y: float) -> float:
        """The root of erf(z) = y, by Newton's steps."""
        z = 0.5
        for _ in range(60):
            z -= (math.erf(z) - y) / (2 / math.sqrt(math.pi) * math.exp(-z * z))
        return z

    return {
        "log1p": np.log(1 + x),
        "log2": np.log(x) / math.log(2),
        "log10": np.log(x) / math.log(10),
        "arcsin": np.arctan2(x, np.sqrt(1 - x * x)),
        "arccos": np.arctan2(np.sqrt(1 - x * x), x),
        "arctanh": 0.5 * (np.log(1 + x) - np.log(1 - x)),
        "arccosh": np.log(1 + x + np.sqrt((1 + x) ** 2 - 1)),
        "erfinv": _each(erfinv)(x),
        "arctan2": np.angle((x * x - 0.5) + 1j * x),
    }


def _stepwise(x: Tensor) -> dict[str, Any]:
    return {
        "floor": ops.floor(x),
        "ceil": ops.ceil(x),
        "round": ops.round(x),
        "trunc": ops.trunc(x),
        "sign": ops.sign(x),
        "isnan": ops.isnan(x),
        "isinf": ops.isinf(1.0 / (x - x)),
        "isfinite": ops.isfinite(x),
        "clip": ops.clip(x, -0.7, 0.9),
        "clip_low": ops.clip(x, -0.3),
        "remainder": ops.remainder(x, 0.75),
        "floor_divide": ops.floor_divide(x, 0.75),
        "xor": ops.logical_xor(x > 0.5, x < 1.0),
        "nan_to_num": ops.nan_to_num(ops.where(x > 1.0, math.inf, x), posinf=7.0),
    }


def _stepwise_expected(x: Array) -> dict[str, Array]:
    down = np.array([math.floor(v) for v in x.ravel()], np.float64).reshape(x.shape)
    whole = np.array([int(v) for v in x.ravel()], np.float64).reshape(x.shape)
    steps = np.array([math.floor(v / 0.75) for v in x.ravel()], np.float64).reshape(x.shape)
    return {
        "floor": down,
        "ceil": down + 1,
        "round": down + (x - down > 0.5),
        "trunc": whole,
        "sign": np.where(x > 0, 1.0, -1.0),
        "isnan": np.zeros(x.shape, bool),
        "isinf": np.ones(x.shape, bool),
        "isfinite": np.ones(x.shape, bool),
        "clip": np.minimum(np.maximum(x, -0.7), 0.9),
        "clip_low": np.maximum(x, -0.3),
        "remainder": x - 0.75 * steps,
        "floor_divide": steps,
        "xor": (x > 0.5) != (x < 1.0),
        "nan_to_num": np.where(x > 1, 7.0, x),
    }


def _integers(a: Tensor, b: Tensor) -> dict[str, Tensor]:
    """b from 0 to 9."""
    return {
        "or": ops.bitwise_or(a, b),
        "not": ops.bitwise_not(a),
        "left": ops.left_shift(a, b),
        "right": ops.right_shift(a, b),
        "floor_divide": ops.floor_divide(a, b + 1),
        "remainder": ops.remainder(a, b + 1),
        "sign": ops.sign(a),
        "clip": ops.clip(a, -100, 100),
        "cumsum": ops.cumsum(b, 1),
        "sort": ops.sort(a, 1),
        "prod": ops.prod(b, 1),
        "one_hot": ops.one_hot(b - 1, 6, dtype="int"),
        "top_k": ops.top_k(a, 3)[0],
        "float": b.astype("float"),
    }


def _integers_expected(a: Array, b: Array) -> dict[str, Array]:
    wide, other = a.astype(np.int64), b.astype(np.int64)

    def wrapped(x: Array) -> Array:
        return ((x + 2**31) % 2**32 - 2**31).astype(np.int32)

    quotient = np.array(
        [int(p) // (int(q) + 1) for p, q in zip(wide.flat, other.flat, strict=True)]
    )
    quotient = quotient.reshape(a.shape)
    return {
        "or": wrapped((wide & other) + (wide ^ other)),
        "not": (-1 - wide).astype(np.int32),
        "left": wrapped(wide * 2**other),
        "right": np.floor_divide(wide, 2**other).astype(np.int32),
        "floor_divide": quotient.astype(np.int32),
        "remainder": (wide - quotient * (other + 1)).astype(np.int32),
        "sign": ((wide > 0) * 1 - (wide < 0) * 1).astype(np.int32),
        "clip": np.minimum(np.maximum(wide, -100), 100).astype(np.int32),
        "cumsum": np.stack([b[:, : i + 1].sum(1) for i in range(b.shape[1])], 1).astype(np.int32),
        "sort": np.array([sorted(row) for row in a.tolist()], np.int32),
        "prod": wrapped(np.array([math.prod(row) for row in other.tolist()])),
        "one_hot": np.array(
            [[[int(k == v - 1) for k in range(6)] for v in row] for row in b.tolist()], np.int32
        ),
        "top_k": np.array([sorted(row, reverse=True)[:3] for row in a.tolist()], np.int32),
        "float": np.array([[float(v) for v in row] for row in b.tolist()]),
    }


def _reductions(x: Tensor) -> dict[str, Tensor]:
    return {
        "prod": ops.prod(x, 1),
        "prod_of_all": ops.prod(x[:, :1], (1, 2)),
        "any": ops.any(x > 1.5, -1),
        "all": ops.all(x > -1.0, 1, keepdims=True),
        "argmin": ops.argmin(x, 1),
        "var": ops.var(x, (0, 2)),
        "var_unbiased": ops.var(x, -1, ddof=1),
        "std": ops.std(x, 1, keepdims=True),
        "logsumexp": ops.logsumexp(x * 3.0, 1),
        "norm": ops.norm(x, axis=-1),
        "cumsum": ops.cumsum(x, 1),
        "cumprod": ops.cumprod(x, -1),
        "count": ops.count_nonzero(x > 0.0, 1),
        "median": ops.median(x, 2),
    }


def _reductions_expected(x: Array) -> dict[str, Array]:
    batch, rows, columns = x.shape
    spread_ = x - x.mean((0, 2), keepdims=True)
    own = x - x.mean(-1, keepdims=True)
    middle = x - x.mean(1, keepdims=True)
    return {
        "prod": x[:, 0] * x[:, 1] * x[:, 2],
        "prod_of_all": np.array([math.prod(row) for row in x[:, 0]]),
        "any": (x > 1.5).sum(-1) > 0,
        "all": (x > -1.0).sum(1, keepdims=True) == rows,
        "argmin": np.argsort(x, 1)[:, 0].astype(np.int32),
        "var": (spread_**2).sum((0, 2)) / (batch * columns),
        "var_unbiased": (own**2).sum(-1) / (columns - 1),
        "std": ((middle**2).sum(1, keepdims=True) / rows) ** 0.5,
        "logsumexp": np.log(np.exp(3 * x).sum(1)),
        "norm": np.hypot(np.hypot(x[..., 0], x[..., 1]), np.hypot(x[..., 2], x[..., 3])),
        "cumsum": np.stack([x[:, : i + 1].sum(1) for i in range(rows)], 1),
        "cumprod": np.stack([np.prod(x[..., : i + 1], -1) for i in range(columns)], -1),
        "count": (x > 0).sum(1).astype(np.int32),
        "median": np.sort(x, -1)[..., 1:3].mean(-1),
    }


def _open_axes(x: Tensor) -> dict[str, Any]:
    """x (batch, time, 4) of sizes known at run time alone; and a transform of the first axis."""
    largest, places = ops.top_k(ops.transpose(x, (0, 2, 1)), 2)
    return {
        "var": ops.var(x, 0, ddof=1),
        "std": ops.std(x, (0, 1), ddof=1, keepdims=True),
        "median": ops.median(x, 1),
        "median_of_odd": ops.median(x[1:], 0, keepdims=True),
        "largest": largest,
        "places": places,
        "rfft": ops.rfft(ops.transpose(x, (2, 0, 1)), axis=0),
    }


def _open_axes_expected(x: Array) -> list[Array]:
    batch, time, _ = x.shape
    own, middle = x - x.mean(0), x - x.mean((0, 1))
    order = np.argsort(x, 1)
    k = np.arange(3)[:, None] * np.arange(4) / 4
    waves = np.einsum("kt,bst->kbs", np.exp(-2j * np.pi * k), x)
    return [
        (own**2).sum(0) / (batch - 1),
        np.sqrt((middle**2).sum((0, 1), keepdims=True) / (batch * time - 1)),
        np.sort(x, 1)[:, time // 2 - 1 : time // 2 + 1].mean(1),
        np.sort(x[1:], 0)[1:2],
        np.sort(x, 1)[:, :-3:-1].transpose(0, 2, 1),
        order[:, :-3:-1].transpose(0, 2, 1).astype(np.int32),
        waves.real,
        waves.imag,
    ]


def _arrays(x: Tensor, y: Tensor) -> dict[str, Any]:
    """x (batch, 3, 4) and y (batch, 3, 4)."""
    first, second = ops.split(x, (1,), axis=2)
    values, places = ops.top_k(x, 2)
    return {
        "flip": ops.flip(x, 1),
        "roll": ops.roll(x, 1, 2),
        "stack": ops.stack([x, y], 1),
        "split_first": first,
        "split_second": second,
        "unstack": ops.unstack(x, 1)[2],
        "tile": ops.tile(x[:, :2], (1, 2, 1)),
        "repeat": ops.repeat(x, 2, 1),
        "edge": ops.pad(x, ((0, 0), (1, 0), (2, 1)), mode="edge"),
        "reflect": ops.pad(x, ((0, 0), (1, 0), (2, 1)), mode="reflect"),
        "tril": ops.tril(x),
        "triu": ops.triu(x, 1),
        "diagonal": ops.diagonal(x, 1, 1, 2),
        "diag": ops.diag(x[0, 0], -1),
        "sort": ops.sort(x, 1),
        "argsort": ops.argsort(x, -1),
        "top_k": values,
        "top_places": places,
        "one_hot": ops.one_hot(ops.argmax(x, -1), 5),
        "logaddexp": ops.logaddexp(x * 50.0, y * 50.0),
        "einsum": ops.einsum("bij,bkj->bik", x, y),
        "einsum_trace": ops.einsum("bij,bij->b", x, y),
        "outer": ops.outer(x[0, 0], y[0, 1]),
        "swapped": ops.swapaxes(x, 1, 2),
        "moved": ops.moveaxis(x, 2, 0),
        "expanded": ops.expand_dims(x, 1),
        "squeezed": ops.squeeze(x[:, :1], 1),
    }


def _arrays_expected(x: Array, y: Array) -> dict[str, Array]:
    order = np.argsort(x, -1)
    down = order[..., ::-1][..., :2]
    edge = np.concatenate([x[:, :1], x], 1)
    edge = np.concatenate([edge[..., :1], edge[..., :1], edge, edge[..., -1:]], 2)
    mirror = np.concatenate([x[:, 1:2], x], 1)
    mirror = np.concatenate([mirror[..., 2:0:-1], mirror, mirror[..., -2:-1]], 2)
    row, column = np.indices(x.shape[1:])
    diag = np.zeros((5, 5))
    for i in range(4):
        diag[i + 1, i] = x[0, 0, i]
    return {
        "flip": x[:, ::-1],
        "roll": np.concatenate([x[..., -1:], x[..., :-1]], -1),
        "stack": np.concatenate([x[:, None], y[:, None]], 1),
        "split_first": x[..., :1],
        "split_second": x[..., 1:],
        "unstack": x[:, 2],
        "tile": np.concatenate([x[:, :2]] * 2, 1),
        "repeat": x[:, [0, 0, 1, 1, 2, 2]],
        "edge": edge,
        "reflect": mirror,
        "tril": x * (row >= column),
        "triu": x * (column > row),
        "diagonal": np.stack([x[:, i, i + 1] for i in range(3)], -1),
        "diag": diag,
        "sort": np.array([[sorted(c) for c in m.T] for m in x]).transpose(0, 2, 1),
        "argsort": order.astype(np.int32),
        "top_k": np.take_along_axis(x, down, -1),
        "top_places": down.astype(np.int32),
        "one_hot": np.eye(5)[order[..., -1]],
        "logaddexp": np.maximum(x, y) * 50 + np.log1p(np.exp(-np.abs(50 * x - 50 * y))),
        "einsum": x @ y.transpose(0, 2, 1),
        "einsum_trace": (x * y).sum((1, 2)),
        "outer": x[0, 0][:, None] * y[0, 1],
        "swapped": x.transpose(0, 2, 1),
        "moved": x.transpose(2, 0, 1),
        "expanded": x[:, None],
        "squeezed": x[:, 0],
    }


def _scattered(x: Tensor, places: Tensor, updates: Tensor) -> dict[str, Tensor]:
    """x (5, 2), places (batch,) and 2 more, updates (batch, 2)."""
    places = places - 2
    return {
        "scatter_add": ops.scatter_add(x, places, updates),
        "segment_sum": ops.segment_sum(updates, places, 4),
        "segment_mean": ops.segment_mean(updates, places, 4),
        "take_columns": ops.take(x, places[:2] - 1, axis=1),
    }


def _scattered_expected(x: Array, places: Array, updates: Array) -> dict[str, Array]:
    added, sums, counts, places = x.copy(), np.zeros((4, 2)), np.zeros((4, 1)), places - 2
    for place, update in zip(places, updates, strict=True):
        added[min(max(place, 0), 4)] += update
        sums[min(max(place, 0), 3)] += update
        counts[min(max(place, 0), 3)] += 1
    columns = [min(max(int(p) - 1, 0), 1) for p in places[:2]]
    return {
        "scatter_add": added,
        "segment_sum": sums,
        "segment_mean": sums / np.maximum(counts, 1),
        "take_columns": np.stack([x[:, c] for c in columns], 1),
    }


def _fourier(x: Tensor, y: Tensor) -> dict[str, Any]:
    """Last axes of 6; x also as 5."""
    real, imaginary = ops.rfft(x)
    odd = ops.rfft(x[..., :5])
    return {
        "fft": ops.fft((x, y)),
        "ifft": ops.ifft((x, y)),
        "rfft": (real, imaginary),
        "irfft": ops.irfft((real * 2.0, imaginary), 6),
        "odd": odd,
        "irfft_odd": ops.irfft(odd, 5),
    }


def _fourier_expected(x: Array, y: Array) -> list[Array]:
    def transform(z: Array, sign: int) -> Array:
        n = z.shape[-1]
        waves = np.exp(sign * 2j * np.pi * np.outer(np.arange(n), np.arange(n)) / n)
        return z @ waves

    whole, back = transform(x + 1j * y, -1), transform(x + 1j * y, 1) / 6
    half, odd = transform(x, -1)[..., :4], transform(x[..., :5], -1)[..., :3]
    full = transform(x, -1)
    doubled = (2 * full.real + 1j * full.imag).astype(complex)
    inverse = (transform(doubled, 1) / 6).real
    return [
        whole.real, whole.imag, back.real, back.imag, half.real, half.imag, inverse,
        odd.real, odd.imag, x[..., :5],
    ]  # fmt: skip


BATCH = (None, 3, 4)
ROWS: tuple[Row | RandomRow, ...] = (
    Row(
        "smooth functions",
        _primitives("square exp2 expm1 sin cos tan arctan sinh cosh arcsinh erfc"),
        lambda: Apply(_smooth), Input((None, 5)), spread(3, 5), plain(_smooth_expected),
    ),
    Row(
        "functions of some numbers",
        _primitives("log1p log2 log10 arcsin arccos arctanh arccosh erfinv arctan2"),
        lambda: Apply(_bounded), Input((None, 5)), uniform(3, 5, low=0.1, high=0.65),
        plain(_bounded_expected),
    ),
    Row(
        "stepwise functions",
        (*_primitives("floor ceil round trunc sign isnan isinf isfinite clip remainder "
                      "floor_divide logical_xor"), *_functions("nan_to_num")),
        lambda: Apply(_stepwise), Input((None, 5)), spread(3, 5), plain(_stepwise_expected),
        gradients=False,
    ),
    Row(
        "operations on integers",
        (*_primitives("bitwise_or bitwise_not left_shift right_shift floor_divide remainder sign "
                      "clip cumsum sort prod"), *_functions("one_hot top_k")),
        lambda: Apply2(_integers), (Input((None, 4), "int"), Input((None, 4), "int")),
        (integers(3, 4, low=-(2**31), high=2**31), integers(3, 4, high=9)),
        plain(_integers_expected), gradients=False,
    ),
    Row(
        "more reductions",
        (*_primitives("prod any all argmin cumsum cumprod sort"),
         *_functions("var std logsumexp norm")),
        lambda: Apply(_reductions), Input((2, 3, 4)), spread(2, 3, 4), plain(_reductions_expected),
    ),
    Row(
        "open axes", _functions("var std top_k rfft"), lambda: Apply(_open_axes),
        Input((None, None, 4)), spread(4, 6, 4), plain(_open_axes_expected),
    ),
    Row(
        "more arrays",
        (*_primitives("flip roll sort argsort einsum"),
         *_functions("stack split unstack tile repeat edge_pad reflect_pad tril triu diagonal diag "
                     "top_k one_hot logaddexp")),
        lambda: Apply2(_arrays), (Input((2, 3, 4)), Input((2, 3, 4))),
        (spread(2, 3, 4), spread(2, 3, 4, low=-1.7, high=2.1)), plain(_arrays_expected),
    ),
    Row(
        "scattered rows", _primitives("scatter_add take"), lambda: Apply3(_scattered),
        (Input((5, 2)), Input((6,), "int"), Input((6, 2))),
        (normal(5, 2), fixed([3, 5, 3, 0, 11, 2], np.int32), normal(6, 2)),
        plain(_scattered_expected),
    ),
    Row(
        "fourier", _functions("fft ifft rfft irfft"), lambda: Apply2(_fourier),
        (Input((None, 6)), Input((None, 6))), (normal(2, 6), normal(2, 6)), plain(_fourier_expected),
    ),
    RandomRow(
        "random normal", _primitives("random_bits"),
        lambda: Apply(lambda x: ops.random_normal(x.shape)), Input((None, 128)), normal(64, 128),
        lambda x, y: e.assert_standard_normal(y),
    ),
)  # fmt: skip
