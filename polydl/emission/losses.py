"""A framework's losses, whose values are reduced as ours are."""

from __future__ import annotations

from dataclasses import dataclass

from polydl.emission.code import MULTIPLY
from polydl.emission.native import Native, function_native
from polydl.program.types import Block


@dataclass(frozen=True)
class Reductions:
    """How a framework writes a mean and a sum: "{}.mean()"."""

    mean: str
    sum: str

    def native(self, block: Block, values: str, rank: int, mean: str = "") -> Native | None:
        """A loss by the text of its values (an atom), of so many axes, and of its plain mean.

        None for a weighted mean of weighted samples: its definition looks after a sum of 0.
        """
        reduction = block.config["reduction"]
        weights = sample_weights(block, rank)
        if weights and reduction == "weighted_mean":
            return None
        text = f"{weights} * {values}" if weights else values
        if reduction == "none":
            return function_native(text, MULTIPLY if weights else None)
        if reduction != "sum" and not weights and mean:
            return function_native(mean)
        template = self.sum if reduction == "sum" else self.mean
        inner = f"({text})" if weights and template.startswith("{}") else text
        return function_native(template.replace("{}", inner))


def sample_weights(block: Block, rank: int) -> str:
    """The text of the weights of a call, for values of so many axes; none where it has none."""
    for i, value in enumerate(block.inputs):
        if value.name == "weights":
            missing = ", None" * (rank - len(value.shape))
            return f"{{{i}!a}}[:{missing}]" if missing else f"{{{i}}}"
    return ""


def output_rank(block: Block) -> int:
    """How many axes the model's outputs have."""
    return len(block.inputs[0].shape)
