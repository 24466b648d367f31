"""Layers: each a definition in primitives, one short file a family."""

from polydl.layers.batch_norm import BatchNorm
from polydl.layers.conv import Conv2D
from polydl.layers.dense import Dense
from polydl.layers.dropout import Dropout
from polydl.layers.embedding import Embedding
from polydl.layers.flatten import Flatten
from polydl.layers.layer_norm import LayerNorm, RMSNorm
from polydl.layers.pooling import AvgPool2D, GlobalAvgPool2D, MaxPool2D

__all__ = [
    "AvgPool2D",
    "BatchNorm",
    "Conv2D",
    "Dense",
    "Dropout",
    "Embedding",
    "Flatten",
    "GlobalAvgPool2D",
    "LayerNorm",
    "MaxPool2D",
    "RMSNorm",
]
