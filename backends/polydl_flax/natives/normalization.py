"""Normalisation."""

from __future__ import annotations

from polydl.emission.emitter import Emitter
from polydl.emission.native import Native
from polydl.precision import is_low
from polydl.program.types import Block
from polydl_flax.natives.common import (
    Literal,
    Row,
    tail,
    weight_shape,
)

NORM = {"scale": ("scale", None), "bias": ("bias", None)}


BATCH_NORM = {**NORM, "mean": ("mean", None), "variance": ("var", None)}


BATCH_NORM_FLOAT64 = '''class BatchNormFloat64(nnx.BatchNorm):
    """nnx.BatchNorm with running values in float64 too, where nnx has float32."""

    def __init__(self, num_features, **options):
        super().__init__(num_features, param_dtype=jnp.float64, **options)
        self.mean = nnx.BatchStat(jnp.zeros(num_features, jnp.float64))
        self.var = nnx.BatchStat(jnp.ones(num_features, jnp.float64))'''


UNBIASED = '''class UnbiasedBatchNorm({base}):
    """Batch normalization whose running variance is unbiased, as in torch."""

    def __call__(self, x, **options):
        kept = self.momentum * self.var[...]
        y = super().__call__(x, **options)
        if not self.use_running_average:
            n = x.size // x.shape[-1]
            self.var[...] += (self.var[...] - kept) / max(n - 1, 1)
        return y'''


def batch_norm(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    (channels,) = weight_shape(emitter, block, "scale")
    momentum = literal(block.config["momentum"], "momentum")
    epsilon = literal(block.config["epsilon"], "epsilon")
    text = f"{literal(channels, 'features')}, momentum={momentum}, epsilon={epsilon}"
    text += ", use_fast_variance=False"
    support: tuple[str, ...] = ()
    if emitter.dtype == "float64":
        support = ("BatchNormFloat64",)
    elif is_low(emitter.dtype):  # its statistics are float32, and so would its output be
        text += f", dtype=jnp.{emitter.dtype}"
    text += ", rngs=rngs" if support else tail(emitter, block)
    if not block.config["unbiased"]:
        kind = support[0] if support else "nnx.BatchNorm"
    else:
        kind = "UnbiasedBatchNorm"
        support = (*support, f"{kind}, float64" if support else kind)
    return Native(f"{kind}({text})", weights=BATCH_NORM, support=support)


def _norm(emitter: Emitter, block: Block, literal: Literal, name: str, options: str = "") -> Native:
    features = literal(weight_shape(emitter, block, "scale")[0], "features")
    text = f"nnx.{name}({features}{options}, epsilon={literal(block.config['epsilon'], 'epsilon')}"
    return Native(f"{text}, use_fast_variance=False{tail(emitter, block)})", weights=NORM)


def layer_norm(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    axes = block.config["axes"]
    axis = axes[0] if isinstance(axes, tuple) else axes
    if isinstance(axes, tuple) and len(axes) > 1:
        return None
    options = "" if axis == -1 else f", reduction_axes={axis}, feature_axes={axis}"
    return _norm(emitter, block, literal, "LayerNorm", options)


def rms_norm(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    """use_fast_variance is about the mean, which nnx.RMSNorm does not take: it has no effect."""
    (features,) = weight_shape(emitter, block, "scale")
    epsilon = literal(block.config["epsilon"], "epsilon")
    text = f"nnx.RMSNorm({literal(features, 'features')}, epsilon={epsilon}"
    return Native(f"{text}{tail(emitter, block)})", weights={"scale": ("scale", None)})


def group_norm(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    groups = literal(block.config["groups"], "groups")
    return _norm(emitter, block, literal, "GroupNorm", f", num_groups={groups}")


def instance_norm(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    return _norm(emitter, block, literal, "InstanceNorm")


SUPPORT = {
    "BatchNormFloat64": BATCH_NORM_FLOAT64,
    "UnbiasedBatchNorm": UNBIASED.replace("{base}", "nnx.BatchNorm"),
    "UnbiasedBatchNorm, float64": UNBIASED.replace("{base}", "BatchNormFloat64"),
}


NATIVES: dict[str, Row] = {
    "polydl:BatchNorm@1": batch_norm,
    "polydl:GroupNorm@1": group_norm,
    "polydl:InstanceNorm@1": instance_norm,
    "polydl:LayerNorm@1": layer_norm,
    "polydl:RMSNorm@1": rms_norm,
}

REASONS: dict[str, str] = {
    "polydl:LayerNorm@1": "over several axes: nnx.LayerNorm keeps scale and bias on one axis",
}
