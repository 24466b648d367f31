"""dl.check_derivatives: agreement, faults of a framework's derivative, kinks, and the numbers."""

from __future__ import annotations

import numpy as np
import pytest

import polydl as dl
from polydl import ops
from polydl.errors import DataError, DefinitionError

pytest.importorskip("torch")
RNG = np.random.default_rng(0)
x = RNG.normal(size=(6, 4))
labels = RNG.integers(0, 3, 6).astype(np.int32)
X = dl.Input((None, 4))


class Own(dl.Module):
    """A user's layer, with a value that its gradient must not flow through."""

    def __call__(self, x):
        scale = self.parameter("scale", (x.shape[-1],), "ones")
        return x * scale * dl.stop_gradient(ops.exp(x))


def own(*last):
    return dl.Sequential(dl.Dense(8), dl.BatchNorm(), dl.tanh, dl.Dropout(0.5), Own(), dl.Dense(3),
                         *last)  # fmt: skip


def verdicts(report):
    return {d.name: d.verdict for d in report.derivatives}


def test_a_framework_agrees_by_every_parameter_and_input(backend):
    report = dl.check_derivatives(own(), dl.CrossEntropy(), (x, labels), inputs=X, backend=backend)
    assert report.ok
    assert set(verdicts(report).values()) == {"agrees"}
    assert [*verdicts(report)] == ["0.kernel", "0.bias", "1.scale", "1.bias", "4.scale", "5.kernel",
                                   "5.bias", "input 'x'"]  # fmt: skip
    assert max(d.difference for d in report.derivatives if d.name != "0.bias") < 1e-8
    assert f"CrossEntropy, {backend} against the oracle in float64, training mode" in str(report)


def test_derivatives_are_those_that_the_training_program_computes(backend):
    """TensorFlow's, of a root at 0 behind a ReLU, are NaN unless it compiles with XLA."""
    root = dl.Sequential(dl.Dense(8), dl.relu, ops.sqrt, dl.Dense(3))
    report = dl.check_derivatives(root, dl.CrossEntropy(), (x, labels), inputs=X, backend=backend)
    assert set(verdicts(report).values()) == {"agrees"}


def test_a_nets_own_weights_are_used_and_left():
    net = dl.compile(dl.Sequential(dl.Dense(3, use_bias=False)), X, backend="torch")
    before = net.weights["0.kernel"]
    targets = RNG.normal(size=(6, 3))
    report = dl.check_derivatives(net, dl.MSE(), (x, targets), training=False)
    kernel, *_ = report.derivatives
    gradient = x.T @ (2 * (x @ before.astype("float64") - targets) / targets.size)
    direction = np.random.default_rng(0).standard_normal((4, 3))
    direction /= np.linalg.norm(direction)
    assert kernel.found == pytest.approx(np.sum(gradient * direction), rel=1e-9)
    assert kernel.expected == pytest.approx(kernel.found, rel=1e-9)
    np.testing.assert_array_equal(net.weights["0.kernel"], before)
    assert [*verdicts(report)] == ["0.kernel", "input 'x'", "input 'targets'"]


def test_outputs_without_a_loss():
    report = dl.check_derivatives(dl.LSTM(3), None, RNG.normal(size=(2, 5, 4)),
                                  inputs=dl.Input((None, 5, 4)), backend="torch")  # fmt: skip
    assert report.ok
    assert "derivatives of the outputs" in str(report)


def broken(monkeypatch, change):
    from polydl_torch.backend import TorchModel

    right = TorchModel.gradients

    def wrong(self, *arguments):
        by_path, by_input = right(self, *arguments)
        return {path: change(path, slope) for path, slope in by_path.items()}, by_input

    monkeypatch.setattr(TorchModel, "gradients", wrong)


def test_a_wrong_derivative_is_seen_by_its_parameter(monkeypatch):
    broken(monkeypatch, lambda path, g: g * (1 + 1e-5) if path == "4.scale" else g)
    report = dl.check_derivatives(own(), dl.CrossEntropy(), (x, labels), inputs=X, backend="torch")
    assert not report.ok
    assert [name for name, v in verdicts(report).items() if v == "differs"] == ["4.scale"]
    assert "4.scale" in str(report)


RELUS = dl.Sequential(dl.Dense(8), dl.relu, dl.Dense(3))  # of inputs of 0: at its kink


def test_a_kink_is_called_one():
    report = dl.check_derivatives(
        RELUS, dl.CrossEntropy(), (x * 0, labels), inputs=X, backend="torch"
    )
    assert report.ok
    assert verdicts(report)["0.bias"] == "kink"
    (bias,) = [d for d in report.derivatives if d.name == "0.bias"]
    assert bias.nearby
    assert bias.sides[0] != pytest.approx(bias.sides[1], rel=1e-3)
    assert "A little away from it, the framework agrees" in str(report)


def test_a_wrong_derivative_is_seen_at_a_kink_too(monkeypatch):
    broken(monkeypatch, lambda path, g: g * 1.01 if path == "0.bias" else g)
    report = dl.check_derivatives(
        RELUS, dl.CrossEntropy(), (x * 0, labels), inputs=X, backend="torch"
    )
    assert verdicts(report)["0.bias"] == "differs"


@pytest.mark.parametrize(
    ("given", "error", "text"),
    [
        ({"backend": None}, DefinitionError, "which backend"),
        ({"model": dl.compile(RELUS, X, backend="torch")}, DefinitionError, "leave them out"),
        ({"loss": dl.Adam(1e-3)}, DefinitionError, "loss must be a dl.Loss or None, .*got Adam"),
        ({"data": (x, labels[:2])}, DataError, "differ in their number of samples"),
        ({"loss": None, "data": x[:0]}, DataError, "there are no samples"),
    ],
)
def test_what_cannot_be_checked(given, error, text):
    arguments = {"model": RELUS, "loss": dl.CrossEntropy(), "data": (x, labels), "inputs": X,
                 "backend": "torch", **given}  # fmt: skip
    with pytest.raises(error, match=text):
        dl.check_derivatives(**arguments)
