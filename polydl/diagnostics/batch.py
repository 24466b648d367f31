"""The first batch that a fit would take, and a copy of a net to try things on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from polydl.compile import build
from polydl.errors import BackendError, DefinitionError
from polydl.net import Net
from polydl.program.structure import unflatten
from polydl.training.arrays import Data, training_arrays, weighted
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
    """It, without its callbacks, which are for runs that count."""
    if not isinstance(training, Training):
        raise DefinitionError(
            f"dl.{function}: expected a dl.Training, got {type(training).__name__}"
        )
    return replace(training, callbacks=())


def first_batch(net: Net, training: Training, data: Any) -> tuple[Training, Data]:
    """The Training of the data, and the samples of a fit's first step, in the net's dtype."""
    training = weighted(training, data)
    inputs, given = training_arrays(net.program, training, net.options.dtype, data, "data")
    order = np.arange(len(inputs[0]))
    if training.shuffle:  # as the emitted loop does
        order = np.random.Generator(np.random.Philox(key=[training.seed, 0])).permutation(order)
    batch = order[: training.batch_size]
    return training, ([x[batch] for x in inputs], tuple(x[batch] for x in given))


def as_data(
    net: Net, training: Training, inputs: Sequence[np.ndarray], given: Sequence[np.ndarray]
) -> tuple[Any, ...]:
    """A batch as `fit` takes it. given: the arrays of `training.given`."""
    named = dict(zip(training.given, given, strict=True))
    weights = (named["weights"],) if "weights" in named else ()
    return (unflatten(net.program.inputs, inputs), named.get("targets"), *weights)


def copy_of(net: Net) -> Net:
    """The same model with the same weights, and an optimizer that has done nothing yet."""
    options = replace(net.options, layout="channels_last")
    copy = build(net.program, options, net.backend, seed=None)
    copy.load_weights(net.weights)
    return copy
