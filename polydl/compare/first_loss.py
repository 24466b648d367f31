"""The loss of the first training step, by its definition, in float64."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from polydl.losses.loss import Loss
from polydl.program.passes import portable_randomness
from polydl.program.passes.randomness import takes_step
from polydl.program.types import Program
from polydl.reference import Interpreter, evaluate_block
from polydl.training.arrays import Data
from polydl.training.heads import BoundHead, bound_heads
from polydl.training.loss_blocks import loss_blocks
from polydl.training.penalized import penalized
from polydl.training.rules import frozen, parameter_shapes
from polydl.training.settings import Training

Weights = Mapping[str, np.ndarray]


def first_loss(program: Program, training: Training, weights: Weights, batch: Data) -> float:
    """Of a batch, penalties included, with the masks that portable randomness draws at step 0.

    Parts of a batch draw by their own numbers, and what updates its state does so part by part.
    """
    inputs, given = batch
    heads, count = bound_heads(program, training), len(inputs[0])
    sizes = _part_sizes(training, count)
    outputs = _outputs(program, training, weights, inputs, sizes)
    named = dict(zip(training.given, given, strict=True))
    loss = _penalty(program, training, weights)
    for bound in heads:
        own = [named[name] for name in bound.head.given.values()]
        loss += bound.head.weight * _of_head(bound, [part[bound.index] for part in outputs], own)
    return loss


def _part_sizes(training: Training, count: int) -> list[int]:
    size = training.micro_batch or count
    return [min(size, count - start) for start in range(0, count, size)]


def _outputs(
    program: Program,
    training: Training,
    weights: Weights,
    inputs: Sequence[np.ndarray],
    sizes: Sequence[int],
) -> list[list[np.ndarray]]:
    """The model's outputs for each part."""
    program = portable_randomness(program, training.seed)
    interpreter, found, start = Interpreter(program), [], 0
    for number, size in enumerate(sizes):
        part = [x[start : start + size] for x in inputs]
        step = [np.asarray(number, np.int32)] if takes_step(program) else []
        outputs, state = interpreter.run(weights, [*part, *step], training=True)
        weights, start = {**weights, **state}, start + size
        found.append(outputs)
    return found


def _of_head(bound: BoundHead, outputs: Sequence[np.ndarray], given: Sequence[np.ndarray]) -> float:
    """The loss of one output: of all parts together, or of each, as a loss of one's own counts."""
    blocks = loss_blocks("", bound)
    if type(bound.head.loss).definition is Loss.definition:
        (whole,) = evaluate_block(blocks, [np.concatenate(outputs), *given])
        return float(whole)
    ends = np.cumsum([len(part) for part in outputs])
    total = 0.0
    for part, end in zip(outputs, ends, strict=True):
        own = [x[end - len(part) : end] for x in given]
        (value,) = evaluate_block(blocks, [part, *own])
        total += len(part) / int(ends[-1]) * float(value)
    return total


def _penalty(program: Program, training: Training, weights: Weights) -> float:
    shapes, stays = parameter_shapes(program), frozen(program, training)
    return sum(
        penalty.rate * float(evaluate_block(penalty.trace(), [weights[path].reshape(-1)])[0])
        for penalty in training.penalties
        for path in penalized(penalty, shapes, stays)
    )
