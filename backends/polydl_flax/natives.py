"""Flax's own parts for our layers, losses and functions. A row each.

nnx's default epsilon, momentum, padding and pool strides differ from ours, so they are written out,
and use_fast_variance=False, without which the variance of large numbers is noise.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from polydl.emission.code import Code
from polydl.emission.emitter import Emitter
from polydl.emission.native import Native, function_native
from polydl.layers.geometry import pair
from polydl.program.types import Block
from polydl_flax.initial import initializer_text

Literal = Callable[[Any, str], str]
Row = Callable[[Emitter, Block, Literal], Native | None]
Pairs = tuple[tuple[int, int], ...]

DENSE = {"kernel": ("kernel", None), "bias": ("bias", None)}
NORM = {"scale": ("scale", None), "bias": ("bias", None)}
BATCH_NORM = {**NORM, "mean": ("mean", None), "variance": ("var", None)}
EMBEDDING = {"table": ("embedding", None)}

BATCH_NORM_FLOAT64 = '''class BatchNormFloat64(nnx.BatchNorm):
    """nnx.BatchNorm with running values in float64 too, where nnx has float32."""

    def __init__(self, num_features, **options):
        super().__init__(num_features, param_dtype=jnp.float64, **options)
        self.mean = nnx.BatchStat(jnp.zeros(num_features, jnp.float64))
        self.var = nnx.BatchStat(jnp.ones(num_features, jnp.float64))'''

ABSOLUTE = '''def absolute(x):
    """|x|, with the derivative 0 at 0, where that of jnp.abs is 1."""
    return x * jnp.sign(x)'''

SUPPORT = {"BatchNormFloat64": BATCH_NORM_FLOAT64, "absolute": ABSOLUTE}


def _weight(emitter: Emitter, block: Block, name: str) -> tuple[int, ...]:
    """The canonical shape of one of the module's own entries."""
    return emitter.program.entries[f"{block.path}.{name}".lstrip(".")].shape


def _tail(emitter: Emitter, block: Block, **initial: tuple[str, str]) -> str:
    """What ends a layer's arguments: initialisers that the author chose, the dtype, and rngs.

    initial: for each of our entries, nnx's argument and the initialiser that is our default. Where
    the author did not choose, nnx's own is left to stand.
    """
    text = ""
    for name, (argument, default) in initial.items():
        entry = emitter.program.entries.get(f"{block.path}.{name}".lstrip("."))
        if entry is not None and (entry.initializer.name != default or entry.initializer.arguments):
            text += f", {argument}={initializer_text(entry.initializer)}"
    if emitter.dtype != "float32":
        text += f", param_dtype=jnp.{emitter.dtype}"
    return f"{text}, rngs=rngs"


_KERNEL = {"kernel": ("kernel_init", "glorot_uniform"), "bias": ("bias_init", "zeros")}


def dense(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    inputs, units = _weight(emitter, block, "kernel")
    sizes = f"{literal(inputs, 'in_features')}, {literal(units, 'units')}"
    bias = "" if block.config["use_bias"] else ", use_bias=False"
    return Native(f"nnx.Linear({sizes}{bias}{_tail(emitter, block, **_KERNEL)})", weights=DENSE)


def _one_or_two(values: tuple[int, int]) -> str:
    return str(values[0]) if values[0] == values[1] else str(tuple(values))


def _resolved(block: Block) -> Pairs:
    """The padding that the definition resolved to."""
    node = next(n for n in block.nodes if n.op in ("conv", "window_max", "window_sum"))
    return tuple((low, high) for low, high in node.attributes["padding"])


def _padding(block: Block) -> str:
    """nnx's padding argument; XLA's "SAME" is our "same"."""
    pairs = _resolved(block)
    if not any(side for sides in pairs for side in sides):
        return '"VALID"'
    return '"SAME"' if block.config["padding"] == "same" else str(pairs)


def conv2d(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    config = block.config
    kernel = _weight(emitter, block, "kernel")
    groups = config["groups"]
    text = f"nnx.Conv({literal(kernel[2] * groups, 'in_features')}, "
    text += f"{literal(config['filters'], 'filters')}, {kernel[:2]}"
    strides = pair("Conv2D", "strides", config["strides"])
    dilation = pair("Conv2D", "dilation", config["dilation"])
    if strides != (1, 1):
        text += f", strides={_one_or_two(strides)}"
    text += f", padding={_padding(block)}"
    if dilation != (1, 1):
        text += f", kernel_dilation={_one_or_two(dilation)}"
    if groups != 1:
        text += f", feature_group_count={literal(groups, 'groups')}"
    if not config["use_bias"]:
        text += ", use_bias=False"
    return Native(f"{text}{_tail(emitter, block, **_KERNEL)})", weights=DENSE)


def batch_norm(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    (channels,) = _weight(emitter, block, "scale")
    momentum = literal(block.config["momentum"], "momentum")
    epsilon = literal(block.config["epsilon"], "epsilon")
    text = f"{literal(channels, 'features')}, momentum={momentum}, epsilon={epsilon}"
    text += ", use_fast_variance=False, rngs=rngs)"
    if emitter.dtype == "float32":
        return Native(f"nnx.BatchNorm({text}", weights=BATCH_NORM)
    support = ("BatchNormFloat64",)
    return Native(f"BatchNormFloat64({text}", weights=BATCH_NORM, support=support)


def layer_norm(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    (features,) = _weight(emitter, block, "scale")
    epsilon = literal(block.config["epsilon"], "epsilon")
    text = f"nnx.LayerNorm({literal(features, 'features')}, epsilon={epsilon}"
    return Native(f"{text}, use_fast_variance=False{_tail(emitter, block)})", weights=NORM)


def rms_norm(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    """use_fast_variance is about the mean, which nnx.RMSNorm does not take: it has no effect."""
    (features,) = _weight(emitter, block, "scale")
    epsilon = literal(block.config["epsilon"], "epsilon")
    text = f"nnx.RMSNorm({literal(features, 'features')}, epsilon={epsilon}"
    return Native(f"{text}{_tail(emitter, block)})", weights={"scale": ("scale", None)})


def dropout(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    if len(block.inputs) > 1:  # portable randomness: the mask comes from the definition
        return None
    return Native(f"nnx.Dropout({literal(block.config['rate'], 'rate')}, rngs=rngs)")


def _pool(function: str, padded: str = "") -> Row:
    """padded: arguments that matter only where there is padding."""

    def pool(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
        config = block.config
        window = pair("pool", "pool_size", config["pool_size"])
        strides = pair("pool", "strides", config["strides"] or config["pool_size"])
        text = f"nnx.{function}({{0}}, {window}, strides={strides}"
        padding = _padding(block)
        if padding != '"VALID"':
            text += f", padding={padding}{padded}"
        return function_native(f"{text})")

    return pool


def flatten(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    def call(_: str, args: list[Code]) -> Code:
        x = args[0].text
        if x.isidentifier():
            return Code(f"{x}.reshape({x}.shape[0], -1)")
        return Code(f"jax.lax.collapse({x}, 1)")

    return Native(call=call)


def embedding(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    """nnx.Embed gives NaN out of range, where the definition takes the nearest row."""
    size, features = _weight(emitter, block, "table")

    def call(callee: str, args: list[Code]) -> Code:
        return Code(f"{callee}(jnp.clip({args[0].text}, 0, {literal(size - 1, 'last')}))")

    sizes = f"{literal(size, 'size')}, {literal(features, 'features')}"
    tail = _tail(emitter, block, table=("embedding_init", "normal"))
    return Native(f"nnx.Embed({sizes}{tail})", call=call, weights=EMBEDDING)


def _function(template: str) -> Row:
    return lambda emitter, block, literal: function_native(template)


def gelu(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    return function_native(f"nnx.gelu({{0}}, approximate={block.config['approximate']})")


def _with_axis(function: str) -> Row:
    return lambda emitter, block, literal: function_native(
        f"{function}({{0}}, axis={block.config['axis']})"
    )


NATIVES: dict[str, Row] = {
    "polydl:Dense@1": dense,
    "polydl:Conv2D@1": conv2d,
    "polydl:BatchNorm@1": batch_norm,
    "polydl:LayerNorm@1": layer_norm,
    "polydl:RMSNorm@1": rms_norm,
    "polydl:Dropout@1": dropout,
    "polydl:MaxPool2D@1": _pool("max_pool"),
    "polydl:AvgPool2D@1": _pool("avg_pool", ", count_include_pad=False"),
    "polydl:Flatten@1": flatten,
    "polydl:Embedding@1": embedding,
    "polydl:relu@1": _function("nnx.relu({0})"),
    "polydl:gelu@1": gelu,
    "polydl:sigmoid@1": _function("nnx.sigmoid({0})"),
    "polydl:tanh@1": _function("nnx.tanh({0})"),
    "polydl:softmax@1": _with_axis("nnx.softmax"),
    "polydl:log_softmax@1": _with_axis("nnx.log_softmax"),
    "polydl:CrossEntropy@1": _function(
        "optax.softmax_cross_entropy_with_integer_labels({0}, {1}).mean()"
    ),
    "polydl:MSE@1": _function("optax.squared_error({0}, {1}).mean()"),
}
