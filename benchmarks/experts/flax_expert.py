"""Flax NNX by hand: split once, one plain jax.jit on donated arrays, raw optax."""

from __future__ import annotations

from functools import partial

import jax
import numpy as np
import optax
from flax import nnx


class DigitsCNN(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        norm = partial(
            nnx.BatchNorm, momentum=0.9, epsilon=1e-5, use_fast_variance=False, rngs=rngs
        )
        self.conv1 = nnx.Conv(1, 32, (3, 3), padding="SAME", rngs=rngs)
        self.norm1 = norm(32)
        self.conv2 = nnx.Conv(32, 64, (3, 3), padding="SAME", rngs=rngs)
        self.norm2 = norm(64)
        self.dropout = nnx.Dropout(0.25, rngs=rngs)
        self.dense = nnx.Linear(4 * 4 * 64, 10, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        x = nnx.relu(self.norm1(self.conv1(x)))
        x = nnx.relu(self.norm2(self.conv2(x)))
        x = self.dropout(nnx.max_pool(x, (2, 2), strides=(2, 2)))
        return self.dense(x.reshape(x.shape[0], -1))


class MLP(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.dense1 = nnx.Linear(784, 512, rngs=rngs)
        self.dense2 = nnx.Linear(512, 256, rngs=rngs)
        self.dense3 = nnx.Linear(256, 10, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.dense3(nnx.relu(self.dense2(nnx.relu(self.dense1(x)))))


def build(model_name: str) -> nnx.Module:
    return (DigitsCNN if model_name == "cnn" else MLP)(nnx.Rngs(0))


class TrainingStep:
    def __init__(self, model: nnx.Module) -> None:
        model.train()
        graphdef, self.params, self.rest = nnx.split(model, nnx.Param, ...)
        optimizer = optax.adam(1e-3, eps=1e-8)
        self.opt_state = optimizer.init(self.params)

        @partial(jax.jit, donate_argnums=(0, 1, 2))
        def update(params, rest, opt_state, x, y):
            def loss_of(params):
                model = nnx.merge(graphdef, params, rest, copy=True)
                losses = optax.softmax_cross_entropy_with_integer_labels(model(x), y)
                return losses.mean(), nnx.state(model, nnx.Not(nnx.Param))

            (loss, rest), grads = jax.value_and_grad(loss_of, has_aux=True)(params)
            updates, opt_state = optimizer.update(grads, opt_state, params)
            return optax.apply_updates(params, updates), rest, opt_state, loss

        self.update = update

    def __call__(self, x: np.ndarray, y: np.ndarray) -> jax.Array:
        self.params, self.rest, self.opt_state, self.loss = self.update(
            self.params, self.rest, self.opt_state, x, y
        )
        return self.loss

    def wait(self) -> None:
        jax.block_until_ready((self.params, self.loss))


class Forward:
    def __init__(self, model: nnx.Module) -> None:
        model.eval()
        graphdef, self.state = nnx.split(model)
        self.apply = jax.jit(lambda state, x: nnx.merge(graphdef, state)(x))

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return np.asarray(self.apply(self.state, x))


def make_training_step(model_name: str) -> TrainingStep:
    return TrainingStep(build(model_name))


def make_forward(model_name: str) -> Forward:
    return Forward(build(model_name))


def set_threads(threads: int) -> None:
    """XLA reads its threads from the environment, and from the CPUs that the process may use."""


TRAINING = {"jax.jit": make_training_step}
FORWARD = {"jax.jit": make_forward}
