from __future__ import annotations

from polydl import ops
from polydl.errors import DefinitionError
from polydl.functions.attention import (
    attention_weights,
    scaled_dot_product_attention,
    weighted_values,
)
from polydl.layers.checks import require_positive, require_within
from polydl.layers.dense import Dense
from polydl.layers.dropout import Dropout
from polydl.program.types import Initializer
from polydl.spec.module import Module
from polydl.spec.registry import builtin
from polydl.spec.tensor import Tensor


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
    kernel_initializer: str | Initializer = "glorot_uniform"
    bias_initializer: str | Initializer = "zeros"

    def __post_init__(self) -> None:
        given = {
            name: getattr(self, name)
            for name in ("key_value_heads", "key_size", "value_size")
            if getattr(self, name) is not None
        }
        require_positive("MultiHeadAttention", width=self.width, heads=self.heads, **given)
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
        keys = self.key_size or self.width // self.heads
        values = self.value_size or self.width // self.heads
        self.query = self._dense(self.heads * keys)
        self.key = self._dense(groups * keys)
        self.value = self._dense(groups * values)
        self.attention = DotProductAttention(self.causal, self.scale, self.dropout)
        self.out = self._dense(self.width)

    def _dense(self, units: int) -> Dense:
        return Dense(units, self.use_bias, self.kernel_initializer, self.bias_initializer)

    def __call__(
        self,
        x: Tensor,
        context: Tensor | None = None,
        mask: Tensor | None = None,
        bias: Tensor | None = None,
        lengths: Tensor | None = None,
    ) -> Tensor:
        context = x if context is None else context
        groups = self.key_value_heads or self.heads
        q = _split(self.query(x), self.heads)
        k = _split(self.key(context), groups)
        v = _split(self.value(context), groups)
        y = self.attention(q, k, v, mask, bias, lengths)
        return self.out(ops.reshape(y, (*x.shape[:2], y.shape[2] * y.shape[3])))


def _split(x: Tensor, heads: int) -> Tensor:
    """(batch, time, features) as (batch, time, heads, head)."""
    batch, time, features = x.shape
    return ops.reshape(x, (batch, time, heads, features // heads))
