"""A run in a process of its own, which somebody may kill: `killed_run.py BACKEND FOLDER`.

Says the step on its standard output, every few steps, and leaves its weights in FOLDER/end.npz.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

import polydl as dl

EVERY = 5


class Tell(dl.Callback):
    def on_step_end(self, run: dl.Run, step: int) -> None:
        print(step, flush=True)


def main(backend: str, folder: Path) -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((300, 12)).astype(np.float32)
    y = (x[:, 0] + x[:, 1] ** 2 > 0.5).astype(np.int32)
    model = dl.Sequential(
        dl.Dense(24, activation="relu"), dl.BatchNorm(), dl.Dropout(0.3), dl.Dense(2)
    )
    net = dl.compile(model, dl.Input((None, 12)), backend=backend, seed=3)
    training = dl.Training(
        loss=dl.CrossEntropy(),
        optimizer=dl.AdamW(dl.Warmup(dl.CosineDecay(1e-2, 250), 20)),
        batch_size=16, epochs=15, metrics=["accuracy"], clip_norm=1.0, seed=3,
        checkpoint=dl.Checkpoint(str(folder), every_steps=EVERY, best="val_loss", keep=2),
        callbacks=[Tell()],
    )  # fmt: skip
    history = net.fit(training, (x, y), validation=(x[:50], y[:50]), resume=True)
    np.savez(folder / "end.npz", **net.weights, **{"history:steps": history.steps})


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
