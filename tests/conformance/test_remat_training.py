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
    def __init__(self, norm: dl.Module) -> None:
        self.norm, self.up, self.down = norm, dl.Dense(8), dl.Dense(4)
        self.dropout = dl.Dropout(0.2)

    def __call__(self, x: dl.Tensor) -> dl.Tensor:
        return x + self.dropout(self.down(dl.gelu(self.up(self.norm(x)))))


class Model(dl.Module):
    def __init__(self, remat: bool, norm: type[dl.Module] = dl.LayerNorm) -> None:
        self.remat, self.first, self.out = remat, dl.Dense(4), dl.Dense(2)
        self.blocks = [Block(norm()) for _ in range(2)]

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


def test_batch_norm_within_is_refused() -> None:
    with pytest.raises(DefinitionError, match=r"dl.remat cannot update state .*norm\.mean"):
        dl.compile(Model(True, dl.BatchNorm), dl.Input((None, 3)), backend="torch")
