"""A framework's own dot_product_attention, as JAX and Keras both have it."""

from __future__ import annotations

from polydl.emission.code import Code, Literal, Option
from polydl.emission.native import Native
from polydl.program.sizes import same_shape
from polydl.program.types import Block

ARGUMENTS = ("q", "k", "v", "mask", "bias", "lengths")


def dot_product_attention(
    function: str, block: Block, literal: Literal, limited_layout: str = ""
) -> Native | None:
    """By `function`, or where keys are left out by the helper `masked_attention` around it.

    Neither has dropout, nor values of another size than keys. limited_layout: the helper's.
    """
    names = [value.name for value in block.inputs]
    k, v = block.inputs[1:3]
    if any(name not in ARGUMENTS for name in names) or not same_shape(k.shape, v.shape):
        return None
    if block.config.get("dropout"):
        return None
    limited = "mask" in names or "lengths" in names
    keyword = "causal" if limited else "is_causal"
    options = literal(block.config["causal"], "causal", Option(f", {keyword}=", False))
    if block.config["scale"] is not None:
        options += f", scale={literal(block.config['scale'], 'scale')}"

    def call(_: str, args: list[Code]) -> Code:
        texts = [a.text for a in args[:3]]
        for value, code in zip(block.inputs[3:], args[3:], strict=True):
            four = code.text if len(value.shape) != 2 else f"{code.atom}[None, None]"
            texts.append(f"{value.name}={four}")
        called = "masked_attention" if limited else function
        return Code(f"{called}({', '.join(texts)}{options})")

    if limited:
        return Native(call=call, support=("masked_attention",), layout=limited_layout)
    return Native(call=call)
