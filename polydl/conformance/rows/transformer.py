"""Rows of transformers: positions, feed-forward layers, encoder and decoder layers."""

from __future__ import annotations

from typing import Any

import numpy as np

from polydl import functions as f
from polydl import layers, ops
from polydl.conformance import expectations as e
from polydl.conformance import expectations_attention as a
from polydl.conformance import expectations_transformer as t
from polydl.conformance.expectations import Array
from polydl.conformance.row import RANDOM_SEED, Part, Row, Weights, several
from polydl.conformance.samplers import fixed, normal
from polydl.spec.input import Input
from polydl.spec.module import Module
from polydl.spec.tensor import Tensor


def _heads(x: Tensor) -> Tensor:
    return ops.reshape(x, (*x.shape[:2], 2, 4))


def _split(x: Array) -> Array:
    return np.stack([x[..., :4], x[..., 4:]], axis=2)


def _shifted(x: Tensor) -> Tensor:
    return f.rotary_embedding(_heads(x), ops.arange(x.shape[1]) + 3, base=50.0)


_POSITIONS = several(
    "positional encodings",
    ("polydl:SinusoidalPositionalEncoding@1", "polydl:LearnedPositionalEncoding@1",
     "polydl:sinusoidal_encoding@1", "polydl:rotary_embedding@1", "polydl:rotary_angles@1",
     "polydl:rotate@1", "primitive:sin", "primitive:cos"),
    Input((None, None, 8)), normal(2, 5, 8), resized=normal(3, 4, 8),
    sinusoidal=Part(
        layers.SinusoidalPositionalEncoding,
        lambda w, x, training: x + t.sinusoids(x.shape[1], 8, True),
    ),
    halves=Part(
        lambda: layers.SinusoidalPositionalEncoding(base=30.0, interleaved=False),
        lambda w, x, training: x + t.sinusoids(x.shape[1], 8, False, 30.0),
    ),
    learned=Part(
        lambda: layers.LearnedPositionalEncoding(6),
        lambda w, x, training: x + w["table"][: x.shape[1]],
    ),
    half=Part(
        lambda: lambda x: f.rotary_embedding(_heads(x)),
        lambda w, x, training: t.rotated(_split(x), False),
    ),
    interleaved=Part(
        lambda: lambda x: f.rotary_embedding(_heads(x), interleaved=True),
        lambda w, x, training: t.rotated(_split(x), True),
    ),
    shifted=Part(lambda: _shifted, lambda w, x, training: t.rotated(_split(x), False, 50.0, 3)),
)  # fmt: skip


_TURNED = several(
    "multi-head attention, positions",
    ("polydl:MultiHeadAttention@1", "polydl:alibi_bias@1", "polydl:rotate@1", "polydl:rotary_angles@1"),
    Input((None, "time", 5)), normal(2, 4, 5), resized=normal(1, 3, 5),
    half=Part(
        lambda: layers.MultiHeadAttention(8, 2, rotary="half", rotary_base=20.0, causal=True),
        lambda w, x, training: a.multi_head(
            w, x, x, 2, a.causal, turn=lambda y: t.rotated(y, False, 20.0)
        ),
    ),
    interleaved=Part(
        lambda: layers.MultiHeadAttention(
            8, 4, key_value_heads=2, rotary="interleaved", fused=True
        ),
        lambda w, x, training: a.multi_head(
            t.unfused(w, 4, 2), x, x, 4, a.everything, 2, turn=lambda y: t.rotated(y, True)
        ),
    ),
    alibi=Part(
        lambda: layers.MultiHeadAttention(12, 6, alibi=True, causal=True, fused=True),
        lambda w, x, training: a.multi_head(
            t.unfused(w, 6), x, x, 6, a.causal, bias=t.alibi(6, x.shape[1], x.shape[1])
        ),
    ),
)  # fmt: skip


_FEED_FORWARD = several(
    "feed-forward", ("polydl:FeedForward@1",), Input((None, 4)), normal(3, 4),
    relu=Part(lambda: layers.FeedForward(3), lambda w, x, _: t.feed_forward(w, x, e.relu)),
    gelu=Part(
        lambda: layers.FeedForward(4, 5, "gelu"), lambda w, x, _: t.feed_forward(w, x, e.gelu)
    ),
    swiglu=Part(
        lambda: layers.FeedForward(2, 5, "silu", gated=True, use_bias=False),
        lambda w, x, _: t.feed_forward(w, x, t.silu),
    ),
)  # fmt: skip


class Layers(Module):
    """An encoder layer after the paper, one before its norms, and a decoder layer of each kind."""

    def __init__(self) -> None:
        self.post = layers.TransformerEncoderLayer(6, 2, 7, activation="gelu", epsilon=0.1)
        self.pre = layers.TransformerBlock(6, 3, causal=True, fused=True)
        self.decoder = layers.TransformerDecoderLayer(6, 2, 5, activation="gelu_tanh")
        self.decoder_first = layers.TransformerDecoderLayer(
            6, 2, 5, activation="gelu", norm_first=True, causal=False, key_value_heads=1
        )

    def __call__(self, x: Tensor, context: Tensor, lengths: Tensor) -> Any:
        return {
            "post": self.post(x, lengths=lengths),
            "pre": self.pre(x),
            "decoder": self.decoder(x, context, context_lengths=lengths),
            "decoder_first": self.decoder_first(x, context, lengths=lengths),
        }


def _layers(w: Weights, given: list[Array], training: bool) -> Any:
    x, context, lengths = given
    short = a.shorter(lengths)
    post, pre, decoder, first = (
        a.own(w, name) for name in ("post", "pre", "decoder", "decoder_first")
    )

    def attend(own: Weights, heads: int, looks: Any, groups: int | None = None) -> Any:
        return lambda y: a.multi_head(a.own(own, "attention"), y, y, heads, looks, groups)

    def cross(own: Weights, looks: Any, groups: int | None = None) -> Any:
        return lambda y: a.multi_head(a.own(own, "cross_attention"), y, context, 2, looks, groups)

    def network(own: Weights, activation: Any) -> Any:
        return lambda y: t.feed_forward(a.own(own, "feed_forward"), y, activation)

    fused = t.unfused(a.own(pre, "attention"), 3)
    return [
        t.layer(post, x, [attend(post, 2, short), network(post, e.gelu)], False, 0.1),
        t.layer(
            pre, x,
            [lambda y: a.multi_head(fused, y, y, 3, a.causal), network(pre, e.gelu)], True,
        ),
        t.layer(
            decoder, x,
            [attend(decoder, 2, a.causal), cross(decoder, short), network(decoder, e.gelu_tanh)],
            False,
        ),
        t.layer(
            first, x,
            [attend(first, 2, short, 1), cross(first, a.everything, 1), network(first, e.gelu)],
            True,
        ),
    ], {}  # fmt: skip


class Cached(Module):
    """Two places from a given one on, with what a cache holds of those before."""

    def __init__(self) -> None:
        self.plain = layers.MultiHeadAttention(
            8, 4, key_value_heads=2, causal=True, cache_length=5, rotary="half"
        )
        self.linear = layers.MultiHeadAttention(
            6, 2, causal=True, cache_length=5, alibi=True, fused=True
        )

    def __call__(self, x: Tensor, position: Tensor, mask: Tensor) -> Any:
        return self.plain(x, position=position), self.linear(x, mask=mask, position=position)


def _cached(w: Weights, given: list[Array], training: bool) -> Any:
    x, position, mask = given[0], int(given[1]), given[2]
    plain, linear = a.own(w, "plain"), t.unfused(a.own(w, "linear"), 2)
    state: dict[str, Array] = {}

    def attend(own: Weights, path: str, heads: int, turn: Any, looks: Any, bias: Any) -> Array:
        groups = own["key_cache"].shape[2]
        q, k, v = (
            np.stack(np.split(e.dense(a.own(own, n), x, False), count, axis=-1), axis=2)
            for n, count in (("query", heads), ("key", groups), ("value", groups))
        )
        for kind, new in (("key", turn(k)), ("value", v)):
            before = own[f"{kind}_cache"]
            after = (before[:, :position], new, before[:, position + new.shape[1] :])
            state[f"{path}.{kind}_cache"] = np.concatenate(after, axis=1)
        keys, values = (state[f"{path}.{kind}_cache"] for kind in ("key", "value"))
        y = a.attention(turn(q), keys, values, looks, bias=bias)
        return e.dense(a.own(own, "out"), y.reshape(*x.shape[:2], -1), False)

    def upto(b: int, n: int, query: int, key: int) -> bool:
        return key <= position + query

    both = a.both(upto, a.allowed(mask[None, None]))
    linear_bias = t.alibi(2, 5, 5)[:, :, position : position + x.shape[1]]
    return [
        attend(plain, "plain", 4, lambda y: t.rotated(y, False, start=position), upto, 0.0),
        attend(linear, "linear", 2, lambda y: y, both, linear_bias),
    ], state


class Dropped(Module):
    """Zero in, so that nothing but what is dropped can differ from the bias of each part."""

    def __init__(self) -> None:
        self.network = layers.FeedForward(4, activation="gelu", dropout=0.4)

    def __call__(self, x: Tensor) -> Tensor:
        return self.network(x)


def _dropped(w: Weights, given: list[Array], training: bool) -> Any:
    x, step = given[0], int(given[1])
    own = a.own(w, "network")
    h = np.vectorize(e.gelu)(e.dense(a.own(own, "up"), x, False))
    if training:
        h = e.dropout(h, 0.4, RANDOM_SEED, "network.drop", step)
    return [e.dense(a.own(own, "down"), h, False)], {}


ROWS: tuple[Row, ...] = (
    _POSITIONS,
    _TURNED,
    _FEED_FORWARD,
    Row(
        "transformer layers",
        ("polydl:TransformerEncoderLayer@1", "polydl:TransformerDecoderLayer@1",
         "polydl:TransformerBlock@1", "polydl:FeedForward@1", "polydl:MultiHeadAttention@1"),
        Layers,
        (Input((None, "time", 6)), Input((None, "time", 4)), Input((None,), "int")),
        (normal(2, 3, 6), normal(2, 3, 4), fixed([2, 0], np.int32)), _layers,
    ),
    Row(
        "key/value cache", ("polydl:MultiHeadAttention@1", "primitive:update_slice"), Cached,
        (Input((2, 2, 6)), Input((), "int"), Input((2, 5), "bool")),
        (normal(2, 2, 6), fixed(2, np.int32),
         fixed([[True, False, True, True, True], [True] * 5], np.bool_)),
        _cached,
    ),
    Row(
        "feed-forward, dropout", ("polydl:FeedForward@1",), Dropped, Input((None, 4)),
        normal(3, 4), _dropped, modes=(False, True), portable=True,
    ),
    Row(
        "transformer layers, dropout",
        ("polydl:TransformerEncoderLayer@1", "polydl:TransformerDecoderLayer@1"),
        lambda: layers.TransformerEncoderLayer(
            4, 2, dropout=0.3, attention_dropout=0.2, activation_dropout=0.1, activation="gelu"
        ),
        Input((None, 3, 4)), normal(2, 3, 4), modes=(False, True), portable=True,
    ),
)  # fmt: skip
