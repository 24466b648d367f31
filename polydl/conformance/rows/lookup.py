"""Rows of embeddings, and of products of two inputs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from polydl import layers
from polydl.conformance import expectations as e
from polydl.conformance.row import Array, Part, Row, Weights, several
from polydl.conformance.samplers import fixed, integers, normal
from polydl.spec.input import Input
from polydl.spec.module import Module, Sequential
from polydl.spec.tensor import Tensor

_BILINEAR, _EMBEDDING = "polydl:Bilinear@1", "polydl:Embedding@1"
_OFFSET = 3


def _computed(ids: Tensor) -> Tensor:
    """Indices that are no input's own: those are checked where the net is called."""
    return ids - _OFFSET


def _beyond(embedding: Callable[[], Module], zeros: int | None = None) -> Part:
    """A table whose indices may be out of range, and whose row `zeros` counts as zeros."""

    def formula(w: Weights, x: Array, training: bool) -> Array:
        table = w["1.table"].copy()
        if zeros is not None:
            table[zeros] = 0
        return e.embedding({"table": table}, x - _OFFSET, training)

    return Part(lambda: Sequential(_computed, embedding()), formula)


class _Pair(Module):
    """Several products of the same two inputs, and one with leading axes that broadcast."""

    def __init__(self) -> None:
        self.bias, self.plain = layers.Bilinear(3), layers.Bilinear(2, use_bias=False)
        self.broadcast = layers.Bilinear(2)

    def __call__(self, x1: Tensor, x2: Tensor) -> list[Tensor]:
        return [self.bias(x1, x2), self.plain(x1, x2), self.broadcast(x1, x2[:, :1])]


def _pair(w: Weights, given: list[Array], training: bool) -> tuple[list[Array], dict[str, Array]]:
    def product(name: str, x1: Array, x2: Array) -> Array:
        kernel = w[f"{name}.kernel"]
        y = np.stack([((x1 @ kernel[..., k]) * x2).sum(-1) for k in range(kernel.shape[-1])], -1)
        return y + w.get(f"{name}.bias", 0.0)

    x1, x2 = given
    return [
        product("bias", x1, x2),
        product("plain", x1, x2),
        product("broadcast", x1, x2[:, :1]),
    ], {}


ROWS: tuple[Row, ...] = (
    several(
        "embedding", (_EMBEDDING,), Input((None, None), "int"),
        fixed([[0, 6, 3], [3, 3, 1]], np.int32), resized=integers(3, 4, high=7),
        table=Part(lambda: layers.Embedding(7, 4), e.embedding),
    ),
    several(
        "embedding, out of range", (_EMBEDDING,), Input((None,), "int"),
        fixed([0, 3, 5, 9, 10, 900, 5], np.int32),
        table=_beyond(lambda: layers.Embedding(7, 4)),
        padding=_beyond(lambda: layers.Embedding(7, 4, padding_index=2), 2),
        padding_last=_beyond(lambda: layers.Embedding(7, 4, padding_index=6), 6),
        padding_first=_beyond(lambda: layers.Embedding(7, 4, padding_index=0), 0),
    ),
    Row(
        "bilinear", (_BILINEAR,), _Pair, (Input((None, 3, 4)), Input((None, 3, 5))),
        (normal(2, 3, 4), normal(2, 3, 5)), _pair, resized=(normal(1, 3, 4), normal(1, 3, 5)),
    ),
)  # fmt: skip
