"""A module of torch follows .double() and .half(), whatever in it is written from a definition."""

from __future__ import annotations

import pytest

import polydl as dl

torch = pytest.importorskip("torch")


class Padded(dl.Module):
    def __init__(self, layer):
        self.layer = layer

    def __call__(self, x, lengths):
        return self.layer(x, lengths=lengths)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
@pytest.mark.parametrize(
    "layer",
    [
        lambda: dl.GRU(4, textbook=True),
        lambda: dl.GRU(4, reset_after=False),
        lambda: dl.LSTM(4),
        lambda: dl.Bidirectional(dl.SimpleRNN(4)),
    ],
)
def test_recurrent_definitions_follow_the_module(layer, dtype):
    inputs = (dl.Input(("b", 5, 3)), dl.Input(("b",), "int"))
    net = dl.compile(Padded(layer()), inputs, backend="torch", natives=False)
    y = net.native.to(dtype)(torch.randn(2, 5, 3, dtype=dtype), torch.tensor([2, 5]))
    assert y.dtype == dtype
