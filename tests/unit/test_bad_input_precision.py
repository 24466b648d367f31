"""Impossible settings of mixed precision are refused, with what and what instead."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import polydl as dl
from polydl.errors import DefinitionError


def training(**settings: Any) -> dl.Training:
    return dl.Training(dl.MSE(), dl.SGD(0.1), **settings)


SETTINGS: list[tuple[Callable[[], Any], str]] = [
    (lambda: training(precision="bfloat"), "precision must be 'bfloat16' or 'float16', got 'bfloat'. "
     "Did you mean 'bfloat16'"),
    (lambda: training(precision="float32"), "or None for the net's own type, got 'float32'"),
    (lambda: training(precision=16), "precision must be 'bfloat16' or 'float16', got 16"),
    (lambda: training(precision="float16", loss_scale=1024), "loss_scale must be a dl.LossScale"),
    (lambda: training(precision="bfloat16", loss_scale=dl.LossScale()),
     'loss_scale is for precision="float16"'),
    (lambda: training(loss_scale=dl.LossScale()), 'loss_scale is for precision="float16"'),
    (lambda: dl.LossScale(0.0), "LossScale: initial must be a number above 0, got 0.0"),
    (lambda: dl.LossScale(growth=1.0), "LossScale: growth must be a number above 1, got 1.0"),
    (lambda: dl.LossScale(backoff=1.0), "LossScale: backoff must be a number between 0 and 1"),
    (lambda: dl.LossScale(growth_every=0), "growth_every must be a positive integer, got 0"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "text"), SETTINGS)
def test_impossible_settings(make: Callable[[], Any], text: str) -> None:
    with pytest.raises(DefinitionError, match=text):
        make()


def test_precision_goes_through_json() -> None:
    given = training(precision="float16", loss_scale=dl.LossScale(1024, growth_every=7))
    again = dl.Training.from_json(given.to_json())
    assert again.precision == "float16"
    assert again.loss_scale == dl.LossScale(1024.0, 7)
    assert dl.Training.from_json(training(precision="bfloat16").to_json()).precision == "bfloat16"
