"""A small CNN on scikit-learn's digits: 1,797 real images of 8 x 8 pixels.

`polydl compare examples/digits_cnn.py` trains it in torch, Keras and Flax and writes report.html;
`polydl emit examples/digits_cnn.py --backend flax` shows the source, and
`python examples/digits_cnn.py --backend flax` trains one.
"""

import argparse
import os

import numpy as np
from sklearn.datasets import load_digits

import polydl as dl

QUICK = bool(os.environ.get("POLYDL_QUICK"))


class ConvBlock(dl.Module):
    """Convolution, batch norm, ReLU, and half the size."""

    def __init__(self, filters):
        self.conv = dl.Conv2D(filters, 3, padding="same")
        self.norm = dl.BatchNorm()
        self.pool = dl.MaxPool2D(2)

    def __call__(self, x):
        return self.pool(dl.relu(self.norm(self.conv(x))))


class DigitsCNN(dl.Module):
    """8 x 8 x 1 pixels to the logits of ten digits."""

    def __init__(self):
        self.blocks = [ConvBlock(32), ConvBlock(64)]
        self.flatten = dl.Flatten()
        self.dropout = dl.Dropout(0.25)
        self.classify = dl.Dense(10)

    def __call__(self, x):
        for block in self.blocks:
            x = block(x)
        return self.classify(self.dropout(self.flatten(x)))


digits = load_digits()
pixels = (digits.images / 16).astype("float32")[..., None]
labels = digits.target.astype("int32")
order = np.random.default_rng(0).permutation(len(labels))
train, held_out = order[:1437], order[1437:]

experiment = dl.Experiment(
    model=DigitsCNN(),
    inputs=dl.Input((None, 8, 8, 1)),
    training=dl.Training(
        loss=dl.CrossEntropy(),
        optimizer=dl.Adam(1e-3),
        batch_size=64,
        epochs=3 if QUICK else 12,
        metrics=[dl.Accuracy()],
        randomness="portable",
        seed=0,
    ),
    data=(pixels[train], labels[train]),
    validation=(pixels[held_out], labels[held_out]),
    name="Digits CNN",
)


def main(backend="torch"):
    net = dl.compile(experiment.program, backend=backend)
    history = net.fit(experiment.training, experiment.data, experiment.validation)
    for epoch, scores in enumerate(history.epochs, 1):
        print(f"epoch {epoch:2}  accuracy {scores['val_accuracy']:.4f}")
    return history


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--backend", default="torch")
    main(parser.parse_args().backend)
