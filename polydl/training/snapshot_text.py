"""The Trainer's methods that keep the weights of the best epoch and bring them back."""

from __future__ import annotations

from collections.abc import Sequence

from polydl.emission.code import INDENT
from polydl.training.emission import TrainingParts


def snapshot_lines(
    parts: TrainingParts,
    weights: tuple[str, str],
    averages: tuple[str, Sequence[str]],
    copied: str = "A copy of the model's weights",
) -> list[str]:
    """Of a Trainer that restores them; none of any other.

    weights: the text of a copy, and the statement that puts `weights` back. averages: likewise, of
    `averages`, which are there if the training has some.
    """
    if not parts.training.restores_best:
        return []
    copy, restore = weights
    taken, brought, name = [f"return {copy}"], [restore], "weights"
    about = f"{copied}."
    if parts.average_weight is not None:
        taken = [f"averages = {averages[0]}", f"return {copy}, averages"]
        brought, name = ["weights, averages = kept", restore, *averages[1]], "kept"
        about = f"{copied}, and of their averages."
    return [
        "    def snapshot(self):",
        f'        """{about}"""',
        *(INDENT * 2 + line for line in taken),
        "",
        f"    def restore(self, {name}):",
        *(INDENT * 2 + line for line in brought),
        "",
    ]
