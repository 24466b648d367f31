"""PyTorch's own parts for our layers, losses and functions. A row each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from polydl.emission.code import Code
from polydl.emission.emitter import Emitter
from polydl.emission.native import Native, function_native
from polydl.layers.geometry import pair
from polydl.program.types import Block, Value
from polydl_torch.primitives import pad_text

Literal = Callable[[Any, str], str]
CHANNELS_FIRST = "channels_first"
ANY = "any"

DENSE = {"kernel": ("weight", (1, 0)), "bias": ("bias", None)}
CONV = {"kernel": ("weight", (3, 2, 0, 1)), "bias": ("bias", None)}
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

SUPPORT = {
    "BatchNorm1d": BATCH_NORM_SUPPORT.replace("{rank}", "1"),
    "BatchNorm2d": BATCH_NORM_SUPPORT.replace("{rank}", "2"),
}


def _size(value: Any, axis: int) -> int | None:
    size = value.shape[axis] if isinstance(value, Value) else None
    return size if isinstance(size, int) else None


def _weight(emitter: Emitter, block: Block, name: str) -> tuple[int, ...]:
    """The canonical shape of one of the module's own entries."""
    return emitter.program.entries[f"{block.path}.{name}".lstrip(".")].shape


def dense(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    inputs, units = _weight(emitter, block, "kernel")
    bias = "" if block.config["use_bias"] else ", bias=False"
    sizes = f"{literal(inputs, 'in_features')}, {literal(units, 'units')}"
    return Native(f"nn.Linear({sizes}{bias})", weights=DENSE)


def _one_or_two(values: tuple[int, int]) -> str:
    return str(values[0]) if values[0] == values[1] else str(values)


def _padding(block: Block) -> tuple[tuple[int, int], ...]:
    """The padding that the definition resolved to."""
    node = next(n for n in block.nodes if n.op in ("conv", "window_max", "window_sum"))
    return node.attributes["padding"]


def conv2d(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    config = block.config
    kernel = _weight(emitter, block, "kernel")
    padding = _padding(block)
    even = all(low == high for low, high in padding)
    window = _one_or_two(pair("Conv2D", "kernel_size", config["kernel_size"]))
    inputs = literal(kernel[2] * config["groups"], "in_channels")
    text = f"nn.Conv2d({inputs}, {literal(config['filters'], 'filters')}, {window}"
    for name, ours in (("stride", "strides"), ("dilation", "dilation")):
        both = pair("Conv2D", ours, config[ours])
        if both != (1, 1):
            text += f", {name}={_one_or_two(both)}"
    if even and any(low for low, _ in padding):
        text += f", padding={_one_or_two((padding[0][0], padding[1][0]))}"
    if config["groups"] != 1:
        text += f", groups={literal(config['groups'], 'groups')}"
    if not config["use_bias"]:
        text += ", bias=False"

    def padded(callee: str, args: list[Code]) -> Code:
        return Code(f"{callee}({pad_text(args[0].text, ((0, 0), (0, 0), *padding))})")

    options: dict[str, Any] = {} if even else {"call": padded}
    return Native(f"{text})", weights=CONV, layout=CHANNELS_FIRST, **options)


def batch_norm(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    rank = len(block.inputs[0].shape)
    if rank not in (2, 4):
        return None
    (channels,) = _weight(emitter, block, "scale")
    kind = f"BatchNorm{1 if rank == 2 else 2}d"
    momentum = literal(round(1 - block.config["momentum"], 12), "momentum")
    epsilon = literal(block.config["epsilon"], "epsilon")
    return Native(
        f"{kind}({literal(channels, 'channels')}, eps={epsilon}, momentum={momentum})",
        weights=BATCH_NORM,
        support=(kind,),
        layout=CHANNELS_FIRST if rank == 4 else "",
    )


def _norm(constructor: str) -> Callable[[Emitter, Block, Literal], Native | None]:
    def norm(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
        (features,) = _weight(emitter, block, "scale")
        epsilon = literal(block.config["epsilon"], "epsilon")
        text = f"{constructor}({literal(features, 'features')}, eps={epsilon})"
        return Native(text, weights=NORM)

    return norm


def dropout(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    if len(block.inputs) > 1:  # portable randomness: the mask comes from the definition
        return None
    return Native(f"nn.Dropout({literal(block.config['rate'], 'rate')})", layout=ANY)


def _pool(function: str, options: str = "") -> Callable[[Emitter, Block, Literal], Native | None]:
    def pool(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
        config = block.config
        window = pair("pool", "pool_size", config["pool_size"])
        strides = pair("pool", "strides", config["strides"] or config["pool_size"])
        padding = _padding(block)
        text = f"F.{function}({{0}}, {_one_or_two(window)}"
        if strides != window:
            text += f", {_one_or_two(strides)}"
        if any(side for sides in padding for side in sides):
            even = all(low == high for low, high in padding)
            if not even or any(2 * low > w for (low, _), w in zip(padding, window, strict=True)):
                return None
            text += f", padding={_one_or_two((padding[0][0], padding[1][0]))}{options}"
        return function_native(f"{text})", layout=CHANNELS_FIRST)

    return pool


def global_avg_pool(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    return function_native("{0!a}.mean((2, 3))", layout=CHANNELS_FIRST)


def flatten(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    return function_native("{0!a}.flatten(1)")


def embedding(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    """nn.Embedding raises out of range, where the definition takes the nearest row."""
    size, features = _weight(emitter, block, "table")
    last = size - 1

    def call(callee: str, args: list[Code]) -> Code:
        return Code(f"{callee}({args[0].atom}.clamp(0, {literal(last, 'last')}))")

    sizes = f"{literal(size, 'size')}, {literal(features, 'features')}"
    return Native(f"nn.Embedding({sizes})", call=call, weights={"table": ("weight", None)})


def _function(template: str) -> Callable[[Emitter, Block, Literal], Native | None]:
    return lambda emitter, block, literal: function_native(template)


def gelu(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    return function_native(
        'F.gelu({0}, approximate="tanh")' if block.config["approximate"] else "F.gelu({0})"
    )


def _with_axis(function: str) -> Callable[[Emitter, Block, Literal], Native | None]:
    return lambda emitter, block, literal: function_native(
        f"{function}({{0}}, dim={block.config['axis']})"
    )


def cross_entropy(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    """F.cross_entropy wants int64 labels, and classes on axis 1."""
    rank = len(block.inputs[0].shape)
    if rank == 2:
        return function_native("F.cross_entropy({0}, {1!a}.long())")
    return function_native("F.cross_entropy({0!a}.flatten(0, -2), {1!a}.long().flatten())")


NATIVES: dict[str, Callable[[Emitter, Block, Literal], Native | None]] = {
    "polydl:Dense@1": dense,
    "polydl:Conv2D@1": conv2d,
    "polydl:BatchNorm@1": batch_norm,
    "polydl:LayerNorm@1": _norm("nn.LayerNorm"),
    "polydl:Dropout@1": dropout,
    "polydl:MaxPool2D@1": _pool("max_pool2d"),
    "polydl:AvgPool2D@1": _pool("avg_pool2d", ", count_include_pad=False"),
    "polydl:GlobalAvgPool2D@1": global_avg_pool,
    "polydl:Flatten@1": flatten,
    "polydl:Embedding@1": embedding,
    "polydl:relu@1": _function("F.relu({0})"),
    "polydl:gelu@1": gelu,
    "polydl:sigmoid@1": _function("torch.sigmoid({0})"),
    "polydl:tanh@1": _function("torch.tanh({0})"),
    "polydl:softmax@1": _with_axis("F.softmax"),
    "polydl:log_softmax@1": _with_axis("F.log_softmax"),
    "polydl:CrossEntropy@1": cross_entropy,
    "polydl:MSE@1": _function("F.mse_loss({0}, {1})"),
}
