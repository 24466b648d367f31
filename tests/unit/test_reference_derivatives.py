"""The oracle's derivatives along directions, against gradients written by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.special
from reference_helpers import normal, rng

import polydl as dl
from polydl import ops
from polydl.reference import Held, Interpreter
from polydl.reference.gradients import (
    check_direction,
    directional_derivative,
    project,
    random_direction,
)


def smooth(x):
    return float(np.sum(np.sin(x["a"])) * np.exp(0.3 * x["b"].sum()) + np.sum(x["a"] ** 3))


def smooth_gradient(x):
    sines, growth = np.sum(np.sin(x["a"])), np.exp(0.3 * x["b"].sum())
    ones = np.ones_like(x["b"])
    return {"a": np.cos(x["a"]) * growth + 3 * x["a"] ** 2, "b": 0.3 * sines * growth * ones}


POINT = {"a": normal(3, 4, seed=1), "b": normal(5, seed=2)}


def test_five_point_derivative_is_of_fourth_order():
    direction = random_direction(POINT, 0)
    exact = project(smooth_gradient(POINT), direction)
    errors = [
        abs(directional_derivative(smooth, POINT, direction, h) - exact) for h in (0.4, 0.2, 0.1)
    ]
    assert errors[0] / errors[1] == pytest.approx(16, rel=0.1)
    assert errors[1] / errors[2] == pytest.approx(16, rel=0.1)
    cubic = {"x": np.array(2.0)}
    quartic = directional_derivative(lambda p: float(p["x"] ** 4), cubic, {"x": np.array(1.0)}, 0.5)
    assert quartic == pytest.approx(32.0, rel=1e-14)  # exact up to degree four


@pytest.mark.parametrize("seed", range(10))
def test_derivative_along_random_directions(seed):
    check = check_direction(smooth, POINT, seed)
    gradient = smooth_gradient(POINT)
    length = math.sqrt(sum(np.sum(d**2) for d in check.direction.values()))
    assert length == pytest.approx(1.0)
    assert check.difference(gradient) < 1e-10
    assert check.error < 1e-9 * abs(check.value)
    wrong = {**gradient, "b": gradient["b"] * (1 + 1e-6)}
    assert check.difference(wrong) > 1e-8


def test_directions_are_seeded_and_differ():
    one, again, other = (random_direction(POINT, seed)["a"] for seed in (0, 0, 1))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


def test_a_kink_shows_in_the_error():
    kinked = lambda x: float(np.abs(x["a"] - 1e-6).sum() + np.sin(3 * x["a"]).sum())
    check = check_direction(kinked, {"a": np.zeros(1)})
    assert check.error > 1e-8


def test_derivative_of_a_model_against_its_analytic_gradient():
    """Softmax regression: d loss / d kernel = x^T (p - onehot) / n."""
    x, labels = normal(20, 4, seed=1), rng(2).integers(0, 3, 20).astype(np.int32)

    class Regression(dl.Module):
        def __init__(self):
            self.dense, self.loss = dl.Dense(3), dl.CrossEntropy()

        def __call__(self, x, labels):
            return self.loss(self.dense(x), labels)

    program = dl.trace(Regression(), (dl.Input((None, 4)), dl.Input((None,), "int")))
    interpreter = Interpreter(program)
    weights = {"dense.kernel": normal(4, 3, seed=3), "dense.bias": normal(3, seed=4)}
    p = scipy.special.softmax(x @ weights["dense.kernel"] + weights["dense.bias"], -1)
    error = (p - np.eye(3)[labels]) / 20
    gradient = {"dense.kernel": x.T @ error, "dense.bias": error.sum(0)}
    f = lambda w: float(interpreter.run(w, [x, labels])[0][0])
    assert check_direction(f, weights).difference(gradient) < 1e-10


def test_stop_gradient_is_held_fixed():
    class Stopped(dl.Module):
        def __call__(self, x):
            return ops.sum(x * dl.stop_gradient(x * x))

    interpreter = Interpreter(dl.trace(Stopped(), dl.Input((3,))))
    point, held = {"x": normal(3)}, Held()
    f = lambda p: float(interpreter.run({}, [p["x"]], held=held)[0][0])
    assert f(point) == pytest.approx(np.sum(point["x"] ** 3))
    assert check_direction(f, point).difference({"x": point["x"] ** 2}) < 1e-10
    free = lambda p: float(interpreter.run({}, [p["x"]])[0][0])
    assert check_direction(free, point).difference({"x": 3 * point["x"] ** 2}) < 1e-10
