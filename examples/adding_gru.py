"""The adding problem (Hochreiter and Schmidhuber 1997): a GRU that must remember.

    python examples/adding_gru.py --backend keras

Each step of a sequence brings a number between 0 and 1 and a mark; two numbers are marked, one in each
half, and their sum is asked for at the end. Who always says 1 has a mean squared error of 1/6 = 0.167;
to do better, a network must carry a number past dozens that do not matter. The loss stays near 0.167 at
first and then falls at once: the network has found out what the marks are for.
"""

import argparse
import os

import numpy as np

import polydl as dl

QUICK = bool(os.environ.get("POLYDL_QUICK"))
LENGTH = 8 if QUICK else 40


def sequences(count, seed):
    """Inputs (count, LENGTH, 2) of numbers and marks, and sums (count, 1)."""
    rng = np.random.default_rng(seed)
    numbers = rng.random((count, LENGTH))
    marks = np.zeros((count, LENGTH))
    half = LENGTH // 2
    for place in (rng.integers(0, half, count), half + rng.integers(0, half, count)):
        marks[np.arange(count), place] = 1
    sums = (numbers * marks).sum(1, keepdims=True)
    return np.stack([numbers, marks], 2).astype("float32"), sums.astype("float32")


class Adder(dl.Module):
    """Sequences (batch, time, 2) to a sum (batch, 1), from the last state."""

    def __init__(self, units):
        self.recurrent = dl.GRU(units, return_sequences=False)
        self.read = dl.Dense(1)

    def __call__(self, x):
        return self.read(self.recurrent(x))


experiment = dl.Experiment(
    model=Adder(32 if QUICK else 64),
    inputs=dl.Input((None, LENGTH, 2)),
    training=dl.Training(
        loss=dl.MSE(),
        optimizer=dl.Adam(1e-2 if QUICK else 3e-3),
        batch_size=64,
        epochs=10 if QUICK else 30,
        metrics=[dl.R2Score()],
        clip_norm=1.0,
    ),
    data=sequences(1024 if QUICK else 8192, seed=0),
    validation=sequences(512, seed=1),
    name="Adding problem",
)


def main(backend="torch"):
    net = dl.compile(experiment.program, backend=backend)
    history = net.fit(experiment.training, experiment.data, experiment.validation)
    for epoch, scores in enumerate(history.epochs, 1):
        print(f"epoch {epoch:2}  error {scores['val_loss']:.4f}  R2 {scores['val_r2']:.4f}")
    return history


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--backend", default="torch")
    main(parser.parse_args().backend)
