from __future__ import annotations

from collections.abc import Sequence

from polydl.functions.activations import relu
from polydl.layers.dense import Dense
from polydl.spec.module import Module
from polydl.spec.tensor import Tensor


class MLP(Module):
    """Dense layers with a ReLU after each but the last: (batch, features) to (batch, outputs)."""

    def __init__(self, hidden: Sequence[int], outputs: int):
        self.hidden = [Dense(units) for units in hidden]
        self.output = Dense(outputs)

    def __call__(self, x: Tensor) -> Tensor:
        for layer in self.hidden:
            x = relu(layer(x))
        return self.output(x)
