"""Impossible settings of optimizers are refused, with what and what instead."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest

import polydl as dl
from polydl.errors import DefinitionError
from polydl.spec.registry import CLASSES

SETTINGS = [
    (lambda: dl.SGD("cosine"), r"learning_rate is a number or a dl.Schedule.* dl.CosineDecay"),
    (lambda: dl.AdamW(-0.1), "AdamW: learning_rate must be a number of 0 or more"),
    (lambda: dl.Lion(float("inf")), "Lion: learning_rate must be a number of 0 or more"),
    (lambda: dl.LAMB(True), "LAMB: learning_rate must be a number"),
    (lambda: dl.SGD(nesterov=True), "nesterov needs a momentum above 0"),
    (lambda: dl.SGD(momentum=0.9, nesterov=True, dampening=0.1), "and no dampening"),
    (lambda: dl.SGD(dampening=0.1), "dampening is about momentum, which is 0"),
    (lambda: dl.SGD(weight_decay=-0.1), "SGD: weight_decay must be at least 0"),
    (lambda: dl.AdamW(beta2=1.0), "AdamW: beta2 must be at least 0.0 and below 1.0"),
    (lambda: dl.NAdam(momentum_decay=-1.0), "NAdam: momentum_decay must be at least 0"),
    (lambda: dl.RAdam(beta2=0.5), "RAdam: beta2 must be above 0.6"),
    (lambda: dl.RMSprop(rho=1.0), "RMSprop: rho must be at least 0.0 and below 1.0"),
    (lambda: dl.RMSprop(epsilon=0.0), "RMSprop: epsilon must be a number above 0"),
    (lambda: dl.RMSprop(centered=1), "RMSprop: centered must be True or False"),
    (lambda: dl.Adagrad(initial_sum=-1.0), "Adagrad: initial_sum must be at least 0"),
    (lambda: dl.Adadelta(rho=1.5), "Adadelta: rho must be at least 0.0 and below 1.0"),
    (lambda: dl.Adafactor(clip_threshold=0.0), "Adafactor: clip_threshold must be a number above 0"),
    (lambda: dl.Muon(adjustment="match_adamw"), "no adjustment 'match_adamw'. Did you mean 'match_rms"),
    (lambda: dl.Muon(coefficients=(2.0, -1.5)), "three coefficients are needed"),
    (lambda: dl.Muon(exclude="*table"), "exclude must be a list of patterns"),
    (lambda: dl.Muon(adamw_beta1=1.0), "AdamW: beta1 must be at least 0.0 and below 1.0"),
    (lambda: dl.Muon(iterations=0), "Muon: iterations must be a positive integer"),
]  # fmt: skip


def of(**settings: Any) -> dl.Training:
    return dl.Training(dl.MSE(), dl.SGD(0.1), **settings)


TRAININGS = [
    (lambda: of(clip_norm=math.inf), "clip_norm must be a number above 0; leave it out to clip noth"),
    (lambda: of(clip_value=math.nan), "clip_value must be a number above 0; leave it out to clip not"),
    (lambda: of(decayed=None), "decayed must be 'matrices', 'all' or a list of patterns, got None"),
    (lambda: of(decayed=["*kernel", 3]), "decayed must be 'matrices', 'all' or a list of patterns"),
    (lambda: of(seed=np.int64(-1)), "seed must be an integer of 0 or more"),
    (lambda: dl.Muon(coefficients=(3.4, -4.8, math.inf)), "Muon: coefficients must be finite"),
    (lambda: dl.ParameterGroup("*", settings={"epsilon": math.inf}), "settings must be finite.*leave"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "text"), SETTINGS + TRAININGS)
def test_impossible_settings(make, text):
    with pytest.raises(DefinitionError, match=text):
        make()


def test_a_seed_of_numpy_is_one_of_python():
    assert type(of(seed=np.int64(3)).seed) is int


NEEDED = {"int": 16, "float": 0.5, "Rate": 0.1}
NUMBERS = [
    (cls, field.name, {f.name: NEEDED[str(f.type)] for f in needed})
    for cls in (getattr(dl, name) for name in dir(dl))
    if cls in CLASSES.values()
    for needed in [[f for f in dataclasses.fields(cls) if f.default is f.default_factory]]
    if all(str(f.type) in NEEDED for f in needed)
    for field in dataclasses.fields(cls)
    if "float" in str(field.type) and "[" not in str(field.type)
]


@pytest.mark.parametrize(("cls", "name", "needed"), NUMBERS)
@pytest.mark.parametrize("number", [math.inf, -math.inf, math.nan])
def test_no_part_takes_an_infinity(cls, name, needed, number):
    cls(**needed)
    with pytest.raises(DefinitionError):
        cls(**{**needed, name: number})
