"""Losses."""

from __future__ import annotations

from polydl_keras.natives.common import (
    Row,
    function_row,
)

NATIVES: dict[str, Row] = {
    "polydl:CrossEntropy@1": function_row(
        "ops.mean(ops.sparse_categorical_crossentropy({1}, {0}, from_logits=True))"
    ),
    "polydl:MSE@1": function_row("ops.mean(ops.square({0!a} - {1!a}))"),
}
