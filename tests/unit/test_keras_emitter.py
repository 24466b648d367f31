"""Emitted Keras against the oracle: natives and definitions, both modes, both precisions."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
import warnings

import numpy as np
import pytest

pytest.importorskip("keras")
pytest.importorskip("tensorflow")

from polydl_keras import engine
from polydl_keras.emitter import KerasEmitter
from polydl_keras.model import KerasModel

import polydl as dl
from polydl import ops
from polydl.errors import BackendError, WeightsError
from polydl.program.passes import portable_randomness
from polydl.reference import Interpreter
from polydl.spec.apply import apply
from tests.sample_models import LanguageModel, ResBlock

TOLERANCE = {"float64": 1e-12, "float32": 3e-5}
IMAGE, VECTOR = dl.Input((None, 7, 6, 4)), dl.Input((None, 5, 6))
TEXT = dl.Input((None, None), dtype="int")


def random_weights(program):
    rng = np.random.default_rng(1)
    weights = {}
    for path, entry in program.entries.items():
        value = rng.normal(size=entry.shape) * 0.5
        if entry.dtype == "int":
            value = np.full(entry.shape, 3, np.int32)
        weights[path] = np.abs(value) + 0.5 if path.endswith("variance") else value
    return weights


def inputs_of(program, high=7, **sizes):
    rng = np.random.default_rng(0)
    known = {"batch": 3, **sizes}
    found = []
    for value in program.root.inputs:
        shape = tuple(s if isinstance(s, int) else known[str(s)] for s in value.shape)
        integers = rng.integers(0, high, shape).astype(np.int32)
        found.append(rng.normal(size=shape) if value.dtype == "float" else integers)
    return found


def build(program, dtype="float32", natives=True):
    """The model, with random weights in it."""
    emitted = KerasEmitter(program, dtype, natives).emit()
    names = {}
    with engine.settings(dtype, "cpu"):
        exec(compile(emitted.source, "<emitted>", "exec"), names)
        model = KerasModel(program, emitted, names[emitted.entry], dtype)
    model.set_weights(random_weights(program))
    return model


def compare(program, inputs, natives=True, dtype="float64", modes=(True, False)):
    """Outputs and state of the emitted model against the oracle's, with the same weights."""
    weights = random_weights(program)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = build(program, dtype, natives)
    for training in modes:
        model.set_weights(weights)
        arrays = [x.astype(dtype) if x.dtype.kind == "f" else x for x in inputs]
        outputs = model.call(arrays, training)
        expected, state = Interpreter(program).run(weights, inputs, training)
        for actual, wanted in zip(outputs, expected, strict=True):
            check(actual, wanted, dtype)
        after = model.get_weights()
        for path, wanted in {**weights, **(state if training else {})}.items():
            check(after[path], wanted, dtype)
    return model.emitted


def check(actual, expected, dtype):
    assert actual.shape == expected.shape
    kind = expected.dtype.kind
    assert str(actual.dtype) == {"f": dtype, "i": "int32", "b": "bool"}[kind]
    actual, expected = actual.astype(np.float64), expected.astype(np.float64)
    scale = max(1.0, float(np.max(np.abs(expected), initial=0.0)))
    assert np.max(np.abs(actual - expected), initial=0.0) <= TOLERANCE[dtype] * scale


def gradients_agree(program, inputs, training=True):
    """Derivatives of the stock parts against those of the definitions."""
    cotangents, found = None, []
    for natives in (True, False):
        model = build(program, "float64", natives)
        if cotangents is None:
            rng = np.random.default_rng(2)
            outputs = model.call(inputs, False)
            floats = (y.dtype.kind == "f" for y in outputs)
            pairs = zip(outputs, floats, strict=True)
            cotangents = [rng.normal(size=y.shape) if f else None for y, f in pairs]
        by_path, by_input = model.gradients(inputs, cotangents, training)
        found.append({**by_path, **{i: g for i, g in enumerate(by_input) if g is not None}})
    for name, wanted in found[1].items():
        scale = max(1.0, np.abs(wanted).max(initial=0.0))
        assert np.abs(found[0][name] - wanted).max(initial=0.0) <= 1e-11 * scale, name


def ruff_leaves(source):
    """Whether a formatter leaves the text alone."""
    command = [sys.executable, "-m", "ruff", "format", "--isolated", "--check", "-"]
    return subprocess.run(command, input=source, text=True, capture_output=True).returncode == 0


# --- layers, functions, primitives --------------------------------------------------------------


class Layers(dl.Module):
    """Every layer at once."""

    def __init__(self):
        self.images = {
            "conv_valid": dl.Conv2D(6, 3, kernel_initializer="he_normal"),
            "conv_same": dl.Conv2D(6, (2, 3), padding="same"),
            "conv_same_strides": dl.Conv2D(6, 3, strides=2, padding="same"),
            "conv_same_dilation": dl.Conv2D(6, 2, padding="same", dilation=(2, 3)),
            "conv_both": dl.Conv2D(6, 2, strides=2, padding=1, dilation=2),
            "conv_groups": dl.Conv2D(6, 3, strides=(2, 1), padding=1, groups=2),
            "conv_sides": dl.Conv2D(6, 3, padding=((0, 2), (1, 0)), use_bias=False),
            "conv_even": dl.Conv2D(6, 3, padding=1),
            "batch_norm": dl.BatchNorm(),
            "max_pool": dl.MaxPool2D(2),
            "max_pool_same": dl.MaxPool2D(3, strides=2, padding="same"),
            "max_pool_sides": dl.MaxPool2D((2, 3), strides=1, padding=((1, 0), (1, 1))),
            "avg_pool": dl.AvgPool2D((2, 3), strides=(1, 2)),
            "avg_pool_same": dl.AvgPool2D(3, strides=2, padding="same"),
            "avg_pool_sides": dl.AvgPool2D(2, padding=((1, 0), (0, 1))),
            "global_pool": dl.GlobalAvgPool2D(),
            "flatten": dl.Flatten(),
        }
        self.vectors = {
            "dense": dl.Dense(3),
            "dense_plain": dl.Dense(3, use_bias=False),
            "batch_norm_vectors": dl.BatchNorm(momentum=0.7, epsilon=1e-3),
            "layer_norm": dl.LayerNorm(epsilon=1e-3),
            "rms_norm": dl.RMSNorm(epsilon=1e-3),
        }
        self.embedding = dl.Embedding(5, 3)

    def __call__(self, image, vector, ids):
        return {
            **{name: layer(image) for name, layer in self.images.items()},
            **{name: layer(vector) for name, layer in self.vectors.items()},
            "rows": self.embedding(ids),
        }


@pytest.fixture(scope="module")
def layers():
    program = dl.trace(Layers(), (IMAGE, VECTOR, TEXT))
    inputs = inputs_of(program, ids_size1=4)
    inputs[2][0, :2] = -1, 6  # out of range: the nearest row
    return program, inputs


@pytest.mark.parametrize(
    ("natives", "dtype"), [(True, "float64"), (False, "float64"), (True, "float32")]
)
def test_layers(layers, natives, dtype):
    modes = (True, False) if dtype == "float64" else (False,)
    source = compare(*layers, natives, dtype, modes).source
    for part in ("Dense", "Conv2D", "BatchNormalization", "Embedding", "AveragePooling2D"):
        assert (f"layers.{part}(" in source) == natives
    assert ruff_leaves(source)


def test_gradients_of_layers(layers):
    gradients_agree(*layers)


class Functions(dl.Module):
    def __call__(self, x):
        return (dl.relu(x), dl.gelu(x), dl.gelu(x, approximate=True), dl.sigmoid(x), dl.tanh(x),
                dl.softmax(x), dl.softmax(x, axis=1), dl.log_softmax(x))  # fmt: skip


@pytest.mark.parametrize(
    ("natives", "dtype"), [(True, "float64"), (False, "float64"), (True, "float32")]
)
def test_functions(natives, dtype):
    program = dl.trace(Functions(), VECTOR)
    inputs = [4 * x for x in inputs_of(program)]
    source = compare(program, inputs, natives, dtype, (False,)).source
    assert ("ops.softmax(x, axis=1)" in source) == natives
    # TensorFlow's gelu is right to float32 only
    assert ("ops.gelu(x, approximate=False)" in source) == (dtype == "float32")


class Symbolic(dl.Module):
    """Primitives that symbolic tensors can carry."""

    def __call__(self, x, n, flag):
        rows = ops.sum(x @ ops.transpose(x[0], (1, 0)), 2, keepdims=True)
        return {
            "extremes": ops.maximum(x, 0.1) + ops.minimum(x, x * 2.0),
            "chosen": ops.where(flag, 0.1, 0.7) * ops.where(x > 0, x, 0.0),
            "flags": (flag & (x > 0)) | ~flag,
            "slices": x[:1] + x[:, 0:1, ::2][..., :1],
            "picked": x[..., -1],
            "joined": ops.concatenate([x, ops.pad(x, ((0, 0), (0, 0), (1, 0)), 0.3)], -1),
            "cast": x.astype("int").astype("float") + flag.astype("float"),
            "argmax": ops.argmax(x, 1),
            "reduced": ops.sum(n, 0) * ops.max(n, (0, 1)),
            "power": ops.absolute(x) ** 1.7 + 0.9**x,
            "taken": ops.take_along_axis(x, n, -1),
            "position": ops.arange(6) + n[0, 0],
            "wide": ops.broadcast_to(x[:1], (3, 5, 6)) * ops.full((5, 1), 0.1),
            "roots": ops.sqrt(ops.exp(x)) * ops.log(x * x + 1.0) - (-x) / 3.0 + ops.erf(x),
            "wrapped": (n + 1) * 0x7FEB352D,
            "compared": (n == 2) | (n != 3),
            "shape": ops.reshape(ops.mean(x, (0, 2), keepdims=True), (5,)),
            "product": x @ ops.transpose(x, (0, 2, 1)) + rows,
            "still": ops.stop_gradient(x),
        }


class Bits(dl.Module):
    """Primitives that take a Layer: masks of bits, sizes known at run time, other ranks."""

    def __call__(self, x, n):
        batch, time, _ = x.shape
        kernel = self.parameter("kernel", (3, 2, 6), dl.initializer("normal", stddev=0.2))
        position = ops.broadcast_to(ops.arange(time), (batch, time))
        return {
            "bits": ops.shift_right_logical((n - 4) * 0x7FEB352D, 5) ^ (n & 6),
            "position": position.astype("float") * 0.1 + ops.full((batch, time), 0.7),
            "wave": apply("window_max", x, window=(2,), strides=(2,), padding=((0, 1),)),
            "line": ops.conv(x, kernel, strides=(1,), padding=((1, 0),), dilation=(2,), groups=3),
            "heads": ops.transpose(ops.reshape(x, (batch, time, 3, 2)), (0, 2, 1, 3)),
        }


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_primitives(dtype):
    program = dl.trace(
        Symbolic(),
        {
            "x": dl.Input((3, 5, 6)),
            "n": dl.Input((3, 5, 6), dtype="int"),
            "flag": dl.Input((3, 5, 6), dtype="bool"),
        },
    )
    x, n, _ = inputs_of(program)
    source = compare(program, [x, n, n > 3], dtype=dtype, modes=(False,)).source
    assert "keras.Layer" not in source
    program = dl.trace(
        Bits(), (dl.Input(("batch", "time", 6)), dl.Input(("batch", "time"), dtype="int"))
    )
    compare(program, inputs_of(program, time=5), dtype=dtype, modes=(False,))


# --- models -------------------------------------------------------------------------------------


def cnn():
    parts = [ResBlock(4), ResBlock(4), dl.gelu, dl.BatchNorm(), dl.MaxPool2D(2), dl.Dropout(0.25)]
    return dl.Sequential([*parts, dl.Flatten(), dl.Dense(5)])


class Half(dl.Module):
    def __init__(self, embed):
        self.embed = embed
        self.dense = dl.Dense(4)

    def __call__(self, x):
        return self.dense(self.embed(x))


class Siamese(dl.Module):
    """A layer held by two modules, a module called with two shapes, and state of its own."""

    def __init__(self):
        shared = dl.Dense(6)
        self.left, self.right = Half(shared), Half(shared)

    def __call__(self, x, y):
        calls = self.state("calls", (), "zeros", dtype="int")
        moved = self.state("moved", (4,), "ones")
        left, right = self.left(x), self.right(y)
        self.update("calls", calls + 1)
        self.update("moved", moved + dl.when_training(lambda: ops.sum(left, 0), lambda: moved))
        return {"sum": left * moved + ops.mean(self.left(y), 1), "out": (right, calls, self.moved)}


class Twice(dl.Module):
    """Layers and a block that are called more than once, and lists."""

    def __init__(self):
        self.add, self.block = dl.Dense(4), Half(dl.Dense(4))
        self.same = [Half(dl.Dense(4)) for _ in range(3)]
        self.different = [dl.Dense(n) for n in (5, 4)]

    def __call__(self, x, y):
        x = self.add(x) + self.add(y)
        x = self.block(x) + self.block(y)
        for layer in self.same:
            x = layer(x)
        for layer in self.different:
            x = dl.relu(layer(x))
        return x


class Unused(dl.Module):
    """A layer whose result nothing needs, and one that has another's name."""

    def __init__(self):
        self.x, self.x_layer, self.norm = dl.Dense(4), dl.Dense(4), dl.BatchNorm()

    def __call__(self, x):
        self.norm(x)
        return self.x_layer(dl.relu(self.x(x))), x


MODELS = {
    "unused": (lambda: dl.Sequential(dl.Dense(3), Unused()), dl.Input((None, 4)), {}),
    "names": (lambda: Unused(), dl.Input((None, 4)), {}),
    "cnn": (cnn, dl.Input((None, 8, 8, 1)), {}),
    "language model": (LanguageModel, TEXT, {"ids_size1": 6}),
    "siamese": (Siamese, (dl.Input((None, 4)), dl.Input((None, 3, 4))), {}),
    "twice": (Twice, (dl.Input((None, 4)), dl.Input((None, 4))), {}),
}


def model_program(name):
    make, inputs, sizes = MODELS[name]
    program = portable_randomness(dl.trace(make(), inputs), 3)
    return program, inputs_of(program, **sizes)


@pytest.mark.parametrize("natives", [True, False], ids=["native", "definition"])
@pytest.mark.parametrize("name", MODELS)
def test_models(name, natives):
    assert ruff_leaves(compare(*model_program(name), natives).source)


def test_a_state_is_read_before_it_is_written():
    source = KerasEmitter(model_program("siamese")[0]).emit().source
    assert "ops.copy(self.calls)" in source
    assert "ops.copy(self.moved)" in source


def test_text_of_builders():
    source = KerasEmitter(dl.trace(cnn(), dl.Input((None, 8, 8, 1)))).emit().source
    assert source == CNN_TEXT


CNN_TEXT = """import keras
from keras import layers, ops


def res_block(x, name):
    residual = layers.Conv2D(4, 1, name=f"{name}.project")(x)
    h = ops.relu(layers.Conv2D(4, 3, padding="same", name=f"{name}.conv1")(x))
    h = layers.Conv2D(4, 3, padding="same", name=f"{name}.conv2")(h)
    return ops.relu(h + residual)


def res_block2(x, name):
    h = ops.relu(layers.Conv2D(4, 3, padding="same", name=f"{name}.conv1")(x))
    return ops.relu(layers.Conv2D(4, 3, padding="same", name=f"{name}.conv2")(h) + x)


def build_model():
    x_input = keras.Input((8, 8, 1), name="x")
    x = res_block(x_input, name="0")
    x = res_block2(x, name="1")
    x = ops.gelu(x, approximate=False)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-05, name="3")(x)
    x = layers.MaxPooling2D(2, name="4")(x)
    x = layers.Dropout(0.25, name="5")(x)
    x = layers.Flatten(name="6")(x)
    x = layers.Dense(5, name="7")(x)
    return keras.Model(x_input, x, name="model")
"""


def test_names_of_layers():
    emitted = KerasEmitter(model_program("twice")[0]).emit()
    assert 'add = layers.Dense(4, name="add_layer")' in emitted.source  # "add" is an operation
    assert 'for i in range(3):\n        x = half(x, name=f"same.{i}")' in emitted.source
    assert emitted.bindings["add.kernel"].native == "add_layer/kernel"
    assert emitted.bindings["block.dense.bias"].native == "block/dense.bias"
    assert emitted.bindings["same.1.dense.bias"].native == "same.1.dense/bias"


# --- saving and loading -------------------------------------------------------------------------

LOAD = """
import sys, warnings
import keras, numpy as np
warnings.simplefilter("error", UserWarning)
for name in sys.argv[2:]:
    if name == "layers":
        exec(compile(open(f"{sys.argv[1]}/layers.py").read(), "layers", "exec"))
    model = keras.models.load_model(f"{sys.argv[1]}/{name}.keras")
    with np.load(f"{sys.argv[1]}/{name}.npz") as saved:
        assert np.array_equal(model(saved["x"]), saved["y"]), name
    print(name, len(model.trainable_variables), "polydl" in sys.modules)
"""


def test_saved_models_load_in_plain_keras(tmp_path):
    """With stock layers only, nothing is registered; else the source comes first."""
    for name, make, given, sizes in (
        ("stock", cnn, dl.Input((None, 8, 8, 1)), {}),
        ("layers", LanguageModel, TEXT, {"ids_size1": 6}),
    ):
        program = dl.trace(make(), given)
        model, (x,) = build(program), inputs_of(program, **sizes)
        x = x.astype("float32") if x.dtype.kind == "f" else x
        model.native.save(tmp_path / f"{name}.keras")
        np.savez(tmp_path / f"{name}.npz", x=x, y=np.array(model.native(x)))
        (tmp_path / f"{name}.py").write_text(model.emitted.source)
        trained = [e for e in program.entries.values() if e.role == "parameter"]
        assert len(model.native.trainable_variables) == len(trained)  # tied weights stay one
        paths = {v.path for v in model.native.variables}
        assert len(paths) == len(model.native.variables)
    command = [sys.executable, "-c", LOAD, str(tmp_path), "stock", "layers"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    assert [line.split()[2] for line in done.stdout.strip().split("\n")] == ["False", "False"]


def test_saved_models_of_other_texts_are_not_mixed_up(tmp_path):
    """Keras finds layers by name, and two models may have classes of one name."""

    def scaled(factor):
        class Scaled(dl.Module):
            def __call__(self, x):
                return dl.when_training(lambda: x, lambda: x * factor)

        return dl.compile(Scaled(), dl.Input((None, 3)), backend="keras")

    first = scaled(1.0)
    first.native.save(tmp_path / "first.keras")
    scaled(100.0)
    x = np.ones((2, 3), "float32")
    import keras

    loaded = keras.models.load_model(tmp_path / "first.keras")
    np.testing.assert_array_equal(np.array(loaded(x)), x)


def test_a_model_may_be_called_like_a_package():
    """The package of registered classes is written into the text at the end."""

    class PolydlModel(dl.Module):
        def __init__(self):
            self.dense = dl.Dense(2)

        def __call__(self, x):
            return dl.when_training(lambda: self.dense(x), lambda: 2.0 * self.dense(x))

    net = dl.compile(PolydlModel(), dl.Input((None, 3)), backend="keras")
    assert net(np.ones((4, 3))).shape == (4, 2)


def test_import_native(tmp_path):
    net = dl.compile(cnn(), dl.Input((None, 8, 8, 1)), backend="keras", seed=1)
    native, wanted = net.native, net.weights
    native.save_weights(tmp_path / "a.weights.h5")
    native.save(tmp_path / "a.keras")
    by_path = {v.path: v.numpy() for v in native.variables}
    for saved in (
        native.get_weights(), by_path, tmp_path / "a.weights.h5", str(tmp_path / "a.keras")
    ):  # fmt: skip
        other = dl.compile(cnn(), dl.Input((None, 8, 8, 1)), backend="keras", seed=2)
        other.import_native(saved)
        assert all(np.array_equal(other.weights[path], wanted[path]) for path in wanted)
    for wrong in (native.get_weights()[1:], {}, tmp_path / "a.txt", tmp_path / "b.keras"):
        with pytest.raises(WeightsError):
            other.import_native(wrong)


class Padded(dl.Module):
    """A GRU over sequences with lengths and an open time, which Keras' own layer does not serve."""

    def __init__(self):
        self.gru = dl.GRU(6, use_bias=False)

    def __call__(self, x, lengths):
        return self.gru(x, lengths=lengths)


def test_import_native_refuses_layers_of_another_order(tmp_path):
    """A stock GRU has as many numbers, with its gates in another order."""
    keras = engine.keras
    given = keras.Input((None, 3))
    stock = keras.Model(given, keras.layers.GRU(6, use_bias=False, return_sequences=True)(given))
    net = dl.compile(Padded(), (dl.Input(("b", None, 3)), dl.Input(("b",), "int")), backend="keras")
    before = net.weights
    with pytest.raises(
        WeightsError, match=r"layer of its own class here and .* to a keras GRUCell"
    ):
        net.import_native(stock)
    with pytest.raises(
        WeightsError, match=r"gru \(GRU\) is written out .* Give the keras.Model itself"
    ):
        net.import_native(stock.get_weights())
    stock.save(tmp_path / "stock.keras")
    with pytest.raises(WeightsError, match="does not hold this model's weights"):
        net.import_native(tmp_path / "stock.keras")
    assert all(np.array_equal(net.weights[path], before[path]) for path in before)
    net.import_native(net.native)
    same = dl.compile(
        dl.Sequential(dl.GRU(6, use_bias=False)), dl.Input((None, None, 3)), backend="keras"
    )
    x = np.random.default_rng(0).normal(size=(2, 5, 3)).astype(np.float32)
    for saved in (stock, stock.get_weights()):
        same.import_native(saved)
        np.testing.assert_allclose(same(x), stock(x), atol=1e-6)


def test_global_settings_are_restored():
    keras = engine.keras
    before = keras.config.floatx(), keras.config.dtype_policy().name
    net = dl.compile(dl.Dense(3), dl.Input((None, 4)), backend="keras", dtype="float64")
    assert net(np.ones((2, 4))).dtype == "float64"
    assert (keras.config.floatx(), keras.config.dtype_policy().name) == before
    assert 'keras.config.set_floatx("float64")' in net.source
    with pytest.raises(BackendError, match="channels"):
        dl.compile(dl.Dense(3), dl.Input((None, 4)), backend="keras", layout="channels_first")


# --- training -----------------------------------------------------------------------------------


def training(optimizer, **options):
    return dl.Training(
        loss=dl.CrossEntropy(), optimizer=optimizer, batch_size=8, epochs=3,
        metrics=[dl.Accuracy()], randomness="portable", **options,
    )  # fmt: skip


@pytest.mark.parametrize(
    "optimizer", [dl.Adam(1e-2), dl.SGD(0.05, momentum=0.9, nesterov=True), dl.SGD(0.05)],
    ids=["adam", "nesterov", "sgd"],
)  # fmt: skip
def test_training_follows_the_definitions(optimizer):
    """Stock parts and TensorFlow's kernels against definitions; the last batch is smaller."""
    rng = np.random.default_rng(0)
    ids = rng.integers(0, 20, (20, 6)).astype(np.int32)
    data = (ids, np.roll(ids, -1, 1))
    model = dl.Sequential(dl.Embedding(20, 8), dl.LayerNorm(), dl.Dropout(0.2), dl.Dense(20))
    runs = []
    for natives in (True, False):
        net = dl.compile(model, TEXT, backend="keras", dtype="float64", natives=natives)
        history = net.fit(training(optimizer), data, validation=data)
        runs.append((history, net.weights))
        assert ("class UpdateRule" in net.training_source) == (not natives)
        assert ruff_leaves(net.training_source)
    (native, weights), (defined, wanted) = runs
    assert np.abs(native.steps / defined.steps - 1).max() < 1e-12
    for key, value in defined.epochs[-1].items():
        assert native.epochs[-1][key] == pytest.approx(value, rel=1e-12)
    for path, value in wanted.items():
        assert np.abs(weights[path] - value).max() < 1e-9


@pytest.mark.parametrize(
    "metrics",
    [["accuracy"], ["accuracy", "f1"], ["roc_auc"], ["confusion_matrix", "accuracy", "roc_auc"]],
    ids="/".join,
)
def test_step_of_other_engines(monkeypatch, metrics):
    """Keras' own train_on_batch, which every engine has, takes the same steps."""
    rng = np.random.default_rng(0)
    data = rng.normal(size=(20, 4)), rng.integers(0, 3, 20).astype(np.int32)
    model = dl.Sequential(dl.Dense(5), dl.tanh, dl.Dropout(0.2), dl.Dense(3))
    histories = []
    for on_tensorflow in (True, False):
        if not on_tensorflow:
            for module in ("trainer", "step_plan"):
                monkeypatch.setattr(f"polydl_keras.{module}.on_tensorflow", lambda: False)
        net = dl.compile(model, dl.Input((None, 4)), backend="keras", dtype="float64")
        settings = dataclasses.replace(training(dl.Adam(1e-2)), metrics=metrics)
        histories.append(net.fit(settings, data, validation=data))
        assert ("train_on_batch" in net.training_source) == (not on_tensorflow)
        assert ruff_leaves(net.training_source)
    first, second = histories
    assert np.abs(first.steps / second.steps - 1).max() < 1e-12
    for name, value in first.epochs[-1].items():
        np.testing.assert_allclose(second.epochs[-1][name], value, rtol=1e-12, err_msg=name)
