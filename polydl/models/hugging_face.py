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


def llama(state: Mapping[str, Any]) -> dict[str, Array]:
    """LlamaModel or LlamaForCausalLM as polydl.models.Llama."""
    prefix = r"(?:model\.)?"
    block, path = rf"{prefix}layers\.(\d+)", r"blocks.\1"
    rules = [
        (rf"{prefix}embed_tokens\.weight", "tokens.table"),
        (rf"{block}\.input_layernorm\.weight", rf"{path}.norm1.scale"),
        (rf"{block}\.post_attention_layernorm\.weight", rf"{path}.norm2.scale"),
        (rf"{block}\.self_attn\.q_proj\.weight", rf"{path}.attention.query.kernel"),
        (rf"{block}\.self_attn\.k_proj\.weight", rf"{path}.attention.key.kernel"),
        (rf"{block}\.self_attn\.v_proj\.weight", rf"{path}.attention.value.kernel"),
        (rf"{block}\.self_attn\.o_proj\.weight", rf"{path}.attention.out.kernel"),
        (rf"{block}\.mlp\.(gate|up|down)_proj\.weight", rf"{path}.feed_forward.\2.kernel"),
        (rf"{prefix}norm\.weight", "norm.scale"),
        (r"lm_head\.weight", "output.kernel"),
    ]
    return with_kernels(renamed(state, rules, r".*rotary_emb\.inv_freq"))
