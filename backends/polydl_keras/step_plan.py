"""How TensorFlow runs training steps: with XLA or without, and how many in one execution.

XLA takes a tenth off the step of a dense network, and half off a tiny one; ten steps an execution take
off another third, for Python and TensorFlow dispatch once, and XLA keeps the variables in its hands;
without XLA they take off a fifth of a small convolutional network's.
It compiles anew for each shape, for up to a second, and on a CPU the generator behind Keras' dropout is
slow under it (75 ms for 128x4x4x64 masks, 2 ms without), which made a small CNN's step three to four
times as long. Networks of images go without it there. It asks for a bound on the number of a loop's
turns that keras.ops.scan does not give; keras.layers.LSTM does, where the number of steps is known, and
its step takes a sixth less under XLA.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from polydl.program.sizes import Size
from polydl.program.types import Program, walk
from polydl.training.settings import Training
from polydl_keras.engine import on_tensorflow

STEPS_PER_EXECUTION = 10
BYTES_PER_EXECUTION = 64 * 2**20  # of samples, at most, unless the user says otherwise
OPEN_SIZE = 64  # what an open size is taken for


@dataclass(frozen=True)
class StepPlan:
    """xla: compile the step with it. steps: how many an execution takes at most."""

    xla: bool
    steps: int

    @property
    def several(self) -> bool:
        return self.steps > 1


def steps_per_execution(program: Program, training: Training) -> int:
    if not on_tensorflow() or training.accumulate > 1:
        return 1
    fitting = BYTES_PER_EXECUTION // _bytes_per_batch(program, training.batch_size)
    return training.steps_per_execution or min(STEPS_PER_EXECUTION, max(1, fitting))


def _bytes_per_batch(program: Program, batch_size: int) -> int:
    samples = (
        math.prod(OPEN_SIZE if isinstance(n, Size) else n for n in value.shape[1:])
        for value in program.root.inputs
    )
    return max(1, 4 * batch_size * sum(samples))


def suits_xla(program: Program, device: str, loops: bool) -> bool:
    """Whether to compile with XLA: few shapes to come, no images on a CPU, no loops but stock layers'.

    loops: whether the emitted text has loops of its own.
    """
    sizes = {
        (str(n), axis)
        for value in program.root.inputs
        for axis, n in enumerate(value.shape)
        if isinstance(n, Size)
    }
    used = {node.op for block in program.blocks.values() for node in walk(block.nodes)}
    if loops or not on_tensorflow() or len(sizes) > 1 or "associative_scan" in used:
        return False
    on_cpu = device == "cpu"
    if "scan" in used:  # a stock layer's: cuDNN's on a GPU
        return on_cpu and all(axis == 0 for _, axis in sizes)
    return not on_cpu or used.isdisjoint(("conv", "window_max", "window_sum"))
