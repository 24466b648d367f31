"""The block that GPT-2 and ViT are made of."""

from __future__ import annotations

from polydl.functions.activations import gelu
from polydl.layers.attention import MultiHeadAttention
from polydl.layers.dense import Dense
from polydl.layers.dropout import Dropout
from polydl.layers.layer_norm import LayerNorm
from polydl.spec.initializers import initializer
from polydl.spec.module import Module
from polydl.spec.tensor import Tensor

NORMAL = initializer("normal", stddev=0.02)


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
        self.attention = MultiHeadAttention(
            width, heads, causal=causal, dropout=dropout, fused=True, kernel_initializer=NORMAL
        )
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
