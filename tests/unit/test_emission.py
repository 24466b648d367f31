"""What is emitted computes what was defined: names, lifetimes, state, modes, sharing, sizes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from emission_helpers import X, both, formatted, module, same, sample
from hypothesis import example, given, settings
from hypothesis import strategies as st
from random_models import random_model

import polydl as dl
from polydl import ops
from polydl.program.structure import flatten

torch, IMAGE = pytest.importorskip("torch"), dl.Input((None, 7, 7, 3))


@settings(max_examples=40, derandomize=True, deadline=None)
@given(st.integers(0, 10**6))
@example(742)  # a simultaneous assignment too long for a line
def test_random_models(seed):
    """Forward in both modes with moving state; a backward pass runs; the text needs no formatter."""
    model, _ = random_model(seed)
    x = sample(3, 4)
    for natives in (True, False):
        net = both(model, X, x, natives=natives)
    assert formatted(net.source) == net.source
    x = torch.from_numpy(x)
    outputs = net.native.train()(x)
    leaves = [leaf for leaf in flatten(outputs)[0] if leaf.requires_grad]
    sum((leaf.sum() for leaf in leaves), x.requires_grad_().sum()).backward()


def swapped(self, x):
    a, b = x + 1, x * 2
    a, b = dl.when_training(lambda: (b, a), lambda: (a, b))
    return a - 2 * b


def rotated(self, x):
    a, b, c = x + 1, x * 2, x * x
    a, b, c = dl.when_training(lambda: (b + c, c + a, a + b), lambda: (c, a, b))
    return a - 2 * b + 3 * c


def kept_for_a_residual(self, x):
    residual = x
    x = dl.relu(x * 2.0)
    x = x - 1.0
    x = dl.tanh(x) * x
    return x + residual


def rebound(self, x):
    y = x + 1
    x = x * y
    y = x + y
    z = dl.when_training(lambda: y * x, lambda: x)
    x = z + x
    return x * y


def inner_names(self, x):
    def train():
        y = x * 2
        x_ = y + x
        return x_ * y

    y = x + 5
    x_ = dl.when_training(train, lambda: x)
    return x_ + x + y


def same_value_twice(self, x):
    y = x * 3
    h, g = dl.when_training(lambda: (y, y), lambda: (x, y))
    return h - g * 2, h, h


def only_second(self, x):
    _, b = dl.when_training(lambda: (x + 1, x + 2), lambda: (x + 3, x + 4))
    return b


def deep_choice(self, x):
    def train():
        h = x * 2
        h = dl.when_training(lambda: h + x, lambda: h)
        return h, h + 1

    h, g = dl.when_training(train, lambda: (x, x))
    return h * g, h


def other_shape_on_one_side(self, x):  # after it, y no longer tells the shape it had before
    y = ops.reshape(x, (x.shape[0] * 2, 2))
    z = ops.reshape(y + 1.0, x.shape)

    def train():
        y = ops.mean(z, 0)
        return z + y

    c = dl.when_training(train, lambda: z)
    return ops.reshape(c * 2.0, (x.shape[0] * 2, 2))


def awkward_names(self, x):
    torch = x * 2
    float = dl.relu(torch)
    self_ = float + torch
    nn = ops.where(self_ > 0, torch, -math.inf)
    range = ops.max(nn, -1, keepdims=True)
    np = ops.pad(range, ((0, 0), (0, 1)), 2.5)
    relu = dl.gelu(np)
    return relu * dl.relu(np)


@pytest.mark.parametrize("natives", [True, False])
@pytest.mark.parametrize(
    "body",
    [swapped, rotated, kept_for_a_residual, rebound, inner_names, same_value_twice, only_second,
     deep_choice, other_shape_on_one_side, awkward_names],
)  # fmt: skip
def test_a_name_is_used_again_only_when_its_value_is_dead(body, natives):
    both(module(body), X, sample(3, 4), natives=natives)


def state(self):
    return self.state("n", (4,), "ones")


def old_value_is_returned(self, x):
    old = state(self)
    self.update("n", old + 1)
    return old, x + state(self), state(self)


def read_is_inlined_past_a_write(self, x):
    def bump():
        self.update("n", state(self) + ops.mean(x, 0))
        return state(self)

    return (x + state(self) * 2) * bump()


def read_through_a_view(self, x):
    wide = ops.broadcast_to(ops.reshape(state(self), (1, 4)), (2, 4))
    self.update("n", state(self) * 2)
    return wide, ops.mean(x)


def chosen_by_mode(self, x):
    m = dl.when_training(lambda: ops.mean(x, 0), lambda: state(self))
    self.update("n", m + 1)
    return x - m


def written_twice(self, x):
    self.update("n", state(self) * 2)
    first = state(self)
    self.update("n", first + ops.mean(x, 0))
    return first * x, state(self)


class Bump(dl.Module):
    def __call__(self, x):
        before = self.state("count", (4,), "ones")
        self.update("count", before * 1.5)
        return x * before


def read_between_calls(self, x):
    y = self.bump(x)
    before = self.bump.count
    z = self.bump(x)
    return z * before + y


def call_moves_past_a_read(self, x):
    self.bump(x)
    return self.bump(x) + x * self.bump.count


STATEFUL = [old_value_is_returned, read_is_inlined_past_a_write, read_through_a_view,
            chosen_by_mode, written_twice, read_between_calls, call_moves_past_a_read]  # fmt: skip


@pytest.mark.parametrize("body", STATEFUL)
def test_state_is_read_before_and_after_it_is_written(body):
    net = both(module(body, bump=Bump()), X, sample(3, 4))
    outputs = net(sample(3, 4), training=True)
    copies = [np.array(leaf) for leaf in flatten(outputs)[0]]
    net(sample(3, 4, seed=1), training=True)
    same(tuple(flatten(outputs)[0]), tuple(copies))  # no memory is shared with the buffers


class Smoothed(dl.Module):
    """State that a derivative needs, changed in the same step, from values with a derivative."""

    def __init__(self):
        self.dense = dl.Dense(4)

    def __call__(self, x):
        scale = self.state("scale", (4,), "ones")
        h = self.dense(x) * scale
        self.update("scale", 0.9 * scale + 0.1 * ops.mean(h * h, 0))
        return h / self.scale


def test_state_is_no_part_of_the_next_steps_derivative():
    net = dl.compile(Smoothed(), X, backend="torch", dtype="float64")
    training = dl.Training(dl.MSE(), dl.SGD(0.05), batch_size=2, epochs=3)
    history = net.fit(training, (sample(6, 4), sample(6, 4, seed=1)))
    assert history.epochs[-1]["loss"] < history.epochs[0]["loss"]
    assert not net.native.get_buffer("scale").requires_grad


class Held(dl.Module):
    def __init__(self, inner):
        self.inner = inner

    def __call__(self, x):
        return self.inner(x) * 0.5


def shared_on_ranks(self, x):
    pooled = ops.mean(self.norm(x), (1, 2))
    return self.norm(pooled)


def shared_on_sizes(self, x):
    return self.conv(self.conv(self.conv(x)))


def in_a_loop(self, x):
    for layer in self.layers:
        x = layer(x)
    return x


@pytest.mark.parametrize(
    ("body", "attributes"),
    [
        (shared_on_ranks, {"norm": dl.BatchNorm()}),
        (shared_on_sizes, {"conv": dl.Conv2D(3, 3, strides=2, padding="same")}),
        (in_a_loop, {"layers": [dl.Conv2D(3, 3, 2, padding="same") for _ in range(3)]}),
        (in_a_loop, {"layers": [dl.MaxPool2D(2), dl.MaxPool2D(2)]}),
        (in_a_loop, {"layers": [dl.Conv2D(3, 2), dl.MaxPool2D(2), dl.Flatten(), dl.Dense(3)]}),
        (in_a_loop, {"layers": [Held(pool := dl.MaxPool2D(2, 1)), Held(pool)]}),
        (in_a_loop, {"layers": [Held(norm := dl.BatchNorm()), Held(Held(norm))]}),
    ],
)
@pytest.mark.parametrize("natives", [True, False])
def test_shared_and_listed_layers(body, attributes, natives):
    both(module(body, **attributes), IMAGE, sample(2, 7, 7, 3), natives=natives)


@pytest.mark.parametrize("model", [dl.Dense(3), dl.LayerNorm(), dl.BatchNorm()])
@pytest.mark.parametrize("natives", [True, False])
def test_a_built_in_layer_is_a_model(model, natives):
    net = both(model, X, sample(3, 4), natives=natives)
    name = "Model" if natives else type(model).__name__
    assert f"class {name}(nn.Module):" in net.source


def test_an_image_layer_is_a_model():
    for model in (dl.Conv2D(2, 3), dl.MaxPool2D(2), dl.AvgPool2D(3, padding="same")):
        both(model, IMAGE, sample(2, 7, 7, 3))


def reshapes(self, x):
    batch, time, width = x.shape
    flat = ops.reshape(x, (batch * time, width))
    turned = ops.reshape(flat, (time, batch, width))
    return (
        flat, turned, ops.reshape(turned, (batch, time * width)), ops.reshape(x, (-1, 2)),
        ops.reshape(x, (batch, -1, 2)), ops.full((time, batch), 1.5), ops.arange(batch * time - 1),
        ops.broadcast_to(ops.mean(x, 2), (3, batch, time)), ops.full((time // 2 + 1,), 2),
    )  # fmt: skip


def sizes_of_a_slice(self, x):
    later = x[:, 1:]
    batch, time, width = later.shape
    ends = ops.concatenate([later, x], 1)
    return (
        ops.reshape(later, (time * batch, width)), ops.full((time,), 2.0), ops.arange(time * 3),
        ops.reshape(ends, (batch, ends.shape[1] * width)), ops.pad(later, ((0, 0), (1, 2), (0, 0))),
    )  # fmt: skip


@pytest.mark.parametrize("body", [reshapes, sizes_of_a_slice])
def test_symbolic_sizes(body):
    inputs = dl.Input((None, None, 4))
    net = both(module(body), inputs, sample(3, 5, 4))
    same(net(sample(2, 7, 4)), dl.compile(module(body), inputs, backend="reference",
                                          dtype="float64")(sample(2, 7, 4)))  # fmt: skip
