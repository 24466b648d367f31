"""Impossible penalties, averages and noise are refused, with what and what instead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

import polydl as dl
from polydl.backend import Options, get_backend, installed_backends
from polydl.errors import BackendError, DefinitionError, ShapeError

BACKENDS = [b.name for b in installed_backends() if not b.missing and not b.problem]
FROZEN = [dl.ParameterGroup("*.kernel", frozen=True)]


def training(**settings: Any) -> dl.Training:
    return dl.Training(dl.MSE(), dl.SGD(0.1), **settings)


def emitted(backend: str, model: dl.Module, **settings: Any) -> str:
    program = dl.trace(model, dl.Input((None, 5, 3)))
    return get_backend(backend).emit_training(program, training(**settings), Options()).source


SETTINGS = [
    (lambda: dl.L2(-0.1), "L2: rate must be at least 0"),
    (lambda: dl.L1("small"), "L1: rate must be a number"),
    (lambda: dl.L1(0.1, where=["*.kernel"]), "L1: where must be text"),
    (lambda: dl.L1(0.1, where=""), "L1: where must be a pattern of paths such as"),
    (lambda: training(penalties=dl.L2(0.1)), r"penalties must be dl.Penalty objects such as dl.L2"),
    (lambda: dl.EMA(1.0), "EMA: decay must be at least 0.0 and below 1.0"),
    (lambda: dl.EMA("slow"), "EMA: decay must be a number"),
    (lambda: dl.SWA(0), "SWA: start must be a number of updates from 1 on, got 0"),
    (lambda: dl.SWA(10, every=0.5), "SWA: every must be an integer"),
    (lambda: dl.GradientNoise(-0.1), "GradientNoise: eta must be at least 0"),
    (lambda: dl.GradientNoise(0.1, "slow"), "GradientNoise: gamma must be a"),
    (lambda: training(gradient_noise=0.1), r"gradient_noise must be dl.GradientNoise\(0.01\), say"),
    (lambda: training(average=0.999), r"average must be a dl.Average such as dl.EMA\(0.999\), or None"),
    (lambda: training(penalties=[0.1]), r"dl.L2\(1e-4\), in a list, got \[0.1\]"),
]  # fmt: skip
MODELS = [
    ({"penalties": [dl.L2(0.1, where="*.kernle")]}, "kernle' matches no parameter.*Did you mean"),
    ({"penalties": [dl.L2(0.1)], "groups": FROZEN}, "L2: all parameters that it is of are frozen"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "text"), SETTINGS)
def test_impossible_settings(make, text):
    with pytest.raises(DefinitionError, match=text):
        make()


@pytest.mark.parametrize(("settings", "text"), MODELS)
def test_settings_that_do_not_fit_the_model(settings, text):
    with pytest.raises(DefinitionError, match=text):
        emitted(BACKENDS[0], dl.Sequential(dl.Dense(2)), **settings)


@dataclass
class Own(dl.Penalty):
    """p^4 beyond a border."""

    rate: float
    where: str | None = None
    border: float = 1.0

    def values(self, parameter):
        return dl.ops.maximum(dl.ops.absolute(parameter) - self.border, 0.0) ** 4


@dataclass
class Whole(Own):
    def values(self, parameter):
        return dl.ops.sum(parameter)


def test_a_penalty_of_a_whole_parameter():
    with pytest.raises(ShapeError, match="Whole: values must be a float for each number"):
        emitted(BACKENDS[0], dl.Sequential(dl.Dense(2)), penalties=[Whole(0.1)])


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_penalty_of_ones_own(backend):
    text = emitted(backend, dl.Sequential(dl.Dense(2)), penalties=[Own(0.1, None, 0.25), Own(0.3)])
    assert "sum(own(p, 0.25) for p in" in text
    assert "sum(own(p, 1.0) for p in" in text


@pytest.mark.skipif("keras" not in BACKENDS, reason="a variable of Keras")
def test_parameters_that_share_a_variable():
    """A GRU's two biases are one variable of Keras'."""
    model = dl.Sequential(dl.GRU(3), dl.Dense(2))
    with pytest.raises(
        BackendError, match=r"0\.bias and 0\.recurrent_bias are one variable in Keras"
    ):
        emitted("keras", model, penalties=[dl.L2(0.1, where="*.bias")])
    assert "penalty" in emitted("keras", model, penalties=[dl.L2(0.1, where="*bias")])


@dataclass
class Twice(dl.Average):
    def weight(self, step):
        return step


def test_an_average_without_a_weight():
    with pytest.raises(ShapeError, match="Twice: the weight of a step is one float"):
        emitted(BACKENDS[0], dl.Sequential(dl.Dense(2)), average=Twice())


def test_through_json():
    given = training(penalties=[dl.L1(1e-5), dl.L2(1e-4, where="*.kernel")])
    back = dl.Training.from_json(given.to_json())
    assert [(p.kind, p.config()) for p in back.penalties] == [
        (p.kind, p.config()) for p in given.penalties
    ]
    noise = training(gradient_noise=dl.GradientNoise(0.3, gamma=0.5))
    assert dl.Training.from_json(noise.to_json()).gradient_noise == dl.GradientNoise(0.3, 0.5)
    swa = dl.Training.from_json(training(average=dl.SWA(10, 2)).to_json()).average
    assert (swa.start, swa.every) == (10, 2)
    with pytest.raises(DefinitionError, match="Own is not one of polydl's own"):
        training(penalties=[Own(0.1)]).to_json()
