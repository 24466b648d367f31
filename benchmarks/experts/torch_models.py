"""The benchmarked models as PyTorch experts write them. Images come channels-last."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

from benchmarks import sizes


class DigitsCNN(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, 3, padding=1)
        self.norm1 = nn.BatchNorm2d(32, eps=1e-5, momentum=0.1)
        self.conv2 = nn.Conv2d(32, 64, 3, padding=1)
        self.norm2 = nn.BatchNorm2d(64, eps=1e-5, momentum=0.1)
        self.dropout = nn.Dropout(0.25)
        self.dense = nn.Linear(4 * 4 * 64, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The permute is a view, channels-last in memory."""
        x = x.permute(0, 3, 1, 2)
        x = F.relu(self.norm1(self.conv1(x)))
        x = F.relu(self.norm2(self.conv2(x)))
        x = self.dropout(F.max_pool2d(x, 2))
        return self.dense(x.permute(0, 2, 3, 1).flatten(1))


class SimpleCNN(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 3, padding=1)
        self.norm1 = nn.BatchNorm2d(64)
        self.conv2 = nn.Conv2d(64, 128, 3, padding=1)
        self.norm2 = nn.BatchNorm2d(128)
        self.dense = nn.Linear(8 * 8 * 128, sizes.CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x.permute(0, 3, 1, 2)
        x = F.max_pool2d(F.relu(self.norm1(self.conv1(x))), 2)
        x = F.max_pool2d(F.relu(self.norm2(self.conv2(x))), 2)
        return self.dense(x.permute(0, 2, 3, 1).flatten(1))


class BasicBlock(nn.Module):
    def __init__(self, inputs: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, channels, 3, stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels)
        self.shortcut = nn.Identity()
        if inputs != channels:
            projection = nn.Conv2d(inputs, channels, 1, stride, bias=False)
            self.shortcut = nn.Sequential(projection, nn.BatchNorm2d(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = F.relu(self.norm1(self.conv1(x)), inplace=True)
        return F.relu(self.norm2(self.conv2(h)) + self.shortcut(x), inplace=True)


class ResNet18(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.norm = nn.BatchNorm2d(64)
        blocks, inputs = [], 64
        for channels, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
            blocks += [BasicBlock(inputs, channels, stride), BasicBlock(channels, channels, 1)]
            inputs = channels
        self.blocks = nn.Sequential(*blocks)
        self.dense = nn.Linear(512, sizes.CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.relu(self.norm(self.conv(x.permute(0, 3, 1, 2))), inplace=True)
        x = self.blocks(F.max_pool2d(x, 3, 2, padding=1))
        return self.dense(x.mean((2, 3)))


class LSTM(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(sizes.LSTM_FEATURES, sizes.LSTM_UNITS, batch_first=True)
        self.dense = nn.Linear(sizes.LSTM_UNITS, sizes.CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        outputs, _ = self.lstm(x)
        return self.dense(outputs[:, -1])


class Attention(nn.Module):
    def __init__(self, width: int, heads: int, causal: bool) -> None:
        super().__init__()
        self.heads, self.causal = heads, causal
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, time, width = x.shape
        qkv = self.qkv(x).view(batch, time, 3, self.heads, width // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=self.causal)
        return self.out(mixed.transpose(1, 2).reshape(batch, time, width))


class Block(nn.Module):
    """Pre-norm, with GELU."""

    def __init__(self, width: int, heads: int, causal: bool, rate: float, tanh: bool) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attention = Attention(width, heads, causal)
        self.norm2 = nn.LayerNorm(width)
        self.up = nn.Linear(width, 4 * width)
        self.gelu = nn.GELU(approximate="tanh" if tanh else "none")
        self.down = nn.Linear(4 * width, width)
        self.dropout = nn.Dropout(rate) if rate else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.dropout(self.attention(self.norm1(x)))
        return x + self.dropout(self.down(self.gelu(self.up(self.norm2(x)))))


class Transformer(nn.Module):
    """An encoder of two blocks that classifies by its mean."""

    def __init__(self) -> None:
        super().__init__()
        width = sizes.ENCODER_WIDTH
        self.embed = nn.Embedding(sizes.VOCABULARY, width)
        self.positions = nn.Parameter(torch.randn(sizes.TOKENS, width) * 0.02)
        self.blocks = nn.Sequential(
            *(Block(width, sizes.ENCODER_HEADS, False, sizes.ENCODER_DROPOUT, False)
              for _ in range(sizes.ENCODER_BLOCKS))
        )  # fmt: skip
        self.norm = nn.LayerNorm(width)
        self.dense = nn.Linear(width, sizes.CLASSES)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        x = self.blocks(self.embed(ids) + self.positions)
        return self.dense(self.norm(x).mean(1))


class GPT(nn.Module):
    """GPT-2's decoder: learned positions, and the embedding's table for the logits."""

    def __init__(self) -> None:
        super().__init__()
        width = sizes.GPT_WIDTH
        self.embed = nn.Embedding(sizes.VOCABULARY, width)
        self.positions = nn.Embedding(sizes.TOKENS, width)
        self.blocks = nn.Sequential(
            *(Block(width, sizes.GPT_HEADS, True, 0.0, True) for _ in range(sizes.GPT_BLOCKS))
        )
        self.norm = nn.LayerNorm(width)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        x = self.embed(ids) + self.positions.weight[: ids.shape[1]]
        return F.linear(self.norm(self.blocks(x)), self.embed.weight)


def mlp() -> nn.Module:
    return nn.Sequential(
        nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 256), nn.ReLU(), nn.Linear(256, 10)
    )


BUILD: dict[str, Callable[[], nn.Module]] = {
    "mlp": mlp,
    "cnn": DigitsCNN,
    "simple_cnn": SimpleCNN,
    "resnet18": ResNet18,
    "lstm": LSTM,
    "transformer": Transformer,
    "gpt2": GPT,
}


def build(model_name: str) -> nn.Module:
    """Convolutions on channels-last memory."""
    return BUILD[model_name]().to(memory_format=torch.channels_last)
