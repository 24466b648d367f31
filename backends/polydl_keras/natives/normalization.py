"""Normalisation."""

from __future__ import annotations

from polydl.emission.emitter import Emitter
from polydl.emission.native import Native
from polydl.program.types import Block
from polydl_keras.layer_class import DECORATOR
from polydl_keras.natives.common import (
    Literal,
    Row,
)

NORM = {"scale": ("gamma", None), "bias": ("beta", None)}


BATCH_NORM = {**NORM, "mean": ("moving_mean", None), "variance": ("moving_variance", None)}


def _epsilon(block: Block, literal: Literal) -> str:
    return f"epsilon={literal(block.config['epsilon'], 'epsilon')}"


UNBIASED = f'''{DECORATOR}
class UnbiasedBatchNormalization(layers.BatchNormalization):
    """Batch normalization whose moving variance is unbiased, as in torch."""

    def call(self, inputs, training=None, mask=None):
        kept = self.momentum * self.moving_variance
        outputs = super().call(inputs, training=training, mask=mask)
        if training and self.trainable:
            n = ops.cast(ops.size(inputs) // inputs.shape[-1], kept.dtype)
            missing = (self.moving_variance - kept) / ops.maximum(n - 1, 1)
            self.moving_variance.assign_add(missing)
        return outputs'''


def batch_norm(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    momentum = literal(block.config["momentum"], "momentum")
    options = f"momentum={momentum}, {_epsilon(block, literal)}"
    if block.config["unbiased"]:
        kind = "UnbiasedBatchNormalization"
        return Native(f"{kind}({options})", weights=BATCH_NORM, support=(kind,))
    return Native(f"layers.BatchNormalization({options})", weights=BATCH_NORM)


def layer_norm(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    """Keras sorts the axes as they are written: all are from the front, or all from the end."""
    axes, rank = block.config["axes"], len(block.inputs[0].shape)
    if isinstance(axes, tuple):
        ahead = any(axis >= 0 for axis in axes)
        axes = sorted(axis % rank if ahead else axis for axis in axes)
        axes = axes[0] if len(axes) == 1 else tuple(axes)
    axis = "" if axes == -1 else f"axis={axes}, "
    return Native(f"layers.LayerNormalization({axis}{_epsilon(block, literal)})", weights=NORM)


def rms_norm(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    text = f"layers.RMSNormalization({_epsilon(block, literal)})"
    return Native(text, weights={"scale": ("scale", None)})


def group_norm(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    groups = literal(block.config["groups"], "groups")
    return Native(f"layers.GroupNormalization({groups}, {_epsilon(block, literal)})", weights=NORM)


def instance_norm(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    """-1 is as many groups as channels."""
    text = f"layers.GroupNormalization(groups=-1, {_epsilon(block, literal)})"
    return Native(text, weights=NORM)


SUPPORT = {"UnbiasedBatchNormalization": UNBIASED}

NATIVES: dict[str, Row] = {
    "polydl:BatchNorm@1": batch_norm,
    "polydl:GroupNorm@1": group_norm,
    "polydl:InstanceNorm@1": instance_norm,
    "polydl:LayerNorm@1": layer_norm,
    "polydl:RMSNorm@1": rms_norm,
}
