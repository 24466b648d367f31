from __future__ import annotations

from polydl.functions.activations import relu
from polydl.layers.batch_norm import BatchNorm
from polydl.layers.conv import Conv2D
from polydl.layers.dense import Dense
from polydl.layers.flatten import Flatten
from polydl.layers.pooling import MaxPool2D
from polydl.spec.module import Module
from polydl.spec.tensor import Tensor


class SimpleCNN(Module):
    """The CNN of textbooks: twice (3x3 convolution, batch norm, ReLU, pool), then a linear layer.

    Images (batch, height, width, channels) to (batch, classes), with 64 and 128 filters.
    """

    def __init__(self, classes: int = 10):
        self.conv1 = Conv2D(64, 3, padding="same")
        self.norm1 = BatchNorm()
        self.conv2 = Conv2D(128, 3, padding="same")
        self.norm2 = BatchNorm()
        self.pool = MaxPool2D(2)
        self.flatten = Flatten()
        self.output = Dense(classes)

    def __call__(self, x: Tensor) -> Tensor:
        x = self.pool(relu(self.norm1(self.conv1(x))))
        x = self.pool(relu(self.norm2(self.conv2(x))))
        return self.output(self.flatten(x))
