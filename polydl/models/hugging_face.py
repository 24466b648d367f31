"""State dicts of Hugging Face's transformers as weights of ours: `net.load_weights(gpt2(state))`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from polydl.models.published import Array, Rule, renamed

_LAYER_NORM = {"weight": "scale", "bias": "bias"}
_LINEAR = {"weight": "kernel", "bias": "bias"}


def _all(pattern: str, path: str, names: Mapping[str, str]) -> list[Rule]:
    """A rule for each weight of a layer."""
    return [(rf"{pattern}\.{theirs}", rf"{path}.{ours}") for theirs, ours in names.items()]


def gpt2(state: Mapping[str, Any]) -> dict[str, Array]:
    """GPT2Model or GPT2LMHeadModel as polydl.models.GPT2. Its linear layers hold kernels as ours do."""
    prefix = r"(?:transformer\.)?"
    block, path = rf"{prefix}h\.(\d+)", r"blocks.\1"
    rules = [
        (rf"{prefix}wte\.weight", "tokens.table"),
        (rf"{prefix}wpe\.weight", "positions.table"),
        *_all(rf"{block}\.ln_(\d)", rf"{path}.norm\2", _LAYER_NORM),
        *_all(rf"{block}\.attn\.c_attn", rf"{path}.attention.qkv", _LINEAR),
        *_all(rf"{block}\.attn\.c_proj", rf"{path}.attention.out", _LINEAR),
        *_all(rf"{block}\.mlp\.c_fc", rf"{path}.up", _LINEAR),
        *_all(rf"{block}\.mlp\.c_proj", rf"{path}.down", _LINEAR),
        *_all(rf"{prefix}ln_f", "norm", _LAYER_NORM),
    ]
    # the head is the embedding's table; masks were kept in old files
    return renamed(state, rules, rf"lm_head\.weight|{block}\.attn\.(masked_)?bias")
