"""Scaled dot-product attention: softmax(q kᵀ / √head) v, and its weights alone."""

from __future__ import annotations

from polydl import ops
from polydl.errors import DTypeError, ShapeError
from polydl.functions.probabilities import softmax
from polydl.program.sizes import AnySize, same
from polydl.spec.registry import builtin_function
from polydl.spec.tensor import Tensor

_NEVER = float("-inf")


@builtin_function()
def scaled_dot_product_attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    mask: Tensor | None = None,
    bias: Tensor | None = None,
    lengths: Tensor | None = None,
    *,
    causal: bool = False,
    scale: float | None = None,
) -> Tensor:
    """softmax(q kᵀ · scale + bias) v for each head. Vaswani et al. 2017, equation 1.

    q (batch, time, heads, head), k and v (batch, keys, key heads, head; v's may have another size):
    the order of axes of JAX and Keras; torch's F.scaled_dot_product_attention has heads before time.
    Grouped queries: key heads divide heads, and each serves heads / key heads query heads in a row.

    mask: bool, True where a query may look (as in torch's function, JAX and Keras; the reverse of
    nn.MultiheadAttention). bias: added before the softmax. Both (time, keys) or four axes that
    broadcast to (batch, heads, time, keys). lengths (batch,): keys from there on are padding.
    causal: query i looks at keys 0 to i, also where there are more keys than queries, as in all three.
    scale: 1/√head by default.

    A query that may look at nothing gives zeros, with zero derivatives. JAX and Keras would give the
    mean of v, nn.MultiheadAttention NaN. Exclude keys by mask, not by a bias of -inf.
    """
    weights = attention_weights(q, k, mask, bias, lengths, causal=causal, scale=scale)
    return weighted_values(weights, v)


@builtin_function()
def attention_weights(
    q: Tensor,
    k: Tensor,
    mask: Tensor | None = None,
    bias: Tensor | None = None,
    lengths: Tensor | None = None,
    *,
    causal: bool = False,
    scale: float | None = None,
) -> Tensor:
    """softmax(q kᵀ · scale + bias), (batch, heads, time, keys): how much each query looks at each key.

    Arguments as for scaled_dot_product_attention. The weights of a query that may look at nothing
    are all zero.
    """
    _check(q, k, mask, bias, lengths)
    queries = ops.transpose(q, (0, 2, 1, 3))
    keys = ops.transpose(_for_each_head(k, q.shape[2], "k"), (0, 2, 3, 1))
    scores = queries @ keys * (float(q.shape[3]) ** -0.5 if scale is None else scale)
    if bias is not None:
        scores = scores + bias
    if mask is None and lengths is None and not causal:
        return softmax(scores)
    allowed = _allowed(q.shape[1], k.shape[1], mask, lengths, causal)
    if mask is None and lengths is None:  # every query may look at the first key
        return softmax(ops.where(allowed, scores, _NEVER))
    looks = ops.max(allowed.astype("int"), -1, keepdims=True) > 0
    weights = softmax(ops.where(allowed | ~looks, scores, _NEVER))
    return ops.where(looks, weights, 0.0)


def weighted_values(weights: Tensor, v: Tensor) -> Tensor:
    """For each query, the sum of v's rows by its weights: (batch, time, heads, head)."""
    batch, heads, _, keys = weights.shape
    if v.ndim != 4 or not same(v.shape[0], batch) or not same(v.shape[1], keys):
        raise ShapeError(f"v must be ({batch}, {keys}, heads, head), got {v!r}")
    values = ops.transpose(_for_each_head(v, heads, "v"), (0, 2, 1, 3))
    return ops.transpose(weights @ values, (0, 2, 1, 3))


def _allowed(
    time: AnySize, keys: AnySize, mask: Tensor | None, lengths: Tensor | None, causal: bool
) -> Tensor:
    """Where queries may look: what mask, lengths and causality all allow."""
    parts = [] if mask is None else [mask]
    if causal:
        position = ops.arange(time)
        key = position if same(keys, time) else ops.arange(keys)
        parts.append(key <= position[:, None])
    if lengths is not None:
        parts.append(ops.arange(keys) < lengths[:, None, None, None])
    allowed = parts[0]
    for part in parts[1:]:
        allowed = allowed & part
    return allowed


def _for_each_head(x: Tensor, heads: AnySize, name: str) -> Tensor:
    """Key heads repeated, so that there is one for each query head."""
    batch, keys, key_heads, size = x.shape
    if same(key_heads, heads):
        return x
    if not isinstance(heads, int) or not isinstance(key_heads, int) or heads % key_heads:
        raise ShapeError(f"the heads of {name} must divide those of q, got {key_heads} for {heads}")
    group = heads // key_heads
    repeated = ops.broadcast_to(x[:, :, :, None], (batch, keys, key_heads, group, size))
    return ops.reshape(repeated, (batch, keys, heads, size))


def _check(
    q: Tensor, k: Tensor, mask: Tensor | None, bias: Tensor | None, lengths: Tensor | None
) -> None:
    for name, x in (("q", q), ("k", k)):
        if x.ndim != 4:
            raise ShapeError(f"{name} must be (batch, time, heads, head), got {x!r}")
    batch, time, heads, head = q.shape
    keys = k.shape[1]
    if not same(head, k.shape[3]) or not same(batch, k.shape[0]):
        raise ShapeError(f"q {q!r} and k {k!r} must agree in batch and size of head")
    for name, limit, dtype in (("mask", mask, "bool"), ("bias", bias, "float")):
        if limit is None:
            continue
        if limit.dtype != dtype:
            raise DTypeError(f"{name} must be {dtype}, got {limit!r}")
        full = (batch, heads, time, keys)[-limit.ndim :]
        fits = limit.ndim in (2, 4) and all(
            same(a, 1) or same(a, b) for a, b in zip(limit.shape, full, strict=True)
        )
        if not fits:
            raise ShapeError(
                f"{name} {limit!r} must be (time, keys) or broadcast to (batch, heads, time, keys), "
                f"here ({batch}, {heads}, {time}, {keys}). Of (batch, time, keys) take "
                f"{name}[:, None]; name sizes that are the same alike in dl.Input"
            )
    if lengths is not None and (lengths.dtype != "int" or lengths.ndim != 1):
        raise ShapeError(f"lengths must be int (batch,), got {lengths!r}")
