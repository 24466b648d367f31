"""State dicts of Hugging Face's transformers as weights of ours: `net.load_weights(gpt2(state))`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from polydl.models.published import DENSE, NORM, Array, layer, renamed, with_kernels


def gpt2(state: Mapping[str, Any]) -> dict[str, Array]:
    """GPT2Model or GPT2LMHeadModel as polydl.models.GPT2. Its linear layers hold kernels as ours do."""
    prefix = r"(?:transformer\.)?"
    block, path = rf"{prefix}h\.(\d+)", r"blocks.\1"
    rules = [
        (rf"{prefix}wte\.weight", "tokens.table"),
        (rf"{prefix}wpe\.weight", "positions.table"),
        *layer(rf"{block}\.ln_(\d)", rf"{path}.norm\2", NORM),
        *layer(rf"{block}\.attn\.c_attn", rf"{path}.attention.qkv", DENSE),
        *layer(rf"{block}\.attn\.c_proj", rf"{path}.attention.out", DENSE),
        *layer(rf"{block}\.mlp\.c_fc", rf"{path}.up", DENSE),
        *layer(rf"{block}\.mlp\.c_proj", rf"{path}.down", DENSE),
        *layer(rf"{prefix}ln_f", "norm", NORM),
    ]
    # the head is the embedding's table; masks were kept in old files
    return renamed(state, rules, rf"lm_head\.weight|{block}\.attn\.(masked_)?bias")


def bert(state: Mapping[str, Any]) -> dict[str, Array]:
    """BertModel as polydl.models.BERT."""
    prefix = r"(?:bert\.)?"
    block, path = rf"{prefix}encoder\.layer\.(\d+)", r"blocks.\1"
    attention = rf"{path}.attention"
    rules = [
        (rf"{prefix}embeddings\.word_embeddings\.weight", "embeddings.tokens.table"),
        (rf"{prefix}embeddings\.position_embeddings\.weight", "embeddings.positions.table"),
        (rf"{prefix}embeddings\.token_type_embeddings\.weight", "embeddings.segments.table"),
        *layer(rf"{prefix}embeddings\.LayerNorm", "embeddings.norm", NORM),
        *layer(rf"{block}\.attention\.self\.(query|key|value)", rf"{attention}.\2", DENSE),
        *layer(rf"{block}\.attention\.output\.dense", rf"{attention}.out", DENSE),
        *layer(rf"{block}\.attention\.output\.LayerNorm", rf"{path}.norm1", NORM),
        *layer(rf"{block}\.intermediate\.dense", rf"{path}.up", DENSE),
        *layer(rf"{block}\.output\.dense", rf"{path}.down", DENSE),
        *layer(rf"{block}\.output\.LayerNorm", rf"{path}.norm2", NORM),
        *layer(rf"{prefix}pooler\.dense", "pooler", DENSE),
    ]
    return with_kernels(renamed(state, rules, rf"{prefix}embeddings\.position_ids|cls\..*"))
