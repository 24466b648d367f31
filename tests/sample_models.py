"""Models that several tests use."""

from __future__ import annotations

from collections.abc import Callable

import polydl as dl
from polydl import ops
from polydl.spec.tensor import Tensor

Sample = tuple[dl.Module, dl.Input]


class ResBlock(dl.Module):
    """Two convolutions and what goes past them, projected where the channels change."""

    def __init__(self, channels: int):
        self.conv1 = dl.Conv2D(channels, 3, padding="same")
        self.conv2 = dl.Conv2D(channels, 3, padding="same")
        self.project = dl.Conv2D(channels, 1)

    def __call__(self, x: Tensor) -> Tensor:
        residual = x if x.shape[-1] == self.conv1.filters else self.project(x)
        h = dl.relu(self.conv1(x))
        return dl.relu(self.conv2(h) + residual)


class Attention(dl.Module):
    """Self-attention of several heads."""

    def __init__(self, heads: int):
        self.heads = heads
        self.query, self.key, self.value = dl.Dense(32), dl.Dense(32), dl.Dense(32)
        self.out = dl.Dense(32)

    def __call__(self, x: Tensor) -> Tensor:
        batch, time, width = x.shape
        shape = (batch, time, self.heads, width // self.heads)
        query = ops.transpose(ops.reshape(self.query(x), shape), (0, 2, 1, 3))
        key = ops.transpose(ops.reshape(self.key(x), shape), (0, 2, 3, 1))
        value = ops.transpose(ops.reshape(self.value(x), shape), (0, 2, 1, 3))
        weights = dl.softmax(query @ key * (width // self.heads) ** -0.5)
        mixed = ops.transpose(weights @ value, (0, 2, 1, 3))
        return self.out(ops.reshape(mixed, (batch, time, width)))


class TransformerBlock(dl.Module):
    """Attention and a small network, each on normalised input and added to what came in."""

    def __init__(self, heads: int):
        self.norm1, self.norm2 = dl.RMSNorm(), dl.LayerNorm()
        self.attention = Attention(heads)
        self.up, self.down = dl.Dense(64), dl.Dense(32)
        self.dropout = dl.Dropout(0.1)

    def __call__(self, x: Tensor) -> Tensor:
        x = x + self.dropout(self.attention(self.norm1(x)))
        h = dl.gelu(self.up(self.norm2(x)))
        return x + self.dropout(self.down(h))


class LanguageModel(dl.Module):
    """Three blocks between an embedding and its own table."""

    def __init__(self) -> None:
        self.embed = dl.Embedding(50, 32)
        self.blocks = [TransformerBlock(4) for _ in range(3)]
        self.norm = dl.RMSNorm()

    def __call__(self, ids: Tensor) -> Tensor:
        x = self.embed(ids)
        for block in self.blocks:
            x = block(x)
        x = self.norm(x)
        return x @ ops.transpose(self.embed.table)


def digits_cnn() -> Sample:
    model = dl.Sequential(
        dl.Conv2D(32, 3, padding="same"),
        dl.BatchNorm(),
        dl.relu,
        dl.MaxPool2D(2),
        dl.Dropout(0.25),
        dl.Flatten(),
        dl.Dense(10),
    )
    return model, dl.Input((None, 8, 8, 1))


def res_net() -> Sample:
    model = dl.Sequential(
        ResBlock(16), ResBlock(16), ResBlock(32), dl.GlobalAvgPool2D(), dl.Dense(10)
    )
    return model, dl.Input((None, 16, 16, 16))


def mlp() -> Sample:
    model = dl.Sequential(dl.Dense(512), dl.relu, dl.Dense(256), dl.relu, dl.Dense(10))
    return model, dl.Input((None, 784))


def language_model() -> Sample:
    return LanguageModel(), dl.Input((None, None), dtype="int")


SNAPSHOT_MODELS: dict[str, Callable[[], Sample]] = {
    "digits_cnn": digits_cnn,
    "language_model": language_model,
    "mlp": mlp,
    "res_net": res_net,
}
