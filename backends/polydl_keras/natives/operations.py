"""Operations of dl.ops that are defined on others."""

from __future__ import annotations

from polydl.emission.emitter import Emitter
from polydl.emission.native import Native, function_native
from polydl.emission.rows import Row, called, not_low, split
from polydl.program.types import Block
from polydl_keras.natives.common import Literal
from polydl_keras.primitives.common import DTYPES, floating_text


def one_hot(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    classes, axis = literal(block.config["num_classes"], "num_classes"), block.config["axis"]
    options = "" if axis == -1 else f", axis={axis}"
    dtype = DTYPES.get(block.config["dtype"]) or floating_text(emitter, block)
    return function_native(f"ops.one_hot({{0}}, {classes}{options}, dtype={dtype})")


def variance(function: str) -> Row:
    """keras.ops divide by n alone."""
    row = called(f"ops.{function}", **REDUCED)
    return lambda emitter, block, literal: (
        None if block.config["ddof"] else row(emitter, block, literal)
    )


def banded(row: Row, setting: str) -> Row:
    """TensorFlow refuses diagonals outside of a matrix."""

    def within(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
        k, (rows, columns) = block.config[setting], block.inputs[0].shape[-2:]
        known = isinstance(rows, int) and isinstance(columns, int)
        fits = -rows < k < columns if known else abs(k) < 2
        return row(emitter, block, literal) if fits else None

    return within


REDUCED = {"axis": ("axis", None), "keepdims": ("keepdims", False)}

NATIVES: dict[str, Row] = {
    "polydl:nan_to_num@1": called("ops.nan_to_num", nan="nan", posinf="posinf", neginf="neginf"),
    "polydl:var@1": variance("var"),
    "polydl:std@1": variance("std"),
    "polydl:logsumexp@1": called("ops.logsumexp", **REDUCED),
    "polydl:stack@1": called("ops.stack", "[{*}]", axis=("axis", 0)),
    "polydl:split@1": split("ops.split", "axis"),
    "polydl:unstack@1": called("ops.unstack", axis=("axis", 0)),
    "polydl:tile@1": called("ops.tile", "{0}, {reps}"),
    "polydl:repeat@1": called("ops.repeat", "{0}, {repeats}", axis="axis"),
    "polydl:reflect_pad@1": called("ops.pad", '{0}, {widths}, mode="reflect"'),
    "polydl:tril@1": banded(called("ops.tril", k=("k", 0)), "k"),
    "polydl:triu@1": banded(called("ops.triu", k=("k", 0)), "k"),
    "polydl:diagonal@1": banded(called("ops.diagonal", "{0}, {offset}, -2, -1"), "offset"),
    "polydl:diag@1": called("ops.diag", k=("k", 0)),
    "polydl:top_k@1": called("ops.top_k", "{0}, {k}"),
    "polydl:one_hot@1": one_hot,
    "polydl:fft@1": not_low(called("ops.fft", "({*})")),
    "polydl:rfft@1": not_low(called("ops.rfft")),
    "polydl:irfft@1": not_low(called("ops.irfft", "({*}), {n}")),
}

REASONS: dict[str, str] = {
    "polydl:logaddexp@1": "TensorFlow gives the whole derivative to one of two equals",
    "polydl:norm@1": "the derivative of ops.norm at the zero vector is NaN",
    "polydl:var@1": "with ddof, which ops.var does not know",
    "polydl:std@1": "with ddof, which ops.std does not know",
    "polydl:edge_pad@1": "TensorFlow cannot pad with the edge",
}
