"""Rows of activation functions: values, extreme values, and derivatives at kinks."""

from __future__ import annotations

import numpy as np

from polydl import functions as f
from polydl.conformance import expectations as e
from polydl.conformance import expectations_activations as a
from polydl.conformance.row import Part, Row, Several, TieRow, several
from polydl.conformance.samplers import fixed, spread
from polydl.spec.input import Input

_NAMES = (
    "relu6", "leaky_relu", "elu", "selu", "celu", "softplus", "log_sigmoid", "hard_sigmoid",
    "hard_tanh", "silu", "hard_swish", "mish", "softsign",
)  # fmt: skip
_KINDS = tuple(f"polydl:{name}@1" for name in _NAMES)
_GATES = tuple(f"polydl:{name}@1" for name in ("glu", "swiglu", "geglu"))
_EXTREME = [[-1e3, -40.0, -7.3, -0.5], [1e3, 41.0, 7.3, 0.5], [-90.0, 88.0, -3.5, 3.5]]
_SELU = 1.0507009873554805, 1.0507009873554805 * 1.6732632423543772
_KINKS = {  # derivatives at 0, 6, -1, 1, -3 and 3
    "relu6": [0, 0, 0, 1, 0, 1],
    "leaky_relu": [0.01, 1, 0.01, 1, 0.01, 1],
    "elu": [1, 1, np.exp(-1), 1, np.exp(-3), 1],
    "selu": [_SELU[1], _SELU[0], _SELU[1] / np.e, _SELU[0], _SELU[1] / np.e**3, _SELU[0]],
    "celu": [1, 1, np.exp(-1), 1, np.exp(-3), 1],
    "softplus": [0.5, *(1 / (1 + np.exp(-np.array([6, -1, 1, -3, 3]))))],
    "log_sigmoid": [0.5, *(1 / (1 + np.exp(np.array([6, -1, 1, -3, 3]))))],
    "hard_sigmoid": [1 / 6, 0, 1 / 6, 1 / 6, 0, 0],
    "hard_tanh": [1, 0, 0, 0, 0, 0],
    "hard_swish": [1 / 2, 1, 1 / 6, 5 / 6, 0, 1],
    "softsign": [1, 1 / 49, 1 / 4, 1 / 4, 1 / 16, 1 / 16],
}


def _parts() -> dict[str, Part]:
    return {
        "relu6": Part(lambda: f.relu6, e.elementwise(a.clipped(0, 6))),
        "leaky_relu": Part(lambda: f.leaky_relu, e.elementwise(a.leaky_relu(0.01))),
        "steep": Part(
            lambda: lambda x: f.leaky_relu(x, slope=0.3), e.elementwise(a.leaky_relu(0.3))
        ),
        "elu": Part(lambda: f.elu, e.elementwise(a.elu(1.0))),
        "elu_half": Part(lambda: lambda x: f.elu(x, alpha=0.5), e.elementwise(a.elu(0.5))),
        "selu": Part(lambda: f.selu, e.elementwise(a.selu)),
        "celu": Part(lambda: f.celu, e.elementwise(a.celu(1.0))),
        "celu_half": Part(lambda: lambda x: f.celu(x, alpha=0.5), e.elementwise(a.celu(0.5))),
        "softplus": Part(lambda: f.softplus, e.elementwise(a.softplus)),
        "log_sigmoid": Part(lambda: f.log_sigmoid, e.elementwise(a.log_sigmoid)),
        "hard_sigmoid": Part(lambda: f.hard_sigmoid, e.elementwise(a.clipped(0, 1, 1 / 6, 0.5))),
        "textbook": Part(
            lambda: lambda x: f.hard_sigmoid(x, slope=0.2), e.elementwise(a.clipped(0, 1, 0.2, 0.5))
        ),
        "hard_tanh": Part(lambda: f.hard_tanh, e.elementwise(a.clipped(-1, 1))),
        "silu": Part(lambda: f.silu, e.elementwise(a.silu)),
        "hard_swish": Part(lambda: f.hard_swish, e.elementwise(a.hard_swish)),
        "mish": Part(lambda: f.mish, e.elementwise(a.mish)),
        "softsign": Part(lambda: f.softsign, e.elementwise(a.softsign)),
    }


ROWS: tuple[Row | TieRow, ...] = (
    several(
        "activations", _KINDS, Input((None, 5, 6)), spread(2, 5, 6, low=-4.1, high=7.3),
        **_parts(),
    ),
    several(
        "activations, extreme", _KINDS, Input((None, 4)), fixed(_EXTREME), gradients=False,
        **_parts(),
    ),
    several(
        "gated units", _GATES, Input((None, 4, 6)), spread(2, 4, 6),
        glu=Part(lambda: f.glu, a.gated(e.sigmoid, gate_last=True)),
        glu_of_rows=Part(lambda: lambda x: f.glu(x, axis=1), a.gated(e.sigmoid, 1, gate_last=True)),
        swiglu=Part(lambda: f.swiglu, a.gated(a.silu)),
        geglu=Part(lambda: f.geglu, a.gated(e.gelu)),
        geglu_approximate=Part(
            lambda: lambda x: f.geglu(x, approximate=True), a.gated(e.gelu_tanh)
        ),
    ),
    TieRow(
        "activations at kinks", tuple(f"polydl:{name}@1" for name in _KINKS),
        lambda: Several({name: getattr(f, name) for name in _KINKS}),
        Input((None, 6)), fixed([[0.0, 6.0, -1.0, 1.0, -3.0, 3.0]]),
        {name: [[derivatives]] for name, derivatives in _KINKS.items()},
    ),
)  # fmt: skip
