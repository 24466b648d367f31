"""A long run of a transformer with everything on, on one backend, and moved between several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from polydl.averages.ema import EMA
from polydl.callbacks.callback import Callback
from polydl.compile import compile
from polydl.conformance.checks_training import relative_losses
from polydl.conformance.memo import NETS, memoized
from polydl.conformance.nets import Target
from polydl.conformance.outcome import Outcome
from polydl.conformance.row import Array
from polydl.conformance.samplers import generator
from polydl.conformance.tolerances import bound
from polydl.layers.dense import Dense
from polydl.layers.embedding import Embedding
from polydl.layers.transformer import TransformerEncoderLayer
from polydl.losses.cross_entropy import CrossEntropy
from polydl.net import Net
from polydl.ops import mean
from polydl.optimizers.adam import AdamW
from polydl.schedules.cosine import CosineDecay
from polydl.schedules.warmup import Warmup
from polydl.spec.input import Input
from polydl.spec.module import Module
from polydl.spec.tensor import Tensor
from polydl.training.checkpoint import Checkpoint
from polydl.training.history import History
from polydl.training.run import Run
from polydl.training.settings import Training

ROWS, TOKENS, WIDTH, CLASSES = 20, 8, 16, 4
COUNT, BATCH, EPOCHS = 236, 16, 20  # 15 steps an epoch, the last with a smaller batch
STEPS = 300
MOVES = (100, 200)


class Classifier(Module):
    """Tokens to classes, by the mean over an encoder layer."""

    def __init__(self) -> None:
        self.embed = Embedding(ROWS, WIDTH)
        self.block = TransformerEncoderLayer(WIDTH, 2, 2 * WIDTH, dropout=0.1)
        self.head = Dense(CLASSES)

    def __call__(self, tokens: Tensor) -> Tensor:
        return self.head(mean(self.block(self.embed(tokens)), 1))


def samples() -> tuple[Array, Array]:
    """Which residue the tokens have most often."""
    tokens = generator("migration").integers(0, ROWS, (COUNT, TOKENS)).astype(np.int32)
    counts = np.stack([(tokens % CLASSES == c).sum(1) for c in range(CLASSES)], 1)
    return tokens, counts.argmax(1).astype(np.int32)


def training() -> Training:
    """Warm-up and cosine, AdamW, clipping, parts of batches, portable dropout, a moving average."""
    return Training(
        loss=CrossEntropy(),
        optimizer=AdamW(Warmup(CosineDecay(1e-2, STEPS - 20), 20), weight_decay=0.01),
        batch_size=BATCH, epochs=EPOCHS, accumulate=2, clip_norm=1.0, metrics=["accuracy"],
        randomness="portable", seed=1, average=EMA(0.99),
    )  # fmt: skip


def _net(target: Target) -> Net:
    return compile(
        Classifier(), Input((None, TOKENS), "int"), backend=target.backend, dtype="float64",
        device=target.device, natives=target.natives, seed=0,
    )  # fmt: skip


@memoized(NETS)
def whole(target: Target) -> tuple[History, dict[str, Array]]:
    """A run that never moves: its history, and the averaged weights at its end."""
    net = _net(target)
    history = net.fit(training(), samples(), validation=samples())
    return history, net.averaged_weights


class _StopAt(Callback):
    """Ends a run after so many steps, as Ctrl-C does: what is left behind is written down."""

    def __init__(self, step: int):
        self.step = step

    def on_step_end(self, run: Run, step: int) -> None:
        if step == self.step:
            run.stop()


def moved(targets: Sequence[Target]) -> tuple[History, dict[str, Array]]:
    """A run that goes on with the next target at each of MOVES."""
    with TemporaryDirectory() as folder:
        kept = Checkpoint(folder, every_epochs=None, every_steps=MOVES[0])
        for number, target in enumerate(targets):
            ends = [_StopAt(step) for step in MOVES[number : number + 1]]
            run = replace(training(), checkpoint=kept, callbacks=ends, steps_per_execution=1)
            net = _net(target)
            resume = Path(folder) if number else False
            history = net.fit(run, samples(), validation=samples(), resume=resume)
        return history, net.averaged_weights


def curves(first: Target, second: Target) -> Outcome:
    """Largest relative difference of two targets' losses, over all steps."""
    a, b = whole(first)[0], whole(second)[0]
    return relative_losses("trajectory", f"{first} and {second}", a.steps, b.steps)


def migration(targets: Sequence[Target]) -> list[Outcome]:
    """The run that moved against the one that never did, on the first target."""
    (stayed, averages), (went, after) = whole(targets[0]), moved(targets)
    where = " to ".join(map(str, targets))
    errors = {path: float(np.abs(averages[path] - after[path]).max()) for path in averages}
    name = max(errors, key=lambda path: errors[path])
    limit = bound("final weights", "float64")
    scores = [np.array([list(e.values()) for e in h.epochs]) for h in (stayed, went)]
    return [
        relative_losses("migration", where, stayed.steps, went.steps),
        Outcome("final weights", "migration", where, errors[name], limit, "absolute", name),
        relative_losses("scores of epochs", where, *scores),
    ]
