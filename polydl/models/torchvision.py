"""State dicts of torchvision's models as weights of ours: `net.load_weights(resnet(state_dict))`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from polydl.models.published import DENSE, NORM, Array, Rule, renamed, with_kernels

_COUNTERS = r".*num_batches_tracked"


def _norm(pattern: str, path: str) -> list[Rule]:
    return [(rf"{pattern}\.{theirs}", rf"{path}.{ours}") for theirs, ours in NORM.items()]


def _stage_rules(number: int) -> list[Rule]:
    block = rf"layer{number}\.(\d+)"
    path = rf"stages.{number - 1}.\1"
    return [
        (rf"{block}\.conv(\d)\.weight", rf"{path}.conv\2.kernel"),
        *_norm(rf"{block}\.bn(\d)", rf"{path}.norm\2"),
        (rf"{block}\.downsample\.0\.weight", rf"{path}.shortcut.0.kernel"),
        *_norm(rf"{block}\.downsample\.1", rf"{path}.shortcut.1"),
    ]


def resnet(state: Mapping[str, Any]) -> dict[str, Array]:
    """torchvision's resnet18, resnet50 and so on as polydl.models.ResNet."""
    rules = [
        (r"conv1\.weight", "conv.kernel"),
        *_norm("bn1", "norm"),
        *(rule for number in (1, 2, 3, 4) for rule in _stage_rules(number)),
        *((rf"fc\.{theirs}", f"output.{ours}") for theirs, ours in DENSE.items()),
    ]
    return with_kernels(renamed(state, rules, _COUNTERS))
