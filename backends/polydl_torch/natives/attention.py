"""Scaled dot-product attention.

F.scaled_dot_product_attention takes heads before time, and gives zeros where a query may look at
nothing, as the definition does.
"""

from __future__ import annotations

from polydl.emission.code import Code, Option
from polydl.emission.emitter import Emitter
from polydl.emission.native import Native
from polydl.program.types import Block
from polydl_torch.natives.common import Literal, Row

MASKED_ATTENTION = '''def masked_attention(
    q, k, v, mask=None, bias=None, lengths=None, causal=False, **options
):
    """Attention under a mask, a bias, key lengths and causality at once; time before heads."""
    q, k, v = q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)
    key = torch.arange(k.shape[2], device=k.device)
    allowed = [] if mask is None else [mask]
    if causal:
        allowed.append(key <= torch.arange(q.shape[2], device=q.device)[:, None])
    if lengths is not None:
        allowed.append(key < lengths[:, None, None, None])
    mask = allowed[0]
    for part in allowed[1:]:
        mask = mask & part
    if bias is not None:
        mask = torch.where(mask, bias, float("-inf"))
    y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, **options)
    return y.transpose(1, 2)'''

ARGUMENTS = ("q", "k", "v", "mask", "bias", "lengths")


def attention(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    names = [value.name for value in block.inputs]
    if any(name not in ARGUMENTS for name in names):  # portable randomness: a step for dropout
        return None
    q, k = block.inputs[:2]
    options = ""
    if repr(q.shape[2]) != repr(k.shape[2]):
        options += ", enable_gqa=True"
    if block.config["scale"] is not None:
        options += f", scale={literal(block.config['scale'], 'scale')}"
    if block.config.get("dropout"):
        rate = literal(block.config["dropout"], "dropout")
        options += f", dropout_p={rate} if self.training else 0.0"
    causal = block.config["causal"]
    more = {"causal"} if causal else set()
    limits = more | set(names[3:])
    support = () if limits in (set(), {"causal"}, {"mask"}, {"bias"}) else ("masked_attention",)

    def call(_: str, args: list[Code]) -> Code:
        given = dict(zip(names, args, strict=True))
        if support:
            text = ", ".join(
                f"{n}={a.text}" if n in names[3:] else a.text for n, a in given.items()
            )
            text += ", causal=True" if causal else ""
            return Code(f"masked_attention({text}{options})")
        text = ", ".join(f"{given[name].atom}.transpose(1, 2)" for name in "qkv")
        if names[3:]:
            text += f", attn_mask={args[3].text}"
        else:
            text += literal(causal, "causal", Option(", is_causal=", False))
        return Code(f"F.scaled_dot_product_attention({text}{options}).transpose(1, 2)")

    return Native(call=call, support=support)


SUPPORT = {"masked_attention": MASKED_ATTENTION}


NATIVES: dict[str, Row] = {
    "polydl:scaled_dot_product_attention@1": attention,
    "polydl:DotProductAttention@1": attention,
}


REASONS: dict[str, str] = {
    "polydl:attention_weights@1": "F.scaled_dot_product_attention does not give the weights",
    "polydl:MultiHeadAttention@1": (
        "nn.MultiheadAttention packs query, key and value into one weight, has no grouped queries, and "
        "gives NaN where a query may look at nothing"
    ),
    "polydl:TransformerEncoderLayer@1": (
        "nn.TransformerEncoderLayer is made of nn.MultiheadAttention, and drops hidden values and what "
        "is added at one rate"
    ),
    "polydl:TransformerDecoderLayer@1": "nn.TransformerDecoderLayer is made of nn.MultiheadAttention",
}
