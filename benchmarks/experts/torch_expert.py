"""PyTorch by hand: channels-last memory, fused Adam, gradients set to None, inference mode.

torch.compile was measured and left out: on a CPU it is slower for the MLP and the CNN.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

from benchmarks.experts.torch_models import build


class TrainingStep:
    def __init__(self, model: nn.Module) -> None:
        self.model = model.train()
        self.optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, eps=1e-8, fused=True)

    def __call__(self, x: np.ndarray, y: np.ndarray) -> torch.Tensor:
        logits = self.model(torch.from_numpy(x))
        labels = torch.from_numpy(y).long()
        loss = F.cross_entropy(logits.flatten(0, -2), labels.flatten())
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


def set_threads(threads: int) -> None:
    torch.set_num_threads(threads)


def training(model_name: str) -> dict[str, Callable[[], TrainingStep]]:
    return {"eager": lambda: TrainingStep(build(model_name))}


def forward(model_name: str) -> dict[str, Callable[[], Forward]]:
    return {"eager": lambda: Forward(build(model_name))}
