"""Functions of tensors: each a definition on primitives that a backend may replace by its own."""

from polydl.functions.activations import gelu, relu, sigmoid, tanh
from polydl.functions.softmax import log_softmax, softmax

__all__ = ["gelu", "log_softmax", "relu", "sigmoid", "softmax", "tanh"]
