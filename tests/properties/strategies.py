"""Rows drawn at random: layers with drawn settings on arrays of drawn sizes, 0 and 1 among them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import assume, note
from hypothesis import strategies as st

import polydl as dl
from polydl import ops
from polydl.conformance.row import COMPOSITE, Apply, Row
from polydl.conformance.rows.losses import Losses
from polydl.conformance.samplers import fixed, integers, normal, spread, uniform
from polydl.errors import PolydlError
from polydl.spec.tensor import Tensor

Draw = Callable[[st.SearchStrategy[Any]], Any]
BATCHES = st.integers(0, 3)


def row(make: Callable[[], dl.Module], inputs: Any, samples: Any, **more: Any) -> Row:
    """A row without a formula; what polydl refuses is drawn anew."""
    try:
        note(str(dl.trace(make(), inputs)))  # shown of the example that fails
    except PolydlError:
        assume(False)
    return Row("drawn", (COMPOSITE,), make, inputs, samples, **more)


def _padding(draw: Draw, rank: int) -> Any:
    sides = st.tuples(st.integers(0, 2), st.integers(0, 2))
    return draw(st.sampled_from(["same", "valid"]) | st.tuples(*[sides] * rank))


@st.composite
def convolutions(draw: Draw) -> Row:
    rank, groups = draw(st.integers(1, 3)), draw(st.integers(1, 2))
    sizes = draw(st.tuples(*[st.integers(1, 6 if rank < 3 else 3)] * rank))
    window = draw(st.tuples(*[st.integers(1, 3)] * rank))
    strides, dilation = draw(st.integers(1, 2)), draw(st.integers(1, 2))
    padding, channels = _padding(draw, rank), groups * draw(st.integers(1, 2))
    kind = {1: dl.Conv1D, 2: dl.Conv2D, 3: dl.Conv3D}[rank]
    wrap = draw(st.sampled_from([None, dl.WeightNorm, dl.SpectralNorm]))

    def make() -> dl.Module:
        layer = kind(
            2 * groups, window, strides=strides, dilation=dilation, padding=padding, groups=groups
        )
        return layer if wrap is None else wrap(layer)

    shape = (*sizes, channels)
    # a kernel of one number is divided by itself: its derivative is lost in differences
    sample, plain = normal(draw(BATCHES), *shape), wrap is None
    return row(make, dl.Input((None, *shape)), sample, gradients=plain)


@st.composite
def transposed_convolutions(draw: Draw) -> Row:
    rank, groups = draw(st.integers(1, 2)), draw(st.integers(1, 2))
    sizes = draw(st.tuples(*[st.integers(1, 4)] * rank))
    window = draw(st.tuples(*[st.integers(1, 3)] * rank))
    strides, dilation = draw(st.integers(1, 3)), draw(st.integers(1, 2))
    padding, more = _padding(draw, rank), draw(st.integers(0, 1))
    kind = {1: dl.ConvTranspose1D, 2: dl.ConvTranspose2D}[rank]

    def make() -> dl.Module:
        return kind(
            2 * groups, window, strides=strides, dilation=dilation, padding=padding, groups=groups,
            output_padding=more,
        )  # fmt: skip

    shape = (*sizes, groups * draw(st.integers(1, 2)))
    return row(make, dl.Input((None, *shape)), normal(draw(BATCHES), *shape))


@st.composite
def pools(draw: Draw) -> Row:
    rank = draw(st.integers(1, 2))
    kind = draw(st.sampled_from(["MaxPool", "AvgPool"]))
    sizes = draw(st.tuples(*[st.integers(1, 6)] * rank))
    window = draw(st.tuples(*[st.integers(1, 3)] * rank))
    strides, padding = draw(st.none() | st.integers(1, 3)), _padding(draw, rank)
    more = {"count_padding": draw(st.booleans())} if kind == "AvgPool" else {}

    def make() -> dl.Module:
        return getattr(dl, f"{kind}{rank}D")(window, strides, padding, **more)

    shape = (*sizes, 2)
    return row(make, dl.Input((None, *shape)), spread(draw(BATCHES), *shape))


@st.composite
def attentions(draw: Draw) -> Row:
    """Masks, and lengths of 0 to more than there are keys."""
    batch, time, keys = draw(BATCHES), draw(st.integers(1, 4)), draw(st.integers(1, 4))
    key_heads, group = draw(st.integers(1, 2)), draw(st.integers(1, 2))
    heads, causal = key_heads * group, draw(st.booleans())
    masked = draw(st.booleans())
    if masked:
        bits = draw(st.lists(st.booleans(), min_size=time * keys, max_size=time * keys))
        limit = dl.Input((time, keys), "bool")
        given = fixed(np.reshape(bits, (time, keys)), np.bool_)
    else:
        lengths = draw(st.lists(st.integers(0, keys + 1), min_size=batch, max_size=batch))
        limit, given = dl.Input((None,), "int"), fixed(lengths, np.int32)

    class Attend(dl.Module):
        def __call__(self, q: Tensor, k: Tensor, v: Tensor, limit: Tensor) -> Tensor:
            limits = {"mask": limit} if masked else {"lengths": limit}
            return dl.scaled_dot_product_attention(q, k, v, **limits, causal=causal)

    shapes = [(time, heads, 2), (keys, key_heads, 2), (keys, key_heads, 2)]
    inputs = (*(dl.Input((None, *s)) for s in shapes), limit)
    return row(Attend, inputs, (*(normal(batch, *s) for s in shapes), given))


@st.composite
def recurrents(draw: Draw) -> Row:
    kind = draw(st.sampled_from(["SimpleRNN", "LSTM", "GRU"]))
    batch, time, features = (
        draw(st.integers(1, 3)),
        draw(st.integers(1, 4)),
        draw(st.integers(1, 3)),
    )
    settings = {
        "units": draw(st.integers(1, 3)),
        "reverse": draw(st.booleans()),
        "return_sequences": draw(st.booleans()),
    }
    lengths = draw(st.none() | st.lists(st.integers(0, time), min_size=batch, max_size=batch))

    class Run(dl.Module):
        def __init__(self) -> None:
            self.layer = getattr(dl, kind)(**settings)

        def __call__(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
            return self.layer(x, lengths=lengths)

    x, sample = dl.Input((None, time, features)), normal(batch, time, features)
    if lengths is None:
        return row(Run, x, sample)
    return row(Run, (x, dl.Input((None,), "int")), (sample, fixed(lengths, np.int32)))


class Sequence(dl.Module):
    """Tokens of any length, zero included, and scores of them by the tied table."""

    def __init__(self, padding: int | None):
        self.embed = dl.Embedding(5, 4, padding_index=padding)
        self.dense = dl.Dense(4, activation="tanh")
        self.bilinear = dl.Bilinear(4)

    def __call__(self, tokens: Tensor) -> Tensor:
        x = self.embed(tokens)
        return self.embed.attend(x + self.bilinear(x, self.dense(x)))


@st.composite
def sequences(draw: Draw) -> Row:
    padding = draw(st.sampled_from([None, 0, 2, 4]))
    tokens = integers(draw(BATCHES), draw(st.integers(0, 3)), high=5)
    return row(lambda: Sequence(padding), dl.Input((None, None), "int"), tokens)


@st.composite
def labelled(draw: Draw) -> Row:
    """Losses of labels: some ignored, classes and samples weighted, in every reduction."""
    classes, places = draw(st.integers(2, 3)), draw(st.lists(st.integers(1, 2), max_size=1))
    shape = (draw(st.integers(1, 3)), *places)
    factors = st.sampled_from([0.5, 1.25, 2.0])
    settings: dict[str, Any] = {
        "class_weights": draw(st.none() | st.tuples(*[factors] * classes)),
        "ignore_index": draw(st.sampled_from([None, -1, 0])),
        "reduction": draw(st.sampled_from(["mean", "sum", "none", "weighted_mean"])),
    }
    kind = draw(st.sampled_from([dl.CrossEntropy, dl.NLL]))
    if kind is dl.CrossEntropy:
        settings["label_smoothing"] = draw(st.sampled_from([0.0, 0.1]))
    ignored = [] if settings["ignore_index"] is None else [settings["ignore_index"]]
    count = int(np.prod(shape))
    label = st.sampled_from([*range(classes), *ignored])
    labels = np.reshape(draw(st.lists(label, min_size=count, max_size=count)), shape)
    return _loss(draw, kind, settings, (*shape, classes), fixed(labels, np.int32), shape)


@st.composite
def regressions(draw: Draw) -> Row:
    shape = (draw(st.integers(1, 3)), draw(st.integers(1, 3)))
    kinds = [dl.MSE, dl.MAE, dl.Huber, dl.SmoothL1, dl.LogCosh, dl.BinaryCrossEntropy]
    settings = {"reduction": draw(st.sampled_from(["mean", "sum", "none", "weighted_mean"]))}
    kind = draw(st.sampled_from(kinds))
    targets = uniform(*shape) if kind is dl.BinaryCrossEntropy else normal(*shape)
    return _loss(draw, kind, settings, shape, targets, shape)


def _loss(
    draw: Draw, kind: Any, settings: dict[str, Any], outputs: tuple[int, ...], targets: Any,
    values: tuple[int, ...],
) -> Row:  # fmt: skip
    """With weights of samples, of values, or without.

    Without a gradient where it may be 0 by the weights, as in a mean by a single one.
    """
    of = draw(st.sampled_from([None, values[:1], values]))
    count = int(np.prod(of or ()))
    weights = np.array(
        draw(st.lists(st.sampled_from([0.0, 0.5, 2.0]), min_size=count, max_size=count))
    )
    inputs = [dl.Input((None, *outputs[1:])), dl.Input((None, *values[1:]), "int")]
    if kind not in (dl.CrossEntropy, dl.NLL):
        inputs[1] = dl.Input((None, *values[1:]))
    samples = [spread(*outputs), targets]
    if of is not None:
        inputs.append(dl.Input((None, *of[1:])))
        samples.append(fixed(weights.reshape(of)))

    def make() -> dl.Module:
        return Losses({"loss": kind(**settings)}, {"loss": None if of is None else 0}, True)

    steep = of is None or settings["reduction"] != "weighted_mean"
    return row(make, tuple(inputs), tuple(samples), gradients=steep)


@st.composite
def norms(draw: Draw) -> Row:
    places = draw(st.lists(st.integers(1, 3), max_size=2))
    groups = draw(st.integers(1, 2))
    each = draw(st.integers(1, 3))
    channels = groups * each
    shape = (*places, channels)
    axes = tuple(draw(st.sets(st.integers(1, len(shape)), min_size=1)))
    kinds = [
        lambda: dl.LayerNorm(axes=axes),
        dl.RMSNorm,
        lambda: dl.GroupNorm(groups),
        dl.BatchNorm,
        lambda: dl.BatchNorm(unbiased=True),
    ]
    kind = draw(st.sampled_from([*kinds, dl.InstanceNorm]))
    batch = draw(BATCHES if kind is not dl.InstanceNorm else st.integers(1, 3))  # torch takes no 0
    # of one or two numbers the norm hardly changes: its derivative is lost in differences
    many = each > 2 and (kind is not kinds[0] or np.prod([shape[i - 1] for i in axes]) > 2)
    many &= kind is not dl.InstanceNorm or np.prod(places) > 2
    modes = (False, True) if kind is kinds[-1] and batch > 1 else (False,)
    inputs, sample = dl.Input((None, *shape)), normal(batch, *shape, mean=0.5)
    return row(kind, inputs, sample, modes=modes, gradients=bool(many) and len(modes) == 1)


@st.composite
def arrays(draw: Draw) -> Row:
    """A few operations along a drawn axis, and slices."""
    shape = (draw(st.integers(1, 3)), *draw(st.lists(st.integers(1, 4), min_size=1, max_size=2)))
    axis = draw(st.integers(-len(shape), len(shape) - 1))
    keep, shift = draw(st.booleans()), draw(st.integers(-5, 5))
    start, stop = draw(st.integers(-3, 3)), draw(st.none() | st.integers(-3, 3))
    widths = [(draw(st.integers(0, 2)), draw(st.integers(0, 2))) for _ in shape]

    def several(x: Tensor) -> dict[str, Tensor]:
        return {
            "sum": ops.sum(x, axis, keep),
            "mean": ops.mean(x, axis, keep),
            "max": ops.max(x, axis, keep),
            "cumsum": ops.cumsum(x, axis),
            "sort": ops.sort(x, axis),
            "softmax": dl.softmax(x, axis=axis),
            "roll": ops.roll(x, shift, axis),
            "flip": ops.flip(x, axis),
            "pad": ops.pad(x, widths),
            "slice": x[..., start:stop],
        }

    return row(lambda: Apply(several), dl.Input(shape), spread(*shape))


FAMILIES = {
    "convolutions": convolutions(),
    "transposed convolutions": transposed_convolutions(),
    "pools": pools(),
    "attentions": attentions(),
    "recurrents": recurrents(),
    "sequences": sequences(),
    "losses of labels": labelled(),
    "losses of numbers": regressions(),
    "norms": norms(),
    "arrays": arrays(),
}
