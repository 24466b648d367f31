"""Outputs for any number of samples."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from polydl.backend import NativeModel
from polydl.data import in_layout, input_arrays
from polydl.errors import DataError
from polydl.program.sizes import Size
from polydl.program.structure import unflatten
from polydl.program.types import Program, Value


def predict(
    program: Program,
    model: NativeModel,
    inputs: Any,
    batch_size: int,
    carrier: str,
    precision: AbstractContextManager[None],
) -> Any:
    """Batch by batch. carrier: NumPy's type of floats; precision: the context to compute in."""
    if not isinstance(batch_size, int) or batch_size < 1:
        raise DataError(f"batch_size must be a positive integer, got {batch_size!r}")
    arrays = in_layout(input_arrays(program, inputs, carrier), model.emitted.channels_first)
    count = len(arrays[0]) if arrays and arrays[0].ndim else 0
    if count == 0:
        raise DataError("predict: there are no samples")
    parts = []
    with precision:
        for start in range(0, count, batch_size):
            batch = [np.ascontiguousarray(x[start : start + batch_size]) for x in arrays]
            parts.append(model.call(batch, training=False))
    for i, output in enumerate(program.root.outputs):
        sizes = output.shape if isinstance(output, Value) else ()
        if len(parts) > 1 and not (sizes and isinstance(sizes[0], Size)):
            raise DataError(
                f"predict: output {i}, of shape {tuple(sizes)}, is of a whole batch. "
                f"Call the net, or give a batch_size of {count} or more"
            )
    joined = [np.concatenate(outputs) if len(outputs) > 1 else outputs[0]
              for outputs in zip(*parts, strict=True)]  # fmt: skip
    return unflatten(program.outputs, joined)
