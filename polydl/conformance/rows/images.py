"""Rows of the layers of images."""

from __future__ import annotations

from typing import Any

from polydl import layers, ops
from polydl.conformance import expectations_windows as e
from polydl.conformance.row import Part, Row, several
from polydl.conformance.samplers import normal, spread
from polydl.spec.input import Input

CONV, POOLS = "polydl:Conv2D@1", ("polydl:MaxPool2D@1", "polydl:AvgPool2D@1")
PRIMITIVE_CONV = "primitive:conv"
PRIMITIVE_POOLS = ("primitive:window_max", "primitive:window_sum")
GLOBAL = "polydl:GlobalAvgPool2D@1"


def _conv(filters: int, kernel_size: Any, use_bias: bool = True, **options: Any) -> Part:
    return Part(
        lambda: layers.Conv2D(filters, kernel_size, use_bias=use_bias, **options),
        e.conv2d(**options),
    )


def _max(*geometry: Any, **options: Any) -> Part:
    formula = e.pool2d(e.largest, *geometry, **options)
    return Part(lambda: layers.MaxPool2D(*geometry, **options), formula)


def _average(*geometry: Any, **options: Any) -> Part:
    formula = e.pool2d(e.average, *geometry, **options)
    return Part(lambda: layers.AvgPool2D(*geometry, **options), formula)


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
        "conv", (CONV, PRIMITIVE_CONV), Input((None, 6, 7, 4)), normal(2, 6, 7, 4),
        valid=_conv(4, 3),
        **{
            "one_by_one": _conv(4, 1),
            "no_bias": _conv(4, 3, use_bias=False),
            "rectangular": _conv(3, (2, 3)),
            "stride": _conv(4, 3, strides=2),
            "strides_differ": _conv(4, 2, strides=(2, 1)),
            "dilation": _conv(4, 2, dilation=2),
            "dilations_differ": _conv(2, 2, dilation=(1, 3)),
        },
    ),
    several(
        "conv, same", (CONV, PRIMITIVE_CONV), Input((None, 6, 7, 2)), normal(2, 6, 7, 2),
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
        "conv, padded", (CONV, PRIMITIVE_CONV), Input((None, 5, 4, 2)), normal(2, 5, 4, 2),
        number=_conv(2, 3, padding=1),
        axes=_conv(2, 3, padding=(1, 2)),
        sides=_conv(2, 3, padding=((2, 0), (0, 1))),
    ),
    several(
        "conv, groups", (CONV, PRIMITIVE_CONV), Input((None, 5, 5, 4)), normal(2, 5, 5, 4),
        groups=_conv(6, 3, groups=2),
        depthwise=_conv(4, 3, groups=4, padding="same"),
        multiplier=_conv(8, 3, groups=4, strides=2),
    ),
    several(
        "conv, unknown sizes", (CONV,), Input((None, None, None, 3)), normal(2, 5, 6, 3),
        resized=normal(1, 7, 4, 3),
        same=_conv(4, 3, padding="same"), valid=_conv(4, 3, strides=2),
    ),
    several(
        "max pool", (POOLS[0], PRIMITIVE_POOLS[0]), Input((None, 6, 7, 3)), spread(2, 6, 7, 3),
        **_pools(_max),
    ),
    several(
        "max pool, all negative", (POOLS[0],), Input((None, 5, 5, 2)),
        spread(2, 5, 5, 2, low=-3.0, high=-1.0),
        same=_max(3, 2, padding="same"), padded=_max(3, 1, padding=1),
    ),
    several(
        "average pool", (POOLS[1], PRIMITIVE_POOLS[1]), Input((None, 6, 7, 3)), normal(2, 6, 7, 3),
        **_pools(_average),
    ),
    several(
        "window sum", (PRIMITIVE_POOLS[1],), Input((None, 4, 5, 2)), normal(2, 4, 5, 2),
        sum=Part(
            lambda: _window_sum, e.pool2d(e.total, (2, 3), (1, 2), padding=((1, 0), (0, 2)))
        ),
    ),
    several(
        "global average pool", (GLOBAL,), Input((None, None, None, 3)), normal(2, 4, 5, 3),
        resized=normal(3, 2, 6, 3),
        mean=Part(layers.GlobalAvgPool2D, e.global_average),
    ),
)  # fmt: skip
