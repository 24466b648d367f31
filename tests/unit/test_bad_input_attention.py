"""Impossible attention is refused, with what, where and what instead."""

from __future__ import annotations

import pytest

import polydl as dl
from polydl.errors import DefinitionError, DTypeError, PolydlError, ShapeError

SETTINGS = [
    (lambda: dl.MultiHeadAttention(10, 3), "heads must divide width, got 3 and 10"),
    (lambda: dl.MultiHeadAttention(8, 0), "heads must be a positive integer"),
    (lambda: dl.MultiHeadAttention(8, 4, key_value_heads=3), "must divide heads, got 3 and 4"),
    (lambda: dl.MultiHeadAttention(8, 4, key_size=-1), "key_size must be a positive integer"),
    (
        lambda: dl.MultiHeadAttention(8, 4, dropout=1.0),
        "dropout must be at least 0.0 and below 1.0",
    ),
    (lambda: dl.MultiHeadAttention(8, 4, rotary="halves"), "Did you mean 'half'"),
    (lambda: dl.MultiHeadAttention(12, 4, rotary="half"), "rotary turns pairs, got heads of 3"),
    (lambda: dl.MultiHeadAttention(8, 4, cache_length=9), "cache_length is for causal=True"),
    (lambda: dl.FeedForward(8, 0), "hidden_size must be a positive integer"),
    (lambda: dl.TransformerBlock(8, 4, activation="gelutanh"), "Did you mean 'gelu_tanh'"),
    (lambda: dl.TransformerEncoderLayer(8, 3), "heads must divide width, got 3 and 8"),
    (lambda: dl.TransformerDecoderLayer(8, 4, dropout=1.0), "dropout must be at least 0.0"),
    (lambda: dl.LearnedPositionalEncoding(0), "length must be a positive integer"),
]


@pytest.mark.parametrize(("make", "text"), SETTINGS)
def test_impossible_settings(make, text):
    with pytest.raises(DefinitionError, match=text):
        make()


class Attend(dl.Module):
    def __init__(self, **named):
        self.named = named

    def __call__(self, q, k, v, **more):
        return dl.scaled_dot_product_attention(q, k, v, **more, **self.named)


Q = dl.Input((None, 3, 4, 8))
K = dl.Input((None, 5, 2, 8))
CALLS = [
    ((Q, dl.Input((None, 5, 3, 8)), K), {}, ShapeError, "heads of k must divide.*got 3 for 4"),
    ((Q, dl.Input((None, 5, 2, 7)), K), {}, ShapeError, "must agree in batch and size of head"),
    ((dl.Input((None, 3, 32)), K, K), {}, ShapeError, r"q must be \(batch, time, heads, head\)"),
    ((Q, K, dl.Input((None, 6, 2, 8))), {}, ShapeError, "v must be"),
    ((Q, K, K), {"mask": dl.Input((None, 3, 5), "bool")}, ShapeError, r"take mask\[:, None\]"),
    ((Q, K, K), {"mask": dl.Input((3, 4), "bool")}, ShapeError, "must be .time, keys. or broadcast"),
    ((Q, K, K), {"mask": dl.Input((3, 5))}, DTypeError, "mask must be bool"),
    ((Q, K, K), {"bias": dl.Input((3, 5), "bool")}, DTypeError, "bias must be float"),
    ((Q, K, K), {"lengths": dl.Input((None,))}, ShapeError, "lengths must be int"),
]  # fmt: skip


@pytest.mark.parametrize(("three", "more", "error", "text"), CALLS)
def test_impossible_shapes(three, more, error, text):
    inputs = dict(zip("qkv", three, strict=True)) | more
    with pytest.raises(error, match=text) as caught:
        dl.trace(Attend(), inputs)
    assert "Attend" in str(caught.value)


def test_a_misspelt_argument_is_named():
    with pytest.raises(PolydlError, match="Did you mean 'causal'"):
        dl.trace(Attend(casual=True), dict(zip("qkv", (Q, K, K), strict=True)))


X = dl.Input((None, 5, 6))
LAYERS = [
    (lambda: dl.LearnedPositionalEncoding(4), X, "5 positions, of 4 at most"),
    (
        lambda: dl.models.GPT2(11, 4, 8, 1, 2),
        dl.Input((None, 5), "int"),
        "GPT2: 5 positions, of 4 at most",
    ),
    (
        lambda: dl.WeightNorm(dl.Dense(3), name="bias"),
        X,
        r"bias of Dense has the shape \(3,\), with no axes but the outputs'",
    ),
    (dl.SinusoidalPositionalEncoding, dl.Input((None, 6)), r"takes \(batch, time, width\)"),
    (dl.SinusoidalPositionalEncoding, dl.Input((None, 5, 3)), "width must be even"),
    (lambda: dl.Sequential(dl.rotary_embedding), X, r"takes \(batch, time, heads, head\)"),
    (lambda: dl.Sequential(dl.rotary_embedding), dl.Input((None, 5, 2, 3)), "must be even, got 3"),
]


@pytest.mark.parametrize(("make", "given", "text"), LAYERS)
def test_impossible_inputs_of_layers(make, given, text):
    with pytest.raises(PolydlError, match=text):
        dl.trace(make(), given)


POSITION = dl.Input((), "int")
CACHES = [
    ({}, (dl.Input((2, 1, 8)), POSITION), "a position needs cache_length"),
    ({"cache_length": 4}, (dl.Input((None, 1, 8)), POSITION), "needs a fixed batch and time"),
    (
        {"cache_length": 4},
        (dl.Input((2, 5, 8)), POSITION),
        "5 positions, of cache_length 4 at most",
    ),
]


class Step(dl.Module):
    def __init__(self, **named):
        self.attention = dl.MultiHeadAttention(8, 4, causal=True, **named)

    def __call__(self, x, position):
        return self.attention(x, position=position)


@pytest.mark.parametrize(("named", "inputs", "text"), CACHES)
def test_impossible_caches(named, inputs, text):
    with pytest.raises(PolydlError, match=text) as caught:
        dl.trace(Step(**named), inputs)
    assert "attention" in str(caught.value)
