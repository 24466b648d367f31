"""A model that decodes step by step gives what it gives for all at once."""

from __future__ import annotations

import numpy as np
import pytest

import polydl as dl
from polydl.errors import DefinitionError

TIME = 6


class Decoder(dl.Module):
    """One that takes all at once or, with a position, what stands there."""

    def __init__(self):
        self.block = dl.TransformerBlock(
            8, 4, causal=True, key_value_heads=2, rotary="half", cache_length=TIME
        )

    def __call__(self, x, position=None):
        return self.block(x, position=position)


def test_steps_give_what_one_call_gives(backend):
    x = np.random.default_rng(0).standard_normal((2, TIME, 8))
    full = dl.compile(Decoder(), {"x": dl.Input((2, TIME, 8))}, backend=backend, dtype="float64")
    inputs = {"x": dl.Input((2, 1, 8)), "position": dl.Input((), "int")}
    net = dl.compile(Decoder(), inputs, backend=backend, dtype="float64")
    net.load_weights({**net.weights, **full.weights})

    def step(i, **named):
        return net({"x": x[:, i : i + 1], "position": np.array(i, np.int32)}, **named)[:, 0]

    expected = full({"x": x})
    for _ in range(2):
        steps = [step(i, keep_state=True) for i in range(TIME)]
        np.testing.assert_allclose(np.stack(steps, 1), expected, atol=1e-12)
        kept = net.weights["block.attention.key_cache"]
        np.testing.assert_allclose(step(TIME - 1), steps[-1], atol=1e-12)
        assert np.abs(kept).min() > 0
        np.testing.assert_array_equal(net.weights["block.attention.key_cache"], kept)
        net.reset_state()
        assert not net.weights["block.attention.key_cache"].any()
    with pytest.raises(DefinitionError, match="keep_state must be True or False"):
        step(0, keep_state=1)
