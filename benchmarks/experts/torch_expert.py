"""PyTorch by hand: channels-last memory, fused Adam, gradients set to None, inference mode.

torch.compile was measured and left out: on a CPU it is slower for the MLP and the CNN.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

from benchmarks import sizes
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


def share_of_peak(step: int) -> float:
    """Of the peak rate: a straight line up, then half a cosine down."""
    if step < sizes.WARMUP_STEPS:
        return step / sizes.WARMUP_STEPS
    progress = min((step - sizes.WARMUP_STEPS) / sizes.DECAY_STEPS, 1.0)
    return 0.5 * (1.0 + math.cos(math.pi * progress))


class RecipeStep:
    """AdamW on two groups, the rate set by a scheduler or by hand, clip_grad_norm_."""

    def __init__(self, model: nn.Module, by_hand: bool) -> None:
        self.model, self.by_hand, self.count = model.train(), by_hand, 0
        self.parameters = list(model.parameters())
        groups = [
            {"params": [p for p in self.parameters if p.ndim > 1]},
            {"params": [p for p in self.parameters if p.ndim < 2], "weight_decay": 0.0},
        ]
        self.optimizer = torch.optim.AdamW(
            groups, lr=sizes.PEAK_RATE, weight_decay=sizes.WEIGHT_DECAY, fused=True
        )
        if not by_hand:
            scheduler = torch.optim.lr_scheduler.LambdaLR(self.optimizer, share_of_peak)
            self.scheduler = scheduler

    def __call__(self, x: np.ndarray, y: np.ndarray) -> torch.Tensor:
        if self.by_hand:
            for group in self.optimizer.param_groups:
                group["lr"] = sizes.PEAK_RATE * share_of_peak(self.count)
            self.count += 1
        logits = self.model(torch.from_numpy(x))
        labels = torch.from_numpy(y).long()
        loss = F.cross_entropy(logits.flatten(0, -2), labels.flatten())
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.parameters, sizes.CLIP_NORM)
        self.optimizer.step()
        if not self.by_hand:
            self.scheduler.step()
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


def recipe(model_name: str) -> dict[str, Callable[[], RecipeStep]]:
    ways = {"LambdaLR": False, "rate by hand": True}
    return {name: lambda way=way: RecipeStep(build(model_name), way) for name, way in ways.items()}


def forward(model_name: str) -> dict[str, Callable[[], Forward]]:
    return {"eager": lambda: Forward(build(model_name))}
