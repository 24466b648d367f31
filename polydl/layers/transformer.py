"""The layers that transformers are stacked from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from polydl.layers.attention import MultiHeadAttention
from polydl.layers.checks import require_within
from polydl.layers.dropout import Dropout
from polydl.layers.feed_forward import FeedForward
from polydl.layers.layer_norm import LayerNorm
from polydl.program.types import Initializer
from polydl.spec.module import Module
from polydl.spec.registry import builtin
from polydl.spec.tensor import Tensor


@dataclass(eq=False)
class _TransformerLayer(Module):
    """What encoder and decoder layers have in common."""

    width: int
    heads: int
    hidden_size: int | None = None
    activation: str = "relu"
    norm_first: bool = False
    dropout: float = 0.0
    attention_dropout: float = 0.0
    activation_dropout: float = 0.0
    causal: bool = False
    key_value_heads: int | None = None
    rotary: str | None = None
    alibi: bool = False
    fused: bool = False
    cache_length: int | None = None
    use_bias: bool = True
    epsilon: float = 1e-5
    kernel_initializer: str | Initializer = "glorot_uniform"

    def __post_init__(self) -> None:
        require_within(type(self).__name__, 0.0, 1.0, dropout=self.dropout)
        self.attention = self._attention(
            causal=self.causal,
            rotary=self.rotary,
            alibi=self.alibi,
            fused=self.fused,
            cache_length=self.cache_length,
        )
        self.norm1 = LayerNorm(self.epsilon)
        self.feed_forward = FeedForward(
            self.width,
            self.hidden_size,
            self.activation,
            dropout=self.activation_dropout,
            use_bias=self.use_bias,
            kernel_initializer=self.kernel_initializer,
        )
        self.norm2 = LayerNorm(self.epsilon)
        if self.dropout:
            self.drop = Dropout(self.dropout)

    def _attention(self, **more: Any) -> MultiHeadAttention:
        return MultiHeadAttention(
            self.width,
            self.heads,
            self.key_value_heads,
            use_bias=self.use_bias,
            dropout=self.attention_dropout,
            kernel_initializer=self.kernel_initializer,
            **more,
        )

    def _dropped(self, x: Tensor) -> Tensor:
        return self.drop(x) if self.dropout else x


@builtin()
class TransformerEncoderLayer(_TransformerLayer):
    """x = norm1(x + attention(x)), then norm2(x + feed_forward(x)). Vaswani et al. 2017.

    norm_first: x + attention(norm1(x)), then x + feed_forward(norm2(x)), as GPT-2 and ViT have it
    (pre-norm, Xiong et al. 2020); a norm belongs after the last such layer. The default, post-norm, is
    BERT's.

    x (batch, time, width). mask, lengths, position, causal, heads, key_value_heads, rotary, alibi,
    fused and cache_length as in MultiHeadAttention; hidden_size and activation as in FeedForward.
    dropout: of what attention and feed_forward add to x, as in the paper; attention_dropout: of the
    attention weights, as BERT and GPT-2 have too; activation_dropout: of the hidden values. torch's
    layer has one rate for all.
    epsilon: of the norms; BERT 1e-12, ViT 1e-6.
    """

    def __call__(
        self,
        x: Tensor,
        mask: Tensor | None = None,
        lengths: Tensor | None = None,
        position: Tensor | None = None,
    ) -> Tensor:
        limits = {"mask": mask, "lengths": lengths, "position": position}
        if self.norm_first:
            x = x + self._dropped(self.attention(self.norm1(x), **limits))
            return x + self._dropped(self.feed_forward(self.norm2(x)))
        x = self.norm1(x + self._dropped(self.attention(x, **limits)))
        return self.norm2(x + self._dropped(self.feed_forward(x)))


@builtin()
class TransformerDecoderLayer(_TransformerLayer):
    """Attention of x to itself, then to context, then feed_forward, each added to x and normalised.

    Vaswani et al. 2017. x (batch, time, width); context (batch, keys, features), the encoder's output.
    x's own attention is causal by default; mask and lengths limit it further. context_mask,
    context_lengths: of the attention to context. Otherwise as TransformerEncoderLayer; fused, rotary,
    alibi and cache_length are of x's own attention.
    """

    causal: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        self.cross_attention = self._attention()
        self.norm3 = LayerNorm(self.epsilon)

    def __call__(
        self,
        x: Tensor,
        context: Tensor,
        mask: Tensor | None = None,
        lengths: Tensor | None = None,
        context_mask: Tensor | None = None,
        context_lengths: Tensor | None = None,
        position: Tensor | None = None,
    ) -> Tensor:
        own = {"mask": mask, "lengths": lengths, "position": position}
        cross = {"mask": context_mask, "lengths": context_lengths}
        if self.norm_first:
            x = x + self._dropped(self.attention(self.norm1(x), **own))
            x = x + self._dropped(self.cross_attention(self.norm2(x), context, **cross))
            return x + self._dropped(self.feed_forward(self.norm3(x)))
        x = self.norm1(x + self._dropped(self.attention(x, **own)))
        x = self.norm2(x + self._dropped(self.cross_attention(x, context, **cross)))
        return self.norm3(x + self._dropped(self.feed_forward(x)))


@builtin()
class TransformerBlock(TransformerEncoderLayer):
    """The block of today's textbooks: pre-norm, with GELU. Jurafsky & Martin 2024, figure 9.6.

    x + attention(norm1(x)), then x + feed_forward(norm2(x)). causal=True for language models. It is
    TransformerEncoderLayer with other defaults; books that draw figure 1 of Vaswani et al. 2017 (norms
    after the sums, ReLU) mean norm_first=False, activation="relu".
    """

    activation: str = "gelu"
    norm_first: bool = True
