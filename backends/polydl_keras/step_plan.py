"""How TensorFlow runs training steps: with XLA or without, and how many in one execution.

XLA takes a tenth off the step of a dense network, and half off a tiny one; ten steps an execution take
off another third, for Python and TensorFlow dispatch once, and XLA keeps the variables in its hands;
without XLA they take off a fifth of a small convolutional network's.
It compiles anew for each shape, for up to a second, and on a CPU the generator behind Keras' dropout is
slow under it (75 ms for 128x4x4x64 masks, 2 ms without), which made a small CNN's step three to four
times as long. Networks of images go without it there. Loops over time go without it everywhere: it asks
for a bound on the number of turns that keras.ops.scan does not give.
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

    @staticmethod
    def of(program: Program, training: Training, device: str) -> StepPlan:
        if not on_tensorflow():
            return StepPlan(False, 1)
        steps = training.steps_per_execution or min(
            STEPS_PER_EXECUTION,
            max(1, BYTES_PER_EXECUTION // _bytes_per_batch(program, training.batch_size)),
        )
        return StepPlan(suits_xla(program, device), steps)


def _bytes_per_batch(program: Program, batch_size: int) -> int:
    samples = (
        math.prod(OPEN_SIZE if isinstance(n, Size) else n for n in value.shape[1:])
        for value in program.root.inputs
    )
    return max(1, 4 * batch_size * sum(samples))


def suits_xla(program: Program, device: str) -> bool:
    """Whether to compile the step with XLA: few shapes to come, no loops, no images on a CPU."""
    sizes = {str(n) for v in program.root.inputs for n in v.shape if isinstance(n, Size)}
    used = {node.op for block in program.blocks.values() for node in walk(block.nodes)}
    if not used.isdisjoint(("scan", "associative_scan")):
        return False
    windows = not used.isdisjoint(("conv", "window_max", "window_sum"))
    return len(sizes) < 2 and (device != "cpu" or not windows)
