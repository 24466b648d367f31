"""Classifiers of sequences by recurrent layers."""

from __future__ import annotations

from polydl.layers.dense import Dense
from polydl.layers.gru import GRU
from polydl.layers.recurrent import LSTM
from polydl.spec.module import Module
from polydl.spec.tensor import Tensor


class LSTMClassifier(Module):
    """Sequences (batch, time, features) to (batch, classes): stacked LSTMs, and a linear layer of the
    last one's output after the last step. lengths (batch,): where each sequence ends."""

    def __init__(self, classes: int, units: int = 128, layers: int = 1):
        self.layers = [LSTM(units, return_sequences=i < layers - 1) for i in range(layers)]
        self.output = Dense(classes)

    def __call__(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        for layer in self.layers:
            x = layer(x, lengths=lengths)
        return self.output(x)


class GRUClassifier(Module):
    """The same with GRUs."""

    def __init__(self, classes: int, units: int = 128, layers: int = 1):
        self.layers = [GRU(units, return_sequences=i < layers - 1) for i in range(layers)]
        self.output = Dense(classes)

    def __call__(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        for layer in self.layers:
            x = layer(x, lengths=lengths)
        return self.output(x)
