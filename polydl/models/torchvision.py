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


def mobilenet_v2(state: Mapping[str, Any]) -> dict[str, Array]:
    """torchvision's mobilenet_v2 as polydl.models.MobileNetV2."""
    steps = (("expand", r"conv\.0"), ("depthwise", r"conv\.1"))
    rules = [
        (r"features\.0\.0\.weight", "stem.0.kernel"),
        *layer(r"features\.0\.1", "stem.1", BATCH_NORM),
        # the first block does not expand
        (r"features\.1\.conv\.0\.0\.weight", "blocks.0.depthwise.0.kernel"),
        *layer(r"features\.1\.conv\.0\.1", "blocks.0.depthwise.1", BATCH_NORM),
        (r"features\.1\.conv\.1\.weight", "blocks.0.project.0.kernel"),
        *layer(r"features\.1\.conv\.2", "blocks.0.project.1", BATCH_NORM),
        (r"features\.18\.0\.weight", "last.0.kernel"),
        *layer(r"features\.18\.1", "last.1", BATCH_NORM),
        *layer(r"classifier\.1", "output", DENSE),
    ]
    for number in range(2, 18):
        block, path = rf"features\.{number}", f"blocks.{number - 1}"
        for ours, theirs in steps:
            rules.append((rf"{block}\.{theirs}\.0\.weight", f"{path}.{ours}.0.kernel"))
            rules += layer(rf"{block}\.{theirs}\.1", f"{path}.{ours}.1", BATCH_NORM)
        rules.append((rf"{block}\.conv\.2\.weight", f"{path}.project.0.kernel"))
        rules += layer(rf"{block}\.conv\.3", f"{path}.project.1", BATCH_NORM)
    weights = with_kernels(renamed(state, rules, _COUNTERS))
    # torch keeps (channels, 1, window); ours is (window, channels, 1)
    return {
        path: value.swapaxes(-1, -2) if ".depthwise.0." in path else value
        for path, value in weights.items()
    }
