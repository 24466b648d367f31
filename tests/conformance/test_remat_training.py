"""dl.remat by block under the whole training step: it saves memory, and learns the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import polydl as dl
from polydl.conformance.tolerances import bound
from polydl.errors import DefinitionError

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(24, 3)), RNG.normal(size=(24, 2))
TRAINING = dl.Training(
    dl.MSE(), dl.AdamW(1e-2), batch_size=8, epochs=4, randomness="portable", accumulate=2,
    clip_norm=1.0,
)  # fmt: skip


class Block(dl.Module):
    def __init__(self) -> None:
        self.norm, self.up, self.down = dl.LayerNorm(), dl.Dense(8), dl.Dense(4)
        self.dropout = dl.Dropout(0.2)

    def __call__(self, x: dl.Tensor) -> dl.Tensor:
        return x + self.dropout(self.down(dl.gelu(self.up(self.norm(x)))))


class Model(dl.Module):
    def __init__(self, remat: bool) -> None:
        self.remat, self.first, self.out = remat, dl.Dense(4), dl.Dense(2)
        self.blocks = [Block() for _ in range(2)]

    def __call__(self, x: dl.Tensor) -> dl.Tensor:
        x = self.first(x)
        for block in self.blocks:
            x = dl.remat(block, x) if self.remat else block(x)
        return self.out(x)


def test_blocks_that_are_computed_again_learn_the_same(backend: str) -> None:
    nets, losses = [], []
    for remat in (False, True):
        net = dl.compile(Model(remat), dl.Input((None, 3)), backend=backend, dtype="float64")
        losses.append(net.fit(TRAINING, (X, Y)).steps)
        nets.append(net)
    assert "checkpoint(" in nets[1].training_source or "remat(" in nets[1].training_source
    np.testing.assert_allclose(losses[1], losses[0], rtol=bound("losses", "float64"))
    for path, value in nets[1].weights.items():
        np.testing.assert_allclose(value, nets[0].weights[path], atol=1e-12, err_msg=path)


def test_in_mixed_precision_too(backend: str) -> None:
    net = dl.compile(Model(True), dl.Input((None, 3)), backend=backend)
    steps = net.fit(replace(TRAINING, precision="bfloat16"), (X, Y)).steps
    wide = (
        dl.compile(Model(False), dl.Input((None, 3)), backend=backend).fit(TRAINING, (X, Y)).steps
    )
    assert np.abs(steps - wide).max() < bound("mixed losses", "bfloat16") * wide.max()


class Stateful(dl.Module):
    """Two parts with state that are computed again: a layer, and a function."""

    def __init__(self, remat: bool) -> None:
        self.remat = remat
        self.block = dl.Sequential(
            dl.Dense(4), dl.BatchNorm(), dl.SpectralNorm(dl.Dense(4)), dl.Dropout(0.3)
        )
        self.norm, self.out = dl.BatchNorm(), dl.Dense(2)

    def __call__(self, x: dl.Tensor) -> dl.Tensor:
        def scaled(y: dl.Tensor) -> dl.Tensor:
            return dl.tanh(self.norm(y) * 2.0)

        if self.remat:
            return self.out(dl.remat(scaled, dl.remat(self.block, x)))
        return self.out(scaled(self.block(x)))


def test_state_is_updated_once(backend: str) -> None:
    """And what is computed again begins with the state of before, which SpectralNorm reads, and draws
    the same random numbers."""
    plain, again = (
        dl.compile(Stateful(remat), dl.Input((None, 3)), backend=backend, dtype="float64")
        for remat in (False, True)
    )
    training = replace(TRAINING, randomness="native", accumulate=1)
    losses = [net.fit(training, (X, Y)).steps for net in (plain, again)]
    np.testing.assert_allclose(losses[1], losses[0], rtol=bound("losses", "float64"))
    for path, value in plain.state.items():
        np.testing.assert_allclose(again.state[path], value, atol=1e-9, err_msg=path)


def test_state_in_a_loop_is_refused() -> None:
    class Looped(dl.Module):
        def __init__(self) -> None:
            self.norm = dl.BatchNorm()

        def __call__(self, x: dl.Tensor) -> dl.Tensor:
            return dl.map(lambda row: dl.remat(self.norm, row), x, axis=1)

    with pytest.raises(DefinitionError, match=r"dl\.map cannot update state \(norm\.mean\)"):
        dl.compile(Looped(), dl.Input((None, 5, 3)), backend="torch")
