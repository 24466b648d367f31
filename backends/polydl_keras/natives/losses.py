"""Losses, by ops: keras.losses' own take epsilons and dtypes from the configuration."""

from __future__ import annotations

from polydl.emission.emitter import Emitter
from polydl.emission.losses import Reductions, output_rank
from polydl.emission.native import Native, function_native
from polydl.program.types import Block
from polydl_keras.natives.common import Literal, Row

KERAS = Reductions("ops.mean({})", "ops.sum({})")


def elements(text: str) -> Row:
    """A loss of each element."""
    return lambda emitter, block, literal: KERAS.native(block, text, output_rank(block))


def cross_entropy(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    config, classes = block.config, block.inputs[0].shape[-1]
    if config["class_weights"] is not None or config["ignore_index"] is not None:
        return None
    labels, smoothing = config["targets"] == "labels", config["label_smoothing"]
    if labels and smoothing:
        return None
    targets = "{1}"
    if smoothing:
        targets = f"{1.0 - smoothing!r} * {{1!a}} + {smoothing / classes!r}"
    sparse = "sparse_" if labels else ""
    values = f"ops.{sparse}categorical_crossentropy({targets}, {{0}}, from_logits=True)"
    return KERAS.native(block, values, output_rank(block) - 1)


def binary_cross_entropy(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    if block.config["positive_weight"] != 1:
        return None
    values = "ops.binary_crossentropy({1}, {0}, from_logits=True)"
    return KERAS.native(block, values, output_rank(block))


def mean_of_rows(function: str, setting: str = "") -> Row:
    """One of keras.losses, which give means over the last axis: only a mean of all is made of these."""

    def row(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
        if block.config["reduction"] not in ("mean", "weighted_mean") or len(block.inputs) > 2:
            return None
        given = f", {literal(block.config[setting], setting)}" if setting else ""
        return function_native(f"ops.mean(keras.losses.{function}({{1}}, {{0}}{given}))")

    return row


def log_cosh(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    row = mean_of_rows("log_cosh")
    return None if emitter.dtype == "float64" else row(emitter, block, literal)


NATIVES: dict[str, Row] = {
    "polydl:MAE@1": elements("ops.abs({0} - {1})"),
    "polydl:Huber@1": mean_of_rows("huber", "delta"),
    "polydl:LogCosh@1": log_cosh,
    "polydl:MSE@1": elements("ops.square({0!a} - {1!a})"),
    "polydl:CrossEntropy@1": cross_entropy,
    "polydl:BinaryCrossEntropy@1": binary_cross_entropy,
}

REASONS: dict[str, str] = {
    "polydl:CTC@1": "keras.ops.ctc_loss computes in float32 on TensorFlow",
    "polydl:CategoricalHinge@1": "keras.losses.categorical_hinge counts the label's own output as 0",
    "polydl:CosineSimilarity@1": "keras.losses.cosine_similarity takes keras.config.epsilon()",
    "polydl:Focal@1": "Keras' focal losses cut probabilities off at 1e-7",
    "polydl:Hinge@1": "the derivative of keras.losses.hinge at the margin is not 0",
    "polydl:KLDivergence@1": "keras.losses.kl_divergence takes probabilities, cut off at 1e-7",
    "polydl:LogCosh@1": "but for a mean, which keras.losses.log_cosh takes; it keeps log 2 in float32",
    "polydl:Huber@1": "but for a mean, which keras.losses.huber takes",
    "polydl:SquaredHinge@1": "keras.losses.squared_hinge takes targets of 0 and 1 for -1 and 1",
    "polydl:Poisson@1": "keras.losses.poisson adds an epsilon of 1e-7 from the configuration",
}
