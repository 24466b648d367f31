"""Vision Transformer (Dosovitskiy et al. 2020)."""

from __future__ import annotations

from polydl import ops
from polydl.layers.conv import Conv2D
from polydl.layers.dense import Dense
from polydl.layers.dropout import Dropout
from polydl.layers.layer_norm import LayerNorm
from polydl.models.pre_norm import NORMAL, PreNormBlock
from polydl.spec.module import Module
from polydl.spec.tensor import Tensor

EPSILON = 1e-6


class ViT(Module):
    """Square patches as tokens, a class token before them, pre-norm blocks: images to (batch, classes).

    ViT-B/16 by default: 86,567,656 parameters at 224 x 224 with 1000 classes. The size of the images
    counts: each patch has its own learned position.
    """

    def __init__(
        self,
        classes: int = 1000,
        patch: int = 16,
        width: int = 768,
        blocks: int = 12,
        heads: int = 12,
        dropout: float = 0.0,
    ):
        self.patches = Conv2D(width, patch, strides=patch)
        self.dropout = Dropout(dropout) if dropout else None
        self.blocks = [
            PreNormBlock(width, heads, dropout=dropout, epsilon=EPSILON) for _ in range(blocks)
        ]
        self.norm = LayerNorm(epsilon=EPSILON)
        self.output = Dense(classes)

    def __call__(self, images: Tensor) -> Tensor:
        patches = self.patches(images)
        batch, rows, columns, width = patches.shape
        tokens = ops.reshape(patches, (batch, rows * columns, width))
        first = self.parameter("class_token", (1, 1, width), "zeros")
        x = ops.concatenate([ops.broadcast_to(first, (batch, 1, width)), tokens], axis=1)
        x = x + self.parameter("positions", (1, rows * columns + 1, width), NORMAL)
        if self.dropout:
            x = self.dropout(x)
        for block in self.blocks:
            x = block(x)
        return self.output(self.norm(x)[:, 0])
