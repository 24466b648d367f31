"""Keras on its other engines trains as PyTorch does: in a process each, for an engine is for good."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

from polydl.backend import installed_backends
from polydl.conformance.tolerances import TOLERANCES

INSTALLED = [b.name for b in installed_backends() if not b.missing and not b.problem]

SCRIPT = textwrap.dedent("""
    import numpy as np
    import polydl as dl

    class Heads(dl.Module):
        def __init__(self):
            self.label, self.point = dl.Dense(3), dl.Dense(2)

        def __call__(self, x):
            return {"label": self.label(x), "point": self.point(x)}

    rng = np.random.default_rng(0)
    x = rng.normal(size=(20, 5)).astype(np.float32)
    point, labels = x[:, :2], rng.integers(0, 3, 20)
    runs = [
        (dl.Dense(2), dl.MSE(), ["r2"], point),
        (Heads(), {"label": dl.CrossEntropy(), "point": dl.MSE()},
         {"label": ["accuracy", "f1"]}, {"label": labels, "point": point}),
    ]
    for model, loss, metrics, targets in runs:
        for weights in ((), (np.linspace(0.5, 1.5, 20, dtype=np.float32),)):
            found = []
            for backend in ("keras", "torch"):
                net = dl.compile(model, dl.Input((None, 5)), backend=backend, seed=0)
                training = dl.Training(loss, dl.Adam(1e-2), 8, 3, metrics)
                data = (x, targets, *weights)
                found.append(net.fit(training, data, data, progress=False))
            ours, expected = found
            np.testing.assert_allclose(ours.steps, expected.steps, rtol=ALLOWED)
            for name, score in expected.epochs[-1].items():
                np.testing.assert_allclose(ours.epochs[-1][name], score, rtol=ALLOWED, atol=ALLOWED)
""")


@pytest.mark.skipif("torch" not in INSTALLED or "keras" not in INSTALLED, reason="needs both")
@pytest.mark.parametrize("engine", ["torch", "jax"])
def test_trains_as_torch_does(engine: str) -> None:
    allowed = TOLERANCES["score", "float32"] * 2.0**-23 * 8  # 9 updates grow what rounding leaves
    done = subprocess.run(
        [sys.executable, "-c", f"ALLOWED = {allowed}\n{SCRIPT}"],
        env={**os.environ, "KERAS_BACKEND": engine},
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
