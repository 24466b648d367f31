"""Losses: optax gives their values."""

from __future__ import annotations

from polydl.emission.emitter import Emitter
from polydl.emission.losses import Reductions, output_rank
from polydl.emission.native import Native
from polydl.program.types import Block
from polydl_flax.natives.common import Literal, Row

JAX = Reductions("{}.mean()", "{}.sum()")


def elements(function: str, **settings: str) -> Row:
    """A loss of each element. settings: ours under optax's names."""

    def row(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
        given = "".join(f", {k}={literal(block.config[v], v)}" for k, v in settings.items())
        return JAX.native(block, f"{function}({{0}}, {{1}}{given})", output_rank(block))

    return row


def vectors(text: str) -> Row:
    """A loss of each vector along the last axis."""
    return lambda emitter, block, literal: JAX.native(block, text, output_rank(block) - 1)


def cross_entropy(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    config, classes = block.config, block.inputs[0].shape[-1]
    if config["class_weights"] is not None or config["ignore_index"] is not None:
        return None
    labels = config["targets"] == "labels"
    function, targets = "optax.softmax_cross_entropy", "{1}"
    if config["label_smoothing"]:
        if labels:
            targets = f"jax.nn.one_hot({{1}}, {classes}, dtype={{0!a}}.dtype)"
        smoothing = literal(config["label_smoothing"], "label_smoothing")
        targets = f"optax.smooth_labels({targets}, {smoothing})"
    elif labels:
        function += "_with_integer_labels"
    return JAX.native(block, f"{function}({{0}}, {targets})", output_rank(block) - 1)


def binary_cross_entropy(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    if block.config["positive_weight"] != 1:
        return None
    values = "optax.sigmoid_binary_cross_entropy({0}, {1})"
    return JAX.native(block, values, output_rank(block))


def kl_divergence(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    log_targets = "_with_log_targets" if block.config["log_targets"] else ""
    values = f"optax.losses.kl_divergence{log_targets}({{0}}, {{1}})"
    return JAX.native(block, values, output_rank(block) - 1)


def ctc(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    """Paddings are 1 where a step or a label is none."""
    config = block.config
    if config["per_label"]:
        return None
    blank = f", blank_id={config['blank']}" if config["blank"] else ""
    paddings = f"jnp.zeros_like({{0!a}}[..., 0]), {{1}}, {{1!a}} == {config['padding']}"
    return JAX.native(block, f"optax.ctc_loss({{0}}, {paddings}{blank})", 1)


def cosine_similarity(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    """optax's epsilon is that of the squared length."""
    epsilon = literal(block.config["epsilon"] ** 2, "epsilon")
    values = f"optax.cosine_distance({{0}}, {{1}}, epsilon={epsilon})"
    return JAX.native(block, values, output_rank(block) - 1)


def smooth_l1(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    """Huber's over beta."""
    beta = block.config["beta"]
    if beta == 1:
        return JAX.native(block, "optax.huber_loss({0}, {1})", output_rank(block))
    values = f"(optax.huber_loss({{0}}, {{1}}, delta={beta}) / {beta})"
    return JAX.native(block, values, output_rank(block)) if beta else None


NATIVES: dict[str, Row] = {
    "polydl:SmoothL1@1": smooth_l1,
    "polydl:MSE@1": elements("optax.squared_error"),
    "polydl:Huber@1": elements("optax.huber_loss", delta="delta"),
    "polydl:LogCosh@1": elements("optax.log_cosh"),
    "polydl:BinaryCrossEntropy@1": binary_cross_entropy,
    "polydl:CrossEntropy@1": cross_entropy,
    "polydl:CategoricalHinge@1": vectors("optax.losses.multiclass_hinge_loss({0}, {1})"),
    "polydl:CTC@1": ctc,
    "polydl:KLDivergence@1": kl_divergence,
    "polydl:CosineSimilarity@1": cosine_similarity,
}

REASONS: dict[str, str] = {
    "polydl:Focal@1": "optax.sigmoid_focal_loss agrees for targets of 0 and 1 alone",
    "polydl:MAE@1": "jnp.abs has the derivative 1 at 0",
    "polydl:Hinge@1": "optax.hinge_loss has half of the derivative at the margin",
    "polydl:TripletMargin@1": "optax.triplet_margin_loss adds epsilon inside the root",
}
