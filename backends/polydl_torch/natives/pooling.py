"""Pools."""

from __future__ import annotations

from polydl.emission.code import one_or_all
from polydl.emission.emitter import Emitter
from polydl.emission.naming import camel_case
from polydl.emission.native import Native, function_native, window_attributes, window_node
from polydl.layers.geometry import per_axis
from polydl.program.types import Block, values_of
from polydl_torch.natives.common import CHANNELS_FIRST, Literal, Row
from polydl_torch.primitives.common import axes_text, mean_types, pad_text


def pool(function: str, average: bool = False) -> Row:
    """torch pads evenly, by half a window at most. Zeros that count may be put there before."""

    def pool(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
        a, x = window_attributes(block), "{0}"
        window, padding = a["window"], a["padding"]
        low = tuple(before for before, _ in padding)
        padded = any(side for sides in padding for side in sides)
        even = all(before == after for before, after in padding)
        uncounted = average and not block.config["count_padding"]
        options = "" if a["strides"] == window else f", {one_or_all(a['strides'])}"
        fits = not (average and len(window) == 3) or _holds(block, window)
        if padded and even and fits and all(2 * p <= w for p, w in zip(low, window, strict=True)):
            options += f", padding={one_or_all(low)}"
            options += ", count_include_pad=False" if uncounted else ""
        elif padded and uncounted:
            return None
        elif padded:
            fill = 0.0 if average else float("-inf")
            x = pad_text(x, ((0, 0), (0, 0), *padding), fill)
        wide, back = mean_types(emitter.dtype, len(window)) if average else ("", "")
        x = "{0!a}.float()" if wide and x == "{0}" else f"{x}{wide}"
        arguments = f"{one_or_all(window)}{options})"
        module = f"nn.{camel_case(function)}{len(window)}d({arguments}" if x == "{0}" else ""
        text = f"F.{function}{len(window)}d({x}, {arguments}{back}"
        return function_native(text, layout=CHANNELS_FIRST, module=module)

    return pool


def _holds(block: Block, window: tuple[int, ...]) -> bool:
    """Whether the input is as large as the window without its padding, which F.avg_pool3d asks."""
    (x,) = values_of(window_node(block).operands)
    sizes = zip(x.shape[1:-1], window, strict=True)
    return all(isinstance(size, int) and size >= w for size, w in sizes)


def global_pool(rank: int, method: str) -> Row:
    axes = axes_text(tuple(range(2, rank + 2)))
    return lambda emitter, block, literal: function_native(
        f"{{0!a}}.{method}({axes})", layout=CHANNELS_FIRST
    )


def adaptive_pool(rank: int, kind: str) -> Row:
    def adaptive(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
        sizes = per_axis(block.class_name, "output_size", block.config["output_size"], rank)
        text = f"F.adaptive_{kind}_pool{rank}d({{0}}, {one_or_all(sizes)})"
        module = f"nn.Adaptive{kind.capitalize()}Pool{rank}d({one_or_all(sizes)})"
        return function_native(text, layout=CHANNELS_FIRST, module=module)

    return adaptive


NATIVES: dict[str, Row] = {}
for _rank in (1, 2, 3):
    NATIVES |= {
        f"polydl:MaxPool{_rank}D@1": pool("max_pool"),
        f"polydl:AvgPool{_rank}D@1": pool("avg_pool", average=True),
        f"polydl:GlobalAvgPool{_rank}D@1": global_pool(_rank, "mean"),
        f"polydl:GlobalMaxPool{_rank}D@1": global_pool(_rank, "amax"),
        f"polydl:AdaptiveAvgPool{_rank}D@1": adaptive_pool(_rank, "avg"),
        f"polydl:AdaptiveMaxPool{_rank}D@1": adaptive_pool(_rank, "max"),
    }
