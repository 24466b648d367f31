"""The whole thing in a minute: one small CNN, defined once, the same on every backend.

Run this first: `pytest tests/test_tiny.py`.
"""

from __future__ import annotations

import numpy as np
import pytest

import polydl as dl
from polydl.backend import installed_backends
from polydl.program.verify import verify

IMAGES = dl.Input((None, 6, 6, 1))
RNG = np.random.default_rng(0)
x = RNG.normal(size=(20, 6, 6, 1))
y = (x.mean((1, 2, 3)) > 0).astype(np.int32)


class Tiny(dl.Module):
    """A convolution, state, both modes, a residual, a list, and a definition without a native."""

    def __init__(self):
        self.conv = dl.Conv2D(4, 3, padding="same")
        self.norm = dl.BatchNorm()
        self.blocks = [dl.Sequential(dl.RMSNorm(), dl.Dense(4), dl.gelu) for _ in range(2)]
        self.drop = dl.Dropout(0.25)
        self.head = dl.Dense(2)

    def __call__(self, image):
        h = dl.relu(self.norm(self.conv(image)))
        h = dl.ops.mean(h, (1, 2))
        for block in self.blocks:
            h = h + block(h)
        return self.head(self.drop(h))


def training(**options) -> dl.Training:
    return dl.Training(dl.CrossEntropy(), dl.Adam(1e-2), batch_size=8, epochs=2,
                       metrics=[dl.Accuracy()], randomness="portable", **options)  # fmt: skip


def compiled(backend: str, **options) -> dl.Net:
    found = {b.name: b for b in installed_backends()}
    if backend not in found:
        pytest.skip(f"the {backend} backend is not there")
    if found[backend].missing or found[backend].problem:
        pytest.skip(f"{backend} lacks {found[backend].missing or found[backend].problem}")
    return dl.compile(Tiny(), IMAGES, backend=backend, dtype="float64", **options)


def reference() -> dl.Net:
    return dl.compile(Tiny(), IMAGES, backend="reference", dtype="float64")


def test_a_definition_becomes_a_program():
    program = dl.trace(Tiny(), IMAGES)
    verify(program)
    assert dl.Program.from_json(program.to_json()) == program
    assert [path for path, e in program.entries.items() if e.role == "state"] == [
        "norm.mean", "norm.variance",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["torch", "keras", "flax"])
def test_one_definition_on_every_backend(name, tmp_path):
    net, oracle = compiled(name), reference()
    for path, value in oracle.weights.items():
        np.testing.assert_array_equal(net.weights[path], value)
    np.testing.assert_allclose(net(x), oracle(x), rtol=1e-10, atol=1e-12)
    history = net.fit(training(), (x, y), validation=(x, y))
    assert len(history.steps) == 6
    assert history.epochs[-1]["loss"] < history.epochs[0]["loss"]
    oracle.load_weights(net.weights)
    np.testing.assert_allclose(net.predict(x, 8), oracle(x), rtol=1e-10, atol=1e-12)
    net.save(tmp_path / "tiny.safetensors")
    loaded = dl.load(tmp_path / "tiny.safetensors", backend="reference", dtype="float64")
    np.testing.assert_array_equal(loaded(x), oracle(x))


def test_the_same_losses_everywhere():
    names = [b.name for b in installed_backends() if not (b.missing or b.problem)]
    if len(names) < 2:
        pytest.skip("one backend alone agrees with itself")
    losses = {name: compiled(name).fit(training(), (x, y)).steps for name in names}
    first = losses[names[0]]
    for name, steps in losses.items():
        np.testing.assert_allclose(steps, first, rtol=1e-10, err_msg=name)
