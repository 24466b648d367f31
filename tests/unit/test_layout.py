"""The layout pass of the PyTorch backend: it verifies, means the same, and permutes twice."""

from __future__ import annotations

import re

import numpy as np
import pytest
from emission_helpers import module, same, sample
from hypothesis import given, settings
from hypothesis import strategies as st

import polydl as dl
from polydl import ops
from polydl.program.passes import remove_dead_code
from polydl.program.types import Program
from polydl.program.verify import verify
from polydl.reference import Interpreter
from polydl.spec.initializers import initial_weights

torch = pytest.importorskip("torch")
from polydl_torch.emitter import TorchEmitter  # noqa: E402
from polydl_torch.layout import channels_first  # noqa: E402

IMAGE = dl.Input((None, 6, 6, 3))


def run(program: Program, *arrays, training=False):
    weights = initial_weights(program, 0)
    return Interpreter(program).run(weights, list(arrays), training, np.random.default_rng(0))


def laid_out(program: Program, first_inputs: bool = False, natives: bool = True) -> Program:
    emitter = TorchEmitter(program, natives=natives)

    def layout_of(block):
        native = emitter.native(block)
        return native.layout if native else ""

    changed = channels_first(program, layout_of, first_inputs)
    verify(changed)
    return changed


def residual(s, x):
    x = s.conv(x)
    h = s.norm(dl.relu(x)) * 2.0 + x
    return dl.gelu(h - ops.mean(h, (1, 2), keepdims=True)) + x


def norm_between(s, x):
    return s.conv2(s.layer_norm(dl.relu(s.conv(x))))


def pooled(s, x):
    h = s.conv(x)
    return ops.mean(h, (1, 2)), ops.max(h, 3), ops.sum(h, (2, 1)), dl.softmax(h), s.gap(h)


def by_mode(s, x):
    h = s.conv(x)
    h = dl.when_training(lambda: s.conv2(h) + h, lambda: (h, s.norm(h))[1])
    a, b = dl.when_training(lambda: (h, x), lambda: (x[..., :1] + h, s.drop(x)))
    return a, b


def twice(s, x):
    h = s.conv2(s.conv(x))
    return s.conv2(s.conv2(h)) + s.norm(s.norm(h))


def joined(s, x):
    h = s.conv(x)
    both = ops.concatenate([h, x, dl.relu(h)], -1)
    tall = ops.concatenate([h, h], 1)
    return s.conv3(both), tall[:, 2:, ::2], both[0], both[..., None, 1]


def padded(s, x):
    h = ops.pad(s.conv(x), ((0, 0), (1, 2), (0, 3), (0, 0)), 0.5)
    return s.pool(s.conv2(h)), ops.pad(h, ((0, 0), (0, 0), (0, 0), (1, 1)))


def broadcast(s, x):
    h = s.conv(x)
    row = s.parameter("row", (4,), "normal")
    grid = s.parameter("grid", (6, 6, 1), "normal")
    image = s.parameter("image", (1, 6, 6, 4), "normal")
    return h * row + grid, h - image, dl.where(h > row, h, 1.0), s.conv2(image + h)


def reshaped(s, x):
    h = s.conv(x)
    flat = ops.reshape(h, (h.shape[0], 36, 4))
    again = ops.reshape(ops.transpose(flat, (0, 2, 1)), (-1, 6, 6, 4))
    return s.conv2(again + h), ops.transpose(h, (0, 2, 1, 3)), ops.argmax(h, -1), h == again


def returned(s, x):
    return x, s.conv(x), (x, s.norm(s.conv(x)))


BODIES = [residual, norm_between, pooled, by_mode, twice, joined, padded, broadcast, reshaped,
          returned]  # fmt: skip


def image_model(body):
    return module(
        body, conv=dl.Conv2D(4, 3, padding="same"), conv2=dl.Conv2D(4, 3, padding="same"),
        conv3=dl.Conv2D(2, 1), norm=dl.BatchNorm(), layer_norm=dl.LayerNorm(), drop=dl.Dropout(0.0),
        pool=dl.MaxPool2D(2), gap=dl.GlobalAvgPool2D(),
    )  # fmt: skip


@pytest.mark.parametrize("body", BODIES)
def test_layout_means_the_same(body):
    program = remove_dead_code(dl.trace(image_model(body), IMAGE))
    x = sample(2, 6, 6, 3)
    for natives in (True, False):
        changed = laid_out(program, natives=natives)
        first = laid_out(program, first_inputs=True, natives=natives)
        for training in (False, True):
            expected = run(program, x, training=training)
            same(run(changed, x, training=training), expected)
            turned = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
            same(run(first, turned, training=training), expected)


LAYERS = {
    "conv": lambda s, x: s.conv2(x),
    "norm": lambda s, x: s.norm(x),
    "layer_norm": lambda s, x: s.layer_norm(x),
    "relu": lambda s, x: dl.relu(x) + x,
    "mode": lambda s, x: dl.when_training(lambda: s.conv2(x) * 2.0, lambda: x),
    "mean": lambda s, x: x - ops.mean(x, (1, 2), keepdims=True),
    "channel": lambda s, x: x * ops.sum(x, -1, keepdims=True),
    "join": lambda s, x: ops.concatenate([x[..., 2:], x[..., :2]], -1),
    "slide": lambda s, x: ops.pad(x, ((0, 0), (1, 0), (0, 0), (0, 0)))[:, 1:] + x,
    "turn": lambda s, x: ops.transpose(x, (0, 2, 1, 3)),
    "drop": lambda s, x: s.drop(dl.tanh(x)),
}


@settings(max_examples=25, derandomize=True, deadline=None)
@given(st.lists(st.sampled_from(sorted(LAYERS)), min_size=1, max_size=6), st.booleans())
def test_layout_of_random_networks(names, skip):

    def body(s, x):
        start = h = s.conv(x)
        for name in names:
            h = LAYERS[name](s, h)
        return (h + start if skip else h), ops.mean(h, (1, 2))

    program = remove_dead_code(dl.trace(image_model(body), IMAGE))
    changed, x = laid_out(program), sample(2, 6, 6, 3)
    for training in (False, True):
        same(run(changed, x, training=training), run(program, x, training=training))


def cnn(*tail):
    return dl.Sequential(
        dl.Conv2D(4, 3, padding="same"), dl.BatchNorm(), dl.relu, dl.MaxPool2D(2), dl.Dropout(0.25),
        dl.Conv2D(8, 3), dl.BatchNorm(), dl.gelu, *tail,
    )  # fmt: skip


def permutes(text: str) -> int:
    return len(re.findall(r"\.permute\(", text))


def test_a_cnn_permutes_twice():

    def emitted(model, inputs=IMAGE, **options):
        return dl.compile(model, inputs, backend="torch", **options)

    assert permutes(emitted(cnn(dl.Flatten(), dl.Dense(3))).source) == 2
    assert permutes(emitted(cnn(dl.GlobalAvgPool2D(), dl.Dense(3))).source) == 1
    assert permutes(emitted(cnn()).source) == 2
    residual_net = dl.Sequential(dl.Conv2D(4, 1), *(image_model(twice) for _ in range(1)))
    assert permutes(emitted(residual_net).source) == 2
    first = emitted(cnn(dl.Flatten(), dl.Dense(3)), layout="channels_first")
    assert permutes(first.source) == 1


def test_channels_first_takes_channels_first():
    model = cnn(dl.Flatten(), dl.Dense(3))
    last = dl.compile(model, IMAGE, backend="torch", dtype="float64")
    first = dl.compile(model, IMAGE, backend="torch", dtype="float64", layout="channels_first")
    x = sample(2, 6, 6, 3)
    turned = torch.from_numpy(x).permute(0, 3, 1, 2)
    same(first.native(turned).detach().numpy(), last.native(torch.from_numpy(x)).detach().numpy())
    same(first.weights, last.weights)


@pytest.mark.parametrize("places", [(3, 2), (2, 1, 3)], ids=["images", "volumes"])
def test_group_norm_of_the_input_itself_trains(places: tuple[int, ...]) -> None:
    """torch's kernel crashes where such an input is in channels-last memory and needs no gradient."""
    x = sample(4, *places, 8)
    nets = [
        dl.compile(
            dl.Sequential(dl.GroupNorm(2)), dl.Input((None, *places, 8)), backend="torch",
            dtype="float64", natives=natives,
        )
        for natives in (True, False)
    ]  # fmt: skip
    for net in nets:
        net.fit(dl.Training(dl.MSE(), dl.SGD(0.5), batch_size=2, epochs=2), (x, 0.5 * x))
    native, definition = (net.weights for net in nets)
    same(native, definition)
