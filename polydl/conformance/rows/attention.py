"""Rows of attention."""

from __future__ import annotations

from typing import Any

import numpy as np

from polydl import functions as f
from polydl import layers
from polydl.conformance import expectations as e
from polydl.conformance import expectations_attention as a
from polydl.conformance.expectations import Array
from polydl.conformance.row import RANDOM_SEED, RandomRow, Row, Weights, plain
from polydl.conformance.samplers import Sampler, booleans, fixed, normal
from polydl.spec.input import Input
from polydl.spec.module import Module
from polydl.spec.tensor import Tensor

FUNCTION, WEIGHTS = "polydl:scaled_dot_product_attention@1", "polydl:attention_weights@1"
DOT_PRODUCT, MULTI_HEAD = "polydl:DotProductAttention@1", "polydl:MultiHeadAttention@1"


class Attentions(Module):
    """Every way to limit what queries look at, grouped queries and values of another size."""

    def __call__(
        self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor, bias: Tensor, lengths: Tensor
    ) -> dict[str, Tensor]:
        attend = f.scaled_dot_product_attention
        return {
            "plain": attend(q, k, v),
            "causal": attend(q, k, v, causal=True, scale=0.4),
            "mask": attend(q, k, v, mask),
            "padding": attend(q, k, v, mask[:, 0, 0][:, None, None]),
            "matrix": attend(q, k, v, mask[0, 0], causal=True),
            "bias": attend(q, k, v, bias=bias),
            "causal_bias": attend(q, k, v, bias=bias, causal=True),
            "lengths": attend(q, k, v, lengths=lengths),
            "everything": attend(q, k, v, mask, bias, lengths, causal=True, scale=0.7),
            "grouped": attend(q, k[:, :, :2], v[:, :, :2], mask, causal=True),
            "one_head": attend(q, k[:, :, :1], v[:, :, :1], causal=True),
            "narrow_values": attend(q, k, v[..., :2], lengths=lengths),
            "weights": f.attention_weights(q, k[:, :, :2], mask, bias),
        }


def _attentions(
    q: Array, k: Array, v: Array, mask: Array, bias: Array, lengths: Array
) -> dict[str, Array]:
    by_mask, short = a.allowed(mask), a.shorter(lengths)
    matrix = a.allowed(mask[:1, :1])
    return {
        "plain": a.attention(q, k, v, a.everything),
        "causal": a.attention(q, k, v, a.causal, scale=0.4),
        "mask": a.attention(q, k, v, by_mask),
        "padding": a.attention(q, k, v, a.allowed(mask[:, :1, :1])),
        "matrix": a.attention(q, k, v, a.both(matrix, a.causal)),
        "bias": a.attention(q, k, v, a.everything, bias=bias),
        "causal_bias": a.attention(q, k, v, a.causal, bias=bias),
        "lengths": a.attention(q, k, v, short),
        "everything": a.attention(q, k, v, a.both(by_mask, short, a.causal), bias=bias, scale=0.7),
        "grouped": a.attention(q, k[:, :, :2], v[:, :, :2], a.both(by_mask, a.causal)),
        "one_head": a.attention(q, k[:, :, :1], v[:, :, :1], a.causal),
        "narrow_values": a.attention(q, k, v[..., :2], short),
        "weights": a.attention_weights(q, k[:, :, :2], by_mask, bias=bias),
    }


def _mask(*shape: int) -> Sampler:
    """Half of all, and one query in the first sample that may look at nothing."""

    def sample(rng: np.random.Generator) -> Array:
        mask = booleans(*shape)(rng)
        mask[0, :, 1] = False
        return mask

    return sample


def _arrays(batch: int, time: int, keys: int, lengths: list[int]) -> dict[str, Sampler]:
    return {
        "q": normal(batch, time, 4, 3), "k": normal(batch, keys, 4, 3),
        "v": normal(batch, keys, 4, 3), "mask": _mask(batch, 4, time, keys),
        "bias": normal(1, 4, time, keys), "lengths": fixed(lengths, np.int32),
    }  # fmt: skip


_ATTENTION_INPUTS = {
    "q": Input((None, "time", 4, 3)), "k": Input((None, "keys", 4, 3)),
    "v": Input((None, "keys", 4, 3)), "mask": Input((None, 4, "time", "keys"), "bool"),
    "bias": Input((1, 4, "time", "keys")), "lengths": Input((None,), "int"),
}  # fmt: skip


class MultiHeads(Module):
    """Self-attention and cross-attention in the shapes that people use."""

    def __init__(self) -> None:
        self.plain = layers.MultiHeadAttention(6, 2)
        self.causal = layers.MultiHeadAttention(
            8, 4, key_value_heads=2, causal=True, use_bias=False
        )
        self.sizes = layers.MultiHeadAttention(5, 3, key_size=4, value_size=2, scale=0.3)

    def __call__(self, x: Tensor, context: Tensor, mask: Tensor, lengths: Tensor) -> Any:
        return {
            "self": self.plain(x, mask=mask),
            "causal": self.causal(x, lengths=lengths),
            "cross": self.sizes(x, context, lengths=lengths),
        }


def _multi_heads(w: Weights, given: list[Array], training: bool) -> Any:
    x, context, mask, lengths = given
    short = a.shorter(lengths)
    return [
        a.multi_head(a.own(w, "plain"), x, x, 2, a.allowed(mask[None, None])),
        a.multi_head(a.own(w, "causal"), x, x, 4, a.both(a.causal, short), key_value_heads=2),
        a.multi_head(a.own(w, "sizes"), x, context, 3, short, scale=0.3),
    ], {}


def _dropped(w: Weights, given: list[Array], training: bool) -> tuple[list[Array], Any]:
    x, step = given[0], int(given[1])

    def change(weights: Array) -> Array:
        if not training:
            return weights
        return e.dropout(weights, 0.4, RANDOM_SEED, "attention.drop", step)

    return [a.multi_head(w, x, x, 2, a.causal, change=change)], {}


class Uniform(Module):
    """Attention that looks everywhere alike, at rows of the identity: its weights come out."""

    def __init__(self) -> None:
        self.attend = layers.DotProductAttention(dropout=0.25)

    def __call__(self, x: Tensor) -> Tensor:
        nothing = x[:, :, None] * 0.0
        return self.attend(nothing, nothing, x[:, :, None])


def _dropped_uniform(x: Array, y: Array) -> None:
    zero = y == 0
    np.testing.assert_allclose(y[~zero], 1 / x.shape[1] / 0.75, rtol=1e-6)
    share, spread = float(zero.mean()), np.sqrt(0.25 * 0.75 / y.size)
    assert abs(share - 0.25) < 5 * spread, f"{share} of the weights dropped, not 0.25"


ROWS: tuple[Row | RandomRow, ...] = (
    Row(
        "attention", (FUNCTION, WEIGHTS), Attentions, _ATTENTION_INPUTS,
        _arrays(2, 3, 4, [4, 0]), plain(_attentions), resized=_arrays(3, 4, 2, [1, 2, 0]),
    ),
    Row(
        "multi-head attention", (MULTI_HEAD, DOT_PRODUCT, FUNCTION), MultiHeads,
        (Input((None, 3, 4)), Input((None, "keys", 3)), Input((3, 3), "bool"),
         Input((None,), "int")),
        (normal(2, 3, 4), normal(2, 4, 3),
         fixed([[True, False, True], [False] * 3, [True, True, False]], np.bool_),
         fixed([2, 0], np.int32)),
        _multi_heads,
    ),
    Row(
        "attention, dropout", (MULTI_HEAD, DOT_PRODUCT, WEIGHTS),
        lambda: layers.MultiHeadAttention(6, 2, causal=True, dropout=0.4),
        Input((None, None, 4)), normal(2, 3, 4), _dropped, modes=(False, True), portable=True,
    ),
    RandomRow(
        "attention, random", (DOT_PRODUCT,), Uniform, Input((None, 32, 32)),
        lambda rng: np.broadcast_to(np.eye(32), (8, 32, 32)).copy(), _dropped_uniform,
    ),
)  # fmt: skip
