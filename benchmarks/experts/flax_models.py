"""The benchmarked models as Flax experts write them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from flax import nnx

from benchmarks import sizes

norm_of = partial(nnx.BatchNorm, momentum=0.9, epsilon=1e-5, use_fast_variance=False)
layer_norm = partial(nnx.LayerNorm, epsilon=1e-5, use_fast_variance=False)
conv = partial(nnx.Conv, kernel_size=(3, 3), padding="SAME")


class DigitsCNN(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.conv1 = conv(1, 32, rngs=rngs)
        self.norm1 = norm_of(32, rngs=rngs)
        self.conv2 = conv(32, 64, rngs=rngs)
        self.norm2 = norm_of(64, rngs=rngs)
        self.dropout = nnx.Dropout(0.25, rngs=rngs)
        self.dense = nnx.Linear(4 * 4 * 64, 10, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        x = nnx.relu(self.norm1(self.conv1(x)))
        x = nnx.relu(self.norm2(self.conv2(x)))
        x = self.dropout(nnx.max_pool(x, (2, 2), strides=(2, 2)))
        return self.dense(x.reshape(x.shape[0], -1))


class SimpleCNN(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.conv1 = conv(3, 64, rngs=rngs)
        self.norm1 = norm_of(64, rngs=rngs)
        self.conv2 = conv(64, 128, rngs=rngs)
        self.norm2 = norm_of(128, rngs=rngs)
        self.dense = nnx.Linear(8 * 8 * 128, sizes.CLASSES, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        x = nnx.max_pool(nnx.relu(self.norm1(self.conv1(x))), (2, 2), strides=(2, 2))
        x = nnx.max_pool(nnx.relu(self.norm2(self.conv2(x))), (2, 2), strides=(2, 2))
        return self.dense(x.reshape(x.shape[0], -1))


class BasicBlock(nnx.Module):
    def __init__(self, inputs: int, channels: int, stride: int, rngs: nnx.Rngs) -> None:
        padding = ((1, 1), (1, 1))
        self.conv1 = nnx.Conv(inputs, channels, (3, 3), strides=stride, padding=padding,
                              use_bias=False, rngs=rngs)  # fmt: skip
        self.norm1 = norm_of(channels, rngs=rngs)
        self.conv2 = nnx.Conv(
            channels, channels, (3, 3), padding=padding, use_bias=False, rngs=rngs
        )
        self.norm2 = norm_of(channels, rngs=rngs)
        self.project = inputs != channels
        if self.project:
            self.conv3 = nnx.Conv(
                inputs, channels, (1, 1), strides=stride, use_bias=False, rngs=rngs
            )
            self.norm3 = norm_of(channels, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        h = nnx.relu(self.norm1(self.conv1(x)))
        shortcut = self.norm3(self.conv3(x)) if self.project else x
        return nnx.relu(self.norm2(self.conv2(h)) + shortcut)


class ResNet18(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.conv = nnx.Conv(3, 64, (7, 7), strides=2, padding=((3, 3), (3, 3)), use_bias=False,
                             rngs=rngs)  # fmt: skip
        self.norm = norm_of(64, rngs=rngs)
        blocks, inputs = [], 64
        for channels, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
            blocks.append(BasicBlock(inputs, channels, stride, rngs))
            blocks.append(BasicBlock(channels, channels, 1, rngs))
            inputs = channels
        self.blocks = nnx.List(blocks)
        self.dense = nnx.Linear(512, sizes.CLASSES, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        x = nnx.relu(self.norm(self.conv(x)))
        x = nnx.max_pool(x, (3, 3), strides=(2, 2), padding=((1, 1), (1, 1)))
        for block in self.blocks:
            x = block(x)
        return self.dense(x.mean((1, 2)))


class LSTM(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        cell = nnx.OptimizedLSTMCell(sizes.LSTM_FEATURES, sizes.LSTM_UNITS, rngs=rngs)
        self.lstm = nnx.RNN(cell)
        self.dense = nnx.Linear(sizes.LSTM_UNITS, sizes.CLASSES, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.dense(self.lstm(x)[:, -1])


class HoistedLSTM(nnx.Module):
    """One product of all inputs, then a scan over the recurrent part."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        units = sizes.LSTM_UNITS
        self.inputs = nnx.Linear(sizes.LSTM_FEATURES, 4 * units, rngs=rngs)
        self.recurrent = nnx.Linear(units, 4 * units, use_bias=False, rngs=rngs)
        self.dense = nnx.Linear(units, sizes.CLASSES, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        kernel = self.recurrent.kernel[...]

        def step(carry, gates):
            h, c = carry
            i, f, g, o = jnp.split(gates + h @ kernel, 4, axis=-1)
            c = nnx.sigmoid(f) * c + nnx.sigmoid(i) * jnp.tanh(g)
            h = nnx.sigmoid(o) * jnp.tanh(c)
            return (h, c), None

        zeros = jnp.zeros((x.shape[0], sizes.LSTM_UNITS), x.dtype)
        (h, _), _ = jax.lax.scan(step, (zeros, zeros), self.inputs(x).swapaxes(0, 1))
        return self.dense(h)


class Attention(nnx.Module):
    def __init__(self, width: int, heads: int, causal: bool, rngs: nnx.Rngs) -> None:
        self.heads, self.causal = heads, causal
        self.qkv = nnx.Linear(width, 3 * width, rngs=rngs)
        self.out = nnx.Linear(width, width, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        batch, time, width = x.shape
        qkv = self.qkv(x).reshape(batch, time, 3, self.heads, width // self.heads)
        q, k, v = qkv[:, :, 0], qkv[:, :, 1], qkv[:, :, 2]
        mixed = jax.nn.dot_product_attention(q, k, v, is_causal=self.causal)
        return self.out(mixed.reshape(batch, time, width))


class Block(nnx.Module):
    """Pre-norm, with GELU."""

    def __init__(
        self, width: int, heads: int, causal: bool, rate: float, tanh: bool, rngs: nnx.Rngs
    ) -> None:
        self.tanh = tanh
        self.norm1 = layer_norm(width, rngs=rngs)
        self.attention = Attention(width, heads, causal, rngs)
        self.norm2 = layer_norm(width, rngs=rngs)
        self.up = nnx.Linear(width, 4 * width, rngs=rngs)
        self.down = nnx.Linear(4 * width, width, rngs=rngs)
        self.dropout1 = nnx.Dropout(rate, rngs=rngs)
        self.dropout2 = nnx.Dropout(rate, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        x = x + self.dropout1(self.attention(self.norm1(x)))
        h = nnx.gelu(self.up(self.norm2(x)), approximate=self.tanh)
        return x + self.dropout2(self.down(h))


class Transformer(nnx.Module):
    """An encoder of two blocks that classifies by its mean."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        width = sizes.ENCODER_WIDTH
        self.embed = nnx.Embed(sizes.VOCABULARY, width, rngs=rngs)
        self.positions = nnx.Param(jax.random.normal(rngs.params(), (sizes.TOKENS, width)) * 0.02)
        self.blocks = nnx.List(
            [Block(width, sizes.ENCODER_HEADS, False, sizes.ENCODER_DROPOUT, False, rngs)
             for _ in range(sizes.ENCODER_BLOCKS)]
        )  # fmt: skip
        self.norm = layer_norm(width, rngs=rngs)
        self.dense = nnx.Linear(width, sizes.CLASSES, rngs=rngs)

    def __call__(self, ids: jax.Array) -> jax.Array:
        x = self.embed(ids) + self.positions[...]
        for block in self.blocks:
            x = block(x)
        return self.dense(self.norm(x).mean(1))


class GPT(nnx.Module):
    """GPT-2's decoder: learned positions, and the embedding's table for the logits."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        width = sizes.GPT_WIDTH
        self.embed = nnx.Embed(sizes.VOCABULARY, width, rngs=rngs)
        self.positions = nnx.Embed(sizes.TOKENS, width, rngs=rngs)
        self.blocks = nnx.List(
            [Block(width, sizes.GPT_HEADS, True, 0.0, True, rngs) for _ in range(sizes.GPT_BLOCKS)]
        )
        self.norm = layer_norm(width, rngs=rngs)

    def __call__(self, ids: jax.Array) -> jax.Array:
        x = self.embed(ids) + self.positions.embedding[: ids.shape[1]]
        for block in self.blocks:
            x = block(x)
        return self.embed.attend(self.norm(x))


class MLP(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.dense1 = nnx.Linear(784, 512, rngs=rngs)
        self.dense2 = nnx.Linear(512, 256, rngs=rngs)
        self.dense3 = nnx.Linear(256, 10, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.dense3(nnx.relu(self.dense2(nnx.relu(self.dense1(x)))))


# the ways of writing each; the fastest is the expert
BUILD: dict[str, dict[str, Callable[[nnx.Rngs], nnx.Module]]] = {
    "mlp": {"nnx": MLP},
    "cnn": {"nnx": DigitsCNN},
    "simple_cnn": {"nnx": SimpleCNN},
    "resnet18": {"nnx": ResNet18},
    "lstm": {"nnx.RNN": LSTM, "hoisted scan": HoistedLSTM},
    "transformer": {"nnx": Transformer},
    "gpt2": {"nnx": GPT},
}


def build(model_name: str, way: str = "") -> nnx.Module:
    ways = BUILD[model_name]
    return ways[way or next(iter(ways))](nnx.Rngs(0))
