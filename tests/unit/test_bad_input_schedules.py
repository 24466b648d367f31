"""Impossible schedules are refused, with what, where and what instead."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

import polydl as dl
from polydl import ops
from polydl.errors import DefinitionError, DTypeError, PolydlError, ShapeError

SETTINGS = [
    (lambda: dl.CosineDecay(-0.1, 10), "CosineDecay: initial must be a number of 0 or more"),
    (lambda: dl.CosineDecay(0.1, 10, float("inf")), "final must be a number of 0 or more, got inf"),
    (lambda: dl.CosineDecay(0.1, 0), "steps must be a positive integer, got 0"),
    (lambda: dl.CosineDecay(0.1, 10.0), "steps must be an integer, got 10.0"),
    (lambda: dl.CosineDecay("0.1", 10), "initial must be a number, got '0.1'"),
    (lambda: dl.CosineRestarts(0.1, 10, t_mul=1.5), "t_mul must be an integer, got 1.5"),
    (lambda: dl.StepDecay(0.1, 10, 0.0), "factor must be a number above 0"),
    (lambda: dl.MultiStepDecay(0.1, [20, 10]), "boundaries must be above 0 and increase, got"),
    (lambda: dl.MultiStepDecay(0.1, [0, 10]), "boundaries must be above 0 and increase, got"),
    (lambda: dl.MultiStepDecay(0.1, []), "boundaries must be a list of integers"),
    (lambda: dl.MultiStepDecay(0.1, [0.5]), "boundaries must be a list of integers"),
    (lambda: dl.Piecewise([10], [0.1]), "1 boundary parts 2 values, got 1"),
    (lambda: dl.Piecewise([10, 20], [0.1]), "2 boundaries part 3 values, got 1"),
    (lambda: dl.Piecewise([10], 0.1), "values must be a list of numbers and schedules"),
    (lambda: dl.Piecewise([10], [0.1, -0.1]), r"values\[1\] must be a number of 0 or more"),
    (lambda: dl.Warmup("cosine", 10), "got 'cosine'. Did you mean dl.CosineDecay(...)"),
    (lambda: dl.Warmup("noam", 10), "got 'noam'. Did you mean dl.InverseSqrt(...)"),
    (lambda: dl.Warmup("step_decay", 10), "Did you mean dl.StepDecay(...)"),
    (lambda: dl.Warmup("onecycel", 10), "Did you mean dl.OneCycle(...)"),
    (lambda: dl.Warmup(dl.CosineDecay, 10), "is the class dl.CosineDecay; give it its settings"),
    (lambda: dl.Warmup(dl.Adam(), 10), "schedule must be a number or a dl.Schedule"),
    (lambda: dl.Warmup(lambda step: 0.1, 10), "A function is made one as the __call__ of a data"),
    (lambda: dl.Warmup(0.1, 10, start=-1.0), "start must be a number of 0 or more"),
    (lambda: dl.OneCycle(0.1, 3), "pct_start=0.3 of 3 steps"),
    (lambda: dl.OneCycle(0.1, 100, 0.6, three_phase=True), "pct_start=0.6 of 100 steps"),
    (lambda: dl.OneCycle(0.1, 100, anneal="cos"), "unknown anneal 'cos'. Did you mean 'cosine'"),
    (lambda: dl.InverseSqrt.noam(0), "model_size must be a positive integer"),
    (lambda: dl.Constant(0.1).at(-1), "a step is an integer of 0 or more, got -1"),
    (lambda: dl.Constant(0.1).at(0.5), "a step is an integer of 0 or more, got 0.5"),
]


@pytest.mark.parametrize(("make", "text"), SETTINGS)
def test_impossible_settings(make: Callable[[], Any], text: str) -> None:
    with pytest.raises(DefinitionError, match=text):
        make()


def test_a_misspelt_name() -> None:
    with pytest.raises(AttributeError, match="Did you mean 'CosineDecay'"):
        _ = dl.CosinDecay


def own(definition: Callable[[Any, Any], Any]) -> dl.Schedule:
    @dataclass
    class Own(dl.Schedule):
        def __call__(self, step: Any) -> Any:
            return definition(self, step)

    return Own()


DEFINITIONS: list[tuple[Callable[[Any, Any], Any], type[PolydlError], str]] = [
    (lambda s, step: step, ShapeError, r"is one float, got int\[\]. An int is made one"),
    (lambda s, step: (step / 2, step / 3), ShapeError, "is one float, got 2 results"),
    (lambda s, step: ops.zeros((3,)), ShapeError, r"is one float, got float\[3\]"),
    (lambda s, step: 0.1 if step < 3 else 0.2, DefinitionError, "Own: the truth value of a tensor"),
    (lambda s, step: 0.1 * step, DTypeError, "Own: multiply: a Python float does not combine"),
    (lambda s, step: ops.erfinv(0.5 / (step + 1)), DefinitionError, "'erfinv' has no counterpart"),
    (lambda s, step: ops.sum(ops.arange(3.0)), DefinitionError, "'arange' gives an array. Use"),
]


@pytest.mark.parametrize(("definition", "kind", "text"), DEFINITIONS)
def test_definitions_that_give_no_rate(
    definition: Callable[[Any, Any], Any], kind: type[PolydlError], text: str
) -> None:
    with pytest.raises(kind, match=text):
        own(definition).at(3)


def test_settings_that_nobody_knows() -> None:
    class Plain(dl.Schedule):
        def __call__(self, step: Any) -> Any:
            return step / 2

    with pytest.raises(DefinitionError, match="Plain must be a dataclass of its settings"):
        Plain().at(0)
