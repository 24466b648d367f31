"""Normalisation."""

from __future__ import annotations

from polydl.emission.code import Option
from polydl.emission.emitter import Emitter
from polydl.emission.native import Native
from polydl.program.types import Block
from polydl_torch.natives.common import (
    CHANNELS_FIRST,
    Literal,
    Row,
    weight_shape,
)

EPSILON = Option(", eps=", 1e-5)
NORM = {"scale": ("weight", None), "bias": ("bias", None)}


BATCH_NORM = {**NORM, "mean": ("running_mean", None), "variance": ("running_var", None)}


BATCH_NORM_SUPPORT = '''class BatchNorm{rank}d(nn.BatchNorm{rank}d):
    """Batch normalisation whose running variance is biased, as in Keras and Flax."""

    def forward(self, x):
        if not self.training:
            return super().forward(x)
        mean = torch.zeros_like(self.running_mean)
        variance = torch.zeros_like(self.running_var)
        arrays = (self.weight, self.bias, mean, variance)
        cudnn = torch.backends.cudnn.enabled
        # takes one sample too, unlike F.batch_norm
        y = torch.batch_norm(x, *arrays, True, 1.0, self.eps, cudnn)
        n = x.numel() // x.shape[1]
        with torch.no_grad():
            self.running_mean.lerp_(mean, self.momentum)
            biased = variance * ((n - 1) / n) if n > 1 else torch.zeros_like(variance)
            self.running_var.lerp_(biased, self.momentum)
        return y'''


def batch_norm(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    rank = len(block.inputs[0].shape)
    if rank not in (2, 4):
        return None
    (channels,) = weight_shape(emitter, block, "scale")
    kind = f"BatchNorm{1 if rank == 2 else 2}d"
    options = literal(block.config["epsilon"], "epsilon", EPSILON)
    momentum = round(1 - block.config["momentum"], 12)
    options += literal(momentum, "momentum", Option(", momentum=", 0.1))
    return Native(
        f"{kind}({literal(channels, 'channels')}{options})",
        weights=BATCH_NORM,
        support=(kind,),
        layout=CHANNELS_FIRST if rank == 4 else "",
    )


def norm(constructor: str) -> Row:
    def norm(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
        (features,) = weight_shape(emitter, block, "scale")
        epsilon = literal(block.config["epsilon"], "epsilon", EPSILON)
        text = f"{constructor}({literal(features, 'features')}{epsilon})"
        return Native(text, weights=NORM)

    return norm


def group_norm(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    rank = len(block.inputs[0].shape)
    if rank not in (2, 4):
        return None
    (channels,) = weight_shape(emitter, block, "scale")
    groups = literal(block.config["groups"], "groups")
    epsilon = literal(block.config["epsilon"], "epsilon", EPSILON)
    text = f"nn.GroupNorm({groups}, {literal(channels, 'channels')}{epsilon})"
    return Native(text, weights=NORM, layout=CHANNELS_FIRST if rank == 4 else "")


SUPPORT = {
    "BatchNorm1d": BATCH_NORM_SUPPORT.replace("{rank}", "1"),
    "BatchNorm2d": BATCH_NORM_SUPPORT.replace("{rank}", "2"),
}


NATIVES: dict[str, Row] = {
    "polydl:BatchNorm@1": batch_norm,
    "polydl:GroupNorm@1": group_norm,
    "polydl:LayerNorm@1": norm("nn.LayerNorm"),
}

REASONS: dict[str, str] = {
    "polydl:BatchNorm@1": "of other ranks, for which nn.BatchNorm1d wants channels before the rest",
    "polydl:GroupNorm@1": "of other ranks, for which nn.GroupNorm wants channels before the rest",
}
