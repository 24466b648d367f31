"""Residual networks (He et al. 2015), in the configurations of torchvision."""

from __future__ import annotations

from polydl.functions.activations import relu
from polydl.layers.batch_norm import BatchNorm
from polydl.layers.conv import Conv2D
from polydl.layers.dense import Dense
from polydl.layers.global_pooling import GlobalAvgPool2D
from polydl.layers.pooling import MaxPool2D
from polydl.spec.module import Module, Sequential
from polydl.spec.tensor import Tensor


class BasicBlock(Module):
    """Two 3x3 convolutions beside a shortcut."""

    expansion = 1

    def __init__(self, channels: int, strides: int, project: bool):
        self.conv1 = Conv2D(channels, 3, strides, padding=1, use_bias=False)
        self.norm1 = BatchNorm()
        self.conv2 = Conv2D(channels, 3, padding=1, use_bias=False)
        self.norm2 = BatchNorm()
        self.shortcut = projection(channels, strides) if project else None

    def __call__(self, x: Tensor) -> Tensor:
        shortcut = x if self.shortcut is None else self.shortcut(x)
        h = relu(self.norm1(self.conv1(x)))
        return relu(self.norm2(self.conv2(h)) + shortcut)


class Bottleneck(Module):
    """1x1, 3x3 and 1x1 convolutions beside a shortcut; the 3x3 one has the stride.

    The paper has the stride on the first; torchvision and most since on the second.
    """

    expansion = 4

    def __init__(self, channels: int, strides: int, project: bool):
        self.conv1 = Conv2D(channels, 1, use_bias=False)
        self.norm1 = BatchNorm()
        self.conv2 = Conv2D(channels, 3, strides, padding=1, use_bias=False)
        self.norm2 = BatchNorm()
        self.conv3 = Conv2D(4 * channels, 1, use_bias=False)
        self.norm3 = BatchNorm()
        self.shortcut = projection(4 * channels, strides) if project else None

    def __call__(self, x: Tensor) -> Tensor:
        shortcut = x if self.shortcut is None else self.shortcut(x)
        h = relu(self.norm1(self.conv1(x)))
        h = relu(self.norm2(self.conv2(h)))
        return relu(self.norm3(self.conv3(h)) + shortcut)


def projection(channels: int, strides: int) -> Sequential:
    return Sequential(Conv2D(channels, 1, strides, use_bias=False), BatchNorm())


class ResNet(Module):
    """A stem, four stages of blocks, the mean over positions, and a linear layer.

    Images (batch, height, width, 3) to (batch, classes). depths: blocks in each stage.
    """

    def __init__(
        self, block: type[BasicBlock] | type[Bottleneck], depths: tuple[int, ...], classes: int
    ):
        self.conv = Conv2D(64, 7, strides=2, padding=3, use_bias=False)
        self.norm = BatchNorm()
        self.pool = MaxPool2D(3, strides=2, padding=1)
        self.stages = [
            Sequential(*stage(block, 64 * 2**i, depth, 1 if i == 0 else 2))
            for i, depth in enumerate(depths)
        ]
        self.mean = GlobalAvgPool2D()
        self.output = Dense(classes)

    def __call__(self, x: Tensor) -> Tensor:
        x = self.pool(relu(self.norm(self.conv(x))))
        for stage in self.stages:
            x = stage(x)
        return self.output(self.mean(x))


def stage(
    block: type[BasicBlock] | type[Bottleneck], channels: int, depth: int, strides: int
) -> list[Module]:
    """Blocks of one size; the first changes it."""
    widens = strides != 1 or block.expansion != 1
    first = block(channels, strides, project=widens)
    return [first, *(block(channels, 1, project=False) for _ in range(depth - 1))]


class ResNet18(ResNet):
    """11,689,512 parameters with 1000 classes."""

    def __init__(self, classes: int = 1000):
        super().__init__(BasicBlock, (2, 2, 2, 2), classes)


class ResNet50(ResNet):
    """25,557,032 parameters with 1000 classes."""

    def __init__(self, classes: int = 1000):
        super().__init__(Bottleneck, (3, 4, 6, 3), classes)
