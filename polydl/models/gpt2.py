"""GPT-2 (Radford et al. 2019), as published by its authors."""

from __future__ import annotations

from polydl import ops
from polydl.functions.activations import gelu
from polydl.layers.attention import DotProductAttention
from polydl.layers.dense import Dense
from polydl.layers.dropout import Dropout
from polydl.layers.embedding import Embedding
from polydl.layers.layer_norm import LayerNorm
from polydl.spec.initializers import initializer
from polydl.spec.module import Module
from polydl.spec.tensor import Tensor

NORMAL = initializer("normal", stddev=0.02)


class CausalSelfAttention(Module):
    """Attention to what came before, with query, key and value from one linear layer."""

    def __init__(self, width: int, heads: int, dropout: float):
        self.heads = heads
        self.qkv = Dense(3 * width, kernel_initializer=NORMAL)
        self.attention = DotProductAttention(causal=True, dropout=dropout)
        self.out = Dense(width, kernel_initializer=NORMAL)

    def __call__(self, x: Tensor) -> Tensor:
        batch, time, width = x.shape
        qkv = ops.reshape(self.qkv(x), (batch, time, 3, self.heads, width // self.heads))
        query = qkv[:, :, 0]
        key = qkv[:, :, 1]
        value = qkv[:, :, 2]
        mixed = self.attention(query, key, value)
        return self.out(ops.reshape(mixed, (batch, time, width)))


class GPT2Block(Module):
    """x + attention(norm(x)), then x + network(norm(x))."""

    def __init__(self, width: int, heads: int, dropout: float):
        self.norm1 = LayerNorm()
        self.attention = CausalSelfAttention(width, heads, dropout)
        self.norm2 = LayerNorm()
        self.up = Dense(4 * width, kernel_initializer=NORMAL)
        self.down = Dense(width, kernel_initializer=NORMAL)
        self.dropout = Dropout(dropout)

    def __call__(self, x: Tensor) -> Tensor:
        x = x + self.dropout(self.attention(self.norm1(x)))
        h = gelu(self.up(self.norm2(x)), approximate=True)
        return x + self.dropout(self.down(h))


class GPT2(Module):
    """Tokens (batch, time), at most `context` of them, to logits (batch, time, vocabulary).

    The smallest published configuration by default: 124,439,808 parameters. The logits are the
    products with the embedding's own table.
    """

    def __init__(
        self,
        vocabulary: int = 50257,
        context: int = 1024,
        width: int = 768,
        blocks: int = 12,
        heads: int = 12,
        dropout: float = 0.1,
    ):
        self.tokens = Embedding(vocabulary, width, NORMAL)
        self.positions = Embedding(context, width, NORMAL)
        self.dropout = Dropout(dropout)
        self.blocks = [GPT2Block(width, heads, dropout) for _ in range(blocks)]
        self.norm = LayerNorm()

    def __call__(self, tokens: Tensor) -> Tensor:
        x = self.tokens(tokens) + self.positions(ops.arange(tokens.shape[1]))
        x = self.dropout(x)
        for block in self.blocks:
            x = block(x)
        return self.norm(x) @ ops.transpose(self.tokens.table)
