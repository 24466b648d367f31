"""Impossible normalisation is refused, with what, where and what instead."""

from __future__ import annotations

import pytest

import polydl as dl
from polydl.errors import DefinitionError, ShapeError

SETTINGS = [
    (lambda: dl.GroupNorm(0), "groups must be a positive integer"),
    (lambda: dl.GroupNorm(2, epsilon=-1.0), "epsilon must be at least 0.0"),
    (lambda: dl.InstanceNorm(epsilon=1.0), "epsilon must be at least 0.0 and below 1.0"),
    (lambda: dl.LayerNorm(axes=(1, 1)), r"different ones and not the batch's, 0, got \(1, 1\)"),
    (lambda: dl.LayerNorm(axes=(0, 1)), "not the batch's"),
    (lambda: dl.LayerNorm(axes=()), "axes is an integer or several"),
    (lambda: dl.LayerNorm(axes="last"), "axes is an integer or several"),
    (lambda: dl.WeightNorm(dl.relu), "WeightNorm takes a layer such as dl.Dense"),
    (
        lambda: dl.WeightNorm(dl.SpectralNorm(dl.Dense(2))),
        r"SpectralNorm is none.*name=\(\"kernel\"",
    ),
    (lambda: dl.WeightNorm(dl.Dense(2), ()), "a parameter's, or a tuple of different ones"),
    (lambda: dl.WeightNorm(dl.Dense(2), ("kernel", "kernel")), "a tuple of different ones"),
    (lambda: dl.SpectralNorm(dl.Dense(2), 0), "power_iterations must be a positive integer"),
    (lambda: dl.SpectralNorm(dl.Dense(2), epsilon=-1e-12), "epsilon must be at least 0.0"),
    (lambda: dl.WeightNorm(dl.Dense(2), scale_initializer="one"), "unknown initializer"),
]
SHAPES = [
    (dl.GroupNorm(4), (None, 6), "4 groups do not divide 6 channels"),
    (dl.InstanceNorm(), (None, 6), "several places between"),
    (dl.InstanceNorm(), (None, 1, 1, 6), "nothing would be left but the bias"),
    (dl.LayerNorm(axes=3), (None, 4, 6), "axis 3 is out of range for 3 axes"),
    (dl.LayerNorm(axes=(-1, 2)), (None, 4, 6), "names an axis twice"),
    (dl.LayerNorm(axes=-3), (None, 4, 6), "hold the batch's"),
    (dl.LayerNorm(axes=(1, 2)), (None, None, 6), "known only at run time"),
]


@pytest.mark.parametrize(("make", "text"), SETTINGS)
def test_impossible_settings(make, text):
    with pytest.raises(DefinitionError, match=text):
        make()


@pytest.mark.parametrize(("layer", "shape", "text"), SHAPES)
def test_impossible_shapes(layer, shape, text):
    with pytest.raises(ShapeError, match=text):
        dl.compile(dl.Sequential(layer), dl.Input(shape), backend="reference")
