"""Keras' own parts for our layers, losses and functions. A row each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from polydl.emission.code import Code
from polydl.emission.emitter import Emitter
from polydl.emission.native import Native, function_native
from polydl.layers.geometry import pair
from polydl.program.types import Block, Entry
from polydl_keras.initializers import option
from polydl_keras.primitives import one_or_all, pad_text, same_padding

Literal = Callable[[Any, str], str]
Pairs = tuple[tuple[int, int], ...]

KERNEL = {"kernel": ("kernel", None), "bias": ("bias", None)}
NORM = {"scale": ("gamma", None), "bias": ("beta", None)}
BATCH_NORM = {**NORM, "mean": ("moving_mean", None), "variance": ("moving_variance", None)}

SUPPORT = {
    name: f'''def {name}(a, b):
    """The {word} of a and b; at a tie each gets half of the derivative."""
    return ops.where(ops.equal(a, b), 0.5 * a + 0.5 * b, ops.{name}(a, b))'''
    for name, word in (("maximum", "larger"), ("minimum", "smaller"))
}


def _entry(emitter: Emitter, block: Block, name: str) -> Entry | None:
    """One of the module's own entries."""
    return emitter.program.entries.get(f"{block.path}.{name}".lstrip("."))


def _kernel_options(emitter: Emitter, block: Block) -> str:
    if block.config["use_bias"]:
        bias = option("bias", _entry(emitter, block, "bias"), "zeros")
    else:
        bias = ", use_bias=False"
    return bias + option("kernel", _entry(emitter, block, "kernel"), "glorot_uniform")


def dense(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    units = literal(block.config["units"], "units")
    return Native(f"layers.Dense({units}{_kernel_options(emitter, block)})", weights=KERNEL)


def _padding(block: Block) -> Pairs:
    """The padding that the definition resolved to."""
    node = next(n for n in block.nodes if n.op in ("conv", "window_max", "window_sum"))
    return node.attributes["padding"]


def _padded(padding: Pairs, value: float) -> Callable[[str, list[Code]], Code]:
    """A call on input that is padded first."""

    def call(callee: str, args: list[Code]) -> Code:
        return Code(f"{callee}({pad_text(args[0].text, ((0, 0), *padding, (0, 0)), value)})")

    return call


def _placed(block: Block, spans: tuple[int, ...], strides: tuple[int, ...]) -> tuple[str, bool]:
    """Keras' padding argument, and whether the input must be padded before."""
    if block.config["padding"] in ("same", "valid"):
        return block.config["padding"], False
    padding = _padding(block)
    if not any(side for sides in padding for side in sides):
        return "valid", False
    if max(strides) == 1 and same_padding(padding, spans):
        return "same", False
    return "valid", True


def conv2d(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    config = block.config
    window, strides, dilation = (
        pair("Conv2D", name, config[name]) for name in ("kernel_size", "strides", "dilation")
    )
    if max(strides) > 1 and max(dilation) > 1:  # Keras takes one or the other
        return None
    spans = tuple((w - 1) * d + 1 for w, d in zip(window, dilation, strict=True))
    padding, before = _placed(block, spans, strides)
    text = f"layers.Conv2D({literal(config['filters'], 'filters')}, {one_or_all(window)}"
    if max(strides) > 1:
        text += f", strides={one_or_all(strides)}"
    if padding != "valid":
        text += f', padding="{padding}"'
    if max(dilation) > 1:
        text += f", dilation_rate={one_or_all(dilation)}"
    if config["groups"] != 1:
        text += f", groups={literal(config['groups'], 'groups')}"
    options: dict[str, Any] = {"call": _padded(_padding(block), 0.0)} if before else {}
    return Native(f"{text}{_kernel_options(emitter, block)})", weights=KERNEL, **options)


def batch_norm(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    momentum = literal(block.config["momentum"], "momentum")
    epsilon = literal(block.config["epsilon"], "epsilon")
    text = f"layers.BatchNormalization(momentum={momentum}, epsilon={epsilon})"
    return Native(text, weights=BATCH_NORM)


def layer_norm(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    epsilon = literal(block.config["epsilon"], "epsilon")
    return Native(f"layers.LayerNormalization(epsilon={epsilon})", weights=NORM)


def dropout(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    if len(block.inputs) > 1:  # portable randomness: the mask comes from the definition
        return None
    return Native(f"layers.Dropout({literal(block.config['rate'], 'rate')})")


def _pool(layer: str, value: float) -> Callable[[Emitter, Block, Literal], Native | None]:
    def pool(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
        config = block.config
        window = pair("pool", "pool_size", config["pool_size"])
        strides = pair("pool", "strides", config["strides"] or config["pool_size"])
        padding, before = _placed(block, window, strides)
        if before and value == 0.0:  # zeros would count in an average
            return None
        text = f"layers.{layer}({one_or_all(window)}"
        if strides != window:
            text += f", strides={one_or_all(strides)}"
        if padding != "valid":
            text += f', padding="{padding}"'
        options: dict[str, Any] = {"call": _padded(_padding(block), value)} if before else {}
        return Native(f"{text})", **options)

    return pool


def embedding(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    """Keras' Embedding raises out of range, where the definition takes the nearest row."""
    size, features = block.config["size"], block.config["features"]
    initializer = option("embeddings", _entry(emitter, block, "table"), "uniform")

    def call(callee: str, args: list[Code]) -> Code:
        return Code(f"{callee}(ops.clip({args[0].text}, 0, {literal(size - 1, 'last')}))")

    sizes = f"{literal(size, 'size')}, {literal(features, 'features')}"
    return Native(
        f"layers.Embedding({sizes}{initializer})",
        call=call,
        weights={"table": ("embeddings", None)},
    )


def _layer(construct: str) -> Callable[[Emitter, Block, Literal], Native | None]:
    return lambda emitter, block, literal: Native(construct)


def _function(template: str) -> Callable[[Emitter, Block, Literal], Native | None]:
    return lambda emitter, block, literal: function_native(template)


def gelu(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    """TensorFlow cuts the constants to float32: in float64 its gelu is 5e-9 off."""
    if emitter.dtype != "float32":
        return None
    return function_native(f"ops.gelu({{0}}, approximate={block.config['approximate']})")


def _with_axis(function: str) -> Callable[[Emitter, Block, Literal], Native | None]:
    return lambda emitter, block, literal: function_native(
        f"ops.{function}({{0}}, axis={block.config['axis']})"
    )


NATIVES: dict[str, Callable[[Emitter, Block, Literal], Native | None]] = {
    "polydl:Dense@1": dense,
    "polydl:Conv2D@1": conv2d,
    "polydl:BatchNorm@1": batch_norm,
    "polydl:LayerNorm@1": layer_norm,
    "polydl:Dropout@1": dropout,
    "polydl:MaxPool2D@1": _pool("MaxPooling2D", float("-inf")),
    "polydl:AvgPool2D@1": _pool("AveragePooling2D", 0.0),
    "polydl:GlobalAvgPool2D@1": _layer("layers.GlobalAveragePooling2D()"),
    "polydl:Flatten@1": _layer("layers.Flatten()"),
    "polydl:Embedding@1": embedding,
    "polydl:relu@1": _function("ops.relu({0})"),
    "polydl:gelu@1": gelu,
    "polydl:sigmoid@1": _function("ops.sigmoid({0})"),
    "polydl:tanh@1": _function("ops.tanh({0})"),
    "polydl:softmax@1": _with_axis("softmax"),
    "polydl:log_softmax@1": _with_axis("log_softmax"),
    "polydl:CrossEntropy@1": _function(
        "ops.mean(ops.sparse_categorical_crossentropy({1}, {0}, from_logits=True))"
    ),
    "polydl:MSE@1": _function("ops.mean(ops.square({0!a} - {1!a}))"),
}
