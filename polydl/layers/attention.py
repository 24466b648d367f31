from __future__ import annotations

from polydl import ops
from polydl.errors import DefinitionError, ShapeError, nearest
from polydl.functions.attention import (
    attention_weights,
    scaled_dot_product_attention,
    weighted_values,
)
from polydl.functions.positions import alibi_bias, rotary_angles, rotate
from polydl.layers.checks import require_above_zero, require_axes, require_positive, require_within
from polydl.layers.dense import Dense
from polydl.layers.dropout import Dropout
from polydl.program.types import Initializer
from polydl.spec.module import Module
from polydl.spec.registry import builtin
from polydl.spec.tensor import Tensor

ROTARY = ("half", "interleaved")


@builtin()
class DotProductAttention(Module):
    """scaled_dot_product_attention with dropout of the weights, in training.

    q, k, v, mask, bias, lengths, causal and scale as there. Each weight is 0 with probability
    `dropout`, else divided by 1 - dropout; rows then no longer sum to 1.
    """

    causal: bool = False
    scale: float | None = None
    dropout: float = 0.0

    def __post_init__(self) -> None:
        require_within("DotProductAttention", 0.0, 1.0, dropout=self.dropout)
        if self.dropout:
            self.drop = Dropout(self.dropout)

    def __call__(
        self,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        mask: Tensor | None = None,
        bias: Tensor | None = None,
        lengths: Tensor | None = None,
    ) -> Tensor:
        if not self.dropout:
            return scaled_dot_product_attention(
                q, k, v, mask, bias, lengths, causal=self.causal, scale=self.scale
            )
        weights = attention_weights(q, k, mask, bias, lengths, causal=self.causal, scale=self.scale)
        return weighted_values(self.drop(weights), v)


@builtin()
class MultiHeadAttention(Module):
    """out(attention(query(x), key(context), value(context))), heads side by side. Vaswani et al. 2017.

    x (batch, time, features); context (batch, keys, features), x itself by default: without it this is
    self-attention, with it cross-attention. mask, bias, lengths and causal as in
    scaled_dot_product_attention; a query that may look at nothing gives the bias of `out`.

    width: size of the output. heads: of the queries. key_size, value_size: of one head, width / heads
    by default. key_value_heads: fewer for grouped queries (Ainslie et al. 2023), 1 for multi-query.
    dropout: of the attention weights.

    rotary: "half" or "interleaved" turns queries and keys by their positions, as rotary_embedding
    does, with rotary_base. alibi: adds alibi_bias to the scores. fused: query, key and value of
    self-attention from one Dense layer qkv, as in GPT-2 and nn.MultiheadAttention.

    position (int scalar), with causal and cache_length: decoding step by step. x is then what stands at
    position, position + 1, ...; its keys and values join those of earlier calls in the state key_cache
    and value_cache (batch, cache_length, key_value_heads, size), and mask, bias and lengths are over
    cache_length keys. Call `net(..., keep_state=True)`. Positions must stay below cache_length: beyond
    it the last places are written again. Weights are not dropped.

    query, key, value and out are Dense layers: query.kernel (features, heads * key_size), head by head.
    torch's nn.MultiheadAttention packs the first three into one in_proj_weight, and its boolean mask
    means the reverse; Keras and Flax hold kernels (features, heads, size).
    """

    width: int
    heads: int
    key_value_heads: int | None = None
    key_size: int | None = None
    value_size: int | None = None
    use_bias: bool = True
    causal: bool = False
    dropout: float = 0.0
    scale: float | None = None
    rotary: str | None = None
    rotary_base: float = 10000.0
    alibi: bool = False
    fused: bool = False
    cache_length: int | None = None
    kernel_initializer: str | Initializer = "glorot_uniform"
    bias_initializer: str | Initializer = "zeros"

    def __post_init__(self) -> None:
        given = {
            name: getattr(self, name)
            for name in ("key_value_heads", "key_size", "value_size", "cache_length")
            if getattr(self, name) is not None
        }
        require_positive("MultiHeadAttention", width=self.width, heads=self.heads, **given)
        require_above_zero("MultiHeadAttention", rotary_base=self.rotary_base)
        if self.width % self.heads and not (self.key_size and self.value_size):
            raise DefinitionError(
                f"MultiHeadAttention: heads must divide width, got {self.heads} and {self.width}; "
                "or give key_size and value_size"
            )
        groups = self.key_value_heads or self.heads
        if self.heads % groups:
            raise DefinitionError(
                f"MultiHeadAttention: key_value_heads must divide heads, got {groups} and {self.heads}"
            )
        if self.cache_length is not None and not self.causal:
            raise DefinitionError("MultiHeadAttention: cache_length is for causal=True")
        keys = self.key_size or self.width // self.heads
        values = self.value_size or self.width // self.heads
        if self.rotary is not None:
            self._check_rotary(keys)
        if self.fused:
            self.qkv = self._dense((self.heads + groups) * keys + groups * values)
        else:
            self.query = self._dense(self.heads * keys)
            self.key = self._dense(groups * keys)
            self.value = self._dense(groups * values)
        self.attention = DotProductAttention(self.causal, self.scale, self.dropout)
        self.out = self._dense(self.width)

    def _check_rotary(self, keys: int) -> None:
        if self.rotary not in ROTARY:
            raise DefinitionError(
                f"MultiHeadAttention: unknown rotary {self.rotary!r}. "
                f"{nearest(str(self.rotary), list(ROTARY))}"
            )
        if keys % 2:
            raise DefinitionError(f"MultiHeadAttention: rotary turns pairs, got heads of {keys}")

    def _dense(self, units: int) -> Dense:
        return Dense(units, self.use_bias, self.kernel_initializer, self.bias_initializer)

    def __call__(
        self,
        x: Tensor,
        context: Tensor | None = None,
        mask: Tensor | None = None,
        bias: Tensor | None = None,
        lengths: Tensor | None = None,
        position: Tensor | None = None,
    ) -> Tensor:
        if context is not None and (self.fused or self.rotary is not None or position is not None):
            raise DefinitionError(
                "fused, rotary and position are for self-attention, without context"
            )
        for given in (x, *(() if context is None else (context,))):
            require_axes("MultiHeadAttention", given, "batch", "time", "features")
        q, k, v = self._fused(x) if self.fused else self._projected(x, context)
        if self.rotary is not None:
            q, k = self._turned(q, k, _places(q, position))
        if position is not None:
            k, v, mask = self._cached(k, v, position, mask)
        if self.alibi:
            linear = alibi_bias(_places(q, position), ops.arange(k.shape[1]), heads=self.heads)
            bias = linear if bias is None else bias + linear
        if position is None:
            mixed = self.attention(q, k, v, mask, bias, lengths)
        else:
            mixed = scaled_dot_product_attention(q, k, v, mask, bias, lengths, scale=self.scale)
        features = mixed.shape[2] * mixed.shape[3]
        return self.out(ops.reshape(mixed, (*x.shape[:2], features)))

    def _projected(self, x: Tensor, context: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values, (batch, time, heads, head) each."""
        context = x if context is None else context
        groups = self.key_value_heads or self.heads
        q = _split(self.query(x), self.heads)
        k = _split(self.key(context), groups)
        v = _split(self.value(context), groups)
        return q, k, v

    def _turned(self, q: Tensor, k: Tensor, position: Tensor) -> tuple[Tensor, Tensor]:
        """Rotary embedding of queries and keys."""
        head = q.shape[3]
        interleaved = self.rotary == "interleaved"
        cosine, sine = rotary_angles(position, head=head, base=self.rotary_base)
        q = rotate(q, cosine, sine, interleaved=interleaved)
        k = rotate(k, cosine, sine, interleaved=interleaved)
        return q, k

    def _fused(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The same from one layer."""
        groups = self.key_value_heads or self.heads
        size = self.key_size or self.width // self.heads
        if groups == self.heads and size == (self.value_size or self.width // self.heads):
            qkv = ops.reshape(self.qkv(x), (*x.shape[:2], 3, self.heads, size))
            q, k, v = ops.unstack(qkv, axis=2)
            return q, k, v
        keys, values = self.heads * size, (self.heads + groups) * size
        q, k, v = ops.split(self.qkv(x), (keys, values), -1)
        q = _split(q, self.heads)
        k = _split(k, groups)
        v = _split(v, groups)
        return q, k, v

    def _cached(
        self, k: Tensor, v: Tensor, position: Tensor, mask: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """All keys and values so far, and a mask of those up to each query's place."""
        batch, time, heads, size = k.shape
        if self.cache_length is None:
            raise DefinitionError("a position needs cache_length, the most positions there can be")
        if not isinstance(batch, int) or not isinstance(time, int):
            raise ShapeError(
                f"a key/value cache needs a fixed batch and time, got ({batch}, {time})"
            )
        if time > self.cache_length:
            raise ShapeError(f"{time} positions, of cache_length {self.cache_length} at most")
        room = (batch, self.cache_length, heads)
        keys = ops.update_slice(self.state("key_cache", (*room, size)), k, position, axis=1)
        values = self.state("value_cache", (*room, v.shape[3]))
        values = ops.update_slice(values, v, position, axis=1)
        self.update("key_cache", keys)
        self.update("value_cache", values)
        seen = ops.arange(self.cache_length) <= _places(k, position)[:, None]
        return keys, values, seen if mask is None else seen & mask


def _places(x: Tensor, position: Tensor | None) -> Tensor:
    """The position of each query: 0, 1, ..., or from the given one on."""
    places = ops.arange(x.shape[1])
    return places if position is None else places + position


def _split(x: Tensor, heads: int) -> Tensor:
    """(batch, time, features) as (batch, time, heads, head)."""
    batch, time, features = x.shape
    return ops.reshape(x, (batch, time, heads, features // heads))
