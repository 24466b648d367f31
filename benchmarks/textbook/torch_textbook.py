"""PyTorch as its tutorials have it: images (N, C, H, W), plain Adam, `loss.item()` each step.

"DataLoader" brings shuffled batches as nearly all tutorials do; "permutation" indexes tensors in a
random order, the way without a DataLoader; "slices" does not shuffle at all, as the tutorial "What is
torch.nn really?" at first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from benchmarks import sizes
from benchmarks.experts.torch_models import LSTM, mlp


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(64)
        self.conv2 = nn.Conv2d(64, 128, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(128)
        self.pool = nn.MaxPool2d(2, 2)
        self.fc = nn.Linear(128 * 8 * 8, sizes.CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.pool(F.relu(self.bn1(self.conv1(x))))
        x = self.pool(F.relu(self.bn2(self.conv2(x))))
        return self.fc(torch.flatten(x, 1))


class TransformerModel(nn.Module):
    """nn.TransformerEncoder; the dropout of attention's weights and between the dense layers is off."""

    def __init__(self) -> None:
        super().__init__()
        width, rate = sizes.ENCODER_WIDTH, sizes.ENCODER_DROPOUT
        self.embedding = nn.Embedding(sizes.VOCABULARY, width)
        self.positions = nn.Parameter(torch.randn(sizes.TOKENS, width) * 0.02)
        layer = nn.TransformerEncoderLayer(
            width, sizes.ENCODER_HEADS, 4 * width, rate, "gelu", batch_first=True, norm_first=True
        )
        norm = nn.LayerNorm(width)
        self.encoder = nn.TransformerEncoder(layer, sizes.ENCODER_BLOCKS, norm, False)
        for block in self.encoder.layers:
            block.self_attn.dropout, block.dropout = 0.0, nn.Identity()
        self.decoder = nn.Linear(width, sizes.CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.encoder(self.embedding(x) + self.positions)
        return self.decoder(x.mean(dim=1))


MODELS = {"mlp": mlp, "simple_cnn": Net, "lstm": LSTM, "transformer": TransformerModel}


class Loop:
    """An epoch of the loop."""

    def __init__(self, model: nn.Module, batches: Iterable) -> None:
        self.net, self.batches = model, batches
        self.criterion = nn.CrossEntropyLoss()
        self.optimizer = torch.optim.Adam(model.parameters(), lr=0.001)

    def __call__(self) -> None:
        self.net.train()
        running_loss, steps = 0.0, 0
        for inputs, labels in self.batches:
            self.optimizer.zero_grad()
            outputs = self.net(inputs)
            loss = self.criterion(outputs, labels)
            loss.backward()
            self.optimizer.step()
            running_loss += loss.item()
            steps += 1
        self.loss = running_loss / steps


class Slices:
    def __init__(self, x: torch.Tensor, y: torch.Tensor, batch_size: int) -> None:
        self.x, self.y, self.batch_size = x, y, batch_size

    def __iter__(self):
        for start in range(0, len(self.x), self.batch_size):
            batch = slice(start, start + self.batch_size)
            yield self.x[batch], self.y[batch]


class Permutation(Slices):
    def __iter__(self):
        permutation = torch.randperm(len(self.x))
        for start in range(0, len(self.x), self.batch_size):
            indices = permutation[start : start + self.batch_size]
            yield self.x[indices], self.y[indices]


def tensors(x: np.ndarray, y: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    """Images with channels first in memory too, as torchvision gives them; labels of int64."""
    if x.ndim == 4:
        x = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
    return torch.from_numpy(x), torch.from_numpy(y).long()


def slices(model_name: str, x: np.ndarray, y: np.ndarray, kind: type[Slices] = Slices) -> Loop:
    return Loop(MODELS[model_name](), kind(*tensors(x, y), sizes.BATCHES[model_name]))


def permutation(model_name: str, x: np.ndarray, y: np.ndarray) -> Loop:
    return slices(model_name, x, y, Permutation)


def data_loader(model_name: str, x: np.ndarray, y: np.ndarray) -> Loop:
    data = TensorDataset(*tensors(x, y))
    loader = DataLoader(data, batch_size=sizes.BATCHES[model_name], shuffle=True)
    return Loop(MODELS[model_name](), loader)


WAYS: dict[str, Callable[[str, np.ndarray, np.ndarray], Loop]] = {
    "DataLoader": data_loader,
    "permutation": permutation,
    "slices": slices,
}
set_threads = torch.set_num_threads
