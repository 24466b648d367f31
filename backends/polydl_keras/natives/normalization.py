"""Normalisation."""

from __future__ import annotations

from polydl.emission.emitter import Emitter
from polydl.emission.native import Native
from polydl.program.types import Block
from polydl_keras.natives.common import (
    Literal,
    Row,
)

NORM = {"scale": ("gamma", None), "bias": ("beta", None)}


BATCH_NORM = {**NORM, "mean": ("moving_mean", None), "variance": ("moving_variance", None)}


def batch_norm(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    momentum = literal(block.config["momentum"], "momentum")
    epsilon = literal(block.config["epsilon"], "epsilon")
    text = f"layers.BatchNormalization(momentum={momentum}, epsilon={epsilon})"
    return Native(text, weights=BATCH_NORM)


def layer_norm(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    epsilon = literal(block.config["epsilon"], "epsilon")
    return Native(f"layers.LayerNormalization(epsilon={epsilon})", weights=NORM)


def group_norm(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    groups = literal(block.config["groups"], "groups")
    epsilon = literal(block.config["epsilon"], "epsilon")
    return Native(f"layers.GroupNormalization({groups}, epsilon={epsilon})", weights=NORM)


NATIVES: dict[str, Row] = {
    "polydl:BatchNorm@1": batch_norm,
    "polydl:GroupNorm@1": group_norm,
    "polydl:LayerNorm@1": layer_norm,
}
