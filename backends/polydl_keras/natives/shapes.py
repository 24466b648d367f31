"""Layers that rearrange."""

from __future__ import annotations

from polydl_keras.natives.common import (
    Row,
    layer_row,
)

NATIVES: dict[str, Row] = {
    "polydl:Flatten@1": layer_row("layers.Flatten()"),
}
