"""Pools."""

from __future__ import annotations

from typing import Any

from polydl.emission.code import one_or_all
from polydl.emission.emitter import Emitter
from polydl.emission.native import Native, window_attributes
from polydl.layers.geometry import per_axis
from polydl.program.types import Block
from polydl_keras.natives.common import Literal, Row, layer_row, padded_call, placed_padding

_NO_FLOAT64 = "TensorFlow has no float64 for windows over three axes"

# A look for NaN before it takes 3% of the training step of a small CNN, and 6% of its forward pass
_NAN = "of a window with NaN it gives the largest number, where all others give NaN"

REASONS = {
    **{
        f"polydl:{name}@1": _NAN
        for name in "MaxPool1D MaxPool2D GlobalMaxPool1D GlobalMaxPool2D GlobalMaxPool3D".split()
    },
    "polydl:MaxPool3D@1": f"{_NO_FLOAT64}, and each of several equals has the whole derivative",
    "polydl:AvgPool3D@1": _NO_FLOAT64,
    "polydl:AdaptiveAvgPool3D@1": _NO_FLOAT64,
    **{
        f"polydl:AdaptiveMaxPool{rank}D@1": "of equals it takes the first column by column, and for "
        "one bin its derivative is not set; for even bins, layers.MaxPooling stands in, NaN apart"
        for rank in (1, 2, 3)
    },
}


def pool(layer: str, average: bool = False) -> Row:
    """Keras leaves padding out of averages; zeros put there before do count."""

    def pool(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
        a = window_attributes(block)
        window, strides = a["window"], a["strides"]
        padding, before = placed_padding(block, window, strides)
        padded = any(side for sides in a["padding"] for side in sides)
        if average and padded and block.config["count_padding"]:
            padding, before = "valid", True
        elif average and before:
            return None
        text = f"layers.{layer}({one_or_all(window)}"
        if strides != window:
            text += f", strides={one_or_all(strides)}"
        if padding != "valid":
            text += f', padding="{padding}"'
        fill = 0.0 if average else float("-inf")
        options: dict[str, Any] = {"call": padded_call(a["padding"], fill)} if before else {}
        return Native(f"{text})", **options)

    return pool


def adaptive_max_pool(rank: int) -> Row:
    """Even bins are windows side by side."""

    def adaptive(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
        counts = per_axis(block.class_name, "output_size", block.config["output_size"], rank)
        sizes = [int(size) for size in block.inputs[0].shape[1:-1]]
        if any(size % count for size, count in zip(sizes, counts, strict=True)):
            return None
        window = tuple(size // count for size, count in zip(sizes, counts, strict=True))
        return Native(f"layers.MaxPooling{rank}D({one_or_all(window)})")

    return adaptive


def adaptive_avg_pool(rank: int) -> Row:
    """Keras tries windows of one more than a bin, which must fit the axis."""

    def adaptive(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
        counts = per_axis(block.class_name, "output_size", block.config["output_size"], rank)
        if max(counts) == 1:
            return Native(f"layers.GlobalAveragePooling{rank}D(keepdims=True)")
        sizes = [int(size) for size in block.inputs[0].shape[1:-1]]
        fits = all(-(-n // count) < n for n, count in zip(sizes, counts, strict=True))
        if rank == 3 or not fits:
            return None
        return Native(f"layers.AdaptiveAveragePooling{rank}D({one_or_all(counts)})")

    return adaptive


NATIVES: dict[str, Row] = {
    "polydl:MaxPool1D@1": pool("MaxPooling1D"),
    "polydl:MaxPool2D@1": pool("MaxPooling2D"),
    "polydl:AdaptiveMaxPool1D@1": adaptive_max_pool(1),
    "polydl:AdaptiveMaxPool2D@1": adaptive_max_pool(2),
    "polydl:AvgPool1D@1": pool("AveragePooling1D", average=True),
    "polydl:AvgPool2D@1": pool("AveragePooling2D", average=True),
}
for _rank in (1, 2, 3):
    NATIVES |= {
        f"polydl:GlobalAvgPool{_rank}D@1": layer_row(f"layers.GlobalAveragePooling{_rank}D()"),
        f"polydl:GlobalMaxPool{_rank}D@1": layer_row(f"layers.GlobalMaxPooling{_rank}D()"),
        f"polydl:AdaptiveAvgPool{_rank}D@1": adaptive_avg_pool(_rank),
    }
