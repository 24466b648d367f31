"""Rows of the functions, and of the portable hash."""

from __future__ import annotations

import numpy as np

from polydl import functions as f
from polydl import random
from polydl.conformance import expectations as e
from polydl.conformance.row import Apply2, Part, Row, plain, several
from polydl.conformance.samplers import fixed, integers, normal, spread
from polydl.spec.input import Input

_KINDS = tuple(
    f"polydl:{name}@1" for name in ("relu", "gelu", "sigmoid", "tanh", "softmax", "log_softmax")
)
_EXTREME = [[-1e3, -40.0, -7.3, -0.5], [1e3, 40.0, 7.3, 0.5], [-90.0, 88.0, -3.1, 3.1]]


def _parts() -> dict[str, Part]:
    return {
        "relu": Part(lambda: f.relu, e.elementwise(e.relu)),
        "gelu": Part(lambda: f.gelu, e.elementwise(e.gelu)),
        "gelu_approximate": Part(
            lambda: lambda x: f.gelu(x, approximate=True), e.elementwise(e.gelu_tanh)
        ),
        "sigmoid": Part(lambda: f.sigmoid, e.elementwise(e.sigmoid)),
        "tanh": Part(lambda: f.tanh, e.elementwise(lambda x: float(np.tanh(x)))),
        "softmax": Part(lambda: f.softmax, e.softmax(-1)),
        "softmax_first": Part(lambda: lambda x: f.softmax(x, axis=1), e.softmax(1)),
        "log_softmax": Part(lambda: f.log_softmax, e.log_softmax(-1)),
        "log_softmax_first": Part(lambda: lambda x: f.log_softmax(x, axis=1), e.log_softmax(1)),
    }


def _extreme() -> dict[str, Part]:
    """What must not overflow."""
    names = ("relu", "gelu", "gelu_approximate", "sigmoid", "tanh", "softmax", "log_softmax")
    return {name: part for name, part in _parts().items() if name in names}


ROWS: tuple[Row, ...] = (
    several("functions", _KINDS, Input((None, 3, 4)), spread(2, 3, 4), **_parts()),
    several(
        "functions of a matrix", _KINDS[4:], Input((None, 5)), normal(3, 5, stddev=3.0),
        **{k: p for k, p in _parts().items() if "softmax" in k and "first" not in k},
    ),
    several(
        "functions, extreme", _KINDS, Input((None, 4)), fixed(_EXTREME), gradients=False,
        **_extreme(),
    ),
    several(
        "mix", ("polydl:mix@1",), Input((None, 9), "int"),
        integers(4, 9, low=-(2**31), high=2**31), gradients=False,
        mix=Part(lambda: random.mix, e.mix_array),
    ),
    Row(
        "hash bits", ("polydl:hash_bits@1", "polydl:mix@1"),
        lambda: Apply2(lambda position, step: random.hash_bits(position, step, site=-123456789)),
        (Input((None,), "int"), Input((1,), "int")),
        (fixed(range(40), np.int32), fixed([17], np.int32)),
        plain(lambda position, step: e.hash_bits(position, step[0], -123456789)),
        gradients=False,
    ),
)  # fmt: skip
