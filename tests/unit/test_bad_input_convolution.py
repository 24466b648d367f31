"""Impossible convolutions and pools are refused, with what, where and what instead."""

from __future__ import annotations

import pytest

import polydl as dl
from polydl.errors import DefinitionError, DTypeError, ShapeError

SETTINGS = [
    (lambda: dl.Conv1D(4, 3, groups=0), "Conv1D: groups must be a positive integer, got 0"),
    (lambda: dl.Conv3D(4, 3, groups=3), "3 groups do not divide 4 filters"),
    (lambda: dl.ConvTranspose2D(4, 3, groups=3), "3 groups do not divide 4 filters"),
    (lambda: dl.Conv2D(4.0, 3), "Conv2D: filters must be an integer, got 4.0"),
    (lambda: dl.Conv2D(4, (3, 3, 3)), "kernel_size must be a positive int or two, got"),
    (lambda: dl.Conv3D(4, 3, strides=0), "strides must be a positive int or three, got 0"),
    (lambda: dl.Conv2D(4, 3, dilation=(1, -1)), "dilation must be a positive int or two"),
    (lambda: dl.Conv2D(4, 3, padding=-1), "an int of 0 or more, or two .before, after.; got -1"),
    (lambda: dl.Conv2D(4, 3, padding=((-1, 0), 0)), "an int of 0 or more"),
    (lambda: dl.Conv1D(4, 3, padding="casual"), "got 'casual'. Did you mean 'causal'"),
    (lambda: dl.MaxPool2D(padding="full"), "'same', 'valid', an int of 0 or more.*got 'full'"),
    (lambda: dl.Conv2D(4, 3, padding="causal"), "is for Conv1D.*Give .before, after."),
    (lambda: dl.MaxPool1D(3, padding="causal"), "is for Conv1D.*Give .before, after."),
    (lambda: dl.ConvTranspose2D(4, 3, 2, output_padding=2), "must be below the strides 2"),
    (lambda: dl.ConvTranspose1D(4, 3, 2, output_padding=-1), "an int of 0 or more, got -1"),
    (lambda: dl.ConvTranspose2D(4, 3, 2, "same", 1), "takes no output_padding. Give padding as"),
    (lambda: dl.DepthwiseConv2D(3, 0), "depth_multiplier must be a positive integer, got 0"),
    (lambda: dl.SeparableConv2D(0, 3), "SeparableConv2D: filters must be a positive integer"),
    (lambda: dl.MaxPool2D(0), "MaxPool2D: pool_size must be a positive int or two, got 0"),
    (lambda: dl.AvgPool1D(2, strides=(2, 2)), "AvgPool1D: strides must be a positive int, got"),
    (lambda: dl.AdaptiveAvgPool2D((1, 2, 3)), "output_size must be a positive int or two, got"),
]


@pytest.mark.parametrize(("make", "text"), SETTINGS)
def test_impossible_settings(make, text):
    with pytest.raises(DefinitionError, match=text):
        make()


IMAGE = dl.Input((None, 8, 8, 4))
SERIES = dl.Input((None, 8, 4))
ANY_SIZE = dl.Input((None, None, None, 4))
CALLS = [
    (lambda: dl.Conv2D(6, 3, groups=3), IMAGE, "3 groups do not divide 4 channels"),
    (lambda: dl.ConvTranspose2D(6, 3, groups=3), IMAGE, "3 groups do not divide 4 channels"),
    (lambda: dl.Conv1D(4, 9), SERIES, "a window of 9 does not fit an axis of 8"),
    (lambda: dl.Conv1D(4, 3, dilation=4), SERIES, "a window of 9 does not fit an axis of 8"),
    (lambda: dl.ConvTranspose1D(4, 2, padding=9), SERIES, "leaves nothing of an axis of 8"),
    (lambda: dl.MaxPool2D(9), IMAGE, "a window of 9 does not fit an axis of 8"),
    (lambda: dl.MaxPool2D(2, padding=2), IMAGE, "makes windows .* of padding only"),
    (lambda: dl.AdaptiveMaxPool2D(2), ANY_SIZE, "Give dl.Input a fixed size, or use GlobalMaxPool2D"),
    (lambda: dl.Conv2D(4, 3, 2, "same"), ANY_SIZE, "'same' with stride 2 depends on the size"),
    (lambda: dl.Conv3D(4, 3), IMAGE, "depth, height, width.*4 axes.*five sizes"),
    (lambda: dl.GlobalAvgPool1D(), IMAGE, "batch, length, channels.*three sizes"),
    (lambda: dl.Conv2D(4, 3), dl.Input((None, 8, 8, None)), "number of channels is known only at"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "given", "text"), CALLS)
def test_impossible_shapes(make, given, text):
    layer = make()
    with pytest.raises(ShapeError, match=text) as caught:
        dl.trace(dl.Sequential(layer), given)
    assert str(caught.value).startswith(f"0 ({type(layer).__name__})")


def test_windows_over_integers():
    with pytest.raises(DTypeError, match="MaxPool2D takes float input"):
        dl.trace(dl.MaxPool2D(2), dl.Input((None, 8, 8, 4), "int"))
