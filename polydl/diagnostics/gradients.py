"""A loss and its gradients, by the framework itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from polydl.backend import Options, get_backend
from polydl.diagnostics.non_finite import NonFinite, first_non_finite
from polydl.diagnostics.objective import Array, Objective
from polydl.penalties.penalty import Penalty
from polydl.spec.input import Input
from polydl.spec.module import Module
from polydl.spec.tensor import Tensor
from polydl.spec.tracing import trace


def loss_and_gradients(
    whole: Objective,
    backend: str,
    options: Options,
    weights: Mapping[str, Array],
    arrays: Sequence[Array],
    training: bool = True,
) -> tuple[float, dict[str, Array]]:
    """The loss, penalties included, and its gradients by the model's paths."""
    model, one = whole.build(backend, options, weights), np.ones((), options.dtype)
    with get_backend(backend).precision(options):
        slopes, _ = model.training_gradients(list(arrays), [one], training)
        loss = float(model.call(list(arrays), training)[0])
    gradients = {whole.path(path): slope for path, slope in slopes.items()}
    for penalty, paths in whole.penalties:
        native = _alone(penalty).build(backend, options, {})
        with get_backend(backend).precision(options):
            for path in paths:
                flat = [weights[path].reshape(-1)]
                loss += penalty.rate * float(native.call(flat, False)[0])
                _, (slope,) = native.training_gradients(flat, [one], False)
                assert slope is not None  # parameters are floats
                more = penalty.rate * slope.reshape(weights[path].shape)
                gradients[path] = gradients[path] + more
    return loss, gradients


def first_bad_penalty(
    whole: Objective, weights: Mapping[str, Array], dtype: str
) -> NonFinite | None:
    """Where a penalty ceases to be finite, on the oracle."""
    for penalty, paths in whole.penalties:
        for path in paths:
            found = first_non_finite(_alone(penalty), {}, [weights[path].reshape(-1)], dtype)
            if found is not None:
                place = replace(found.place, path=path, part=type(penalty).__name__)
                return replace(found, place=place)
    return None


class _Total(Module):
    """A penalty, before its rate, as a model."""

    def __init__(self, penalty: Penalty):
        self.penalty = penalty

    def __call__(self, parameter: Tensor) -> Tensor:
        return self.penalty.total(parameter)


def _alone(penalty: Penalty) -> Objective:
    return Objective(trace(_Total(penalty), Input((None,))), "", "", False)
