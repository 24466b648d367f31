"""PyTorch by hand: channels-last memory, fused Adam, gradients set to None, inference mode.

torch.compile was measured and left out: on a CPU it is slower for both models.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn


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
        """x as (batch, height, width, channels); the permute is a view, channels-last in memory."""
        x = x.permute(0, 3, 1, 2)
        x = F.relu(self.norm1(self.conv1(x)))
        x = F.relu(self.norm2(self.conv2(x)))
        x = self.dropout(F.max_pool2d(x, 2))
        return self.dense(x.permute(0, 2, 3, 1).flatten(1))


def build(model_name: str) -> nn.Module:
    if model_name == "cnn":
        return DigitsCNN().to(memory_format=torch.channels_last)
    return nn.Sequential(
        nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 256), nn.ReLU(), nn.Linear(256, 10)
    )


class TrainingStep:
    def __init__(self, model: nn.Module) -> None:
        self.model = model.train()
        self.optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, eps=1e-8, fused=True)

    def __call__(self, x: np.ndarray, y: np.ndarray) -> torch.Tensor:
        logits = self.model(torch.from_numpy(x))
        loss = F.cross_entropy(logits, torch.from_numpy(y).long())
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    def wait(self) -> None:
        """A CPU step is done when it returns."""


class Forward:
    def __init__(self, model: nn.Module) -> None:
        self.model = model.eval()

    @torch.inference_mode()
    def __call__(self, x: np.ndarray) -> np.ndarray:
        return self.model(torch.from_numpy(x)).numpy()


def make_training_step(model_name: str) -> TrainingStep:
    return TrainingStep(build(model_name))


def make_forward(model_name: str) -> Forward:
    return Forward(build(model_name))


def set_threads(threads: int) -> None:
    torch.set_num_threads(threads)


TRAINING = {"eager": make_training_step}
FORWARD = {"eager": make_forward}
