"""Rows of convolutions and pools, over one, two and three axes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from polydl import layers, ops
from polydl.conformance import expectations_windows as e
from polydl.conformance.row import Part, Row, Several, TieRow, several
from polydl.conformance.samplers import fixed, normal, spread
from polydl.spec.input import Input

PRIMITIVE_CONV, PRIMITIVE_TRANSPOSE = "primitive:conv", "primitive:conv_transpose"
MAX, SUM = "primitive:window_max", "primitive:window_sum"


def _kinds(*names: str) -> tuple[str, ...]:
    return tuple(f"polydl:{name}@1" for name in names)


def _part(layer: Callable[..., Any], formula: Callable[..., e.Formula]) -> Callable[..., Part]:
    """Parts of a layer whose formula takes the same options."""
    return lambda *args, **options: Part(lambda: layer(*args, **options), formula(**options))


_conv1d, _conv, _conv3d = (
    _part(layer, e.conv) for layer in (layers.Conv1D, layers.Conv2D, layers.Conv3D)
)
_up1d, _up, _up3d = (
    _part(layer, e.conv_transpose)
    for layer in (layers.ConvTranspose1D, layers.ConvTranspose2D, layers.ConvTranspose3D)
)
_depthwise = _part(layers.DepthwiseConv2D, e.depthwise)
_separable = _part(layers.SeparableConv2D, e.separable)


def _pool(layer: Callable[..., Any], reduce: e.Reduce) -> Callable[..., Part]:
    def part(*geometry: Any, **options: Any) -> Part:
        return Part(lambda: layer(*geometry, **options), e.pool(reduce, *geometry, **options))

    return part


_max, _average = _pool(layers.MaxPool2D, e.largest), _pool(layers.AvgPool2D, e.average)
_max1d, _average1d = _pool(layers.MaxPool1D, e.largest), _pool(layers.AvgPool1D, e.average)
_max3d, _average3d = _pool(layers.MaxPool3D, e.largest), _pool(layers.AvgPool3D, e.average)


def _adaptive(layer: Callable[..., Any], reduce: e.Reduce, size: Any) -> Part:
    return Part(lambda: layer(size), e.adaptive(reduce, size))


def _window_sum(x: Any) -> Any:
    return ops.window_sum(x, window=(2, 3), strides=(1, 2), padding=((1, 0), (0, 2)))


def _pools(pool: Any) -> dict[str, Part]:
    return {
        "two": pool(2),
        "wide": pool((2, 3), (1, 2)),
        "overlapping": pool(3, 1),
        "same": pool(3, 2, padding="same"),
        "same_even_window": pool(2, 1, padding="same"),
        "same_window_its_own_stride": pool(4, padding="same"),
        "padded": pool(3, 2, padding=1),
        "padded_on_one_side": pool(2, 2, padding=((1, 0), (0, 1))),
    }


ROWS: tuple[Row, ...] = (
    several(
        "conv", (*_kinds("Conv2D"), PRIMITIVE_CONV), Input((None, 6, 7, 4)), normal(2, 6, 7, 4),
        valid=_conv(4, 3),
        **{
            "one_by_one": _conv(4, 1),
            "no_bias": _conv(4, 3, use_bias=False),
            "one_filter": _conv(1, 2),
            "rectangular": _conv(3, (2, 3)),
            "stride": _conv(4, 3, strides=2),
            "strides_differ": _conv(4, 2, strides=(2, 1)),
            "dilation": _conv(4, 2, dilation=2),
            "dilations_differ": _conv(2, 2, dilation=(1, 3)),
        },
    ),
    several(
        "conv, same", (*_kinds("Conv2D"), PRIMITIVE_CONV), Input((None, 6, 7, 2)),
        normal(2, 6, 7, 2),
        odd=_conv(3, 3, padding="same"),
        even=_conv(3, 2, padding="same"),
        **{
            "stride_even_kernel": _conv(3, 4, strides=2, padding="same"),
            "stride_odd_kernel": _conv(3, 3, strides=2, padding="same"),
            "stride_above_kernel": _conv(3, 1, strides=2, padding="same"),
            "dilation": _conv(3, 3, dilation=2, padding="same"),
        },
    ),
    several(
        "conv, padded", (*_kinds("Conv2D"), PRIMITIVE_CONV), Input((None, 5, 4, 2)),
        normal(2, 5, 4, 2),
        number=_conv(2, 3, padding=1),
        axes=_conv(2, 3, padding=(1, 2)),
        sides=_conv(2, 3, padding=((2, 0), (0, 1))),
        both=_conv(2, 2, padding=1, strides=2, dilation=2),
    ),
    several(
        "conv, groups", (*_kinds("Conv2D"), PRIMITIVE_CONV), Input((None, 5, 5, 4)),
        normal(2, 5, 5, 4),
        groups=_conv(6, 3, groups=2),
        depthwise=_conv(4, 3, groups=4, padding="same"),
        multiplier=_conv(8, 3, groups=4, strides=2),
    ),
    several(
        "conv, unknown sizes", _kinds("Conv2D"), Input((None, None, None, 3)), normal(2, 5, 6, 3),
        resized=normal(1, 7, 4, 3),
        same=_conv(4, 3, padding="same"), valid=_conv(4, 3, strides=2),
    ),
    several(
        "conv 1d", (*_kinds("Conv1D"), PRIMITIVE_CONV), Input((None, 8, 4)), normal(2, 8, 4),
        valid=_conv1d(3, 3),
        same=_conv1d(3, 4, padding="same"),
        causal=_conv1d(3, 3, padding="causal"),
        padded=_conv1d(3, 3, padding=(2, 0), strides=2),
        number=_conv1d(3, 3, padding=1, use_bias=False),
        groups=_conv1d(6, 2, groups=2),
        **{
            "same_stride": _conv1d(3, 3, padding="same", strides=3),
            "causal_stride": _conv1d(3, 2, padding="causal", strides=2),
            "causal_dilation": _conv1d(3, 2, padding="causal", dilation=3),
        },
    ),
    several(
        "conv 1d, unknown size", _kinds("Conv1D"), Input((None, None, 3)), normal(2, 5, 3),
        resized=normal(1, 7, 3),
        causal=_conv1d(4, 3, padding="causal"), same=_conv1d(4, 2, padding="same"),
    ),
    several(
        "conv 3d", (*_kinds("Conv3D"), PRIMITIVE_CONV), Input((None, 4, 5, 4, 2)),
        normal(1, 4, 5, 4, 2),
        valid=_conv3d(2, 2),
        same=_conv3d(2, (3, 2, 1), padding="same", strides=2),
        padded=_conv3d(2, 2, padding=((1, 0), 0, (0, 1)), dilation=(1, 2, 1), use_bias=False),
        groups=_conv3d(4, 2, strides=(1, 2, 1), padding=1, groups=2),
    ),
    several(
        "depthwise conv", (*_kinds("DepthwiseConv2D"), PRIMITIVE_CONV), Input((None, 5, 6, 3)),
        normal(2, 5, 6, 3),
        valid=_depthwise(3),
        same=_depthwise(3, strides=2, padding="same"),
        multiplier=_depthwise((2, 3), depth_multiplier=2, padding="same"),
        strides=_depthwise(2, strides=(2, 1), use_bias=False),
        dilation=_depthwise(2, dilation=2, padding=((1, 0), (0, 1))),
    ),
    several(
        "separable conv", _kinds("SeparableConv2D"), Input((None, 5, 6, 3)), normal(2, 5, 6, 3),
        valid=_separable(4, 3),
        same=_separable(4, 3, strides=2, padding="same"),
        multiplier=_separable(4, 2, depth_multiplier=2, padding=1, use_bias=False),
    ),
    several(
        "conv transpose", (*_kinds("ConvTranspose2D"), PRIMITIVE_TRANSPOSE),
        Input((None, 3, 4, 4)), normal(2, 3, 4, 4),
        valid=_up(3, 3),
        stride=_up(3, 2, strides=2, use_bias=False),
        padded=_up(3, 3, strides=2, padding=1, output_padding=1),
        sides=_up(3, 3, strides=(2, 1), padding=((2, 0), (0, 1))),
        dilation=_up(3, 2, dilation=(2, 1)),
        both=_up(3, 2, strides=2, dilation=3, padding=1),
        groups=_up(6, 3, groups=2, strides=2, output_padding=(1, 0)),
        **{"stride_above_kernel": _up(3, 1, strides=(3, 2))},
    ),
    several(
        "conv transpose, same", (*_kinds("ConvTranspose2D"), PRIMITIVE_TRANSPOSE),
        Input((None, 3, 4, 2)), normal(2, 3, 4, 2),
        odd=_up(3, 3, padding="same"),
        even=_up(3, 2, padding="same"),
        **{
            "stride_odd_kernel": _up(3, 3, strides=2, padding="same"),
            "stride_even_kernel": _up(3, 4, strides=2, padding="same"),
            "stride_above_kernel": _up(3, 1, strides=(2, 3), padding="same"),
            "odd_left_over": _up(3, 4, strides=1, padding="same"),
        },
    ),
    several(
        "conv transpose, unknown sizes", _kinds("ConvTranspose2D"), Input((None, None, None, 2)),
        normal(2, 3, 4, 2), resized=normal(1, 5, 2, 2),
        same=_up(3, 3, strides=2, padding="same"), valid=_up(3, 3, strides=2, padding=1),
    ),
    several(
        "conv transpose 1d", (*_kinds("ConvTranspose1D"), PRIMITIVE_TRANSPOSE), Input((None, 4, 4)),
        normal(2, 4, 4),
        valid=_up1d(3, 3, strides=2),
        same=_up1d(3, 3, strides=2, padding="same"),
        sides=_up1d(3, 4, padding=((0, 2),), strides=2, output_padding=1),
        groups=_up1d(4, 3, groups=2, dilation=2),
    ),
    several(
        "conv transpose 1d, one channel", _kinds("ConvTranspose1D"), Input((None, 3, 1)),
        normal(2, 3, 1), valid=_up1d(2, 2),
    ),
    several(
        "conv transpose 3d", (*_kinds("ConvTranspose3D"), PRIMITIVE_TRANSPOSE),
        Input((None, 2, 3, 2, 2)), normal(1, 2, 3, 2, 2),
        valid=_up3d(2, 2, strides=(1, 2, 1)),
        same=_up3d(2, (2, 3, 1), strides=2, padding="same"),
        padded=_up3d(2, 2, strides=2, padding=1, output_padding=(0, 1, 0)),
    ),
    several(
        "max pool", (*_kinds("MaxPool2D"), MAX), Input((None, 6, 7, 3)), spread(2, 6, 7, 3),
        **_pools(_max),
    ),
    several(
        "max pool, all negative", _kinds("MaxPool2D"), Input((None, 5, 5, 2)),
        spread(2, 5, 5, 2, low=-3.0, high=-1.0),
        same=_max(3, 2, padding="same"), padded=_max(3, 1, padding=1),
    ),
    several(
        "average pool", (*_kinds("AvgPool2D"), SUM), Input((None, 6, 7, 3)), normal(2, 6, 7, 3),
        **_pools(_average),
    ),
    several(
        "average pool, padding counted", _kinds("AvgPool2D"), Input((None, 5, 6, 2)),
        normal(2, 5, 6, 2),
        same=_average(3, 2, padding="same", count_padding=True),
        number=_average(3, 2, padding=1, count_padding=True),
        sides=_average(2, 1, padding=((1, 0), (0, 1)), count_padding=True),
        valid=_average(2, count_padding=True),
    ),
    several(
        "window sum", (SUM,), Input((None, 4, 5, 2)), normal(2, 4, 5, 2),
        sum=Part(lambda: _window_sum, e.pool(e.total, (2, 3), (1, 2), padding=((1, 0), (0, 2)))),
    ),
    several(
        "global pools", _kinds("GlobalAvgPool2D", "GlobalMaxPool2D"), Input((None, None, None, 3)),
        spread(2, 4, 5, 3), resized=spread(3, 2, 6, 3),
        mean=Part(layers.GlobalAvgPool2D, e.whole(e.average)),
        largest=Part(layers.GlobalMaxPool2D, e.whole(e.largest)),
    ),
    several(
        "adaptive pools", (*_kinds("AdaptiveAvgPool2D", "AdaptiveMaxPool2D"), MAX, SUM),
        Input((None, 6, 5, 2)), spread(2, 6, 5, 2),
        mean=_adaptive(layers.AdaptiveAvgPool2D, e.average, (4, 3)),
        largest=_adaptive(layers.AdaptiveMaxPool2D, e.largest, (4, 2)),
        **{
            "mean_even": _adaptive(layers.AdaptiveAvgPool2D, e.average, (3, 5)),
            "mean_one": _adaptive(layers.AdaptiveAvgPool2D, e.average, 1),
            "mean_more": _adaptive(layers.AdaptiveAvgPool2D, e.average, (7, 10)),
            "largest_even": _adaptive(layers.AdaptiveMaxPool2D, e.largest, (2, 1)),
        },
    ),
    several(
        "pools 1d",
        (*_kinds("MaxPool1D", "AvgPool1D", "GlobalAvgPool1D", "GlobalMaxPool1D"),
         *_kinds("AdaptiveAvgPool1D", "AdaptiveMaxPool1D"), MAX, SUM),
        Input((None, 7, 3)), spread(2, 7, 3),
        two=_max1d(2), same=_max1d(3, 2, padding="same"), sides=_max1d(2, 1, padding=(1, 0)),
        **{
            "mean": _average1d(3, 2),
            "mean_same": _average1d(3, 2, padding="same"),
            "mean_counted": _average1d(3, 2, padding=1, count_padding=True),
            "mean_sides": _average1d(2, 2, padding=((1, 0),)),
            "global": Part(layers.GlobalAvgPool1D, e.whole(e.average)),
            "global_largest": Part(layers.GlobalMaxPool1D, e.whole(e.largest)),
            "adaptive": _adaptive(layers.AdaptiveAvgPool1D, e.average, 3),
            "adaptive_largest": _adaptive(layers.AdaptiveMaxPool1D, e.largest, 3),
        },
    ),
    several(
        "pools 3d",
        (*_kinds("MaxPool3D", "AvgPool3D", "GlobalAvgPool3D", "GlobalMaxPool3D"),
         *_kinds("AdaptiveAvgPool3D", "AdaptiveMaxPool3D"), MAX, SUM),
        Input((None, 3, 4, 5, 2)), spread(1, 3, 4, 5, 2),
        two=_max3d(2), same=_max3d((2, 3, 2), (1, 2, 2), padding="same"),
        **{
            "mean": _average3d((1, 2, 3), 2),
            "mean_same": _average3d(2, padding="same"),
            "mean_counted": _average3d(2, padding=1, count_padding=True),
            "mean_above_size": _average3d((4, 2, 3), padding=1),
            "mean_above_size_counted": _average3d((4, 2, 3), padding=1, count_padding=True),
            "global": Part(layers.GlobalAvgPool3D, e.whole(e.average)),
            "global_largest": Part(layers.GlobalMaxPool3D, e.whole(e.largest)),
            "adaptive": _adaptive(layers.AdaptiveAvgPool3D, e.average, (2, 2, 5)),
            "adaptive_largest": _adaptive(layers.AdaptiveMaxPool3D, e.largest, (3, 3, 2)),
        },
    ),
)  # fmt: skip


_FIRST = np.zeros((2, 2, 2))
_FIRST[0, 0, 0] = 1.0

TIE_ROWS: tuple[TieRow, ...] = (
    TieRow(
        "pools over one axis at a tie",
        _kinds("MaxPool1D", "GlobalMaxPool1D", "AdaptiveMaxPool1D"),
        lambda: Several({
            "two": layers.MaxPool1D(2),
            "overlapping": layers.MaxPool1D(3, 1),
            "adaptive": layers.AdaptiveMaxPool1D(3),
            "global": layers.GlobalMaxPool1D(),
        }),
        Input((None, 4, 1)), fixed([[[1.0], [1.0], [0.0], [1.0]]]),
        {
            "two": [[[[1.0], [0.0], [0.0], [1.0]]]],
            "overlapping": [[[[1.0], [1.0], [0.0], [0.0]]]],
            "adaptive": [[[[1.0], [1.0], [0.0], [1.0]]]],
            "global": [[[[1 / 3], [1 / 3], [0.0], [1 / 3]]]],
        },
    ),
    TieRow(
        "adaptive max pool at a tie", _kinds("AdaptiveMaxPool2D"),
        lambda: Several({"uneven": layers.AdaptiveMaxPool2D(2), "one": layers.AdaptiveMaxPool2D(1)}),
        Input((None, 3, 3, 1)), fixed(np.array([[0.0, 1, 0], [1, 0, 1], [0, 1, 0]])[None, :, :, None]),
        {
            "uneven": [np.array([[0.0, 2, 0], [1, 0, 1], [0, 0, 0]])[None, :, :, None]],
            "one": [np.array([[0.0, 1, 0], [0, 0, 0], [0, 0, 0]])[None, :, :, None]],
        },
    ),
    TieRow(
        "pools over three axes at a tie", _kinds("MaxPool3D", "AdaptiveMaxPool3D"),
        lambda: Several({"two": layers.MaxPool3D(2), "one": layers.AdaptiveMaxPool3D(1)}),
        Input((None, 2, 2, 2, 1)), fixed(np.zeros((1, 2, 2, 2, 1))),
        {"two": [_FIRST[None, ..., None]], "one": [_FIRST[None, ..., None]]},
    ),
)  # fmt: skip
