"""Models in bfloat16 and float16: who holds what, and what crosses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import polydl as dl
from polydl.errors import DefinitionError
from polydl.execute import execute
from polydl.precision import LOW, rounded

RNG = np.random.default_rng(0)
X = RNG.normal(size=(3, 6, 6, 2))
DTYPE = pytest.mark.parametrize("dtype", LOW)


class Scaled(dl.Module):
    """A weight of each kind of initial value, none of a built-in."""

    def __init__(self) -> None:
        self.dense = dl.Dense(4)

    def __call__(self, x: dl.Tensor) -> dl.Tensor:
        x = self.dense(x) @ self.parameter("matrix", (4, 4), "orthogonal")
        x = x @ self.parameter("other", (4, 4), "lecun_normal") * self.parameter("gain", (4,), 0.5)
        return x + self.parameter("shift", (4,), dl.initializer("uniform", low=-1.0, high=1.0))


def compiled(backend: str, dtype: str) -> dl.Net:
    model = dl.Sequential(
        dl.Conv2D(4, 3, padding="same"), dl.BatchNorm(), dl.relu, dl.AvgPool2D(2), dl.Flatten(),
        dl.Dense(5), dl.LayerNorm(), dl.Dropout(0.5), dl.softmax,
    )  # fmt: skip
    return dl.compile(model, dl.Input((None, 6, 6, 2)), backend=backend, dtype=dtype)


@DTYPE
def test_arrays_cross_as_float32(backend: str, dtype: str, tmp_path: Path) -> None:
    net = compiled(backend, dtype)
    for y in (net(X), net.predict(X, batch_size=2)):
        assert y.dtype == np.float32
        np.testing.assert_array_equal(y, rounded(y, dtype))
    for path, value in net.weights.items():
        assert value.dtype == np.float32, path
        np.testing.assert_array_equal(value, rounded(value, dtype), err_msg=path)
    net.save(tmp_path / "model.safetensors")
    again = dl.load(tmp_path / "model.safetensors", backend=backend, dtype=dtype)
    np.testing.assert_array_equal(again(X), net(X))
    wide = dl.load(tmp_path / "model.safetensors", backend=backend)
    for path, value in wide.weights.items():
        np.testing.assert_array_equal(value, net.weights[path], err_msg=path)


@DTYPE
def test_the_native_object_holds_the_type(backend: str, dtype: str) -> None:
    """What is put into it without rounding comes back rounded."""
    net = dl.compile(Scaled(), dl.Input((None, 3)), backend=backend, dtype=dtype)
    fine = {p: np.full(v.shape, 1 / 3, np.float32) for p, v in net.weights.items()}
    with net._backend.precision(net.options):
        net._model.set_weights(fine)
    for path, value in net.weights.items():
        np.testing.assert_array_equal(value, rounded(fine[path], dtype), err_msg=path)


@DTYPE
def test_the_source_makes_its_own_first_values(backend: str, dtype: str) -> None:
    """The text is executed anew, initialisers and all."""
    for net in (
        compiled(backend, dtype),
        dl.compile(Scaled(), dl.Input((None, 3)), backend=backend, dtype=dtype),
    ):
        with net._backend.precision(net.options):
            module = execute(net.source, backend)
            model = net._backend.build(net.program, net._model.emitted, module, net.options)
        for path, value in model.get_weights().items():
            np.testing.assert_array_equal(value, rounded(value, dtype), err_msg=path)


@DTYPE
def test_training_is_refused(backend: str, dtype: str) -> None:
    net, training = compiled(backend, dtype), dl.Training(dl.CrossEntropy(), dl.SGD(0.1))
    with pytest.raises(DefinitionError, match=f"a model in {dtype} is for inference"):
        net.fit(training, (X, np.zeros(3, np.int32)))


@DTYPE
def test_other_outputs_are_left_alone(backend: str, dtype: str) -> None:
    class Chosen(dl.Module):
        def __call__(self, x: dl.Tensor) -> dict[str, dl.Tensor]:
            return {"index": dl.ops.argmax(x, -1), "positive": x > 0.0, "mean": dl.ops.mean(x)}

    found = dl.compile(Chosen(), dl.Input((None, 2)), backend=backend, dtype=dtype)(X[0, 0])
    assert {k: v.dtype.name for k, v in found.items()} == {
        "index": "int32", "positive": "bool", "mean": "float32",
    }  # fmt: skip
