"""A made-up comparison of three backends, for what is shown of one. Nothing is run."""

from __future__ import annotations

from typing import Any

import numpy as np

from polydl.compare import Check, Comparison, Row, Sources
from polydl.compare.checks import relative_differences

STEPS, EPOCHS = 120, 4
MODEL = 'import frame\n\n\nclass Model(frame.Module):\n    """A <model> & more."""\n'
HOSTILE = "</script><script>alert('x')</script><img src=x onerror=alert(1)>"


def sample(name: str = "Digits", steps: int = STEPS, **changed: Any) -> Comparison:
    rng = np.random.default_rng(0)
    backends = ("torch", "keras", "flax")
    first = 2.3 * np.exp(-np.linspace(0, 4, steps)) * rng.uniform(0.8, 1.2, steps)
    losses = {"torch": first}
    for number, backend in enumerate(backends[1:], 1):
        growing = 1e-7 * number * np.exp(np.linspace(0, 7, steps))
        losses[backend] = first * (1 + growing * rng.normal(size=steps))
    losses["flax"][:3] = first[:3]  # equal: zeros on a logarithmic axis
    differences = {b: relative_differences(losses[b], first) for b in backends[1:]}
    step_times = {
        backend: (5.0 + 3 * i + rng.gamma(2.0, 0.3, 40)).tolist()
        for i, backend in enumerate(backends)
    }
    fields: dict[str, Any] = {
        "name": name,
        "rows": [
            _row(b, i, step_times[b], losses[b], differences.get(b)) for i, b in enumerate(backends)
        ],
        "losses": losses,
        "epochs": {b: [_scores(epoch) for epoch in range(EPOCHS)] for b in backends},
        "differences": differences,
        "step_times": step_times,
        "checks": [
            Check(b, what, "the float64 reference", 2e-7, 3.25 + i, 1000.0)
            for i, b in enumerate(backends)
            for what in ("outputs, inference mode", "loss of the first training step")
        ],
        "sources": {b: Sources(f"# {b}, model\n{MODEL}", f"# {b}, training\n") for b in backends},
        "versions": {b: {b: "1.2.3"} for b in backends},
        "machine": {"Processor": "Difference Engine No. 2", "Memory": "1.0 GiB"},
        "settings": _settings(),
        "program": "DigitsCNN(x: float[batch, 8, 8, 1]) -> float[batch, 10]",
        "date": "2025-11-22 10:00 UTC",
    }
    return Comparison(**{**fields, **changed})


def _scores(epoch: int) -> dict[str, float]:
    accuracy = 0.9 + 0.02 * epoch
    return {"loss": 1.0 / (epoch + 1), "accuracy": accuracy, "val_accuracy": accuracy + 0.0123}


def _row(
    backend: str,
    number: int,
    times: list[float],
    losses: np.ndarray,
    difference: np.ndarray | None,
) -> Row:
    low, middle, high = np.percentile(times, [25, 50, 75]).tolist()
    step = None if difference is None else int(difference.argmax())
    return Row(
        backend=backend,
        scores={"val_accuracy": 0.9722 + 0.001 * number},
        final_loss=float(losses[-1]),
        step_ms=middle,
        step_ms_quartiles=(low, high),
        compile_seconds=1.5 + number,
        fit_seconds=3.25,
        memory=(500 + 100 * number) * 2**20,
        memory_before=300 * 2**20,
        difference=None if difference is None or step is None else float(difference[step]),
        difference_step=None if step is None else step + 1,
    )


def _settings() -> dict[str, Any]:
    return {
        "device": "cpu",
        "dtype": "float32",
        "threads": 2,
        "busy": 0.02,
        "samples": 1437,
        "validation_samples": 360,
        "batch": 64,
        "steps_per_group": {"torch": 7, "keras": 5, "flax": 1},
        "parameters": 21578,
        "training": {
            "loss": {"kind": "polydl:CrossEntropy@1"},
            "loss_weights": None,
            "optimizer": {"kind": "polydl:Adam@1", "learning_rate": 0.001},
            "metrics": [{"kind": "polydl:Accuracy@1", "name": "accuracy"}],
            "batch_size": 64,
            "epochs": EPOCHS,
            "randomness": "portable",
            "shuffle": True,
            "seed": 0,
        },
    }
