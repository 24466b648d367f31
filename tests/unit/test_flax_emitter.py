"""Emitted Flax NNX against the oracle: natives and definitions, both modes, both precisions."""

from __future__ import annotations

import contextlib
import inspect
import subprocess
import sys
import warnings

import numpy as np
import pytest

jax = pytest.importorskip("jax")
nnx = pytest.importorskip("flax.nnx")

import jax.numpy as jnp  # noqa: E402
from polydl_flax.construct import construct  # noqa: E402
from polydl_flax.emitter import FlaxEmitter  # noqa: E402
from polydl_flax.weights import get_weights, set_weights  # noqa: E402

import polydl as dl  # noqa: E402
from polydl import ops  # noqa: E402
from polydl.errors import WeightsError  # noqa: E402
from polydl.program.passes.randomness import portable_randomness  # noqa: E402
from polydl.program.structure import flatten_as  # noqa: E402
from polydl.reference import Interpreter  # noqa: E402
from polydl.spec.apply import apply  # noqa: E402
from polydl.spec.initializers import initial_weights  # noqa: E402

TOLERANCE = {"float64": 1e-12, "float32": 2e-5}


@contextlib.contextmanager
def precision(dtype):
    """Emitted float64 source sets 64-bit mode for the process; put back what was."""
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", dtype == "float64")
    try:
        yield
    finally:
        jax.config.update("jax_enable_x64", before)


def random_weights(program, seed=1):
    rng = np.random.default_rng(seed)
    weights = {}
    for path, entry in program.entries.items():
        value = rng.normal(size=entry.shape) * 0.5
        if entry.dtype == "int":
            value = np.full(entry.shape, 3, np.int32)
        weights[path] = np.abs(value) + 0.5 if path.endswith("variance") else value
    return weights


def sample(value, sizes, rng, high=7):
    shape = tuple(s if isinstance(s, int) else sizes[str(s)] for s in value.shape)
    if value.dtype == "float":
        return rng.normal(size=shape)
    return rng.integers(0, high, shape).astype(np.int32)


def build(program, dtype="float64", natives=True, initialized=False):
    emitted = FlaxEmitter(program, dtype=dtype, natives=natives).emit()
    namespace = {}
    exec(emitted.source, namespace)
    make = namespace[emitted.entry]
    if not initialized:
        return emitted, construct(make)
    takes_rngs = "rngs" in inspect.signature(make.__init__).parameters
    return emitted, make(rngs=nnx.Rngs(0)) if takes_rngs else make()


@nnx.jit
def run(model, *inputs):
    return model(*inputs)


def compare(program, inputs, natives=True, dtype="float64", modes=(True, False)):
    """Outputs and state of the emitted model against the oracle's, with the same weights."""
    weights = random_weights(program)
    with precision(dtype), warnings.catch_warnings():
        warnings.simplefilter("error")
        emitted, model = build(program, dtype, natives)
        for training in modes:
            set_weights(model, emitted.bindings, weights)
            _ = model.train() if training else model.eval()
            arrays = [jnp.asarray(x, dtype if x.dtype.kind == "f" else None) for x in inputs]
            outputs = flatten_as(program.outputs, run(model, *arrays), "outputs")
            after = get_weights(model, emitted.bindings)
            expected, state = Interpreter(program).run(weights, inputs, training)
            for actual, wanted in zip(outputs, expected, strict=True):
                check(np.asarray(actual), wanted, dtype)
            for path, wanted in {**weights, **state}.items():
                check(after[path], wanted, dtype)
    return emitted


def check(actual, expected, dtype):
    assert actual.shape == expected.shape
    kind = expected.dtype.kind
    assert str(actual.dtype) == {"f": dtype, "i": "int32", "b": "bool"}[kind]
    actual, expected = actual.astype(np.float64), expected.astype(np.float64)
    scale = max(1.0, float(np.max(np.abs(expected), initial=0.0)))
    assert np.max(np.abs(actual - expected), initial=0.0) <= TOLERANCE[dtype] * scale


VECTOR = dl.Input((None, 5, 6))
TEXT = dl.Input((None, None), dtype="int")
IMAGE_LAYERS = {
    "conv_valid": dl.Conv2D(6, 3),
    "conv_same": dl.Conv2D(6, (2, 3), padding="same"),
    "conv_same_strides": dl.Conv2D(6, 3, strides=2, padding="same"),
    "conv_same_dilation": dl.Conv2D(6, 2, padding="same", dilation=(2, 3)),
    "conv_groups": dl.Conv2D(6, 3, strides=(2, 1), padding=1, groups=2),
    "conv_sides": dl.Conv2D(6, 3, padding=((0, 2), (1, 0)), use_bias=False),
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
VECTOR_LAYERS = {
    "dense": dl.Dense(3),
    "dense_plain": dl.Dense(3, use_bias=False),
    "batch_norm_vectors": dl.BatchNorm(momentum=0.7, epsilon=1e-3),
    "layer_norm": dl.LayerNorm(epsilon=1e-3),
    "rms_norm": dl.RMSNorm(epsilon=1e-3),
}


class Layers(dl.Module):
    """Every layer at once, which costs one compilation."""

    def __init__(self):
        self.images, self.vectors = IMAGE_LAYERS, VECTOR_LAYERS
        self.embedding = dl.Embedding(5, 3)
        self.flatten = dl.Flatten()

    def __call__(self, image, vector, ids):
        rows = self.embedding(ids)
        return {
            **{name: layer(image) for name, layer in self.images.items()},
            **{name: layer(vector) for name, layer in self.vectors.items()},
            "rows": rows,
            "flat": self.flatten(rows),
        }


def inputs_of(program, high=7, **sizes):
    rng = np.random.default_rng(0)
    known = {"batch": 3, **sizes}
    return [sample(value, known, rng, high) for value in program.root.inputs]


@pytest.mark.parametrize(
    ("natives", "dtype"), [(True, "float64"), (False, "float64"), (True, "float32")]
)
def test_layers(natives, dtype):
    given = (dl.Input((None, 7, 6, 4)), VECTOR, TEXT)
    program = dl.trace(Layers(), given)
    inputs = inputs_of(program, ids_size1=4)
    inputs[2][0, :2] = -1, 6  # out of range: the nearest row
    modes = (True, False) if dtype == "float64" else (False,)
    source = compare(program, inputs, natives, dtype, modes).source
    for part in ("nnx.Linear", "nnx.Conv", "nnx.RMSNorm", "nnx.Embed", "nnx.avg_pool"):
        assert (part in source) == natives
    assert ruff_leaves(source)


class Functions(dl.Module):
    """Every function at once, which costs one compilation."""

    def __call__(self, x):
        return (
            dl.relu(x),
            dl.gelu(x),
            dl.gelu(x, approximate=True),
            dl.sigmoid(x),
            dl.tanh(x),
            dl.softmax(x),
            dl.softmax(x, axis=1),
            dl.log_softmax(x),
        )


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("natives", [True, False], ids=["native", "definition"])
def test_functions(natives, dtype):
    program = dl.trace(Functions(), VECTOR)
    emitted = compare(program, [4 * x for x in inputs_of(program)], natives, dtype, (False,))
    assert ("nnx.softmax(x, axis=1)" in emitted.source) == natives


class Primitives(dl.Module):
    """Primitives that no layer uses, floats and ints, with literals of every kind."""

    def __call__(self, x, n):
        b, t, _ = x.shape
        first = ops.concatenate([x, ops.full((b, t, 1), 0.5)], -1)
        counts = ops.sum(ops.where(x > 0.1, 1, 0), (1, 2))
        position = ops.broadcast_to(ops.arange(t), (b, t))
        pad = ops.pad(x, ((0, 0), (1, 2), (0, 0)), -1.0)
        wave = apply("window_max", ops.pad(x, ((0, 0), (1, 0), (0, 0))), window=(2,), strides=(2,),
                     padding=((0, 1),))  # fmt: skip
        kernel = self.parameter("kernel", (3, 2, 6), dl.initializer("normal", stddev=0.2))
        line = ops.conv(x, kernel, strides=(1,), padding=((1, 0),), dilation=(2,), groups=3)
        return {
            "first": first[:, 1:, ::2],
            "last": first[:, -1],
            "counts": counts,
            "total": ops.sum(n),
            "argmax": ops.argmax(x, 1),
            "absolute": ops.absolute(x),
            "distance": ops.absolute(n - 3),
            "between": ops.minimum(ops.maximum(x, -0.5), 0.5),
            "power": ops.absolute(x) ** 1.5 + 2.0**x,
            "roots": ops.sqrt(ops.exp(x)) * ops.log(x * x + 1.0) - (-x),
            "flags": ((x > 0) | (x < -1)) & ~(x >= 2.0),
            "bits": ops.shift_right_logical((n - 4) * 0x7FEB352D, 5) ^ (n & 6),
            "compared": (n == 3) | (n != position),
            "picked": ops.take_along_axis(x, n[..., None], -1),
            "pad": pad,
            "wave": wave,
            "line": line,
            "extremes": ops.max(x, (1, 2)) - ops.min(x, (1, 2)) + ops.mean(x),
            "cast": (x * 3).astype("int").astype("float") + (x > 0).astype("float"),
        }


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_primitives(dtype):
    given = {
        "x": dl.Input(("batch", "time", 6)),
        "n": dl.Input(("batch", "time"), dtype="int"),
    }
    program = dl.trace(Primitives(), given)
    inputs = inputs_of(program, high=6, time=5)
    compare(program, inputs, dtype=dtype, modes=(False,))


# --- models -------------------------------------------------------------------------------------


class ResBlock(dl.Module):
    def __init__(self, channels):
        self.conv1 = dl.Conv2D(channels, 3, padding="same")
        self.conv2 = dl.Conv2D(channels, 3, padding="same")
        self.project = dl.Conv2D(channels, 1)

    def __call__(self, x):
        residual = x if x.shape[-1] == self.conv1.filters else self.project(x)
        h = dl.relu(self.conv1(x))
        return dl.relu(self.conv2(h) + residual)


def cnn():
    parts = [ResBlock(4), ResBlock(4), dl.gelu, dl.BatchNorm(), dl.MaxPool2D(2), dl.Dropout(0.25)]
    return dl.Sequential([*parts, dl.Flatten(), dl.Dense(5)])


class Attention(dl.Module):
    def __init__(self, dim, heads):
        self.heads = heads
        self.qkv = dl.Dense(3 * dim)
        self.out = dl.Dense(dim)

    def __call__(self, x):
        b, t, d = x.shape
        h = self.heads
        qkv = ops.transpose(ops.reshape(self.qkv(x), (b, t, 3, h, d // h)), (2, 0, 3, 1, 4))
        scores = (qkv[0] @ ops.transpose(qkv[1], (0, 1, 3, 2))) * (d // h) ** -0.5
        weights = dl.softmax(scores)
        return self.out(ops.reshape(ops.transpose(weights @ qkv[2], (0, 2, 1, 3)), (b, t, d)))


class TransformerBlock(dl.Module):
    def __init__(self, dim, heads):
        self.norm1 = dl.RMSNorm()
        self.attn = Attention(dim, heads)
        self.norm2 = dl.LayerNorm()
        self.up = dl.Dense(4 * dim)
        self.down = dl.Dense(dim)
        self.drop = dl.Dropout(0.1)

    def __call__(self, x):
        x = x + self.drop(self.attn(self.norm1(x)))
        return x + self.drop(self.down(dl.gelu(self.up(self.norm2(x)))))


class Encoder(dl.Module):
    def __init__(self):
        self.embed = dl.Embedding(11, 8)
        self.blocks = [TransformerBlock(8, 2) for _ in range(2)]
        self.norm = dl.RMSNorm()

    def __call__(self, ids):
        x = self.embed(ids)
        for block in self.blocks:
            x = block(x)
        x = self.norm(x)
        return x @ ops.transpose(self.embed.table)


class Half(dl.Module):
    def __init__(self, embed):
        self.embed = embed
        self.dense = dl.Dense(4)

    def __call__(self, x):
        return self.dense(self.embed(x))


class Siamese(dl.Module):
    """One layer held by two modules, one module called with two shapes, and state of its own."""

    def __init__(self):
        shared = dl.Dense(6)
        self.zleft = Half(shared)
        self.aright = Half(shared)

    def __call__(self, x, y):
        calls = self.state("calls", (), "zeros", dtype="int")
        gain = self.parameter("gain", (4,), "uniform")

        def count():
            self.update("calls", calls + 1)
            return calls + 1

        seen = dl.when_training(count, calls)
        return self.zleft(x) * gain + self.aright(x), self.zleft(y), seen


MODELS = {
    "cnn": (cnn(), dl.Input((None, 6, 6, 1)), {}),
    "transformer": (Encoder(), TEXT, {"ids_size1": 5}),
    "siamese": (Siamese(), (dl.Input((None, 3)), dl.Input((None, 2, 3))), {}),
}


@pytest.mark.parametrize(("natives", "dtype"), [(True, "float64"), (False, "float64"),
                                                (True, "float32")])  # fmt: skip
@pytest.mark.parametrize("name", MODELS)
def test_models_with_portable_randomness(name, natives, dtype):
    model, given, sizes = MODELS[name]
    program = portable_randomness(dl.trace(model, given), seed=3)
    inputs = inputs_of(program, **sizes)
    modes = (True, False) if dtype == "float64" else (False,)
    emitted = compare(program, inputs, natives, dtype, modes)
    assert ("step=0" in emitted.source) == (name != "siamese")
    assert ruff_leaves(emitted.source)


def ruff_leaves(source):
    command = [sys.executable, "-m", "ruff", "format", "--isolated", "-"]
    done = subprocess.run(command, input=source, capture_output=True, text=True, check=True)
    return done.stdout == source


def test_the_text_of_a_model():
    program = dl.trace(Encoder(), TEXT)
    source = FlaxEmitter(program).emit().source
    imports = "import jax\nimport jax.numpy as jnp\nfrom flax import nnx"
    assert source.startswith(f"{imports}\n\n\nclass Linear(nnx.Linear)")
    assert "self.blocks = nnx.List([TransformerBlock(rngs=rngs) for _ in range(2)])" in source
    assert "nnx.LayerNorm(8, epsilon=1e-05, use_fast_variance=False, rngs=rngs)" in source
    assert "return matmul(x, self.embed.embedding[...].T)" in source
    assert "float64" not in source


def test_bindings_follow_attributes_and_lists():
    emitted = FlaxEmitter(dl.trace(Encoder(), TEXT)).emit()
    assert emitted.bindings["blocks.1.attn.qkv.kernel"].native == "blocks.1.attn.qkv.kernel"
    assert emitted.bindings["embed.table"].native == "embed.embedding"


def test_a_chosen_initializer_is_in_the_text():
    uniform = dl.initializer("uniform", low=0.0)
    layers = [
        dl.Dense(3, kernel_initializer="he_normal"),
        dl.Dense(3, kernel_initializer=uniform, bias_initializer=0.5),
    ]
    program = dl.trace(dl.Sequential(layers), dl.Input((None, 400)))
    emitted, model = build(program, "float32", initialized=True)
    assert "kernel_init=nnx.initializers.he_normal()" in emitted.source
    weights = get_weights(model, emitted.bindings)
    assert abs(weights["0.kernel"].std() - np.sqrt(2 / 400)) < 0.005
    assert weights["1.kernel"].min() >= 0
    np.testing.assert_array_equal(weights["1.bias"], 0.5)


class Initials(dl.Module):
    def __call__(self, x):
        for name in ("uniform", "orthogonal"):
            x = x @ self.parameter(name, (40, 40), name)
        near = dl.initializer("truncated_normal", mean=3.0)
        x = x + self.parameter("near", (40,), near)
        return x * self.parameter("fans", (40,), "he_uniform") + self.parameter("half", (40,), 0.5)


def test_initial_values_have_the_right_scale():
    program = dl.trace(Initials(), dl.Input((None, 40)))
    emitted, model = build(program, "float32", initialized=True)
    found = get_weights(model, emitted.bindings)
    for path, value in initial_weights(program, 0).items():
        assert found[path].dtype == np.float32
        assert abs(found[path].mean() - value.mean()) < 0.1
        assert 0.7 * value.std() <= found[path].std() <= 1.4 * value.std()


# --- mode, randomness, differentiation ----------------------------------------------------------


@pytest.mark.parametrize("natives", [True, False], ids=["native", "definition"])
def test_dropout_draws_anew_and_survives_split_and_jit(natives):
    program = dl.trace(dl.Sequential([dl.Dropout(0.25), dl.Dropout(0.5)]), dl.Input((None, 50)))
    _, model = build(program, "float32", natives)
    x = jnp.ones((40, 50))
    first, second = run(model, x), run(model, x)
    assert not np.array_equal(first, second)
    assert abs(float((first == 0).mean()) - (1 - 0.75 * 0.5)) < 0.05
    np.testing.assert_allclose(first[first != 0], 1 / (0.75 * 0.5), rtol=1e-6)
    graph, state = nnx.split(model)

    @jax.jit
    def step(state, x):
        merged = nnx.merge(graph, state)
        y = merged(x)
        return nnx.state(merged), y

    state, third = step(state, x)
    _, fourth = step(state, x)
    assert not np.array_equal(third, fourth)
    model.eval()
    np.testing.assert_array_equal(run(model, x), x)


def test_train_and_eval_reach_natives_and_definitions_alike():
    program = dl.trace(dl.Sequential([dl.BatchNorm()]), dl.Input((None, 3)))
    x = jnp.asarray(np.random.default_rng(0).normal(3.0, 2.0, (8, 3)), jnp.float32)
    for natives in (True, False):
        emitted, model = build(program, "float32", natives)
        before = get_weights(model, emitted.bindings)
        model.eval()
        run(model, x)
        np.testing.assert_array_equal(
            get_weights(model, emitted.bindings)["0.mean"], before["0.mean"]
        )
        model.train()
        assert abs(float(run(model, x).mean())) < 1e-5
        assert (get_weights(model, emitted.bindings)["0.mean"] != before["0.mean"]).all()


class Kinks(dl.Module):
    def __call__(self, x):
        return (
            ops.absolute(x),
            ops.maximum(x, 0.0),
            dl.relu(x),
            ops.minimum(ops.maximum(x, 0.0), 6.0),
        )


@pytest.mark.parametrize("natives", [True, False], ids=["native", "definition"])
def test_derivatives_at_kinks_are_the_defined_ones(natives):
    program = dl.trace(Kinks(), dl.Input((None,)))
    _, model = build(program, "float32", natives)
    slopes = [
        jax.grad(lambda x, i=i: model(x)[i].sum())(jnp.array([-1.0, 0.0, 1.0])) for i in range(4)
    ]
    np.testing.assert_array_equal(np.stack(slopes)[:, 1], [0.0, 0.5, 0.0, 0.5])
    np.testing.assert_array_equal(np.stack(slopes)[0], [-1.0, 0.0, 1.0])


def test_float64_keeps_running_values_in_float64():
    program = dl.trace(dl.Sequential([dl.BatchNorm()]), dl.Input((None, 3)))
    with precision("float64"):
        emitted, model = build(program, initialized=True)
        assert 'jax.config.update("jax_enable_x64", True)' in emitted.source
        assert {str(v.dtype) for v in get_weights(model, emitted.bindings).values()} == {"float64"}


# --- the backend --------------------------------------------------------------------------------


def mlp():
    layers = [dl.Dense(8), dl.BatchNorm(), dl.relu, dl.Dropout(0.3), dl.Dense(3)]
    return dl.Sequential(layers), dl.Input((None, 4))


def samples(count=48):
    rng = np.random.default_rng(0)
    return rng.normal(size=(count, 4)), rng.integers(0, 3, count)


def training(optimizer, **options):
    return dl.Training(dl.CrossEntropy(), optimizer, batch_size=16, **options)


def test_weights_go_in_and_out_exactly():
    net = dl.compile(*mlp(), backend="flax", dtype="float64")
    weights = random_weights(net.program)
    net.load_weights(weights)
    for path, value in net.weights.items():
        assert value.dtype == np.float64
        np.testing.assert_array_equal(value, weights[path])


def test_a_call_gives_float64_and_leaves_the_process_as_it_was():
    x, _ = samples()
    net = dl.compile(*mlp(), backend="flax", dtype="float64")
    (expected,), _ = Interpreter(net.program).run(net.weights, [x])
    assert net(x).dtype == np.float64
    np.testing.assert_allclose(net(x), expected, rtol=1e-13, atol=1e-13)
    assert not jax.config.jax_enable_x64
    assert jnp.zeros(1).dtype == jnp.float32


def test_a_training_call_moves_state_and_nothing_else():
    x, _ = samples()
    net = dl.compile(*mlp(), backend="flax")
    before = net.weights
    assert not np.array_equal(net(x, training=True), net(x, training=True))  # dropout
    np.testing.assert_array_equal(net(x), net(x))
    moved = {path for path, value in net.weights.items() if (value != before[path]).any()}
    assert moved == {"1.mean", "1.variance"}


def test_import_native_takes_what_nnx_saved():
    model, given, _ = MODELS["siamese"]
    net = dl.compile(model, given, backend="flax")
    other = dl.compile(model, given, backend="flax", seed=5)
    saved = nnx.state(other.native)
    for form in (saved, nnx.to_pure_dict(saved)):
        net.load_weights(dl.compile(model, given, backend="flax", seed=1).weights)
        net.import_native(form)
        for path, value in other.weights.items():
            np.testing.assert_array_equal(net.weights[path], value)
    with pytest.raises(WeightsError, match=r"gain"):
        net.import_native({"calls": np.zeros((), np.int32)})


OPTIMIZERS = {
    "adam": dl.Adam(1e-2),
    "nesterov": dl.SGD(0.1, momentum=0.9, nesterov=True),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optax_trains_as_the_definition_does(name):
    """Fresh nets: natives against definitions, in float64."""
    found = []
    for natives in (True, False):
        net = dl.compile(*mlp(), backend="flax", dtype="float64", natives=natives)
        history = net.fit(training(OPTIMIZERS[name], epochs=12, randomness="portable"), samples())
        assert ("optax.sgd" in net.training_source) == (natives and name != "adam")
        found.append((history.steps, net.weights["4.kernel"]))
    (losses, kernel), (other_losses, other_kernel) = found
    assert len(losses) == 36
    np.testing.assert_allclose(losses, other_losses, rtol=1e-12)
    np.testing.assert_allclose(kernel, other_kernel, rtol=1e-11, atol=1e-12)


def test_the_trainer_donates_only_what_is_its_own():
    x, y = samples(16)
    x, y = x.astype(np.float32), y.astype(np.int32)
    net = dl.compile(*mlp(), backend="flax")
    trainer = net.trainer(training(dl.Adam(), metrics=[dl.Accuracy()]))
    held = net.native.dense1.kernel[...]
    trainer.start()
    steps = [trainer.train_step(x, y, i) for i in range(3)]
    assert trainer.fetch(steps).shape == (3, 2)
    np.testing.assert_array_equal(net.weights["0.kernel"], held)  # until the epoch ends
    trainer.finish()
    trained = net.weights["0.kernel"]
    assert (trained != np.asarray(held)).any()
    assert trainer.update._cache_size() == 1
    net.load_weights(dl.compile(*mlp(), backend="flax", seed=3).weights)
    trainer.finish()  # a second time: nothing
    assert (net.weights["0.kernel"] != trained).any()
    loss, _ = trainer.fetch([trainer.evaluate_step(x, y)])[0]
    expected = net.evaluate(training(dl.Adam()), (x, y))["loss"]
    assert abs(loss - expected) < 1e-6


def test_a_step_that_fails_after_donating_costs_the_epoch_and_not_the_model():
    net = dl.compile(*mlp(), backend="flax")
    before = net.weights
    trainer = net.trainer(training(dl.Adam()))
    trainer.start()
    jax.tree.leaves(trainer.params)[0].delete()
    trainer.finish()
    for path, value in net.weights.items():
        np.testing.assert_array_equal(value, before[path])


def test_a_second_fit_goes_on_with_the_optimizer_where_the_first_stopped():
    whole, halves = (dl.compile(*mlp(), backend="flax") for _ in range(2))
    run = {"randomness": "portable", "shuffle": False}
    losses = whole.fit(training(dl.Adam(), epochs=2, **run), samples()).steps
    once = training(dl.Adam(), epochs=1, **run)
    again = np.concatenate([halves.fit(once, samples()).steps for _ in range(2)])
    np.testing.assert_allclose(again, losses, rtol=1e-6)


def test_training_source_runs_alone():
    net = dl.compile(*mlp(), backend="flax")
    source = net.emit_training(training(dl.Adam(), epochs=2))
    assert "polydl" not in source
    namespace = {}
    exec(source, namespace)
    trainer = namespace["Trainer"](namespace["Model"](rngs=nnx.Rngs(0)))
    x, y = samples()
    losses, history = namespace["fit"](trainer, [x.astype(np.float32)], y.astype(np.int32))
    assert losses.shape == (6,)
    assert history[1]["loss"] < history[0]["loss"] + 1


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_gelu_in_low_precision_keeps_the_digits_of_small_values(dtype: str) -> None:
    class Gelu(dl.Module):
        def __call__(self, x: dl.Tensor) -> dl.Tensor:
            return dl.functions.gelu(x)

    net = dl.compile(Gelu(), dl.Input((None, 2)), backend="flax", dtype=dtype)
    found = np.asarray(net(np.array([[-3.0, -4.0]]))).astype(float)
    np.testing.assert_allclose(found, [[-4.04969e-3, -1.26685e-4]], rtol=0.02)
