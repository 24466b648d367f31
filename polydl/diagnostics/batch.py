"""The first batch that a fit would take, and a copy of a net to try things on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from polydl.compile import build
from polydl.errors import BackendError, DefinitionError
from polydl.net import Net
from polydl.program.structure import unflatten
from polydl.sources.opening import Opener, array_batches
from polydl.training.arrays import Data
from polydl.training.head_data import nested
from polydl.training.settings import Training


def check_net(net: object, function: str) -> Net:
    """A net that can be trained."""
    if not isinstance(net, Net):
        raise DefinitionError(
            f"dl.{function}: expected a net that dl.compile gave, got {type(net).__name__}"
        )
    if not net._backend.trains:
        raise BackendError(
            f"dl.{function}: the {net.backend} backend only calls models; compile for another one"
        )
    return net


def check_training(training: object, function: str) -> Training:
    """It, without callbacks and checkpoints, which are for runs that count."""
    if not isinstance(training, Training):
        raise DefinitionError(
            f"dl.{function}: expected a dl.Training, got {type(training).__name__}"
        )
    return replace(training, callbacks=(), checkpoint=None)


def first_batch(net: Net, training: Training, data: Any) -> tuple[Training, Data]:
    """The Training of the data, and the samples of a fit's first step, in the net's dtype."""
    training, batches = batches_of(net, training, data)
    return training, next(batches(0))


def batches_of(
    net: Net, training: Training, data: Any
) -> tuple[Training, Callable[[int], Iterator[Data]]]:
    """The Training of the data, and the batches of an epoch (from 0), without augmentation.

    Labels that it mixes are one-hot all the same.
    """
    opened = Opener(net.program, net.options.dtype).open(training, data)
    count = len(net.program.root.inputs)
    if opened.training.data == "batches":
        (made,) = opened.data
    else:
        inputs, *given = opened.data
        made = array_batches(opened.training, (*inputs, *given))

    def batches(epoch: int) -> Iterator[Data]:
        for arrays in made(epoch):
            yield list(arrays[:count]), tuple(arrays[count:])

    return replace(opened.training, data="arrays", augment=()), batches


def as_data(
    net: Net, training: Training, inputs: Sequence[np.ndarray], given: Sequence[np.ndarray]
) -> tuple[Any, ...]:
    """A batch as `fit` takes it. given: the arrays of `training.given`."""
    return (unflatten(net.program.inputs, inputs), *nested(training.heads, given))


def copy_of(net: Net) -> Net:
    """The same model with the same weights, and an optimizer that has done nothing yet."""
    options = replace(net.options, layout="channels_last")
    copy = build(net.program, options, net.backend, seed=None)
    copy.load_weights(net.weights)
    return copy
