"""A multilayer perceptron on scikit-learn's digits, and which digits it takes for which.

    python examples/digits_mlp.py --backend flax

About 99% of the held-out digits are right after 20 epochs. The table has a row for each true digit and
a column for each guess. `polydl compare examples/digits_mlp.py` trains it in three frameworks.
"""

import argparse
import os

import numpy as np
from sklearn.datasets import load_digits

import polydl as dl

QUICK = bool(os.environ.get("POLYDL_QUICK"))

digits = load_digits()
pixels = (digits.data / 16).astype("float32")
labels = digits.target.astype("int32")
order = np.random.default_rng(0).permutation(len(labels))
train, held_out = order[:1437], order[1437:]

experiment = dl.Experiment(
    model=dl.Sequential(
        dl.Dense(128, activation="relu"),
        dl.Dropout(0.2),
        dl.Dense(64, activation="relu"),
        dl.Dense(10),
    ),
    inputs=dl.Input((None, 64)),
    training=dl.Training(
        loss=dl.CrossEntropy(),
        optimizer=dl.AdamW(dl.CosineDecay(3e-3, steps=20 * 45), weight_decay=1e-2),
        batch_size=32,
        epochs=4 if QUICK else 20,
        metrics=[dl.Accuracy(), dl.ConfusionMatrix()],
        randomness="portable",
    ),
    data=(pixels[train], labels[train]),
    validation=(pixels[held_out], labels[held_out]),
    name="Digits MLP",
)


def main(backend="torch"):
    net = dl.compile(experiment.program, backend=backend)
    history = net.fit(experiment.training, experiment.data, experiment.validation)
    scores = history.epochs[-1]
    print(f"accuracy {scores['val_accuracy']:.4f}")
    print(np.array(scores["val_confusion_matrix"], int))
    return history


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--backend", default="torch")
    main(parser.parse_args().backend)
