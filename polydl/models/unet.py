"""U-Net (Ronneberger et al. 2015), with padded convolutions, as most have it since."""

from __future__ import annotations

from collections.abc import Sequence

from polydl import ops
from polydl.functions.activations import relu
from polydl.layers.conv import Conv2D
from polydl.layers.conv_transpose import ConvTranspose2D
from polydl.layers.pooling import MaxPool2D
from polydl.spec.module import Module
from polydl.spec.tensor import Tensor


class DoubleConv(Module):
    """Twice a 3x3 convolution and ReLU."""

    def __init__(self, channels: int):
        self.conv1 = Conv2D(channels, 3, padding="same")
        self.conv2 = Conv2D(channels, 3, padding="same")

    def __call__(self, x: Tensor) -> Tensor:
        return relu(self.conv2(relu(self.conv1(x))))


class UNet(Module):
    """Images (batch, height, width, channels) to (batch, height, width, classes).

    Halves the size at each step down and doubles it again on the way up, where it sees what was there
    at that size. 31,030,658 parameters with one channel and two classes, as in the paper. Height and
    width must be multiples of 2 to the number of steps.
    """

    def __init__(self, classes: int = 2, channels: Sequence[int] = (64, 128, 256, 512, 1024)):
        *sides, bottom = channels
        self.down = [DoubleConv(n) for n in sides]
        self.pool = MaxPool2D(2)
        self.bottom = DoubleConv(bottom)
        self.widen = [ConvTranspose2D(n, 2, strides=2) for n in reversed(sides)]
        self.up = [DoubleConv(n) for n in reversed(sides)]
        self.output = Conv2D(classes, 1)

    def __call__(self, x: Tensor) -> Tensor:
        seen = []
        for block in self.down:
            x = block(x)
            seen.append(x)
            x = self.pool(x)
        x = self.bottom(x)
        for widen, block, side in zip(self.widen, self.up, reversed(seen), strict=True):
            x = block(ops.concatenate([side, widen(x)], -1))
        return self.output(x)
