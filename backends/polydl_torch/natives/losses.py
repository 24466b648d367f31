"""Losses."""

from __future__ import annotations

from collections.abc import Callable

from polydl.emission.code import MULTIPLY
from polydl.emission.emitter import Emitter
from polydl.emission.losses import Reductions, output_rank, sample_weights
from polydl.emission.native import Native, function_native
from polydl.program.types import Block
from polydl_torch.natives.common import Literal, Row

TORCH = Reductions("{}.mean()", "{}.sum()")
_ARGUMENT = {
    "mean": "",
    "weighted_mean": "",
    "sum": ', reduction="sum"',
    "none": ', reduction="none"',
}

Options = Callable[[Block, Literal], str]


def functional(
    function: str, options: Options = lambda block, literal: "", arguments: str = "{0}, {1}",
    reduced: int = 0,
) -> Row:  # fmt: skip
    """A loss of torch.nn.functional. reduced: how many axes fewer its values have than the outputs."""

    def row(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
        def text(reduction: str) -> str:
            given = f"{arguments}{options(block, literal)}{_ARGUMENT[reduction]}"
            return f"{function}({given})"

        rank = output_rank(block) - reduced
        if sample_weights(block, rank):
            return TORCH.native(block, text("none"), rank)
        return function_native(text(block.config["reduction"]))

    return row


def settings(**names: str) -> Options:
    """Our settings under torch's names."""

    def options(block: Block, literal: Literal) -> str:
        given = (f", {name}={literal(block.config[ours], ours)}" for name, ours in names.items())
        return "".join(given)

    return options


def of_labels(function: str) -> Row:
    """F.cross_entropy and F.nll_loss: int64 labels, and classes on axis 1.

    Their mean of nothing is NaN, so that a mean without the ignored labels is written out.
    """

    def row(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
        config, rank = block.config, output_rank(block)
        weights, ignored = config["class_weights"], config["ignore_index"]
        reduction, samples = config["reduction"], sample_weights(block, rank - 1)
        options = ""
        if weights is not None:
            options += f", weight=torch.tensor({list(weights)}, device={{0!a}}.device)"
        if ignored is not None:
            options += f", ignore_index={ignored}"
        if config.get("label_smoothing"):
            options += f", label_smoothing={literal(config['label_smoothing'], 'label_smoothing')}"
        by_value = samples or reduction == "none" or (weights and reduction == "mean")
        soft = config.get("targets") == "probabilities"
        labels = "{1!a}" if soft else "{1!a}.long()"
        if rank == 2:
            given = f"{{0}}, {'{1}' if soft else labels}"
        elif by_value:
            given = f"{{0!a}}.movedim(-1, 1), {labels}{'.movedim(-1, 1)' if soft else ''}"
        else:
            given = f"{{0!a}}.flatten(0, -2), {labels}.flatten({'0, -2' if soft else ''})"

        def text(reduced: str) -> str:
            return f"{function}({given}{options}{_ARGUMENT[reduced]})"

        if reduction == "weighted_mean" and (
            samples or (weights and (ignored is not None or soft))
        ):
            return None
        if reduction == "weighted_mean" and weights and min(weights) == 0:
            return None
        if ignored is not None and reduction in ("mean", "weighted_mean"):
            total = f"({samples} * {text('none')}).sum()" if samples else text("sum")
            return function_native(f"{total} / ({{1}} != {ignored}).sum().clamp(min=1)", MULTIPLY)
        if by_value:
            return TORCH.native(block, text("none"), rank - 1)
        return function_native(text(reduction))

    return row


def ctc(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    """Of log-probabilities (time, batch, classes). Its "mean" divides by the number of labels."""
    config = block.config
    blank = f", blank={config['blank']}" if config["blank"] else ""

    def text(reduction: str) -> str:
        return (
            "F.ctc_loss(F.log_softmax({0}, dim=-1).transpose(0, 1), {1}, "
            "torch.full(({0!a}.shape[0],), {0!a}.shape[1]), "
            f"({{1!a}} != {config['padding']}).sum(1){blank}{_ARGUMENT[reduction]})"
        )

    if not config["per_label"]:
        if config["reduction"] == "sum" and not sample_weights(block, 1):
            return function_native(text("sum"))
        return TORCH.native(block, text("none"), 1)
    if sample_weights(block, 1) or config["reduction"] not in ("mean", "weighted_mean"):
        return None
    return function_native(text("mean"))


def binary_cross_entropy(block: Block, literal: Literal) -> str:
    weight = block.config["positive_weight"]
    return "" if weight == 1 else f", pos_weight=torch.tensor({weight!r})"


def kl_divergence(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    """Its "batchmean" divides by the first axis, its "mean" by the number of classes too."""
    given = "{0}, {1}, log_target=True" if block.config["log_targets"] else "{0}, {1}"
    rank = output_rank(block)
    mean = f'F.kl_div({given}, reduction="batchmean")' if rank == 2 else ""
    values = f'F.kl_div({given}, reduction="none").sum(-1)'
    return TORCH.native(block, values, rank - 1, mean)


def cosine_similarity(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    epsilon = literal(block.config["epsilon"], "epsilon")
    values = f"(1.0 - F.cosine_similarity({{0}}, {{1}}, dim=-1, eps={epsilon}))"
    return TORCH.native(block, values, output_rank(block) - 1)


def triplet_margin(block: Block, literal: Literal) -> str:
    names = settings(margin="margin", p="p", eps="epsilon")
    return names(block, literal) + (", swap=True" if block.config["swap"] else "")


NATIVES: dict[str, Row] = {
    "polydl:MSE@1": functional("F.mse_loss"),
    "polydl:MAE@1": functional("F.l1_loss"),
    "polydl:Huber@1": functional("F.huber_loss", settings(delta="delta")),
    "polydl:SmoothL1@1": functional("F.smooth_l1_loss", settings(beta="beta")),
    "polydl:BinaryCrossEntropy@1": functional(
        "F.binary_cross_entropy_with_logits", binary_cross_entropy
    ),
    "polydl:CrossEntropy@1": of_labels("F.cross_entropy"),
    "polydl:NLL@1": of_labels("F.nll_loss"),
    "polydl:CTC@1": ctc,
    "polydl:KLDivergence@1": kl_divergence,
    "polydl:Poisson@1": functional(
        "F.poisson_nll_loss", settings(log_input="log_input", eps="epsilon")
    ),
    "polydl:CosineSimilarity@1": cosine_similarity,
    "polydl:TripletMargin@1": functional(
        "F.triplet_margin_loss", triplet_margin, "*{0!a}.unbind(1)", reduced=2
    ),
}

REASONS: dict[str, str] = {
    "polydl:CategoricalHinge@1": "F.multi_margin_loss adds up all wrong classes",
    "polydl:Hinge@1": "F.hinge_embedding_loss is another function",
}
