"""Rules that look at whole parameters, where a framework's layer keeps them otherwise.

Keras' GRU has both biases in one variable, and the gates of its kernels in another order; torch's
kernels are transposed.
"""

from __future__ import annotations

import numpy as np
import pytest

import polydl as dl

RNG = np.random.default_rng(1)
x, y = RNG.normal(size=(12, 5, 3)), RNG.normal(size=(12, 2))
RULES = [
    dl.LAMB(dl.StepDecay(0.02, 3), weight_decay=0.1),
    dl.Adafactor(0.05),
    dl.Muon(0.02, nesterov=False),
]


class Model(dl.Module):
    def __init__(self) -> None:
        self.gru = dl.GRU(4)
        self.head = dl.Dense(2)

    def __call__(self, x):
        return self.head(self.gru(x)[:, -1])


def trained(backend: str, rule: dl.Optimizer, natives: bool):
    net = dl.compile(
        Model(), dl.Input((None, 5, 3)), backend=backend, dtype="float64", natives=natives, seed=3
    )
    net.fit(dl.Training(dl.MSE(), rule, batch_size=4, epochs=3), (x, y))
    fitting = net._fitting
    prepared = fitting.prepared
    with fitting.backend.precision(fitting.options):
        state = prepared.state.optimizer()
    return net.weights, state


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: type(rule).__name__)
def test_natives_and_definitions_move_alike(backend: str, rule: dl.Optimizer) -> None:
    weights, state = trained(backend, rule, True)
    expected, carried = trained(backend, rule, False)
    for path, value in expected.items():
        np.testing.assert_allclose(weights[path], value, rtol=0, atol=1e-10, err_msg=path)
        for slot, array in carried[path].items():
            assert state[path][slot].shape == array.shape
            np.testing.assert_allclose(state[path][slot], array, rtol=1e-8, atol=1e-10)
