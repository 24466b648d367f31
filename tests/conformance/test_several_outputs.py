"""A loss for each of several outputs: as one loss of one output that says it all, and as NumPy."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

import numpy as np
import pytest

import polydl as dl
from polydl import ops
from polydl.backend import installed_backends
from polydl.conformance.tolerances import TOLERANCES

BACKENDS = [b.name for b in installed_backends() if not b.missing and not b.problem]
RNG = np.random.default_rng(0)
X = RNG.normal(size=(22, 5))
LABELS, BOXES = RNG.integers(0, 3, 22).astype(np.int32), RNG.normal(size=(22, 4))
WEIGHTS = RNG.uniform(0.5, 2.0, 22)
INPUT = dl.Input((None, 5))


class Heads(dl.Module):
    """Three outputs, of which the last has no loss. form: how they come."""

    def __init__(self, form: str) -> None:
        self.trunk = dl.Dense(6, activation="tanh")
        self.digit, self.box = dl.Dense(3), dl.Dense(4)
        self.form = form

    def __call__(self, x):
        h = self.trunk(x)
        digit, box = self.digit(h), self.box(h)
        if self.form == "one":
            return ops.concatenate([digit, box], -1)
        if self.form == "tuple":
            return digit, h, box
        return {"digit": digit, "box": box, "features": h}


@dataclass(eq=False)
class Together(dl.Loss):
    """Cross-entropy of three outputs and half the mean squared error of four, in one."""

    target_dtype = "float"
    weighted: bool = False

    def target_shape(self, output_shape):
        return (*output_shape[:1], 6)

    def __call__(self, outputs, targets):
        """targets: the label, four numbers of a box, the weight."""
        logits, box = outputs[:, :3], outputs[:, 3:]
        shares = ops.exp(logits) / ops.sum(ops.exp(logits), -1, keepdims=True)
        true = (targets[:, :1] == ops.astype(ops.arange(3), "float")).astype("float")
        digit = -ops.log(ops.sum(true * shares, -1))
        square = ops.mean((box - targets[:, 1:5]) ** 2, -1)
        each = digit + 0.5 * square
        return ops.mean(targets[:, 5] * each if self.weighted else each)


def together() -> np.ndarray:
    return np.concatenate([LABELS[:, None].astype(float), BOXES, WEIGHTS[:, None]], 1)


LOSSES = {
    "dict": {"box": dl.MSE(), "digit": dl.CrossEntropy()},
    "tuple": (dl.CrossEntropy(), None, dl.MSE()),
}
FACTORS = {"dict": {"box": 0.5}, "tuple": (None, None, 0.5)}
METRICS = {"dict": {"digit": ["accuracy", "f1"], "box": ["mse"]}, "tuple": (["accuracy"], None, [])}
TARGETS = {"dict": {"digit": LABELS, "box": BOXES}, "tuple": (LABELS, None, BOXES)}

SETTINGS = {
    "plain": {},
    "accumulated": {"accumulate": 3},
    "averaged": {"average": dl.EMA(0.9), "penalties": [dl.L2(1e-2)], "clip_norm": 0.5},
}


def training(loss, **options) -> dl.Training:
    defaults = {"optimizer": dl.Adam(1e-2), "batch_size": 8, "epochs": 2, "seed": 3}
    return dl.Training(loss=loss, **{**defaults, **options})


def net(form: str, backend: str, **options) -> dl.Net:
    return dl.compile(Heads(form), INPUT, backend=backend, dtype="float64", seed=1, **options)


def close(found, expected) -> None:
    allowed = TOLERANCES["losses", "float64"]
    np.testing.assert_allclose(found, expected, rtol=allowed, atol=allowed)


@pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])
@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("form", ["dict", "tuple"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_like_one_loss_that_says_it_all(backend, form, setting, weighted):
    options = SETTINGS[setting]
    weights = (WEIGHTS,) if weighted else ()
    several, one = net(form, backend), net("one", backend)
    settings = training(LOSSES[form], loss_weights=FACTORS[form], metrics=METRICS[form], **options)
    data = (X, TARGETS[form], *weights)
    found = several.fit(settings, data, validation=data, progress=False)
    data = (X, together())
    expected = one.fit(
        training(Together(weighted), **options), data, validation=data, progress=False
    )
    close(found.steps, expected.steps)
    close(found.epochs[-1]["val_loss"], expected.epochs[-1]["val_loss"])
    for path, value in one.weights.items():
        close(several.weights[path], value)
    scores = found.epochs[-1]
    prefix = ("digit_", "box_") if form == "dict" else ("output0_", "output2_")
    if "penalties" not in options:
        whole = scores[f"{prefix[0]}loss"] + 0.5 * scores[f"{prefix[1]}loss"]
        close(scores["loss"], whole)


@pytest.mark.parametrize("backend", BACKENDS)
def test_scores_are_those_of_numpy(backend):
    model = net("dict", backend)
    settings = training(LOSSES["dict"], loss_weights={"box": 0.5, "digit": 2.0},
                        metrics=METRICS["dict"])  # fmt: skip
    scores = model.evaluate(settings, (X, TARGETS["dict"]))
    outputs = model.predict(X)
    logits, box = outputs["digit"], outputs["box"]
    logged = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    digit = -logged[np.arange(22), LABELS].mean()
    close(scores["digit_loss"], digit)
    close(scores["box_loss"], ((box - BOXES) ** 2).mean())
    close(scores["box_mse"], ((box - BOXES) ** 2).mean())
    close(scores["loss"], 2.0 * digit + 0.5 * ((box - BOXES) ** 2).mean())
    close(scores["digit_accuracy"], (logits.argmax(-1) == LABELS).mean())
    names = ["loss", "box_loss", "digit_loss", "box_mse", "digit_accuracy", "digit_f1"]
    assert sorted(scores) == sorted(names)


@pytest.mark.parametrize("backend", BACKENDS)
def test_weights_of_one_output(backend):
    """Labels that are missing: samples count for the other output only."""
    known = np.arange(22) % 2 == 0
    settings = training(LOSSES["dict"], metrics={}, optimizer=dl.SGD(0.0))
    model = net("dict", backend)
    data = (X, TARGETS["dict"], {"digit": known.astype(float)})
    scores = model.evaluate(settings, data)
    plain = model.evaluate(settings, data[:2])
    outputs = model.predict(X)["digit"]
    logged = outputs - np.log(np.exp(outputs).sum(-1, keepdims=True))
    close(scores["digit_loss"], -(logged[np.arange(22), LABELS] * known).mean())
    close(scores["box_loss"], plain["box_loss"])


@pytest.mark.parametrize("backend", BACKENDS)
def test_batches_and_mixed_precision(backend):
    batches = [(X[i : i + 8], {"box": BOXES[i : i + 8], "digit": LABELS[i : i + 8]})
               for i in range(0, 16, 8)]  # fmt: skip
    model = dl.compile(Heads("dict"), INPUT, backend=backend, seed=1)
    settings = training(LOSSES["dict"], precision="bfloat16", metrics=METRICS["dict"])
    low = model.fit(settings, batches, progress=False).steps
    model = dl.compile(Heads("dict"), INPUT, backend=backend, seed=1)
    full = model.fit(replace(settings, precision=None), batches, progress=False).steps
    assert not np.array_equal(low, full)
    np.testing.assert_allclose(low, full, rtol=TOLERANCES["mixed losses", "bfloat16"])


def test_settings_as_json():
    for form in ("dict", "tuple"):
        settings = training(LOSSES[form], loss_weights=FACTORS[form], metrics=METRICS[form])
        again = dl.Training.from_json(settings.to_json())
        assert json.loads(again.to_json()) == json.loads(settings.to_json())
        assert again.score_names == settings.score_names
        assert again.given == settings.given
