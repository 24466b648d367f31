"""PyTorch's part of the conformance suite's round trips."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from polydl.conformance.kit import Kit, Transform
from polydl.net import Net
from polydl_torch.backend import _leaves

ALONE = """
import torch


def restore(module, entry, folder):
    model = getattr(module, entry)()
    model.load_state_dict(torch.load(folder / "weights.pt", weights_only=True))
    return model.eval()


def call(model, arrays, nested):
    with torch.no_grad():
        return model(*map(torch.from_numpy, arrays))


def others(source, entry, folder):
    return []
"""


def save(native: torch.nn.Module, folder: Path) -> Path:
    path = folder / "weights.pt"
    torch.save(native.state_dict(), path)
    return path


def _tensors(net: Net, inputs: list[np.ndarray]) -> tuple[torch.Tensor, ...]:
    return tuple(torch.from_numpy(x).to(net.options.device) for x in inputs)


def _compiled(backend: str) -> Any:
    def run(net: Net, inputs: list[np.ndarray]) -> list[np.ndarray]:
        torch.compiler.reset()
        with torch.no_grad():
            function = torch.compile(net.native, backend=backend, fullgraph=True)
            return _leaves(function(*_tensors(net, inputs)))

    return run


def _exported(net: Net, inputs: list[np.ndarray]) -> list[np.ndarray]:
    """With every size that the program leaves open left open."""
    tensors = _tensors(net, inputs)
    shapes = tuple(
        {i: torch.export.Dim.AUTO for i, size in enumerate(v.shape) if not isinstance(size, int)}
        for v in net.program.root.inputs
    )
    program = torch.export.export(net.native, tensors, dynamic_shapes=shapes)
    with torch.no_grad():
        return _leaves(program.module()(*tensors))


KIT = Kit(
    save=save,
    parameters=lambda native: sum(p.numel() for p in native.parameters()),
    alone=ALONE,
    transforms={
        "torch.compile, traced": Transform(_compiled("aot_eager")),
        "torch.compile": Transform(_compiled("inductor"), needs="g++", slow=True),
        "torch.export": Transform(_exported),
    },
)
