"""Normalisation."""

from __future__ import annotations

from polydl.emission.code import Option
from polydl.emission.emitter import Emitter
from polydl.emission.native import Native
from polydl.program.sizes import product
from polydl.program.types import Block
from polydl_torch.natives.common import (
    CHANNELS_FIRST,
    Literal,
    Row,
    weight_shape,
)

EPSILON = Option(", eps=", 1e-5)
NORM = {"scale": ("weight", None), "bias": ("bias", None)}


MAX_RANK = 5  # whose axes the layout pass turns


def _epsilon(block: Block, literal: Literal) -> str:
    return literal(block.config["epsilon"], "epsilon", EPSILON)


def _layout(rank: int) -> str:
    return CHANNELS_FIRST if rank > 2 else ""


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
    if not 2 <= rank <= MAX_RANK:
        return None
    (channels,) = weight_shape(emitter, block, "scale")
    kind = f"BatchNorm{max(rank - 2, 1)}d"
    options = _epsilon(block, literal)
    momentum = round(1 - block.config["momentum"], 12)
    options += literal(momentum, "momentum", Option(", momentum=", 0.1))
    text = f"{kind}({literal(channels, 'channels')}{options})"
    if block.config["unbiased"]:
        return Native(f"nn.{text}", weights=BATCH_NORM, layout=_layout(rank))
    return Native(text, weights=BATCH_NORM, support=(kind,), layout=_layout(rank))


def layer_norm(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    """Of the last axes; its scale and bias have their sizes."""
    sizes = weight_shape(emitter, block, "scale")
    given, rank = block.config["axes"], len(block.inputs[0].shape)
    axes = {axis % rank for axis in ((given,) if isinstance(given, int) else given)}
    if min(axes) + len(axes) != rank:
        return None
    features = literal(sizes[0] if len(sizes) == 1 else sizes, "features")
    return Native(f"nn.LayerNorm({features}{_epsilon(block, literal)})", weights=NORM)


def rms_norm(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    """torch's own epsilon follows the dtype: ours is always written."""
    (features,) = weight_shape(emitter, block, "scale")
    epsilon = literal(block.config["epsilon"], "epsilon")
    text = f"nn.RMSNorm({literal(features, 'features')}, eps={epsilon})"
    return Native(text, weights={"scale": ("weight", None)})


GROUP_NORM_SUPPORT = '''class GroupNorm(nn.GroupNorm):
    """torch 2.13 crashes in the gradient for images in channels-last memory that need none."""

    def forward(self, x):
        if torch.is_grad_enabled() and not x.requires_grad:
            x = x.contiguous()
        return super().forward(x)'''


def group_norm(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    """Where a group holds several numbers: torch refuses one number, of one sample."""
    shape, groups = block.inputs[0].shape, block.config["groups"]
    (channels,) = weight_shape(emitter, block, "scale")
    places = product(shape[1:-1])
    several = groups < channels or (isinstance(places, int) and places > 1)
    if len(shape) > MAX_RANK or not several:
        return None
    text = f"GroupNorm({literal(groups, 'groups')}, {literal(channels, 'channels')}"
    text += f"{_epsilon(block, literal)})"
    if len(shape) > 3:
        return Native(text, weights=NORM, layout=_layout(len(shape)), support=("GroupNorm",))
    return Native(f"nn.{text}", weights=NORM, layout=_layout(len(shape)))


def instance_norm(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    rank = len(block.inputs[0].shape)
    if rank > MAX_RANK:
        return None
    (channels,) = weight_shape(emitter, block, "scale")
    text = f"nn.InstanceNorm{rank - 2}d({literal(channels, 'channels')}{_epsilon(block, literal)}"
    return Native(f"{text}, affine=True)", weights=NORM, layout=CHANNELS_FIRST)


SUPPORT = {
    **{f"BatchNorm{n}d": BATCH_NORM_SUPPORT.replace("{rank}", str(n)) for n in (1, 2, 3)},
    "GroupNorm": GROUP_NORM_SUPPORT,
}


NATIVES: dict[str, Row] = {
    "polydl:BatchNorm@1": batch_norm,
    "polydl:GroupNorm@1": group_norm,
    "polydl:InstanceNorm@1": instance_norm,
    "polydl:LayerNorm@1": layer_norm,
    "polydl:RMSNorm@1": rms_norm,
}

REASONS: dict[str, str] = {
    "polydl:BatchNorm@1": "of one axis, or of over five",
    "polydl:GroupNorm@1": "where a group may hold a single number, or of over five axes",
    "polydl:InstanceNorm@1": "of over five axes",
    "polydl:LayerNorm@1": "over axes other than the last ones",
}
