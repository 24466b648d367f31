"""Derivatives of an emitted module's outputs, for the conformance suite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch


def gradients(
    native: torch.nn.Module,
    tensors: Mapping[str, torch.Tensor],
    inputs: Sequence[torch.Tensor],
    cotangents: Sequence[np.ndarray | None],
    training: bool,
) -> tuple[dict[str, torch.Tensor], list[np.ndarray | None]]:
    """Of sum(output * cotangent): by each parameter in `tensors`, and by each floating input.

    Buffers come out as they went in.
    """
    parameters = {n: t for n, t in tensors.items() if isinstance(t, torch.nn.Parameter)}
    before = {n: t.detach().clone() for n, t in tensors.items() if n not in parameters}
    leaves = [x.detach().requires_grad_(x.is_floating_point()) for x in inputs]
    wanted = [x for x in leaves if x.requires_grad]
    native.train(training)
    try:
        outputs = _flat(native(*leaves))
        total = sum(
            (y * torch.from_numpy(weight).to(y)).sum()
            for y, weight in zip(outputs, cotangents, strict=True)
            if weight is not None
        )
        every = [*parameters.values(), *wanted]
        found = torch.autograd.grad(total, every, allow_unused=True)  # type: ignore[arg-type]
    finally:
        native.eval()
        with torch.no_grad():
            for name, value in before.items():
                tensors[name].copy_(value)
    filled = [torch.zeros_like(x) if g is None else g for x, g in zip(every, found, strict=True)]
    by_input = iter(filled[len(parameters) :])
    return dict(zip(parameters, filled, strict=False)), [
        next(by_input).cpu().numpy() if x.requires_grad else None for x in leaves
    ]


def _flat(outputs: Any) -> list[torch.Tensor]:
    if isinstance(outputs, torch.Tensor):
        return [outputs]
    parts = outputs.values() if isinstance(outputs, dict) else outputs
    return [leaf for part in parts for leaf in _flat(part)]
