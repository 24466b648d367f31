"""Floating types: which there are, what carries them through NumPy, and how they round.

NumPy has no bfloat16. Arrays of the two half-size types cross between polydl and a backend as
float32, which holds each of their numbers exactly; the native object holds the type itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np

from polydl.errors import DefinitionError, nearest

Array = np.ndarray[Any, Any]
K = TypeVar("K")

DTYPES = ("float64", "float32", "bfloat16", "float16")
LOW = ("bfloat16", "float16")  # compiled for inference
TRAINED = tuple(dtype for dtype in DTYPES if dtype not in LOW)
EPSILON = {"float64": 2.0**-52, "float32": 2.0**-23, "bfloat16": 2.0**-7, "float16": 2.0**-10}


def check_dtype(dtype: object, training: bool = False) -> None:
    """Raise DefinitionError for what is no floating type, or none that a model is trained in."""
    if training and dtype in LOW:
        raise DefinitionError(
            f"a model in {dtype} is for inference. Train it in {' or '.join(TRAINED)}; its weights "
            f"can be loaded into one in {dtype} then. To compute in {dtype} while it learns, give a "
            f'net in float32 Training(precision="{dtype}")'
        )
    if dtype not in DTYPES:
        raise DefinitionError(f"unknown dtype {dtype!r}. {nearest(str(dtype), list(DTYPES))}")


def check_mixed(precision: object, dtype: str = "float32") -> None:
    """Raise DefinitionError for what mixed precision cannot compute in, or not in a net of `dtype`."""
    if precision not in LOW:
        own = ", or None for the net's own type" if precision in DTYPES else ""
        raise DefinitionError(
            f"Training: precision must be {' or '.join(map(repr, LOW))}{own}, got {precision!r}. "
            f"{nearest(str(precision), list(LOW))}"
        )
    if dtype != "float32":
        raise DefinitionError(
            f"precision={precision!r} keeps parameters in float32 and computes in {precision}; this "
            f'net is in {dtype}. Compile it with dtype="float32", or leave precision out'
        )


def is_low(dtype: str) -> bool:
    """Whether a type is of half the size of float32."""
    return dtype in LOW


def smallest(dtype: str) -> float:
    """The smallest number that still has all of its digits."""
    return 2.0**-14 if dtype == "float16" else float(np.finfo(carrier(dtype)).tiny)


def carrier(dtype: str) -> str:
    """NumPy's type of the arrays that carry a floating type."""
    return "float32" if is_low(dtype) else dtype


def rounded(array: Array, dtype: str) -> Array:
    """Floats rounded to the nearest number of `dtype` (to even), in its carrier."""
    with np.errstate(over="ignore"):  # what is too large is infinite
        carried = array.astype(carrier(dtype), copy=False)
        if dtype == "float16":
            return carried.astype(np.float16).astype(np.float32)
    return _to_bfloat16(carried) if dtype == "bfloat16" else carried


def _to_bfloat16(array: Array) -> Array:
    """The upper 16 bits of a float32, with the lower ones rounded into them."""
    bits = np.ascontiguousarray(array).view(np.uint32).reshape(array.shape)
    up = (bits >> 16 & 1) + np.uint32(0x7FFF)
    nearest = ((bits + up) & np.uint32(0xFFFF0000)).view(np.float32)
    return np.where(np.isnan(array), array, nearest)


def floats_rounded(arrays: Mapping[K, Array], dtype: str) -> dict[K, Array]:
    """Those of the arrays that are floats, rounded; the others as they are."""
    return {k: rounded(v, dtype) if v.dtype.kind == "f" else v for k, v in arrays.items()}
