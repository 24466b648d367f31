"""Derivatives of the oracle by finite differences, to hold a backend's gradients against.

A point is a dict of float64 arrays by name, such as weights by path. So are directions and
gradients.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Point = Mapping[str, Array]
Function = Callable[[dict[str, Array]], float]

_RADII = tuple(2.0**-power for power in range(6, 15))  # 1.6e-2 down to 6e-5, each half of the last


def directional_derivative(f: Function, x: Point, direction: Point, h: float) -> float:
    """d/dt f(x + t direction) at t = 0, from f at t = -2h, -h, h, 2h. Its error is of order h^4."""
    near, far = (_difference(f, x, direction, radius) for radius in (h, 2 * h))
    return _five_point(near, far, h)


def _difference(f: Function, x: Point, direction: Point, t: float) -> float:
    """f(x + t direction) - f(x - t direction)."""
    forward, back = ({k: x[k] + s * t * direction[k] for k in x} for s in (1.0, -1.0))
    return float(f(forward)) - float(f(back))


def _five_point(near: float, far: float, h: float) -> float:
    return (8.0 * near - far) / (12.0 * h)


def one_sided_derivatives(
    f: Function, x: Point, direction: Point, h: float = 2.0**-13
) -> tuple[float, float]:
    """(from the left, from the right): f's slopes along `direction` on both sides of x, to h^2.

    They differ where f has a kink at x, or nearer to it than h.
    """
    middle = float(f(dict(x)))

    def slope(sign: float) -> float:
        near, far = (float(f({k: x[k] + sign * t * direction[k] for k in x})) for t in (h, 2 * h))
        return sign * (4 * near - far - 3 * middle) / (2 * h)

    return slope(-1.0), slope(1.0)


@dataclass(frozen=True)
class DirectionalDerivative:
    """A derivative along `direction`, and an estimate of its own error.

    An error much above 1e-10 of the value says that f is not smooth near x: a kink lies closer than
    the smallest step.
    """

    direction: dict[str, Array]
    value: float
    error: float
    step: float

    def difference(self, gradient: Point) -> float:
        """How far `gradient`, projected on the direction, is from the value, relative to it.

        Relative to the larger of |value| and 1/1000 of the gradient's norm: a direction that
        happens to be nearly level must not ask for what rounding forbids.
        """
        return abs(project(gradient, self.direction) - self.value) / self.scale(gradient)

    def scale(self, gradient: Point) -> float:
        """What `difference` is relative to."""
        norm = float(np.sqrt(sum(np.sum(np.square(g)) for g in gradient.values())))
        return max(abs(self.value), 1e-3 * norm, float(np.finfo(np.float64).tiny))


def random_direction(x: Point, seed: int) -> dict[str, Array]:
    """A direction of length 1, uniform over the sphere of all the arrays together."""
    rng = np.random.default_rng(seed)
    drawn = {name: rng.standard_normal(np.shape(x[name])) for name in sorted(x)}
    length = np.sqrt(sum(np.sum(d * d) for d in drawn.values()))
    return {name: drawn[name] / length for name in x}


def project(gradient: Point, direction: Point) -> float:
    """The derivative along `direction` that a gradient implies: their inner product."""
    return float(sum(np.sum(np.asarray(gradient[k], np.float64) * direction[k]) for k in direction))


def check_direction(f: Function, x: Point, seed: int = 0) -> DirectionalDerivative:
    """The five-point derivative of f at x along a random direction, with a step fit for float64.

    Of a row of halving steps, the one is taken whose result moves least when it is halved: there
    neither truncation nor rounding weighs much. Good to about 1e-10 of the value for smooth f.
    """
    direction = random_direction(x, seed)
    differences = [_difference(f, x, direction, radius) for radius in _RADII]
    estimates = [
        (_five_point(near, far, h), h)
        for (far, near), h in zip(pairwise(differences), _RADII[1:], strict=True)
    ]
    moves = [abs(finer - coarser) for (coarser, _), (finer, _) in pairwise(estimates)]
    best = int(np.argmin(moves))
    value, step = estimates[best + 1]
    return DirectionalDerivative(direction, value, moves[best], step)
