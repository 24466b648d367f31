"""Fine-tuning: a frozen convolution, another at a tenth of the rate, and a new last layer.

    python examples/fine_tuning.py --backend flax

A network learns to tell the digits 0 to 4 (the `experiment`, which `polydl compare` takes). From eight
samples of each, what it learnt is then put to the digits 5 to 9. About 90% of the others are right.
From scratch the same network gets as far, on images of 8 x 8 pixels: it is the way that is shown here.
"""

import argparse
import os
from dataclasses import replace

import numpy as np
from sklearn.datasets import load_digits

import polydl as dl

QUICK = bool(os.environ.get("POLYDL_QUICK"))
SHOTS = 8


class Backbone(dl.Module):
    """8 x 8 x 1 pixels to 128 features."""

    def __init__(self):
        self.conv1 = dl.Conv2D(16, 3, padding="same", activation="relu")
        self.pool = dl.MaxPool2D(2)
        self.conv2 = dl.Conv2D(32, 3, padding="same", activation="relu")
        self.flatten = dl.Flatten()

    def __call__(self, x):
        return self.flatten(self.pool(self.conv2(self.pool(self.conv1(x)))))


class Classifier(dl.Module):
    """Pixels to the logits of five digits."""

    def __init__(self):
        self.backbone = Backbone()
        self.head = dl.Dense(5)

    def __call__(self, x):
        return self.head(self.backbone(x))


digits = load_digits()
pixels = (digits.images / 16).astype("float32")[..., None]
labels = digits.target.astype("int32")
low, high = (pixels[labels < 5], labels[labels < 5]), (pixels[labels > 4], labels[labels > 4] - 5)
few = np.concatenate([np.flatnonzero(high[1] == digit)[:SHOTS] for digit in range(5)])
few_data = tuple(array[few] for array in high)
others = tuple(np.delete(array, few, axis=0) for array in high)

experiment = dl.Experiment(
    model=Classifier(),
    inputs=dl.Input((None, 8, 8, 1)),
    training=dl.Training(
        loss=dl.CrossEntropy(),
        optimizer=dl.Adam(3e-3),
        batch_size=32,
        epochs=3 if QUICK else 15,
        metrics=[dl.Accuracy()],
    ),
    data=low,
    name="Digits 0 to 4",
)

from_scratch = dl.Training(
    loss=dl.CrossEntropy(),
    optimizer=dl.Adam(3e-3),
    batch_size=8,
    epochs=20 if QUICK else 60,
    metrics=[dl.Accuracy()],
)
fine_tuning = replace(
    from_scratch,
    groups=[
        dl.ParameterGroup("backbone.conv1.*", frozen=True),
        dl.ParameterGroup("backbone.conv2.*", rate=0.1),
    ],
)


def main(backend="torch"):
    first = dl.compile(experiment.program, backend=backend)
    first.fit(experiment.training, experiment.data)
    learnt = {path: x for path, x in first.weights.items() if path.startswith("backbone.")}

    tuned = dl.compile(experiment.program, backend=backend, seed=1)
    tuned.load_weights({**tuned.weights, **learnt})
    tuned.fit(fine_tuning, few_data)
    fresh = dl.compile(experiment.program, backend=backend, seed=1)
    fresh.fit(from_scratch, few_data)

    scores = [net.evaluate(from_scratch, others)["accuracy"] for net in (tuned, fresh)]
    print(f"{SHOTS} samples a digit: fine-tuned {scores[0]:.4f}, from scratch {scores[1]:.4f}")
    return scores, first, tuned


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--backend", default="torch")
    main(parser.parse_args().backend)
