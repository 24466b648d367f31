"""Bad input of lookups, products, dropout and noise; arguments of a wrong type or kind anywhere."""

from __future__ import annotations

import math

import pytest

import polydl as dl
from polydl import ops
from polydl.errors import DefinitionError, DTypeError, PolydlError, ShapeError

IDS, X, IMAGE = dl.Input((None, 4), "int"), dl.Input((None, 4)), dl.Input((None, 6, 6, 4))
RATES = (
    "Dropout", "AlphaDropout", "DropPath", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D",
)  # fmt: skip

SETTINGS = [
    (lambda: dl.Embedding(0, 3), "Embedding: size must be a positive integer, got 0"),
    (lambda: dl.Embedding(5, -1), "features must be a positive integer, got -1"),
    *(
        (lambda i=i: dl.Embedding(5, 3, padding_index=i), "padding_index must be from 0 to 4, got")
        for i in (5, -1)
    ),
    *(
        (lambda i=i: dl.Embedding(5, 3, padding_index=i), "padding_index must be an integer, got")
        for i in (1.5, True, "first")
    ),
    (lambda: dl.Embedding(1, 3, padding_index=0), "leaves no row"),
    (lambda: dl.Embedding(5, 3, "nomal"), "table_initializer: unknown initializer 'nomal'.*'normal'"),
    (lambda: dl.Embedding(5, 3, [1]), r"table_initializer: an initializer is a name.*got \[1\]"),
    (lambda: dl.Bilinear(0), "Bilinear: units must be a positive integer, got 0"),
    (lambda: dl.Bilinear(3, "relu"), "Bilinear: use_bias must be True or False, got 'relu'"),
    *(
        (lambda n=n, r=r: getattr(dl, n)(r), f"{n}: rate must be at least 0.0 and below 1.0")
        for n in RATES
        for r in (1.0, -0.1)
    ),
    *((lambda n=n: getattr(dl, n)("x"), f"{n}: rate must be a number, got 'x'") for n in RATES),
    *(
        (lambda n=n: getattr(dl, n)(math.nan), f"{n}: rate must be a number, got nan")
        for n in RATES
    ),
    (lambda: dl.GaussianNoise(-0.1), "GaussianNoise: deviation must be at least 0.0"),
    (lambda: dl.GaussianNoise(math.inf), "GaussianNoise: deviation must be"),
    (lambda: dl.GaussianNoise(True), "deviation must be a number, got True"),
    # of any layer or loss
    (lambda: dl.Dense(4, "relu"), "Dense: use_bias must be True or False, got 'relu'"),
    (lambda: dl.Conv2D(4, 3, kernel_initializer="he"), "kernel_initializer: unknown initializer"),
    (lambda: dl.LSTM(3, return_sequences=1), "LSTM: return_sequences must be True or False, got 1"),
    (lambda: dl.BatchNorm(unbiased=None), "unbiased must be True or False"),
    (lambda: dl.MultiHeadAttention(8, 2, rotary_base=0), "rotary_base must be a number above 0"),
    (lambda: dl.MultiHeadAttention(8, 2, scale="x"), "scale must be a number, got 'x'"),
    (lambda: dl.SinusoidalPositionalEncoding(-1.0), "base must be a number above 0, got -1.0"),
    (lambda: dl.Reshape(4), "Reshape: shape must be a tuple of integers, got 4"),
    (lambda: dl.Permute("ab"), "Permute: axes must be a tuple of integers, got 'ab'"),
    (lambda: dl.ZeroPad(1.5), "ZeroPad: widths are integers of 0 or more"),
    (lambda: dl.Crop(True), "Crop: widths are integers of 0 or more"),
    (lambda: dl.CrossEntropy(class_weights=2.0), "class_weights must be numbers of 0 or more"),
    (lambda: dl.CrossEntropy(class_weights=(1.0, math.inf)), "class_weights must be numbers"),
    (lambda: dl.Focal(alpha="x"), "alpha must be from 0 to 1, got 'x'"),
    (lambda: dl.Focal(alpha=-1.0, targets="labels"), "alpha must be 0 or more"),
    (lambda: dl.Huber("x"), "Huber: delta must be a number, got 'x'"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "text"), SETTINGS)
def test_impossible_settings(make, text):
    with pytest.raises(DefinitionError, match=text):
        make()


def apply(function):
    class Model(dl.Module):
        def __call__(self, x):
            return function(x)

    return Model()


class Pair(dl.Module):
    def __init__(self):
        self.bilinear = dl.Bilinear(2)

    def __call__(self, x1, x2):
        return self.bilinear(x1, x2)


class Early(dl.Module):
    def __init__(self):
        self.tokens = dl.Embedding(5, 4)

    def __call__(self, x):
        return self.tokens.attend(x)


TRACED = [
    (Pair(), (X, IDS), DTypeError, r"^bilinear \(Bilinear\): einsum takes float"),
    (Pair(), (X, dl.Input((3, 4))), ShapeError, r"^bilinear \(Bilinear\): .*do not broadcast"),
    (Pair(), (X, dl.Input(())), ShapeError, r"^bilinear.*takes \(\.\.\., features\), got"),
    (Early(), X, DefinitionError, "there is no table yet; call the embedding before"),
    (dl.Sequential(dl.Embedding(5, 3)), X, DTypeError, 'takes integer indices.*dtype="int"'),
    (dl.Sequential(dl.Dense(3)), dl.Input(()), ShapeError, r"^0 \(Dense\): Dense takes \(\.\.\., fe"),
    (dl.Sequential(dl.BatchNorm()), dl.Input(()), ShapeError, r"BatchNorm takes \(batch, \.\.\., ch"),
    (dl.Sequential(dl.Flatten()), dl.Input(()), ShapeError, r"Flatten takes \(batch, \.\.\.\)"),
    (dl.Sequential(dl.ZeroPad(1)), X, ShapeError, r"ZeroPad takes \(batch, \.\.\., channels\)"),
    (dl.Sequential(dl.MultiHeadAttention(8, 2)), IMAGE, ShapeError,
     r"MultiHeadAttention takes \(batch, time, features\), got .* with 4 axes"),
    (dl.Sequential(dl.TransformerBlock(8, 2)), X, ShapeError, r"takes \(batch, time, features\)"),
]  # fmt: skip


@pytest.mark.parametrize(("model", "inputs", "error", "text"), TRACED)
def test_impossible_inputs(model, inputs, error, text):
    with pytest.raises(error, match=text):
        dl.trace(model, inputs)


OPERATIONS = [
    *((lambda x, p=p: ops.bernoulli(p, x.shape), X, "bernoulli: the probability") for p in
      (1.5, -0.1, math.nan, "x", None, True)),
    *((lambda x, n=n: ops.one_hot(x, n), IDS, "one_hot: ") for n in (0, -1, 1.5, None, True)),
    (lambda x: ops.top_k(x, None), X, "top_k: k must be integers"),
    (lambda x: ops.random_uniform(x.shape, 1, 0), X, "low 1 is above high 0"),
    (lambda x: ops.random_normal(x.shape, stddev=-1), X, "stddev must be 0 or more, got -1"),
    (lambda x: ops.random_normal((-1,)), X, r"\(-1,\) has a negative size"),
    (lambda x: ops.segment_sum(x, ops.arange(x.shape[1]), 0), X, "there must be a segment"),
    (lambda x: ops.zeros(("a",)), X, "full: sizes must be integers"),
    (lambda x: ops.zeros((-1,)), X, "full: .*negative size"),
    (lambda x: ops.eye(-1), X, "eye: .*negative size"),
    (lambda x: ops.arange("a"), X, "arange: start, stop and step must be integers"),
    (lambda x: ops.arange(x.shape[0], 1.5), X, r"arange: .* are numbers, got batch, 1.5.*astype"),
    (lambda x: ops.arange(0, 1, 0.0), X, "the step is not 0"),
    (lambda x: ops.constant(["a"]), X, "constant takes numbers"),
    (lambda x: ops.sum(x, 1.5), X, "sum: axis=1.5 should be int"),
    (lambda x: ops.sum(3.0), X, "takes a tensor, got 3.0"),
    (lambda x: ops.matmul(x, 2.0), X, "matmul takes two tensors"),
    (lambda x: ops.roll(x, 1.5), X, "roll: shifts must be integers, got 1.5"),
    (lambda x: ops.pad(x, 1.5), X, "pad takes a list, got 1.5"),
    (lambda x: ops.stack([]), X, "stack takes a list"),
    (lambda x: ops.concatenate(x), X, "concatenate takes a list"),
    (lambda x: ops.reshape(x, None), X, "reshape: sizes must be integers, got None"),
    (lambda x: ops.transpose(x, 5), X, "transpose"),
    (lambda x: ops.split(x, 1.5), X, "split: indices must be integers, got 1.5"),
    (lambda x: ops.tril(x[0]), X, "tril takes matrices"),
    (lambda x: ops.einsum(5, x), X, "einsum: 5 is no equation"),
    (lambda x: ops.clip(x, "a"), X, "clip: a bound is a number or a tensor"),
    (lambda x: dl.hard_sigmoid(x, slope=0), X, "slope must be above 0"),
    (lambda x: dl.celu(x, alpha=0), X, "alpha must be above 0"),
    (lambda x: dl.gelu(x, approximate="tanh"), X, "gelu: approximate must be True or False"),
    (lambda x: dl.leaky_relu(x, slope="x"), X, "leaky_relu: slope must be a number, got 'x'"),
]  # fmt: skip


@pytest.mark.parametrize(("function", "inputs", "text"), OPERATIONS)
def test_impossible_operations(function, inputs, text):
    with pytest.raises(PolydlError, match=text):
        dl.trace(apply(function), inputs)
