from __future__ import annotations

import copy
from typing import Any

from polydl import ops
from polydl.errors import DefinitionError, ShapeError
from polydl.layers.recurrent import Recurrent
from polydl.spec.host import Host
from polydl.spec.module import Module
from polydl.spec.tensor import Tensor

Layer = Recurrent | Host


class Bidirectional(Module):
    """A recurrent layer from both ends, features side by side: (..., 2 units). Schuster & Paliwal 1997.

    backward_layer: for the other direction, one like `forward_layer` by default. Either may be wrapped
    in WeightNorm or SpectralNorm. lengths as there. With return_state, gives
    (outputs, (forward state, backward state)); state is such a pair.
    """

    def __init__(self, forward_layer: Layer, backward_layer: Layer | None = None):
        ahead = _recurrent(forward_layer)
        if backward_layer is None:
            backward_layer = copy.copy(forward_layer)
            if isinstance(backward_layer, Host):
                backward_layer.inner = copy.copy(ahead)
            _recurrent(backward_layer).reverse = True
        back = _recurrent(backward_layer)
        if ahead.reverse or not back.reverse:
            raise DefinitionError(
                "Bidirectional: forward_layer has reverse=False, backward_layer reverse=True"
            )
        for option in ("return_sequences", "return_state"):
            first, second = getattr(ahead, option), getattr(back, option)
            if first != second:
                raise DefinitionError(
                    f"Bidirectional: both layers have the same {option}, got {first} and {second}"
                )
        self.forward_layer = forward_layer
        self.backward_layer = backward_layer

    def __call__(self, x: Tensor, state: Any = None, lengths: Tensor | None = None) -> Any:
        if state is not None and (not isinstance(state, tuple) or len(state) != 2):
            raise ShapeError(
                "Bidirectional: state is a pair (forward state, backward state), got "
                f"{type(state).__name__}"
            )
        ahead, back = (None, None) if state is None else state
        ahead = self.forward_layer(x, ahead, lengths)
        back = self.backward_layer(x, back, lengths)
        if not _recurrent(self.forward_layer).return_state:
            return ops.concatenate([ahead, back], -1)
        return ops.concatenate([ahead[0], back[0]], -1), (ahead[1], back[1])


def _recurrent(layer: Layer) -> Recurrent:
    """The recurrent layer itself, of one that may be wrapped."""
    found = layer.inner if isinstance(layer, Host) else layer
    if not isinstance(found, Recurrent):
        raise DefinitionError(
            f"Bidirectional takes a recurrent layer such as dl.LSTM(64), got {found!r}"
        )
    return found
