"""The block that GPT-2 and ViT are made of, with its attention."""

from __future__ import annotations

from polydl import ops
from polydl.functions.activations import gelu
from polydl.layers.attention import DotProductAttention
from polydl.layers.dense import Dense
from polydl.layers.dropout import Dropout
from polydl.layers.layer_norm import LayerNorm
from polydl.program.types import Initializer
from polydl.spec.initializers import initializer
from polydl.spec.module import Module
from polydl.spec.tensor import Tensor

NORMAL = initializer("normal", stddev=0.02)


class SelfAttention(Module):
    """Attention with query, key and value from one linear layer, as published weights have it."""

    def __init__(
        self,
        width: int,
        heads: int,
        causal: bool = False,
        dropout: float = 0.0,
        kernel_initializer: str | Initializer = NORMAL,
    ):
        self.heads = heads
        self.qkv = Dense(3 * width, kernel_initializer=kernel_initializer)
        self.attention = DotProductAttention(causal=causal, dropout=dropout)
        self.out = Dense(width, kernel_initializer=kernel_initializer)

    def __call__(self, x: Tensor) -> Tensor:
        batch, time, width = x.shape
        qkv = ops.reshape(self.qkv(x), (batch, time, 3, self.heads, width // self.heads))
        query = qkv[:, :, 0]
        key = qkv[:, :, 1]
        value = qkv[:, :, 2]
        mixed = self.attention(query, key, value)
        return self.out(ops.reshape(mixed, (batch, time, width)))


class PreNormBlock(Module):
    """x + attention(norm(x)), then x + down(gelu(up(norm(x)))), which is four times as wide.

    approximate: the tanh form of GELU.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        causal: bool = False,
        dropout: float = 0.0,
        epsilon: float = 1e-5,
        approximate: bool = False,
    ):
        self.norm1 = LayerNorm(epsilon=epsilon)
        self.attention = SelfAttention(width, heads, causal, dropout)
        self.norm2 = LayerNorm(epsilon=epsilon)
        self.up = Dense(4 * width, kernel_initializer=NORMAL)
        self.down = Dense(width, kernel_initializer=NORMAL)
        self.dropout = Dropout(dropout) if dropout else None
        self.approximate = approximate

    def __call__(self, x: Tensor) -> Tensor:
        x = x + self._dropped(self.attention(self.norm1(x)))
        h = gelu(self.up(self.norm2(x)), approximate=self.approximate)
        return x + self._dropped(self.down(h))

    def _dropped(self, x: Tensor) -> Tensor:
        return self.dropout(x) if self.dropout else x
