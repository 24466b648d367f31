"""Models that the composite rows are about: what users write, with all that makes it hard."""

from __future__ import annotations

from typing import Any

import polydl as dl
from polydl import ops


class ResBlock(dl.Module):
    """Two shapes of body under one class: with a projection and without."""

    def __init__(self, channels: int):
        self.conv1 = dl.Conv2D(channels, 3, padding="same")
        self.conv2 = dl.Conv2D(channels, 3, padding="same")
        self.project = dl.Conv2D(channels, 1)

    def __call__(self, x: Any) -> Any:
        residual = x if x.shape[-1] == self.conv1.filters else self.project(x)
        h = dl.relu(self.conv1(x))
        return dl.relu(self.conv2(h) + residual)


def residual_cnn() -> dl.Module:
    return dl.Sequential(
        ResBlock(4), ResBlock(4), dl.gelu, dl.BatchNorm(), dl.MaxPool2D(2), dl.Dropout(0.25),
        dl.Flatten(), dl.Dense(5),
    )  # fmt: skip


def digits_cnn(filters: int = 4, rate: float = 0.25) -> dl.Module:
    """The training check's: convolution, batch norm, max pool twice, dropout."""
    return dl.Sequential(
        dl.Conv2D(filters, 3, padding="same"), dl.BatchNorm(), dl.relu, dl.MaxPool2D(2),
        dl.Dropout(rate), dl.Conv2D(2 * filters, 3, padding="same"), dl.BatchNorm(), dl.relu,
        dl.MaxPool2D(2), dl.Flatten(), dl.Dense(10),
    )  # fmt: skip


class Attention(dl.Module):
    def __init__(self, width: int, heads: int):
        self.heads = heads
        self.qkv = dl.Dense(3 * width)
        self.out = dl.Dense(width)

    def __call__(self, x: Any) -> Any:
        batch, time, width = x.shape
        head = width // self.heads
        qkv = ops.reshape(self.qkv(x), (batch, time, 3, self.heads, head))
        qkv = ops.transpose(qkv, (2, 0, 3, 1, 4))
        weights = dl.softmax((qkv[0] @ ops.transpose(qkv[1], (0, 1, 3, 2))) * head**-0.5)
        mixed = ops.transpose(weights @ qkv[2], (0, 2, 1, 3))
        return self.out(ops.reshape(mixed, (batch, time, width)))


class TransformerBlock(dl.Module):
    def __init__(self, width: int, heads: int):
        self.norm1 = dl.RMSNorm()
        self.attn = Attention(width, heads)
        self.norm2 = dl.LayerNorm()
        self.up = dl.Dense(2 * width)
        self.down = dl.Dense(width)
        self.drop = dl.Dropout(0.1)

    def __call__(self, x: Any) -> Any:
        x = x + self.drop(self.attn(self.norm1(x)))
        return x + self.down(dl.gelu(self.up(self.norm2(x))))


class Encoder(dl.Module):
    """A list of equal blocks, and an embedding whose table is read again for the logits."""

    def __init__(self, size: int = 11, width: int = 8, depth: int = 2):
        self.embed = dl.Embedding(size, width)
        self.blocks = [TransformerBlock(width, 2) for _ in range(depth)]
        self.norm = dl.RMSNorm()

    def __call__(self, ids: Any) -> Any:
        x = self.embed(ids)
        for block in self.blocks:
            x = block(x)
        x = self.norm(x)
        return self.embed.attend(x)


class Twice(dl.Module):
    """One module used twice, under two names, on two shapes."""

    def __init__(self) -> None:
        self.inner = dl.Dense(4)
        self.again = self.inner
        self.norm = dl.LayerNorm()

    def __call__(self, x: Any) -> Any:
        h = dl.tanh(self.inner(x))
        h = self.norm(self.again(h) + x)
        pooled = self.inner(ops.mean(h, 1))
        return pooled + h[:, 0]


def nested() -> dl.Module:
    """A Sequential of Sequentials."""
    head = dl.Sequential(dl.Dense(4), dl.LayerNorm(), dl.Sequential(dl.relu, dl.Dense(3)))
    return dl.Sequential(dl.Sequential(dl.Dense(6), dl.gelu), dl.Sequential(), head, dl.softmax)


class DictModel(dl.Module):
    """Dicts in and out, a bool among the inputs, tuples inside."""

    def __init__(self) -> None:
        self.towers = {"left": dl.Dense(3), "right": dl.Dense(3)}

    def __call__(self, image: Any, ids: Any, mask: Any) -> Any:
        left = self.towers["left"](image)
        right = self.towers["right"](ids.astype("float"))
        chosen = dl.where(mask[:, None], left, right)
        return {"scores": (left, right), "chosen": chosen, "best": ops.argmax(chosen, -1)}


class TupleModel(dl.Module):
    """Tuples in and out; a module that gives two results."""

    def __init__(self) -> None:
        self.split = Split(3)

    def __call__(self, x: Any, y: Any) -> Any:
        low, high = self.split(x)
        more, _ = self.split(y)
        return low * more, high + y[:, :3]


class Split(dl.Module):
    def __init__(self, width: int):
        self.proj = dl.Dense(2 * width)
        self.width = width

    def __call__(self, x: Any) -> Any:
        h = self.proj(x)
        return h[:, : self.width], h[:, self.width :]


class RunningMaximum(dl.Module):
    """A user's own state and parameter, and a choice by mode."""

    def __call__(self, x: Any) -> Any:
        largest = self.state("largest", (x.shape[-1],), "zeros")
        gain = self.parameter("gain", (x.shape[-1],), "ones")

        def move() -> Any:
            moved = ops.maximum(largest, ops.stop_gradient(ops.max(abs(x), 0)))
            self.update("largest", moved)
            return moved

        bound = dl.when_training(move, lambda: largest)
        return x / (bound + 1.0) * gain


class Reserved(dl.Module):
    """Attribute names that the frameworks keep for themselves."""

    def __init__(self) -> None:
        self.train = dl.Dense(3)
        self.build = dl.Dense(3)
        self.weights = dl.Dense(3)
        self.forward = [dl.Dense(3), dl.LayerNorm()]

    def __call__(self, x: Any) -> Any:
        x = self.build(dl.tanh(self.train(x)))
        for layer in self.forward:
            x = layer(x)
        return self.weights(x)


def convolutional() -> dl.Module:
    """A CNN for images of any size."""
    return dl.Sequential(
        dl.Conv2D(4, 3, padding="same"), dl.relu, dl.LayerNorm(), dl.Conv2D(4, 2, strides=2),
        dl.RMSNorm(), dl.GlobalAvgPool2D(), dl.Dense(3), dl.log_softmax,
    )  # fmt: skip


def scaled() -> dl.Module:
    """Python numbers times tensors between layers. Keras takes such a product for sparse."""
    return dl.Sequential(
        dl.Dense(4), lambda x: 0.5 * x, dl.LayerNorm(), lambda x: x * -1.5, dl.RMSNorm(),
        lambda x: 2.0 * x, dl.BatchNorm(), dl.Dense(2),
    )  # fmt: skip
