"""Activations by name, as functions and as layers, say the same; wrong ones are refused."""

from __future__ import annotations

import pytest

import polydl as dl
from polydl.errors import DefinitionError, ShapeError

X = dl.Input((None, 8))


def _text(*layers):
    return dl.compile(dl.Sequential(*layers), X, backend="torch").source


@pytest.mark.parametrize(
    "layers",
    [
        (dl.Dense(4, activation="gelu"),),
        (dl.Dense(4, activation=dl.gelu),),
        (dl.Dense(4), dl.GELU()),
        (dl.Dense(4), dl.Activation("gelu")),
        (dl.Dense(4), dl.Activation(dl.gelu, approximate=False)),
    ],
)
def test_ways_to_say_the_same(layers):
    assert _text(*layers) == _text(dl.Dense(4), dl.gelu)


def test_a_layer_is_a_whole_model_and_stands_beside_a_shortcut():
    alone = dl.compile(dl.GELU(), X, backend="torch").source
    assert "F.gelu(x)" in alone
    assert "F.gelu(x)" in dl.compile(dl.Residual(dl.GELU()), X, backend="torch").source


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: dl.Dense(3, activation=dl.ReLU), r"the class ReLU. Write ReLU\(\)"),
        (lambda: dl.Dense(3, activation=dl.PReLU), "Call a module after the layer"),
        (lambda: dl.Dense(3, activation=dl.PReLU()), "Call a module after the layer"),
        (lambda: dl.Dense(3, activation="Relu"), "Did you mean 'relu'"),
        (lambda: dl.Dense(3, activation="ReLU"), "Did you mean 'relu'"),
        (lambda: dl.Dense(3, activation="GeluTanh"), "Did you mean 'gelu_tanh'"),
        (lambda: dl.Sequential(dl.ReLU), r"Write ReLU\(...\)"),
    ],
)
def test_what_is_no_activation(make, text):
    with pytest.raises(DefinitionError, match=text):
        make()


def test_settings():
    assert _text(dl.LeakyReLU(0.3)) == _text(lambda x: dl.leaky_relu(x, slope=0.3))
    assert _text(dl.GELU(approximate=True)) == _text(dl.Activation("gelu_tanh"))


@pytest.mark.parametrize(
    ("kind", "filters", "rank"),
    [
        *((f"Conv{rank}D", (4,), rank) for rank in (1, 2, 3)),
        *((f"ConvTranspose{rank}D", (4,), rank) for rank in (1, 2, 3)),
        ("DepthwiseConv2D", (), 2),
        ("SeparableConv2D", (4,), 2),
    ],
)
def test_activation_of_a_convolution(kind, filters, rank):
    inputs, make = dl.Input((None, *(5,) * rank, 2)), getattr(dl, kind)
    found = dl.trace(dl.Sequential(make(*filters, 3, activation="silu")), inputs)
    assert found == dl.trace(dl.Sequential(make(*filters, 3), dl.silu), inputs)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: dl.Dense(4, activation="gleu"), "unknown activation 'gleu'. Did you mean 'g"),
        (
            lambda: dl.Conv2D(4, 3, activation="rleu"),
            "Conv2D: unknown activation.*Did you mean 'relu'",
        ),
        (
            lambda: dl.ConvTranspose2D(4, 3, activation="siluu"),
            "ConvTranspose2D: unknown activation.*Did you mean 'silu'",
        ),
        (
            lambda: dl.SeparableConv2D(4, 3, activation="tahn"),
            "SeparableConv2D: unknown activation.*Did you mean 'tanh'",
        ),
        (lambda: dl.DepthwiseConv2D(3, activation="gel"), "DepthwiseConv2D: unknown.*'gelu'"),
        (
            lambda: dl.Dense(4, activation=dl.Dense(3)),
            "must be a name or a function, got the module",
        ),
        (lambda: dl.Activation("mihs"), "Did you mean 'mish'"),
        (lambda: dl.GELU(aproximate=True), "no setting 'aproximate'. Did you mean 'approximate'"),
        (lambda: dl.ReLU(1), "ReLU takes 0 settings, got 1"),
        (lambda: dl.trace(dl.Dense(4, activation="relu"), X), "put it in dl.Sequential"),
    ],
)
def test_refused(make, text):
    with pytest.raises(DefinitionError, match=text):
        make()


def test_odd_halves():
    with pytest.raises(ShapeError, match="glu halves axis 1, which must have an even size"):
        dl.trace(dl.Sequential(dl.Dense(3), dl.glu), X)
