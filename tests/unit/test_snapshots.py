"""The emitted text itself, held in tests/snapshots. UPDATE_SNAPSHOTS=1 writes it anew."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import polydl as dl
from polydl.backend import Options, get_backend, installed_backends
from polydl.conformance.architectures import ARCHITECTURES
from polydl.conformance.gallery import emitted, gallery
from polydl.program.passes import portable_randomness
from tests.sample_models import SNAPSHOT_MODELS, ResBlock

SNAPSHOTS = Path(__file__).parent.parent / "snapshots"
GALLERY = SNAPSHOTS.parent.parent / "docs" / "gallery.md"
BACKENDS = [b.name for b in installed_backends() if not b.missing and not b.problem]
TRAINING = dl.Training(
    loss=dl.CrossEntropy(), optimizer=dl.Adam(1e-3), batch_size=64, epochs=10,
    metrics=[dl.Accuracy()], randomness="portable",
)  # fmt: skip


def hold(name: str, text: str) -> None:
    path = SNAPSHOTS / f"{name}.py.txt"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        path.write_text(text)
    assert path.exists(), f"no snapshot {path.name}; UPDATE_SNAPSHOTS=1 writes it"
    assert text == path.read_text(), f"{path.name} differs from what is emitted now"


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", sorted(SNAPSHOT_MODELS))
def test_model_source(name: str, backend: str) -> None:
    model, inputs = SNAPSHOT_MODELS[name]()
    hold(f"{name}.{backend}", get_backend(backend).emit(dl.trace(model, inputs), Options()).source)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", sorted(ARCHITECTURES))
def test_architecture_source(name: str, backend: str) -> None:
    hold(f"models.{name}.{backend}", emitted(backend, dl.trace(*ARCHITECTURES[name]())))


def test_every_architecture_is_held() -> None:
    held = {type(make()[0]).__name__ for make in ARCHITECTURES.values()}
    assert held == {*dl.models.__all__} - {"ResNet"}, "ResNet is held as ResNet18 and ResNet50"


class Tuned(dl.Module):
    def __init__(self) -> None:
        self.backbone = dl.Sequential(dl.Dense(64), dl.relu, dl.LayerNorm(), dl.Dropout(0.1))
        self.head = dl.Dense(10)

    def __call__(self, x):
        return self.head(self.backbone(x))


@pytest.mark.parametrize("backend", BACKENDS)
def test_training_source_of_a_recipe(backend: str) -> None:
    training = dl.Training(
        loss=dl.CrossEntropy(label_smoothing=0.1),
        optimizer=dl.AdamW(dl.Warmup(dl.CosineDecay(1e-3, steps=5000), 200)),
        batch_size=64, epochs=10, metrics=["accuracy", "f1"], clip_norm=1.0, accumulate=2,
        groups=[dl.ParameterGroup("backbone.*", rate=0.1)], penalties=[dl.L2(1e-5)],
        average=dl.EMA(0.999), callbacks=[dl.EarlyStopping("val_loss", patience=3)],
        checkpoint=dl.Checkpoint("run", best="val_accuracy"),
    )  # fmt: skip
    program = dl.trace(Tuned(), dl.Input((None, 20)))
    text = get_backend(backend).emit_training(program, training, Options()).source
    hold(f"recipe_training.{backend}", text)


class TwoHeads(dl.Module):
    """A label and a box of an image."""

    def __init__(self) -> None:
        self.conv = dl.Conv2D(8, 3, activation="relu")
        self.flatten = dl.Flatten()
        self.digit, self.box = dl.Dense(10), dl.Dense(4)

    def __call__(self, image):
        features = self.flatten(self.conv(image))
        return {"digit": self.digit(features), "box": self.box(features)}


@pytest.mark.parametrize("backend", BACKENDS)
def test_training_source_of_several_outputs(backend: str) -> None:
    program = dl.trace(TwoHeads(), dl.Input((None, 8, 8, 1)))
    training = replace(
        TRAINING,
        loss={"digit": dl.CrossEntropy(), "box": dl.Huber()},
        loss_weights={"box": 0.5},
        metrics={"digit": ["accuracy"], "box": ["mae"]},
    )
    text = get_backend(backend).emit_training(program, training, Options()).source
    hold(f"two_heads_training.{backend}", text)


@pytest.mark.parametrize("backend", BACKENDS)
def test_source_from_definitions(backend: str) -> None:
    model, inputs = SNAPSHOT_MODELS["digits_cnn"]()
    options = Options(dtype="float64", natives=False)
    text = get_backend(backend).emit(dl.trace(model, inputs), options).source
    hold(f"digits_cnn_definitions.{backend}", text)


@pytest.mark.parametrize("backend", BACKENDS)
def test_training_source(backend: str) -> None:
    model, inputs = SNAPSHOT_MODELS["digits_cnn"]()
    program = portable_randomness(dl.trace(model, inputs), TRAINING.seed)
    text = get_backend(backend).emit_training(program, TRAINING, Options()).source
    hold(f"digits_cnn_training.{backend}", text)


@pytest.mark.parametrize("backend", BACKENDS)
def test_training_source_of_a_dense_network(backend: str) -> None:
    """Keras takes several steps an execution."""
    program = dl.trace(*SNAPSHOT_MODELS["mlp"]())
    text = get_backend(backend).emit_training(program, TRAINING, Options()).source
    hold(f"mlp_training.{backend}", text)


@pytest.mark.parametrize("backend", BACKENDS)
def test_training_source_of_a_rule_by_shape(backend: str) -> None:
    """A definition for each kernel's shape, another rule for biases, a falling rate."""
    program = dl.trace(*SNAPSHOT_MODELS["mlp"]())
    rule = dl.Muon(dl.CosineDecay(0.02, 1000), weight_decay=0.1, adamw_rate=0.1)
    settings = replace(TRAINING, optimizer=rule, metrics=())
    text = get_backend(backend).emit_training(program, settings, Options()).source
    hold(f"mlp_muon_training.{backend}", text)


@pytest.mark.parametrize("backend", BACKENDS)
def test_training_source_with_metrics(backend: str) -> None:
    """Means, counts that add up, and what is gathered of all samples."""
    program = dl.trace(*SNAPSHOT_MODELS["mlp"]())
    settings = replace(TRAINING, metrics=["accuracy", "f1", "perplexity", "roc_auc"], epochs=1)
    text = get_backend(backend).emit_training(program, settings, Options()).source
    hold(f"mlp_metrics_training.{backend}", text)


@pytest.mark.parametrize("backend", BACKENDS)
def test_training_source_in_float16(backend: str) -> None:
    program = dl.trace(*SNAPSHOT_MODELS["mlp"]())
    settings = replace(TRAINING, precision="float16", accumulate=2, clip_norm=1.0)
    text = get_backend(backend).emit_training(program, settings, Options()).source
    hold(f"mlp_float16_training.{backend}", text)


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_makes_a_training_program_a_script(backend: str) -> None:
    model, inputs = SNAPSHOT_MODELS["digits_cnn"]()
    net = dl.compile(model, inputs, backend=backend)
    x, y = np.zeros((4, 8, 8, 1), np.float32), np.zeros(4, np.int32)
    text = net.emit_script(replace(TRAINING, randomness="native"), (x, y), (x, y))
    hold(f"digits_cnn_script.{backend}", text[text.index("def report") :])


@pytest.mark.parametrize("backend", BACKENDS)
def test_training_source_with_augmentations(backend: str) -> None:
    program = dl.trace(*SNAPSHOT_MODELS["digits_cnn"]())
    changes = [dl.RandomCrop(1), dl.RandomRotate(10.0), dl.CutMix(classes=10)]
    loss = dl.CrossEntropy("probabilities")
    settings = replace(TRAINING, loss=loss, metrics=[], randomness="native", augment=changes)
    text = get_backend(backend).emit_training(program, settings, Options()).source
    hold(f"digits_cnn_augmented_training.{backend}", text)


@pytest.mark.parametrize("backend", BACKENDS)
def test_training_source_of_batches(backend: str) -> None:
    program = dl.trace(*SNAPSHOT_MODELS["mlp"]())
    settings = replace(TRAINING, data="batches")
    text = get_backend(backend).emit_training(program, settings, Options()).source
    hold(f"mlp_batches_training.{backend}", text)


@pytest.mark.parametrize("backend", BACKENDS)
def test_training_source_with_averages(backend: str) -> None:
    """A penalty, and a moving average whose weight changes."""
    settings = replace(TRAINING, penalties=[dl.L2(1e-4)], average=dl.EMA(0.999, warm_up=True))
    text = get_backend(backend).emit_training(
        dl.trace(*SNAPSHOT_MODELS["mlp"]()), settings, Options()
    )
    hold(f"mlp_averages.{backend}", text.source)


@pytest.mark.parametrize("backend", BACKENDS)
def test_training_source_with_callbacks(backend: str) -> None:
    """What stops a run and brings the best weights back, and what reduces the rate of a schedule."""
    program = dl.trace(*SNAPSHOT_MODELS["mlp"]())
    callbacks = [dl.EarlyStopping("val_accuracy", patience=3), dl.ReduceLROnPlateau(patience=2)]
    optimizer = dl.Adam(dl.ExponentialDecay(1e-3, steps=1000))
    settings = replace(TRAINING, optimizer=optimizer, callbacks=callbacks)
    text = get_backend(backend).emit_training(program, settings, Options()).source
    hold(f"mlp_callbacks_training.{backend}", text)


@pytest.mark.parametrize("backend", BACKENDS)
def test_readme_shows_what_is_emitted(backend: str) -> None:
    readme = (SNAPSHOTS.parent.parent / "README.md").read_text()
    program = dl.trace(ResBlock(16), dl.Input((None, 32, 32, 16)))
    source = get_backend(backend).emit(program, Options()).source
    body = re.split(r"\n\n\n", source, maxsplit=1)[1].strip()
    assert body in readme


def test_gallery_shows_what_is_emitted() -> None:
    names = ["flax", "keras", "torch"]
    if names != BACKENDS:
        pytest.skip(f"the page is about {names}, here are {BACKENDS}")
    if os.environ.get("UPDATE_SNAPSHOTS"):
        GALLERY.write_text(gallery(names))
    assert gallery(names) == GALLERY.read_text(), (
        "write it anew: polydl conformance --gallery docs/gallery.md"
    )
