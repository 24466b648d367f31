"""The Transformer (Vaswani et al. 2017): an encoder, and a decoder that attends to it."""

from __future__ import annotations

from polydl.layers.dropout import Dropout
from polydl.layers.embedding import Embedding
from polydl.layers.positional_encoding import SinusoidalPositionalEncoding
from polydl.layers.transformer import TransformerDecoderLayer, TransformerEncoderLayer
from polydl.spec.initializers import initializer
from polydl.spec.module import Module
from polydl.spec.tensor import Tensor


class Transformer(Module):
    """Source and target tokens (batch, time) to logits of the next target tokens.

    The base configuration by default, with one table for both sides and the logits, as in the paper:
    63,082,496 parameters with a vocabulary of 37,000. source_lengths (batch,): where padding begins.
    """

    def __init__(
        self,
        vocabulary: int = 37000,
        width: int = 512,
        hidden_size: int = 2048,
        blocks: int = 6,
        heads: int = 8,
        dropout: float = 0.1,
    ):
        self.scale = width**0.5
        self.tokens = Embedding(
            vocabulary, width, table_initializer=initializer("normal", stddev=width**-0.5)
        )
        self.positions = SinusoidalPositionalEncoding()
        self.dropout = Dropout(dropout)
        sizes = (width, heads, hidden_size)
        self.encoder = [TransformerEncoderLayer(*sizes, dropout=dropout) for _ in range(blocks)]
        self.decoder = [TransformerDecoderLayer(*sizes, dropout=dropout) for _ in range(blocks)]

    def __call__(
        self, source: Tensor, target: Tensor, source_lengths: Tensor | None = None
    ) -> Tensor:
        context = self.embed(source)
        for encoder_layer in self.encoder:
            context = encoder_layer(context, lengths=source_lengths)
        x = self.embed(target)
        for decoder_layer in self.decoder:
            x = decoder_layer(x, context, context_lengths=source_lengths)
        return self.tokens.attend(x)

    def embed(self, tokens: Tensor) -> Tensor:
        return self.dropout(self.positions(self.tokens(tokens) * self.scale))
