"""Llama (Touvron et al. 2023): the decoder that most open language models follow."""

from __future__ import annotations

from polydl.layers.attention import MultiHeadAttention
from polydl.layers.dense import Dense
from polydl.layers.embedding import Embedding
from polydl.layers.feed_forward import FeedForward
from polydl.layers.layer_norm import RMSNorm
from polydl.models.pre_norm import NORMAL
from polydl.spec.module import Module
from polydl.spec.tensor import Tensor


class LlamaBlock(Module):
    """x + attention(norm(x)), then x + down(silu(gate(norm(x))) up(norm(x))), without biases."""

    def __init__(
        self,
        width: int,
        hidden_size: int,
        heads: int,
        key_value_heads: int,
        rotary_base: float,
        epsilon: float,
    ):
        self.norm1 = RMSNorm(epsilon=epsilon)
        self.attention = MultiHeadAttention(
            width,
            heads,
            key_value_heads,
            use_bias=False,
            causal=True,
            rotary="half",
            rotary_base=rotary_base,
            kernel_initializer=NORMAL,
        )
        self.norm2 = RMSNorm(epsilon=epsilon)
        self.feed_forward = FeedForward(
            width, hidden_size, "silu", gated=True, use_bias=False, kernel_initializer=NORMAL
        )

    def __call__(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.norm1(x))
        return x + self.feed_forward(self.norm2(x))


class Llama(Module):
    """Tokens (batch, time) to logits (batch, time, vocabulary): rotary positions, grouped queries.

    Llama 2 7B by default: 6,738,415,616 parameters. tied: logits with the embedding's own table, as
    Llama 3.2 has them.
    """

    def __init__(
        self,
        vocabulary: int = 32000,
        width: int = 4096,
        hidden_size: int = 11008,
        blocks: int = 32,
        heads: int = 32,
        key_value_heads: int | None = None,
        rotary_base: float = 10000.0,
        epsilon: float = 1e-5,
        tied: bool = False,
    ):
        self.tokens = Embedding(vocabulary, width, table_initializer=NORMAL)
        self.blocks = [
            LlamaBlock(width, hidden_size, heads, key_value_heads or heads, rotary_base, epsilon)
            for _ in range(blocks)
        ]
        self.norm = RMSNorm(epsilon=epsilon)
        self.output = None if tied else Dense(vocabulary, use_bias=False, kernel_initializer=NORMAL)

    def __call__(self, tokens: Tensor) -> Tensor:
        x = self.tokens(tokens)
        for block in self.blocks:
            x = block(x)
        x = self.norm(x)
        return self.output(x) if self.output else self.tokens.attend(x)
