"""GPT-2 (Radford et al. 2019), as published by its authors."""

from __future__ import annotations

from polydl import ops
from polydl.layers.checks import require_at_most
from polydl.layers.dropout import Dropout
from polydl.layers.embedding import Embedding
from polydl.layers.layer_norm import LayerNorm
from polydl.models.pre_norm import NORMAL, PreNormBlock
from polydl.spec.module import Module
from polydl.spec.tensor import Tensor


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
        self.dropout = Dropout(dropout) if dropout else None
        self.blocks = [
            PreNormBlock(width, heads, causal=True, dropout=dropout, approximate=True)
            for _ in range(blocks)
        ]
        self.norm = LayerNorm()

    def __call__(self, tokens: Tensor) -> Tensor:
        require_at_most("GPT2", self.positions.size, tokens.shape[1])
        x = self.tokens(tokens) + self.positions(ops.arange(tokens.shape[1]))
        if self.dropout:
            x = self.dropout(x)
        for block in self.blocks:
            x = block(x)
        return self.tokens.attend(self.norm(x))
