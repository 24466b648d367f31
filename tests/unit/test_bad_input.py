"""Bad input: a clear error before any framework is touched: which layer, what was given, what would do.

Every case runs in one fresh process, which then must not have imported a framework.
"""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import polydl as dl
from polydl.errors import (
    BackendError,
    DataError,
    DefinitionError,
    DTypeError,
    PolydlError,
    ShapeError,
    WeightsError,
)
from polydl.training.arrays import training_arrays

FRAMEWORKS = ("torch", "tensorflow", "keras", "jax", "flax", "optax")
X = dl.Input((None, 4))
IMAGE = dl.Input((None, 8, 8, 1))
MLP = dl.Sequential(dl.Dense(5), dl.relu, dl.Dense(3))
CNN = dl.Sequential(dl.Conv2D(4, 3), dl.Flatten(), dl.Dense(3))


class Deep(dl.Module):
    def __init__(self):
        self.blocks = [dl.Sequential(dl.Dense(4)), dl.Sequential(dl.relu, dl.BatchNorm())]
        self.head = dl.Dense(3)

    def __call__(self, x, skip):
        for block in self.blocks:
            x = block(x)
        return self.head(x + skip)


class Tokens(dl.Module):
    def __init__(self):
        self.encoder = dl.Sequential(dl.Embedding(10, 4))

    def __call__(self, ids):
        return dl.ops.mean(self.encoder(ids), 1)


def compiled(model=MLP, inputs=X, **options):
    return dl.compile(model, inputs, **{"backend": "torch", **options})


def training(**options):
    return dl.Training(**{"loss": dl.CrossEntropy(), "optimizer": dl.Adam(), **options})


def data(model, inputs, x, y, loss=None):
    """What fit does with its data before it starts a framework."""
    program = dl.trace(model, inputs)
    return training_arrays(program, training(loss=loss or dl.CrossEntropy()), "float32", (x, y),
                           "data")  # fmt: skip


x = np.ones((6, 4), np.float32)
labels = np.zeros(6, np.int32)


def without(array, position, value):
    array = np.array(array)
    array[position] = value
    return array


def missing_extra():
    """As on a machine where torch is not installed."""
    import importlib.util

    find = importlib.util.find_spec
    importlib.util.find_spec = lambda name, *a: None if name == "torch" else find(name, *a)
    try:
        compiled()
    finally:
        importlib.util.find_spec = find


CASES: dict[str, tuple[type[PolydlError], str, Callable[[], Any]]] = {
    # shapes
    "a dict for a tuple": (
        DataError,
        r"inputs: got a dict, .* takes a tuple: \(x, skip\)\. .* \{'a': dl.Input\(...\), 'b'",
        lambda: data(Deep(), (X, X), {"a": x, "b": x}, labels),
    ),
    "a tuple of batches": (
        DataError, r"targets are 2 arrays of different shapes, .* a list of tuples",
        lambda: data(MLP, X, x, (x, labels)),
    ),
    "beyond float32": (
        DataError, r"input 'x' holds -1e\+300 at \(1, 2\), which float32 does not: it ends at 3.4e\+38",
        lambda: data(MLP, X, without(x.astype(float), (1, 2), -1e300), labels),
    ),
    "vector into a convolution": (
        ShapeError, r"^0 \(Conv2D\): .*height, width, channels.*\[batch, 4\].*2 axes.*four sizes",
        lambda: compiled(CNN, X),
    ),
    "window larger than the image": (
        ShapeError, r"^0 \(Conv2D\): .*window of 9 does not fit an axis of 8",
        lambda: compiled(dl.Sequential(dl.Conv2D(4, 9)), IMAGE),
    ),
    "deep in the model": (
        ShapeError, r"^the model \(Deep\): add: shapes \(batch, 4\) and \(batch, 5\)",
        lambda: compiled(Deep(), (X, dl.Input((None, 5)))),
    ),
    "unknown size of a parameter": (
        ShapeError, r"^0 \(Dense\): kernel.*sizes must be known.*dl\.Input fixed sizes",
        lambda: compiled(MLP, dl.Input((None, None))),
    ),
    "floats into an embedding": (
        DTypeError, r'^encoder\.0 \(Embedding\): .*got Tensor\(float.*dtype="int"',
        lambda: compiled(Tokens(), X),
    ),
    "ints into a dense layer": (
        DTypeError, r"^0 \(Dense\): matmul takes float, got int\[batch, 4\]",
        lambda: compiled(MLP, dl.Input((None, 4), "int")),
    ),
    # how to compile
    "unknown backend": (
        BackendError, r"unknown backend 'pytorch'\. Did you mean 'torch'\? .*reference.*torch",
        lambda: compiled(backend="pytorch"),
    ),
    "backend of another type": (BackendError, "unknown backend None", lambda: compiled(backend=None)),
    "missing extra": (
        BackendError, r"torch backend needs torch, not installed.*pip install 'polydl\[torch\]'",
        missing_extra,
    ),
    "unknown dtype": (DefinitionError, r"unknown dtype 'float23'\. Did you mean 'float32'",
                      lambda: compiled(dtype="float23")),
    "unknown layout": (DefinitionError, r"unknown layout 'NCHW'\. Known: channels_first, channels_l",
                       lambda: compiled(layout="NCHW")),
    "no inputs": (DefinitionError, r"inputs, such as dl\.Input", lambda: compiled(inputs=None)),
    "inputs with a program": (DefinitionError, "leave `inputs` out",
                              lambda: compiled(dl.trace(MLP, X), X)),
    "a class for a model": (DefinitionError, r"instance of dl\.Module, got type",
                            lambda: compiled(dl.Dense)),
    "a seed that is no integer": (DefinitionError, "seed must be an integer .0 or more., got",
                                  lambda: compiled(seed="zero")),
    # layers' arguments
    "units": (DefinitionError, r"Dense: units must be a positive integer, got 0", lambda: dl.Dense(0)),
    "rate": (DefinitionError, "Dropout: rate must be at least 0.0 and below 1.0, got 1.5",
             lambda: dl.Dropout(1.5)),
    "padding": (DefinitionError, "Conv2D: padding must be 'same'.*got 'full'",
                lambda: dl.Conv2D(4, 3, padding="full")),
    "groups": (DefinitionError, "3 groups do not divide 4 filters", lambda: dl.Conv2D(4, 3, groups=3)),
    # training's arguments
    "loss": (DefinitionError, r"loss must be a dl\.Loss.*got 'mse'", lambda: training(loss="mse")),
    "loss class": (DefinitionError, r"loss must be a dl\.Loss", lambda: training(loss=dl.MSE)),
    "optimizer": (DefinitionError, r"optimizer must be a dl\.Optimizer",
                  lambda: training(optimizer="adam")),
    "batch size": (DefinitionError, "batch_size must be a positive integer, got 0",
                   lambda: training(batch_size=0)),
    "epochs": (DefinitionError, "epochs must be a positive integer, got 1.5",
               lambda: training(epochs=1.5)),
    "seed": (DefinitionError, "seed must be an integer of 0 or more, got -1",
             lambda: training(seed=-1)),
    "randomness": (DefinitionError, "'native' or 'portable', got 'none'",
                   lambda: training(randomness="none")),
    "shuffle": (DefinitionError, "shuffle must be True or False", lambda: training(shuffle="no")),
    "one metric": (DefinitionError, r"metrics must be dl\.Metric.*list",
                   lambda: training(metrics=dl.Accuracy())),
    "metric names": (DefinitionError, "different names",
                     lambda: training(metrics=[dl.Accuracy(), dl.Accuracy()])),
    "metric of another type": (DefinitionError, r"must be dl\.Metric",
                               lambda: training(metrics=[3])),
    "learning rate": (DefinitionError, "Adam: learning_rate must be a number of 0 or more",
                      lambda: dl.Adam(-1.0)),
    "nesterov": (DefinitionError, "nesterov needs a momentum", lambda: dl.SGD(0.1, nesterov=True)),
    # data
    "another shape": (DataError, r"^data: input 'x': expected the shape \(batch, 4\), got \(6, 5\)",
                      lambda: data(MLP, X, np.ones((6, 5)), labels)),
    "another rank": (DataError, r"2 axes against 3",
                     lambda: data(MLP, X, np.ones((6, 4, 1)), labels)),
    "ints for floats": (DTypeError, r"^data: input 'x': expected float values, got int64.*\.astype",
                        lambda: data(MLP, X, np.ones((6, 4), np.int64), labels)),
    "text": (DTypeError, "got <U1, no numbers", lambda: data(MLP, X, [["a"] * 4] * 6, labels)),
    "ragged": (DataError, "cannot be read as an array",
               lambda: data(MLP, X, [[1.0], [1.0, 2.0]], labels)),
    "float labels": (DTypeError, r"data: targets: expected int values, got float64.*astype\(np\.int32",
                     lambda: data(MLP, X, x, np.zeros(6))),
    "label too large": (DataError, r"^data: CrossEntropy: labels run from 0 to 3.*3 outputs.*0 to 2",
                        lambda: data(MLP, X, x, without(labels, 2, 3))),
    "label below zero": (DataError, r"labels run from -1 to 0",
                         lambda: data(MLP, X, x, without(labels, 2, -1))),
    "NaN": (DataError, r"^data: input 'x' holds nan at \(2, 1\)",
            lambda: data(MLP, X, without(x, (2, 1), np.nan), labels)),
    "infinity": (DataError, r"input 'x' holds -inf at \(5, 3\)",
                 lambda: data(MLP, X, without(x, (5, 3), -np.inf), labels)),
    "NaN target": (DataError, r"^data: targets holds nan at \(1, 0\)",
                   lambda: data(MLP, X, x, without(np.zeros((6, 3)), (1, 0), np.nan), dl.MSE())),
    "empty": (DataError, "^data: there are no samples", lambda: data(MLP, X, x[:0], labels[:0])),
    "counts": (DataError, r"^data: .*differ in their number of samples: \(6, 4\), \(5,\)",
               lambda: data(MLP, X, x, labels[:5])),
    "counts of two inputs": (DataError, r"input 'skip'.*batch is 6 in input 'x'",
                             lambda: data(Deep(), (X, X), (x, x[:5]), labels)),
    "shape of targets": (
        ShapeError, r"targets have the shape \(6, 1\); CrossEntropy.*\(6, 3\) takes \(6,\)",
        lambda: data(MLP, X, x, labels[:, None]),
    ),
    "shape of MSE targets": (ShapeError, r"targets have the shape \(6, 4\); MSE.*takes \(6, 3\)",
                             lambda: data(MLP, X, x, x, dl.MSE())),
    "indices": (DataError, r"^data: input 'ids' holds 10 at \[0, 0\], but encoder\.0 \(Embedding\)",
                lambda: data(Tokens(), dl.Input((None, 3), "int"),
                             without(np.zeros((6, 3), int), 0, 10), labels)),
    "integers beyond int32": (DataError, r"integers beyond int32",
                              lambda: data(Tokens(), dl.Input((None, 3), "int"),
                                           np.full((6, 3), 2**40), labels)),
    "no pair": (DataError, r"^data: expected \(inputs, targets\)",
                lambda: training_arrays(dl.trace(MLP, X), training(), "float32", x, "data")),
    "missing input": (DataError, "expected a tuple of 2 arrays, got ndarray",
                      lambda: data(Deep(), (X, X), x, labels)),
    "wrong keys": (DataError, r"expected a dict with the keys \['skip', 'x'\], got \['x', 'y'\]",
                   lambda: data(Deep(), {"x": X, "skip": X}, {"x": x, "y": x}, labels)),
    # weights
    "weights of another model": (
        WeightsError, r"(?s)missing \(2\):.*2\.bias.*not in the model \(1\):.*'3\.bias'.*0\.kernel",
        lambda: compiled(backend="reference").load_weights(
            {"0.kernel": np.ones((5, 4)), "0.bias": np.ones(5), "3.bias": np.ones(3)}),
    ),
    "a file that is not there": (WeightsError, r"nowhere\.safetensors",
                                 lambda: dl.load("/nowhere.safetensors", backend="torch")),
    "training the reference": (BackendError, "compile for another one to train",
                               lambda: compiled(backend="reference").fit(training(), (x, labels))),
}  # fmt: skip


def run_all() -> None:
    """In the fresh process: each case raises what it should, and nothing imports a framework."""
    failures = []
    for name, (kind, says, call) in CASES.items():
        try:
            call()
        except Exception as error:
            if not isinstance(error, kind) or not re.search(says, str(error)):
                failures.append(f"{name}: {type(error).__name__}: {error}")
        else:
            failures.append(f"{name}: nothing was raised")
        loaded = [module for module in FRAMEWORKS if module in sys.modules]
        if loaded:
            failures.append(f"{name}: imported {loaded}")
            for module in loaded:
                del sys.modules[module]
    print("\n".join(failures))


@pytest.fixture(scope="module")
def report() -> str:
    code = "import test_bad_input; test_bad_input.run_all()"
    done = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parent, text=True,
                          capture_output=True)  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", CASES)
def test_a_clear_error_before_any_framework(report, name):
    wrong = [line for line in report.splitlines() if line.startswith(f"{name}: ")]
    assert not wrong, "\n".join(wrong)


def test_the_process_ran_clean(report):
    assert not report.strip(), report


def test_installed_backends_are_named():
    with pytest.raises(BackendError) as raised:
        compiled(backend="mxnet")
    for point in importlib.metadata.entry_points(group="polydl.backends"):
        assert point.name in str(raised.value)
