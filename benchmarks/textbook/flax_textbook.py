"""Flax as its tutorials have it: `nnx.jit` around a step of the model and an nnx.Optimizer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import jax
import numpy as np
import optax
from flax import nnx

from benchmarks import sizes
from benchmarks.experts.flax_models import LSTM, MLP


class CNN(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.conv1 = nnx.Conv(3, 64, kernel_size=(3, 3), rngs=rngs)
        self.batch_norm1 = nnx.BatchNorm(64, rngs=rngs)
        self.conv2 = nnx.Conv(64, 128, kernel_size=(3, 3), rngs=rngs)
        self.batch_norm2 = nnx.BatchNorm(128, rngs=rngs)
        self.max_pool = partial(nnx.max_pool, window_shape=(2, 2), strides=(2, 2))
        self.linear = nnx.Linear(8 * 8 * 128, sizes.CLASSES, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        x = self.max_pool(nnx.relu(self.batch_norm1(self.conv1(x))))
        x = self.max_pool(nnx.relu(self.batch_norm2(self.conv2(x))))
        return self.linear(x.reshape(x.shape[0], -1))


class TransformerBlock(nnx.Module):
    def __init__(self, width: int, heads: int, rate: float, rngs: nnx.Rngs) -> None:
        self.layer_norm1 = nnx.LayerNorm(width, epsilon=1e-5, rngs=rngs)
        self.mha = nnx.MultiHeadAttention(heads, width, decode=False, rngs=rngs)
        self.dropout1 = nnx.Dropout(rate, rngs=rngs)
        self.layer_norm2 = nnx.LayerNorm(width, epsilon=1e-5, rngs=rngs)
        self.linear1 = nnx.Linear(width, 4 * width, rngs=rngs)
        self.linear2 = nnx.Linear(4 * width, width, rngs=rngs)
        self.dropout2 = nnx.Dropout(rate, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        x = x + self.dropout1(self.mha(self.layer_norm1(x)))
        h = nnx.gelu(self.linear1(self.layer_norm2(x)), approximate=False)
        return x + self.dropout2(self.linear2(h))


class Transformer(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        width, heads, rate = sizes.ENCODER_WIDTH, sizes.ENCODER_HEADS, sizes.ENCODER_DROPOUT
        self.token_emb = nnx.Embed(sizes.VOCABULARY, width, rngs=rngs)
        self.pos_emb = nnx.Param(jax.random.normal(rngs.params(), (sizes.TOKENS, width)) * 0.02)
        self.blocks = nnx.List(
            [TransformerBlock(width, heads, rate, rngs) for _ in range(sizes.ENCODER_BLOCKS)]
        )
        self.layer_norm = nnx.LayerNorm(width, epsilon=1e-5, rngs=rngs)
        self.linear = nnx.Linear(width, sizes.CLASSES, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        x = self.token_emb(x) + self.pos_emb[...]
        for block in self.blocks:
            x = block(x)
        return self.linear(self.layer_norm(x).mean(1))


MODELS = {"mlp": MLP, "simple_cnn": CNN, "lstm": LSTM, "transformer": Transformer}


def loss_fn(model: nnx.Module, x: jax.Array, y: jax.Array) -> jax.Array:
    return optax.softmax_cross_entropy_with_integer_labels(logits=model(x), labels=y).mean()


@nnx.jit
def train_step(
    model: nnx.Module, optimizer: nnx.Optimizer, x: jax.Array, y: jax.Array
) -> jax.Array:
    loss, grads = nnx.value_and_grad(loss_fn)(model, x, y)
    optimizer.update(model, grads)
    return loss


class Loop:
    """An epoch of the loop, in a random order, its losses fetched at its end."""

    def __init__(self, model_name: str, x: np.ndarray, y: np.ndarray) -> None:
        self.model = MODELS[model_name](nnx.Rngs(0))
        self.optimizer = nnx.Optimizer(self.model, optax.adam(1e-3), wrt=nnx.Param)
        self.x, self.y, self.batch_size = x, y, sizes.BATCHES[model_name]

    def batches(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        order = np.random.permutation(len(self.x))
        for start in range(0, len(self.x), self.batch_size):
            batch = order[start : start + self.batch_size]
            yield self.x[batch], self.y[batch]

    def __call__(self) -> None:
        self.model.train()
        losses = []
        for x, y in self.batches():
            losses.append(train_step(self.model, self.optimizer, x, y))
        self.losses = np.array(jax.device_get(losses))


WAYS: dict[str, Callable[[str, np.ndarray, np.ndarray], Loop]] = {"nnx.jit": Loop}


def set_threads(threads: int) -> None:
    """XLA reads its threads from the environment, and from the CPUs that the process may use."""
