"""BERT (Devlin et al. 2018): an encoder that looks both ways."""

from __future__ import annotations

from polydl import ops
from polydl.functions.activations import gelu, tanh
from polydl.layers.attention import MultiHeadAttention
from polydl.layers.checks import require_at_most
from polydl.layers.dense import Dense
from polydl.layers.dropout import Dropout
from polydl.layers.embedding import Embedding
from polydl.layers.layer_norm import LayerNorm
from polydl.spec.initializers import initializer
from polydl.spec.module import Module
from polydl.spec.tensor import Tensor

NORMAL = initializer("truncated_normal", stddev=0.02)
EPSILON = 1e-12


class BERTEmbeddings(Module):
    """Token, position and segment, added, normalised and dropped out."""

    def __init__(self, vocabulary: int, context: int, segments: int, width: int, dropout: float):
        self.tokens = Embedding(vocabulary, width, NORMAL)
        self.positions = Embedding(context, width, NORMAL)
        self.segments = Embedding(segments, width, NORMAL)
        self.norm = LayerNorm(epsilon=EPSILON)
        self.dropout = Dropout(dropout)

    def __call__(self, tokens: Tensor, segments: Tensor) -> Tensor:
        require_at_most("BERT", self.positions.size, tokens.shape[1])
        x = self.tokens(tokens) + self.segments(segments)
        x = x + self.positions(ops.arange(tokens.shape[1]))
        return self.dropout(self.norm(x))


class BERTBlock(Module):
    """norm(x + attention(x)), then norm(x + network(x)): post-norm."""

    def __init__(self, width: int, heads: int, dropout: float):
        self.attention = MultiHeadAttention(
            width, heads, dropout=dropout, kernel_initializer=NORMAL
        )
        self.norm1 = LayerNorm(epsilon=EPSILON)
        self.up = Dense(4 * width, kernel_initializer=NORMAL)
        self.down = Dense(width, kernel_initializer=NORMAL)
        self.norm2 = LayerNorm(epsilon=EPSILON)
        self.dropout = Dropout(dropout)

    def __call__(self, x: Tensor, mask: Tensor | None) -> Tensor:
        x = self.norm1(x + self.dropout(self.attention(x, mask=mask)))
        return self.norm2(x + self.dropout(self.down(gelu(self.up(x)))))


class BERT(Module):
    """Tokens and segments (batch, time) to features (batch, time, width) and a summary (batch, width).

    BERT-base by default: 109,482,240 parameters. mask (batch, time): True for tokens, False for
    padding. The summary is tanh of a linear layer of the first token.
    """

    def __init__(
        self,
        vocabulary: int = 30522,
        context: int = 512,
        segments: int = 2,
        width: int = 768,
        blocks: int = 12,
        heads: int = 12,
        dropout: float = 0.1,
    ):
        self.embeddings = BERTEmbeddings(vocabulary, context, segments, width, dropout)
        self.blocks = [BERTBlock(width, heads, dropout) for _ in range(blocks)]
        self.pooler = Dense(width, kernel_initializer=NORMAL)

    def __call__(
        self, tokens: Tensor, segments: Tensor, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        x = self.embeddings(tokens, segments)
        keys = None if mask is None else mask[:, None, None]
        for block in self.blocks:
            x = block(x, keys)
        return x, tanh(self.pooler(x[:, 0]))
