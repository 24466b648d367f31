"""Rows of dropout of whole parts, PReLU, and padding in an embedding."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from polydl import layers
from polydl.conformance import expectations as e
from polydl.conformance.row import RANDOM_SEED, Array, Part, RandomRow, Row, Weights, several
from polydl.conformance.samplers import normal, spread
from polydl.spec.input import Input
from polydl.spec.module import Sequential

_PATH, _SPATIAL = "polydl:DropPath@1", tuple(f"polydl:SpatialDropout{n}D@1" for n in (1, 2, 3))


def _kept(parts: tuple[int, ...], rate: float) -> Callable[..., Any]:
    """The portable mask of one draw a part, read off the dropout of ones."""

    def expected(w: Weights, given: list[Array], training: bool) -> tuple[list[Array], Any]:
        x, step = given[0], int(given[1])
        if not training:
            return [x], {}
        return [x * e.dropout(np.ones(parts), rate, RANDOM_SEED, "0", step)], {}

    return expected


def _parts(shape: tuple[int, ...], rate: float) -> Callable[[Array, Array], None]:
    """Each part is 0 as a whole, or x / (1 - rate); the share of zeros is the rate."""

    def verify(x: Array, y: Array) -> None:
        ratio = (y / x).astype(np.float64)
        np.testing.assert_allclose(ratio, np.broadcast_to(_first(ratio, shape), x.shape), rtol=1e-5)
        share = float((_first(ratio, shape) == 0).mean())
        spread = np.sqrt(rate * (1 - rate) / np.prod(shape))
        assert abs(share - rate) < 5 * spread, f"{share} of the parts dropped, not {rate}"
        kept = ratio[ratio != 0]
        np.testing.assert_allclose(kept, 1 / (1 - rate), rtol=1e-5)

    return verify


def _first(x: Array, shape: tuple[int, ...]) -> Array:
    first: Array = x[tuple(slice(size) for size in shape)]
    return first


def _prelu(w: Weights, x: Array, training: bool) -> Array:
    result: Array = np.maximum(x, 0) + w["slope"] * np.minimum(x, 0)
    return result


ROWS: tuple[Row | RandomRow, ...] = (
    Row(
        "drop path, portable", (_PATH,), lambda: Sequential(layers.DropPath(0.4)),
        Input((None, 3, 2)), normal(6, 3, 2), _kept((6, 1, 1), 0.4), modes=(False, True),
        portable=True,
    ),
    RandomRow(
        "drop path, random", (_PATH,), lambda: Sequential(layers.DropPath(0.3)),
        Input((None, 4)), normal(4000, 4, mean=9.0), _parts((4000, 1), 0.3),
    ),
    *(
        Row(
            f"spatial dropout {n}D, portable", (_SPATIAL[n - 1],),
            lambda n=n: Sequential(getattr(layers, f"SpatialDropout{n}D")(0.4)),  # type: ignore[misc]
            Input((None, *(2,) * n, 5)), normal(3, *(2,) * n, 5), _kept((3, *(1,) * n, 5), 0.4),
            modes=(False, True), portable=True,
        )
        for n in (1, 2, 3)
    ),
    *(
        RandomRow(
            f"spatial dropout {n}D, random", (_SPATIAL[n - 1],),
            lambda n=n: Sequential(getattr(layers, f"SpatialDropout{n}D")(0.3)),  # type: ignore[misc]
            Input((None, *(2,) * n, 5)), normal(800, *(2,) * n, 5, mean=9.0),
            _parts((800, *(1,) * n, 5), 0.3),
        )
        for n in (1, 2, 3)
    ),
    several(
        "prelu", ("polydl:PReLU@1",), Input((None, 3, 4)), spread(2, 3, 4),
        each=Part(layers.PReLU, _prelu), shared=Part(lambda: layers.PReLU(shared=True), _prelu),
    ),
)  # fmt: skip
