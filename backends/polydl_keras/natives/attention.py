"""Scaled dot-product attention.

ops.dot_product_attention has no dropout, and TensorFlow takes its scale in float32, so it stands in
for the definition up to that. A query that may look at nothing gets the mean of v there, and zeros
here.
"""

from __future__ import annotations

from polydl.emission.attention import dot_product_attention
from polydl.emission.emitter import Emitter
from polydl.emission.native import Native
from polydl.program.types import Block
from polydl_keras.natives.common import Literal, Row
from polydl_keras.placement import IN_LAYERS

MASKED_ATTENTION = '''def masked_attention(q, k, v, mask=None, lengths=None, causal=False, **options):
    """ops.dot_product_attention; zeros where a query may look at no key."""
    key = ops.arange(ops.shape(k)[1], dtype="int32")
    allowed = True if mask is None else mask
    if causal:
        allowed &= key <= ops.arange(ops.shape(q)[1], dtype="int32")[:, None]
    if lengths is not None:
        allowed &= key < lengths[:, None, None, None]
    y = ops.dot_product_attention(q, k, v, mask=allowed, **options)
    looks = ops.any(allowed, axis=-1, keepdims=True)
    return ops.where(ops.transpose(looks, (0, 2, 1, 3)), y, 0.0)'''


def attention(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    q, k = block.inputs[:2]
    if emitter.dtype == "float64" or k.shape[2] == 1 != q.shape[2]:
        return None  # TensorFlow repeats two key heads, not one
    return dot_product_attention("ops.dot_product_attention", block, literal, IN_LAYERS)


SUPPORT = {"masked_attention": MASKED_ATTENTION}


NATIVES: dict[str, Row] = {
    "polydl:scaled_dot_product_attention@1": attention,
    "polydl:DotProductAttention@1": attention,
}


REASONS: dict[str, str] = {
    "polydl:scaled_dot_product_attention@1": (
        "ops.dot_product_attention, but in float64, where TensorFlow takes the scale in float32, for "
        "one key head among several, and for values of another size than keys"
    ),
    "polydl:attention_weights@1": "ops.dot_product_attention does not give the weights",
    "polydl:DotProductAttention@1": "with dropout: ops.dot_product_attention has none",
    "polydl:MultiHeadAttention@1": (
        "layers.MultiHeadAttention holds kernels (features, heads, size), and gives queries that may "
        "look at nothing the mean of the values"
    ),
}
