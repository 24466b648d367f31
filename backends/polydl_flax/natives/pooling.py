"""Pools. Flax has no global and no adaptive ones: those are what one writes with jnp instead."""

from __future__ import annotations

import math
from dataclasses import replace

from polydl.emission.emitter import Emitter
from polydl.emission.native import Native, function_native, window_attributes
from polydl.layers.geometry import per_axis
from polydl.precision import is_low
from polydl.program.types import Block
from polydl_flax.natives.common import Literal, Row, function_row, padding_text


def max_pool(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    """Where windows are few and hardly overlap, XLA's gradient is the slower one on a CPU."""
    a = window_attributes(block)
    window, strides = a["window"], a["strides"]
    apart = all(stride > 1 or size == 1 for size, stride in zip(window, strides, strict=True))
    if not apart or math.prod(window) > 9:
        return pool("max_pool")(emitter, block, literal)
    text = f"max_pool({{0}}, {window}, {strides}"
    if any(side for sides in a["padding"] for side in sides):
        text += f", {a['padding']}"
    return replace(function_native(f"{text})"), support=("max_pool",))


MAX_POOL = '''def max_pool(x, window, strides, padding=()):
    """nnx.max_pool with another gradient: its own, a scatter, takes many times as long on a CPU."""

    @jax.custom_jvp
    def pool(x):
        return nnx.max_pool(x, window, strides=strides, padding=padding or "VALID")

    def of_slices(x):
        if padding:
            x = jnp.pad(x, ((0, 0), *padding, (0, 0)), constant_values=-jnp.inf)
        spans = [(n - w) // s * s + 1 for n, w, s in zip(x.shape[1:], window, strides)]
        y = None
        for start in np.ndindex(*window):
            cut = (slice(i, i + span, s) for i, span, s in zip(start, spans, strides))
            part = x[:, *cut]
            # the first of equals
            y = part if y is None else jnp.where((y >= part) | jnp.isnan(y), y, part)
        return y

    pool.defjvp(lambda primals, tangents: jax.jvp(of_slices, primals, tangents))
    return pool(x)'''


def pool(function: str) -> Row:
    def pool(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
        a = window_attributes(block)
        text = f"nnx.{function}({{0}}, {a['window']}, strides={a['strides']}"
        padding = padding_text(block)
        if padding != '"VALID"':
            text += f", padding={padding}"
            if function == "avg_pool":
                text += f", count_include_pad={block.config['count_padding']}"
                floating = emitter.floating(block)
                if is_low(floating):  # the counts that it divides by are float32
                    return function_native(f"{text}).astype(jnp.{floating})")
        return function_native(f"{text})")

    return pool


def global_pool(rank: int, method: str) -> Row:
    axes = str(tuple(range(1, rank + 1))) if rank > 1 else "1"
    return function_row(f"{{0!a}}.{method}(axis={axes})")


def adaptive_pool(rank: int, kind: str) -> Row:
    """Even bins are windows side by side. Of equals in uneven ones, jnp.max would share among all."""

    def adaptive(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
        counts = per_axis(block.class_name, "output_size", block.config["output_size"], rank)
        sizes = [int(size) for size in block.inputs[0].shape[1:-1]]
        if not any(size % count for size, count in zip(sizes, counts, strict=True)):
            window = tuple(size // count for size, count in zip(sizes, counts, strict=True))
            return function_native(f"nnx.{kind}_pool({{0}}, {window}, strides={window})")
        if kind == "max":
            return None
        template = f"adaptive_avg_pool({{0}}, {counts})"
        return replace(function_native(template), support=("adaptive_avg_pool",))

    return adaptive


ADAPTIVE_AVG_POOL = '''def adaptive_avg_pool(x, sizes):
    """Means of bins, which overlap by one where a size does not divide the axis."""
    for axis, size in enumerate(sizes, 1):
        n = x.shape[axis]
        bins = [(i * n // size, -((i + 1) * n // -size)) for i in range(size)]
        parts = [jax.lax.slice_in_dim(x, a, b, axis=axis) for a, b in bins]
        x = jnp.concatenate([part.mean(axis, keepdims=True) for part in parts], axis)
    return x'''


SUPPORT = {"adaptive_avg_pool": ADAPTIVE_AVG_POOL, "max_pool": MAX_POOL}


NATIVES: dict[str, Row] = {
    **{f"polydl:MaxPool{rank}D@1": max_pool for rank in (1, 2, 3)},
    **{f"polydl:AvgPool{rank}D@1": pool("avg_pool") for rank in (1, 2, 3)},
    **{f"polydl:GlobalAvgPool{rank}D@1": global_pool(rank, "mean") for rank in (1, 2, 3)},
    **{f"polydl:GlobalMaxPool{rank}D@1": global_pool(rank, "max") for rank in (1, 2, 3)},
    **{f"polydl:AdaptiveAvgPool{rank}D@1": adaptive_pool(rank, "avg") for rank in (1, 2, 3)},
    **{f"polydl:AdaptiveMaxPool{rank}D@1": adaptive_pool(rank, "max") for rank in (1, 2, 3)},
}
