"""Impossible normalisation is refused, with what, where and what instead."""

from __future__ import annotations

import pytest

import polydl as dl
from polydl.errors import DefinitionError, ShapeError

SETTINGS = [
    (lambda: dl.GroupNorm(0), "groups must be a positive integer"),
    (lambda: dl.GroupNorm(2, epsilon=-1.0), "epsilon must be at least 0.0"),
]


@pytest.mark.parametrize(("make", "text"), SETTINGS)
def test_impossible_settings(make, text):
    with pytest.raises(DefinitionError, match=text):
        make()


def test_groups_that_do_not_divide_the_channels():
    with pytest.raises(ShapeError, match="4 groups do not divide 6 channels"):
        dl.compile(dl.Sequential(dl.GroupNorm(4)), dl.Input((None, 6)), backend="reference")
