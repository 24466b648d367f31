"""MobileNetV2 (Sandler et al. 2018), as in torchvision."""

from __future__ import annotations

from polydl.functions.activations import relu6
from polydl.layers.batch_norm import BatchNorm
from polydl.layers.conv import Conv2D
from polydl.layers.dense import Dense
from polydl.layers.depthwise_conv import DepthwiseConv2D
from polydl.layers.dropout import Dropout
from polydl.layers.global_pooling import GlobalAvgPool2D
from polydl.spec.module import Module, Sequential
from polydl.spec.tensor import Tensor

# expansion, channels, blocks, strides of the first: table 2 of the paper
STAGES = (
    (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2),
    (6, 320, 1, 1),
)  # fmt: skip


class InvertedResidual(Module):
    """1x1 convolution to more channels, 3x3 one of each channel, 1x1 convolution to fewer."""

    def __init__(self, inputs: int, channels: int, strides: int, expansion: int):
        hidden = inputs * expansion
        self.expand = (
            Sequential(Conv2D(hidden, 1, use_bias=False), BatchNorm(), relu6)
            if expansion > 1
            else None
        )
        self.depthwise = Sequential(
            DepthwiseConv2D(3, strides=strides, padding=1, use_bias=False), BatchNorm(), relu6
        )
        self.project = Sequential(Conv2D(channels, 1, use_bias=False), BatchNorm())
        self.is_residual = strides == 1 and inputs == channels

    def __call__(self, x: Tensor) -> Tensor:
        h = self.expand(x) if self.expand else x
        h = self.project(self.depthwise(h))
        return x + h if self.is_residual else h


class MobileNetV2(Module):
    """Images (batch, height, width, 3) to (batch, classes). 3,504,872 parameters with 1000 classes."""

    def __init__(self, classes: int = 1000, dropout: float = 0.2):
        self.stem = Sequential(
            Conv2D(32, 3, strides=2, padding=1, use_bias=False), BatchNorm(), relu6
        )
        self.blocks = []
        inputs = 32
        for expansion, channels, count, strides in STAGES:
            for i in range(count):
                stride = strides if i == 0 else 1
                self.blocks.append(InvertedResidual(inputs, channels, stride, expansion))
                inputs = channels
        self.last = Sequential(Conv2D(1280, 1, use_bias=False), BatchNorm(), relu6)
        self.mean = GlobalAvgPool2D()
        self.dropout = Dropout(dropout)
        self.output = Dense(classes)

    def __call__(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        return self.output(self.dropout(self.mean(self.last(x))))
