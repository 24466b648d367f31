"""Operations of dl.ops that are defined on others."""

from __future__ import annotations

from polydl.emission.emitter import Emitter
from polydl.emission.native import Native, function_native
from polydl.emission.rows import Row, called, not_low, split, transforms
from polydl.program.types import Block
from polydl_flax.natives.common import Literal
from polydl_flax.primitives.common import dtype_text


def one_hot(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    classes, axis = literal(block.config["num_classes"], "num_classes"), block.config["axis"]
    options = "" if axis == -1 else f", axis={axis}"
    dtype = dtype_text(block.config["dtype"], emitter.floating(block))
    return function_native(f"jax.nn.one_hot({{0}}, {classes}{options}, dtype={dtype})")


AXIS = {"axis": ("axis", None)}
KEPT = {"keepdims": ("keepdims", False)}

NATIVES: dict[str, Row] = {
    "polydl:logaddexp@1": called("jnp.logaddexp", "{*}"),
    "polydl:nan_to_num@1": called("jnp.nan_to_num", nan="nan", posinf="posinf", neginf="neginf"),
    "polydl:var@1": called("jnp.var", **AXIS, ddof=("ddof", 0), **KEPT),
    "polydl:std@1": called("jnp.std", **AXIS, ddof=("ddof", 0), **KEPT),
    "polydl:logsumexp@1": called("jax.nn.logsumexp", **AXIS, **KEPT),
    "polydl:stack@1": called("jnp.stack", "[{*}]", axis=("axis", 0)),
    "polydl:split@1": split("jnp.split", "axis"),
    "polydl:unstack@1": called("jnp.unstack", axis=("axis", 0)),
    "polydl:tile@1": called("jnp.tile", "{0}, {reps}"),
    "polydl:repeat@1": called("jnp.repeat", "{0}, {repeats}", axis="axis"),
    "polydl:edge_pad@1": called("jnp.pad", '{0}, {widths}, mode="edge"'),
    "polydl:reflect_pad@1": called("jnp.pad", '{0}, {widths}, mode="reflect"'),
    "polydl:tril@1": called("jnp.tril", k=("k", 0)),
    "polydl:triu@1": called("jnp.triu", k=("k", 0)),
    "polydl:diagonal@1": called("jnp.diagonal", "{0}, {offset}, -2, -1"),
    "polydl:diag@1": called("jnp.diag", k=("k", 0)),
    "polydl:top_k@1": called("jax.lax.top_k", "{0}, {k}"),
    "polydl:one_hot@1": one_hot,
    "polydl:fft@1": not_low(called("fft", "{*}", ("fft",))),
    "polydl:ifft@1": not_low(called("ifft", "{*}", ("ifft",))),
    "polydl:rfft@1": not_low(called("rfft", "{0}", ("rfft",))),
    "polydl:irfft@1": not_low(called("jnp.fft.irfft", "jax.lax.complex({*}), {n}")),
}

REASONS: dict[str, str] = {
    "polydl:norm@1": "the derivative of jnp.linalg.norm at the zero vector is NaN",
}

SUPPORT = transforms("jnp.fft", "jax.lax.complex")
