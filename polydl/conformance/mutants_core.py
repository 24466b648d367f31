"""Seeded mutants of definitions and of the oracle itself, which formulas must notice.

A mutant swaps the code of a function for that of a changed text, in place, and puts it back.
"""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from polydl import functions, random
from polydl.averages.ema import EMA
from polydl.averages.swa import SWA
from polydl.conformance import (
    checks,
    checks_metrics,
    checks_optimizers,
    checks_schedules,
    checks_scores,
    checks_stages,
)
from polydl.conformance.memo import NETS, ORACLE, fresh
from polydl.conformance.mutants import Verdict
from polydl.conformance.outcome import Outcome
from polydl.conformance.row import MetricRow, OptimizerRow, Row, ScheduleRow, ScoreRow, StageRow
from polydl.conformance.rows import row
from polydl.emission.scalar import _Function
from polydl.functions import activations, attention, positions
from polydl.layers import adaptive_pooling, geometry, pooling
from polydl.layers.alpha_dropout import AlphaDropout
from polydl.layers.attention import MultiHeadAttention
from polydl.layers.batch_norm import BatchNorm
from polydl.layers.bilinear import Bilinear
from polydl.layers.depthwise_conv import DepthwiseConv2D
from polydl.layers.dropout import Dropout
from polydl.layers.embedding import Embedding
from polydl.layers.gaussian_noise import GaussianNoise
from polydl.layers.group_norm import InstanceNorm, _Grouped
from polydl.layers.gru import GRU
from polydl.layers.layer_norm import LayerNorm, RMSNorm
from polydl.layers.recurrent import LSTM, Recurrent
from polydl.layers.reparametrized import SpectralNorm, WeightNorm, _Reparametrized
from polydl.layers.transformer import TransformerEncoderLayer
from polydl.losses.cross_entropy import CrossEntropy
from polydl.losses.ctc import CTC
from polydl.losses.hinge import CategoricalHinge
from polydl.losses.logistic import BinaryCrossEntropy
from polydl.losses.regression import MSE
from polydl.metrics import results
from polydl.metrics.accuracy import TopKAccuracy
from polydl.metrics.confusion_matrix import ConfusionMatrix
from polydl.metrics.counted import Precision
from polydl.metrics.labels import LabelMetric
from polydl.metrics.perplexity import exponential_of_mean
from polydl.metrics.regression import explained_share
from polydl.metrics.roc_auc import area_under_curve
from polydl.ops import definitions, fourier, shapes
from polydl.optimizers.adafactor import Adafactor
from polydl.optimizers.adam import Adam
from polydl.optimizers.moments import Moments
from polydl.optimizers.muon import Muon
from polydl.optimizers.nadam import NAdam
from polydl.optimizers.radam import RAdam
from polydl.optimizers.settings import Decaying
from polydl.optimizers.sgd import SGD
from polydl.penalties.norms import L2
from polydl.reference import arrays, elementwise, reductions, windows
from polydl.schedules.cosine import CosineDecay
from polydl.schedules.exponential import MultiStepDecay
from polydl.schedules.warmup import Warmup
from polydl.spec import indexing
from polydl.training.noise import GradientNoise

Function = Callable[..., Any]


@dataclass(frozen=True)
class CoreMutant:
    """A fault in one function. row: whose formula must notice."""

    name: str
    row: str
    function: Function
    pattern: str
    replacement: str


def _plain(function: Any) -> Function:
    """What a registered function was defined as."""
    return function.__wrapped__


MUTANTS: tuple[CoreMutant, ...] = (
    CoreMutant("hard sigmoid's end", "activations", _plain(activations.hard_sigmoid),
               r"0\.5 / slope", "0.4 / slope"),
    CoreMutant("mish without softplus", "activations", _plain(activations.mish),
               r"softplus\(x\)", "x"),
    CoreMutant("alpha dropout without its shift", "noise, portable", AlphaDropout.definition,
               r"scale \* x \+ shift", "scale * x"),
    CoreMutant("the variance for the deviation", "noise, portable", GaussianNoise.definition,
               r"self\.deviation \*", "self.deviation**2 *"),
    CoreMutant("bilinear form without its bias", "bilinear", Bilinear.definition, r"y \+ self", "self"),
    CoreMutant("padding below the table forgotten", "embedding, out of range", Embedding._is_padding,
               r"x <= 0", "x == 0"),
    CoreMutant("LayerNorm without its mean", "norms", LayerNorm.definition,
               r"x - ops\.mean\(x, self\.axes, keepdims=True\)", "x"),
    CoreMutant("GroupNorm over places alone", "group norm, images", _Grouped.normalize,
               r"\(1, 3\)", "1"),
    CoreMutant("InstanceNorm of all channels", "instance norm, images", InstanceNorm.definition,
               r"normalize\(x, channels", "normalize(x, 1"),
    CoreMutant("LayerNorm's variance over the last axis alone", "layer norm over axes",
               LayerNorm.definition, r"centered \* centered, self\.axes", "centered * centered, -1"),
    CoreMutant("RMSNorm's epsilon outside the root", "norms", RMSNorm.definition,
               r"ops\.rsqrt\(mean_square \+ self\.epsilon\)",
               "(ops.rsqrt(mean_square) + self.epsilon)"),
    CoreMutant("WeightNorm without its scale", "weight and spectral norm", WeightNorm.compute,
               r"scale / length", "1 / length + 0 * scale"),
    CoreMutant("outputs of transposed kernels on the last axis", "weight and spectral norm",
               _Reparametrized.axes, r'"output_axes"', '"no_axes"'),
    CoreMutant("SpectralNorm keeps nothing", "weight and spectral norm", SpectralNorm.compute,
               r"update\(state, u\)", "update(state, start)"),
    CoreMutant("BatchNorm moves the wrong way", "batch norm", BatchNorm._move,
               r"self\.momentum \* running \+ weight", "weight * running + self.momentum"),
    CoreMutant("BatchNorm's unbiased variance over n", "batch norm", BatchNorm._correction,
               r"count - 1", "count"),
    CoreMutant("BatchNorm's variance not centred", "batch norm, images", BatchNorm.definition,
               r"centered = x - mean", "centered = x"),
    CoreMutant("dropout without its scale", "dropout, portable", Dropout.definition,
               r"x / keep", "x"),
    CoreMutant("dropout drops what it should keep", "dropout, portable", random.bernoulli,
               r"uniform <", "uniform >="),
    CoreMutant("hash constant", "mix", _plain(random.mix), r"0x7FEB352D", "0x7FEB352F"),
    CoreMutant("hash without its site", "hash bits", _plain(random.hash_bits),
               r"position \^ site", "position"),
    CoreMutant("the odd padding before", "conv, same", geometry._same,
               r"total // 2, total - total // 2", "total - total // 2, total // 2"),
    CoreMutant("causal padding after", "conv 1d", geometry.resolve_padding,
               r"\(span - 1, 0\)", "(0, span - 1)"),
    CoreMutant("the odd one of a transposed convolution before", "conv transpose, same",
               geometry.resolve_transposed_padding,
               r"\(max\(t, 0\) // 2, t - max\(t, 0\) // 2\)",
               "(max(t, 0) - max(t, 0) // 2, min(t, 0) + max(t, 0) // 2)"),
    CoreMutant("channels of a depthwise convolution shuffled", "depthwise conv",
               DepthwiseConv2D.definition, r"ops\.reshape\(kernel,",
               "ops.reshape(ops.transpose(kernel, (0, 1, 3, 2)),"),
    CoreMutant("bins of one size", "adaptive pools", adaptive_pooling.bins,
               r"-\(\(i \+ 1\) \* size // -count\)",
               "max((i + 1) * size // count, i * size // count + 1)"),
    CoreMutant("padding counted in the mean", "average pool", pooling.AvgPool.definition,
               r"if self\.count_padding or all\(.*\):", "if True:"),
    CoreMutant("constant of GELU", "functions", _plain(functions.gelu), r"0\.044715", "0.0447"),
    CoreMutant("sigmoid of the other sign", "functions, extreme", _plain(functions.sigmoid),
               r"x >= 0", "x <= 0"),
    CoreMutant("softmax over the last axis always", "functions", _plain(functions.softmax),
               r"ops\.sum\(exponentials, axis", "ops.sum(exponentials, -1"),
    CoreMutant("scores without their scale", "attention", _plain(functions.attention_weights),
               r"float\(q\.shape\[3\]\) \*\* -0\.5", "1.0"),
    CoreMutant("queries do not look at themselves", "attention", attention._allowed,
               "key <= position", "key < position"),
    CoreMutant("mask the other way", "attention", attention._allowed, r"\[mask\]", "[~mask]"),
    CoreMutant("key heads dealt out in turn", "attention", attention._for_each_head,
               r"x\[:, :, :, None\], \(batch, keys, key_heads, group, size\)",
               "x[:, :, None], (batch, keys, group, key_heads, size)"),
    CoreMutant("queries that see nothing look everywhere", "attention",
               _plain(functions.attention_weights), r"ops\.where\(looks, weights, 0\.0\)", "weights"),
    CoreMutant("key lengths forgotten", "multi-head attention", MultiHeadAttention.definition,
               r"mask, bias, lengths\)", "mask, bias)"),
    CoreMutant("a reflection that repeats the edge", "more arrays", _plain(definitions.reflect_pad),
               r"start=1", "start=0"),
    CoreMutant("the last of the largest", "open axes", _plain(definitions.top_k),
               r"size=k\)", "size=k, start=1)"),
    CoreMutant("a transformed axis that stays last", "open axes", fourier._back,
               r"moveaxis\(imaginary, -1, axis\)", "imaginary"),
    CoreMutant("rotation the other way", "positional encodings", _plain(functions.rotate),
               r"cosine - second", "cosine + second"),
    CoreMutant("sinusoids of sine after sine", "positional encodings",
               _plain(functions.sinusoidal_encoding), r"if not interleaved", "if interleaved"),
    CoreMutant("linear bias of distance squared", "multi-head attention, positions",
               _plain(functions.alibi_bias), r"\* distance", "* distance * distance"),
    CoreMutant("slopes that go on from the power below", "multi-head attention, positions",
               positions.alibi_slopes, r"-4 \* \(2 \* h \+ 1\)", "-8 * (h + 1 + power)"),
    CoreMutant("queries do not look at all of the cache", "key/value cache",
               MultiHeadAttention._cached, r"cache_length\) <= _places", "cache_length) < _places"),
    CoreMutant("the cache is forgotten", "key/value cache", MultiHeadAttention._cached,
               r"self\.update\(\"key_cache\", keys\)", "pass"),
    CoreMutant("post-norm before the sum", "transformer layers",
               TransformerEncoderLayer.definition, r"self\.norm2\(x \+ (.*)\)$",
               r"x + self.norm2(\1)"),
    CoreMutant("LSTM's gates i and f swapped", "recurrent layers", LSTM.step,
               r"\(f\) \* c \+ sigmoid\(i\)", "(i) * c + sigmoid(f)"),
    CoreMutant("GRU's z the other way round", "recurrent layers", GRU.step,
               r"if self\.textbook", "if not self.textbook"),
    CoreMutant("reset gate after the product only", "recurrent layers", GRU.step,
               r"\(r \* h\) @ ", "h @ "),
    CoreMutant("steps after the end count", "recurrent layers with state", Recurrent.padded_step,
               r"ops\.where\(present, a, b\)", "a"),
    CoreMutant("one step too many", "recurrent layers with state", Recurrent.definition,
               r"< lengths", "<= lengths"),
    CoreMutant("sum for mean in the loss", "cross-entropy", CrossEntropy.definition,
               r"ops\.mean", "ops.sum"),
    CoreMutant("half the squared error", "mse", MSE.definition,
               r"ops\.mean\(", "0.5 * ops.mean("),
    CoreMutant("blanks between all labels", "loss of alignments", CTC.values,
               r"states\[:, 2:\] != states\[:, :-2\]", "states[:, 2:] < 0"),
    CoreMutant("equal labels follow each other", "loss of alignments", CTC.values,
               r"states\[:, 2:\] != states\[:, :-2\]", "states[:, 2:] != self.blank"),
    CoreMutant("alignments end in a blank", "loss of alignments", CTC.values,
               r"-_log_add\(last, (.*)\)\[:, 0\]", r"-\1[:, 0]"),
    CoreMutant("smoothing without its class", "losses of labels, rank 3", CrossEntropy.values,
               r"\(1\.0 - self\.label_smoothing\) \* values", "values"),
    CoreMutant("positive weight of all labels", "losses of distributions", BinaryCrossEntropy.values,
               r"\(1\.0 - targets\) \* outputs", "factor * (1.0 - targets) * outputs"),
    CoreMutant("the label among the others", "losses of labels, rank 3", CategoricalHinge.values,
               r"\(1\.0 - one_hot\(targets, outputs\.shape\[-1\]\)\)", "1.0"),
    CoreMutant("label of the smallest", "metrics of classes", LabelMetric.labels,
               r"ops\.argmax\(outputs", "ops.argmax(-outputs"),
    CoreMutant("ignored labels count", "metrics of tokens", LabelMetric.kept,
               r"true != self", "true != 1 + self"),
    CoreMutant("ties all in front", "metrics, ties", TopKAccuracy.definition,
               r"\(outputs > own\) \| first", "outputs >= own"),
    CoreMutant("recall for precision", "metrics of classes", Precision.counts,
               r"ops\.sum\(given, 0\)", "ops.sum(true, 0)"),
    CoreMutant("macro of pooled counts", "metrics of classes", results.mean_ratio,
               r"hits / np\.maximum\(counts, 1\)", "hits.sum() / counts.sum()"),
    CoreMutant("rows for columns", "metrics of classes", ConfusionMatrix.definition,
               r"->tg", "->gt"),
    CoreMutant("ties count nothing", "metrics of labels", area_under_curve,
               r"\(counts - 1\) / 2", "(counts - 1)"),
    CoreMutant("spread between batches left out", "metrics of numbers", explained_share,
               r"within \+ between", "within"),
    CoreMutant("perplexity of a sum", "metrics of tokens", exponential_of_mean,
               r" / np\.maximum\(count, 1\)", " / 20.0"),
    CoreMutant("steps back from one place before", "NumPy's indexing", indexing._forwards,
               r"~bound", "-bound"),
    CoreMutant("rolled along the last axis", "NumPy's default axes", shapes.roll,
               r"reshape\(roll\(.*, 0\), x\.shape\)", "roll(x, shift, -1)"),
    CoreMutant("cosine that rises again", "cosine decay", CosineDecay.__call__,
               r"ops\.minimum\(step / self\.steps, 1\.0\)", "step / self.steps"),
    CoreMutant("boundaries one step later", "multi-step decay", MultiStepDecay.__call__,
               r"step >= boundary", "step > boundary"),
    CoreMutant("after the warm-up not from 0", "warm-up, cosine", Warmup.__call__,
               r"schedule\(after\)", "schedule(step)"),
    CoreMutant("emitted: sides of a choice swapped", "warm-up, cosine", _Function._scope,
               r"self\._scope\(first, yes,", "self._scope(first, no,"),
    CoreMutant("Nesterov dropped", "sgd, nesterov", SGD.update, r"if self\.nesterov", "if False"),
    CoreMutant("damped momentum", "sgd, momentum", SGD.update,
               r"slots\[0\] \+ gradient", "slots[0] + (1.0 - self.momentum) * gradient"),
    CoreMutant("the first gradient damped", "sgd, dampening", SGD.update, r"step > 1", "step > 0"),
    CoreMutant("decay without the rate", "adamw", Decaying.decayed,
               r"self\.learning_rate \* self\.weight_decay", "self.weight_decay"),
    CoreMutant("Adam's betas swapped", "adam, large epsilon", Moments.moments,
               r"self\.beta1 \* first ", "self.beta2 * first "),
    CoreMutant("NAdam's product from 0", "nadam", NAdam.slot_fill, r"1\.0 if", "0.0 if"),
    CoreMutant("RAdam rectified too early", "radam", RAdam.update, r"length > 5\.0", "length > 4.0"),
    CoreMutant("Adafactor's average one step late", "adafactor", Adafactor.update,
               r"share = count\*\*", "share = (count + 1.0) ** "),
    CoreMutant("Muon of transposed kernels", "muon", Muon.update,
               r"outputs / inputs", "inputs / outputs"),
    CoreMutant("Muon keeps the places of a kernel", "muon", Muon.update,
               r"\*inner, outputs = parameter\.shape", "outputs, *inner = parameter.shape"),
    CoreMutant("Adam's epsilon inside the root", "adam, large epsilon", Adam.update,
               r"ops\.sqrt\(second\) \+ self\.epsilon", "ops.sqrt(second + self.epsilon)"),
    CoreMutant("Adam without bias correction", "adam", Adam.update,
               r" / \(1\.0 - self\.beta2\*\*count\)", ""),
    CoreMutant("oracle: convolution flipped", "conv", windows.conv,
               r"np\.split\(kernel,", "np.split(kernel[::-1],"),
    CoreMutant("oracle: strides from the end", "conv", windows.windows,
               r"sliding_window_view\(padded,", "sliding_window_view(padded[:, ::-1],"),
    CoreMutant("oracle: padding wins", "max pool, all negative", windows.window_max,
               r"fill=-np\.inf", "fill=0.0"),
    CoreMutant("oracle: indices wrap", "gathers", arrays._clamped,
               r"np\.clip\(indices, 0, size - 1\)", "indices % size"),
    CoreMutant("oracle: arithmetic shift", "integers", elementwise.shift_right_logical,
               r"\.view\(np\.uint32\), np\.uint32\(bits\)", ", bits"),
    CoreMutant("oracle: the last among equals", "metrics, ties", reductions.argmax,
               r"np\.argmax\(x, axis\)", "x.shape[axis] - 1 - np.argmax(np.flip(x, axis), axis)"),
    CoreMutant("half of the squares", "penalties", L2.values,
               r"ops\.square\(parameter\)", "0.5 * ops.square(parameter)"),
    CoreMutant("warm-up counts from 1", "moving average, warm-up", EMA.weight, r"10 \+ step",
               "11 + step"),
    CoreMutant("the start is left out", "mean of weights", SWA.weight, r"step \+ \(1 -",
               "step + (0 -"),
    CoreMutant("noise of one hash", "gradient noise", GradientNoise.normal,
               r"2 \* position \+ 1", "2 * position"),
)  # fmt: skip


def judge(mutant: CoreMutant) -> Verdict:
    """Put the fault in and hold the oracle against the row's formula."""
    with fresh(NETS, ORACLE), changed(mutant.function, mutant.pattern, mutant.replacement):
        try:
            failed = next((o for o in _formulas(mutant.row) if not o.passed), None)
        except ValueError as error:  # of shapes; a mutant that is broken itself raises others
            return Verdict(True, str(error))
    return Verdict(True, str(failed)) if failed else Verdict(True)


def _formulas(name: str) -> Iterator[Outcome]:
    found = row(name)
    if isinstance(found, ScoreRow):
        yield checks_scores.formula(found)
    elif isinstance(found, MetricRow):
        yield checks_metrics.formula(found)
    elif isinstance(found, ScheduleRow):
        yield checks_schedules.formula(found)
        yield checks_schedules.emitted(found)
    elif isinstance(found, StageRow):
        yield checks_stages.formula(found)
    elif isinstance(found, OptimizerRow):
        yield checks_optimizers.formula(found)
    else:
        assert isinstance(found, Row)
        yield from (checks.formula(found, training) for training in found.modes)


@contextmanager
def changed(function: Function, pattern: str, replacement: str) -> Iterator[None]:
    """A function with its text changed. ValueError if the text has no such place."""
    text = textwrap.dedent(inspect.getsource(function))
    text = text[re.search(r"^def ", text, re.MULTILINE).start() :]  # type: ignore[union-attr]
    swapped, count = re.subn(pattern, replacement, text)
    if not count:
        raise ValueError(f"{function.__qualname__} has no {pattern!r}")
    scope: dict[str, Any] = {}
    exec(compile(swapped, inspect.getfile(function), "exec"), scope)
    before = function.__code__
    function.__code__ = scope[function.__name__].__code__  # type: ignore[attr-defined]
    try:
        yield
    finally:
        function.__code__ = before  # type: ignore[attr-defined]
