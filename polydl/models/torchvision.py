"""State dicts of torchvision's models as weights of ours: `net.load_weights(resnet(state_dict))`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from polydl.models.published import (
    BATCH_NORM,
    DENSE,
    NORM,
    Array,
    Rule,
    layer,
    renamed,
    with_kernels,
)

_COUNTERS = r".*num_batches_tracked"


def _stage_rules(number: int) -> list[Rule]:
    block = rf"layer{number}\.(\d+)"
    path = rf"stages.{number - 1}.\1"
    return [
        (rf"{block}\.conv(\d)\.weight", rf"{path}.conv\2.kernel"),
        *layer(rf"{block}\.bn(\d)", rf"{path}.norm\2", BATCH_NORM),
        (rf"{block}\.downsample\.0\.weight", rf"{path}.shortcut.0.kernel"),
        *layer(rf"{block}\.downsample\.1", rf"{path}.shortcut.1", BATCH_NORM),
    ]


def resnet(state: Mapping[str, Any]) -> dict[str, Array]:
    """torchvision's resnet18, resnet50 and so on as polydl.models.ResNet."""
    rules = [
        (r"conv1\.weight", "conv.kernel"),
        *layer("bn1", "norm", BATCH_NORM),
        *(rule for number in (1, 2, 3, 4) for rule in _stage_rules(number)),
        *layer("fc", "output", DENSE),
    ]
    return with_kernels(renamed(state, rules, _COUNTERS))


def vit(state: Mapping[str, Any]) -> dict[str, Array]:
    """torchvision's vit_b_16 and so on as polydl.models.ViT."""
    block, path = r"encoder\.layers\.encoder_layer_(\d+)", r"blocks.\1"
    rules = [
        ("class_token", "class_token"),
        (r"encoder\.pos_embedding", "positions"),
        *layer(r"conv_proj", "patches", DENSE),
        *layer(rf"{block}\.ln_(\d)", rf"{path}.norm\2", NORM),
        (rf"{block}\.self_attention\.in_proj_weight", rf"{path}.attention.qkv.kernel"),
        (rf"{block}\.self_attention\.in_proj_bias", rf"{path}.attention.qkv.bias"),
        *layer(rf"{block}\.self_attention\.out_proj", rf"{path}.attention.out", DENSE),
        *layer(rf"{block}\.mlp\.0", rf"{path}.up", DENSE),
        *layer(rf"{block}\.mlp\.3", rf"{path}.down", DENSE),
        *layer(r"encoder\.ln", "norm", NORM),
        *layer(r"heads\.head", "output", DENSE),
    ]
    return with_kernels(renamed(state, rules))
