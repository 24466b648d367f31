"""Scaled dot-product attention.

jax.nn.dot_product_attention takes the softmax in float32 whatever the dtype, so it stands in for the
definition up to that; in float16 it does not compile for a CPU. A query that may look at nothing gets
the mean of v there, and zeros here.
"""

from __future__ import annotations

from polydl.emission.attention import dot_product_attention
from polydl.emission.emitter import Emitter
from polydl.emission.native import Native
from polydl.program.types import Block
from polydl_flax.natives.common import Literal, Row

MASKED_ATTENTION = '''def masked_attention(q, k, v, mask=None, lengths=None, causal=False, **options):
    """jax.nn.dot_product_attention; zeros where a query may look at no key."""
    key = jnp.arange(k.shape[1])
    allowed = True if mask is None else mask
    if causal:
        allowed &= key <= jnp.arange(q.shape[1])[:, None]
    if lengths is not None:
        allowed &= key < lengths[:, None, None, None]
    y = jax.nn.dot_product_attention(q, k, v, mask=allowed, **options)
    looks = allowed.any(-1, keepdims=True).swapaxes(1, 2)
    return jnp.where(looks, y, 0.0)'''


def attention(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    if emitter.floating(block) in ("float64", "float16"):
        return None
    return dot_product_attention("jax.nn.dot_product_attention", block, literal)


SUPPORT = {"masked_attention": MASKED_ATTENTION}


NATIVES: dict[str, Row] = {
    "polydl:scaled_dot_product_attention@1": attention,
    "polydl:DotProductAttention@1": attention,
}


REASONS: dict[str, str] = {
    "polydl:scaled_dot_product_attention@1": (
        "jax.nn.dot_product_attention, but in float64, where it takes the softmax in float32, in "
        "float16, which it refuses on a CPU, and for values of another size than keys"
    ),
    "polydl:attention_weights@1": "jax.nn.dot_product_attention does not give the weights",
    "polydl:DotProductAttention@1": (
        "with dropout: jax.nn.dot_product_attention has none; nnx.dot_product_attention drops the "
        "same weights in every sample by default, and gives masked-out queries the mean of v"
    ),
    "polydl:MultiHeadAttention@1": (
        "nnx.MultiHeadAttention holds kernels (features, heads, size), and gives queries that may look "
        "at nothing the mean of the values"
    ),
}
