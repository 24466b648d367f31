"""Modules that run another's definition as their own."""

from __future__ import annotations

import numpy as np
import pytest

import polydl as dl
from polydl import ops
from polydl.backend import installed_backends
from polydl.errors import DefinitionError

BACKENDS = [b.name for b in installed_backends() if not b.missing and not b.problem]

X = dl.Input((None, 6))


def test_a_wrapped_layer_used_twice_has_one_set_of_weights():
    layer = dl.SpectralNorm(dl.Dense(6, activation="relu"))
    program = dl.trace(dl.Sequential(layer, layer), X)
    assert list(program.entries) == ["0.kernel", "0.u", "0.bias"]


def test_a_guest_that_calls_its_base_and_keeps_state():
    class Counted(dl.Dense):
        def __call__(self, x):
            calls = self.state("calls", (), "zeros")
            self.update("calls", calls + 1)
            return super().__call__(x) + calls

    net = dl.compile(dl.WeightNorm(Counted(6)), X, backend="reference")
    assert set(net.weights) == {"kernel", "scale", "bias", "calls"}
    first = net(np.ones((1, 6)), training=True)
    np.testing.assert_allclose(net(np.ones((1, 6)), training=True), first + 1)


def test_a_guest_with_children_keeps_them():
    class Pair(dl.Module):
        def __init__(self):
            self.dense = dl.Dense(6)

        def __call__(self, x):
            return self.dense(x @ self.parameter("kernel", (6, 6)))

    program = dl.trace(dl.Sequential(dl.WeightNorm(Pair())), X)
    assert set(program.entries) == {
        "0.kernel", "0.scale", "0.inner.dense.kernel", "0.inner.dense.bias",
    }  # fmt: skip


def test_what_others_read_is_the_array_that_is_trained():
    class Tied(dl.Module):
        def __init__(self):
            self.norm = dl.WeightNorm(dl.Dense(6, use_bias=False))

        def __call__(self, x):
            return self.norm(x) + ops.sum(self.norm.kernel)

    net = dl.compile(Tied(), X, backend="reference")
    np.testing.assert_allclose(net(np.zeros((1, 6))), net.weights["norm.kernel"].sum())


def test_no_native_of_the_guest_stands_for_it(backend):
    text = dl.compile(dl.Sequential(dl.WeightNorm(dl.Dense(2))), X, backend=backend).source
    assert "class WeightNormDense(" in text
    assert "Linear" not in text
    assert "layers.Dense" not in text


def test_a_layer_without_the_parameter():
    with pytest.raises(DefinitionError, match="Dense has no parameter 'kernal' of its own"):
        dl.trace(dl.Sequential(dl.WeightNorm(dl.Dense(2), "kernal")), X)
    with pytest.raises(DefinitionError, match="Flatten has no parameter 'kernel' of its own"):
        dl.trace(dl.Sequential(dl.WeightNorm(dl.Flatten())), X)


def test_a_wrapped_layer_that_is_a_part_elsewhere_too():
    dense = dl.Dense(6)
    with pytest.raises(DefinitionError, match="Use the wrapped layer in both places"):
        dl.trace(dl.Sequential(dl.WeightNorm(dense), dense), X)


KERNELS = ("kernel", "recurrent_kernel")


@pytest.mark.parametrize("backend", ["reference", *BACKENDS])
def test_both_kernels_of_both_directions(backend):
    """As the recurrent layer itself on kernels made long as the scales say."""
    x, inputs = np.random.default_rng(0).normal(size=(2, 5, 3)), dl.Input((None, 5, 3))
    wrapped = dl.Sequential(dl.Bidirectional(dl.WeightNorm(dl.LSTM(4), name=KERNELS)))
    net = dl.compile(wrapped, inputs, backend=backend)
    plain = dl.compile(dl.Sequential(dl.Bidirectional(dl.LSTM(4))), inputs, backend="reference")
    weights = net.weights
    weights["0.forward_layer.recurrent_kernel_scale"] *= 3.0
    net.load_weights(weights)
    for side in ("forward_layer", "backward_layer"):
        for kernel in KERNELS:
            path = f"0.{side}.{kernel}"
            length = np.sqrt((weights[path] ** 2).sum(0, keepdims=True))
            weights[path] = weights[path] / length * weights.pop(f"{path}_scale")
    plain.load_weights(weights)
    np.testing.assert_allclose(net(x), plain(x), atol=1e-6)


def test_what_belongs_to_a_part_is_named():
    with pytest.raises(
        DefinitionError, match=r"Its parts have: depthwise\.kernel, pointwise\.kernel"
    ):
        dl.trace(dl.Sequential(dl.WeightNorm(dl.SeparableConv2D(2, 3))), dl.Input((None, 5, 5, 3)))
