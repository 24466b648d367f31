"""Losses."""

from __future__ import annotations

from polydl_flax.natives.common import (
    Row,
    function_row,
)

NATIVES: dict[str, Row] = {
    "polydl:CrossEntropy@1": function_row(
        "optax.softmax_cross_entropy_with_integer_labels({0}, {1}).mean()"
    ),
    "polydl:MSE@1": function_row("optax.squared_error({0}, {1}).mean()"),
}
