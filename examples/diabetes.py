"""Regression on a table: a year's progress of diabetes from ten measurements of 442 patients.

    python examples/diabetes.py --backend keras

Columns and targets are standardised by the training samples alone. The network stops when the
validation loss has not improved for 20 epochs and goes back to its best weights. On so little data it
does about as well as a straight line, which is printed beside it.
"""

import argparse
import os

import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge

import polydl as dl

QUICK = bool(os.environ.get("POLYDL_QUICK"))

columns, progress = load_diabetes(return_X_y=True, scaled=False)
order = np.random.default_rng(0).permutation(len(columns))
train, check, test = order[:300], order[300:370], order[370:]


def standardised(array):
    """With mean 0 and standard deviation 1 over the training samples."""
    return ((array - array[train].mean(0)) / array[train].std(0)).astype("float32")


x, y = standardised(columns), standardised(progress[:, None])

experiment = dl.Experiment(
    model=dl.Sequential(
        dl.Dense(32, activation="silu"),
        dl.Dropout(0.2),
        dl.Dense(32, activation="silu"),
        dl.Dense(1),
    ),
    inputs=dl.Input((None, 10)),
    training=dl.Training(
        loss=dl.MSE(),
        optimizer=dl.AdamW(1e-3, weight_decay=0.1),
        batch_size=32,
        epochs=40 if QUICK else 300,
        metrics=[dl.R2Score()],
        callbacks=[dl.EarlyStopping("val_loss", patience=20)],
        randomness="portable",
    ),
    data=(x[train], y[train]),
    validation=(x[check], y[check]),
    name="Diabetes",
)


def main(backend="torch"):
    net = dl.compile(experiment.program, backend=backend)
    history = net.fit(experiment.training, experiment.data, experiment.validation)
    scores = net.evaluate(experiment.training, (x[test], y[test]))
    line = Ridge().fit(x[train], y[train])
    print(f"{len(history.epochs)} epochs; R2 of the test samples {scores['r2']:.3f}, "
          f"of a straight line {line.score(x[test], y[test]):.3f}")  # fmt: skip
    return scores, history


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--backend", default="torch")
    main(parser.parse_args().backend)
