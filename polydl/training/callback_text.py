"""Early stopping and plateaus in an emitted program: their classes, and their lines in `fit`."""

from __future__ import annotations

import inspect
from typing import Any

from polydl.callbacks.early_stopping import EarlyStopping
from polydl.callbacks.reduce_lr_on_plateau import ReduceLROnPlateau
from polydl.callbacks.watching import Watching
from polydl.emission.code import INDENT
from polydl.training.settings import Training

NAMES = ("EarlyStopping", "ReduceLROnPlateau", "improves", "rate_factor")  # of the program
_WEIGHTS = "        self.weights = None  # those of the best epoch\n"


def watching(training: Training) -> dict[str, Watching]:
    """The callbacks that are part of the program, by their names in `fit`."""
    found = [c for c in training.callbacks if isinstance(c, Watching)]
    named: dict[str, Watching] = {}
    for callback in found:
        alike = [c for c in found if c.variable == callback.variable]
        number = str(alike.index(callback) + 1) if len(alike) > 1 else ""
        named[f"{callback.variable}{number}"] = callback
    return named


def restoring(training: Training) -> str | None:
    """The name of the one that restores the best weights."""
    return next((name for name, c in watching(training).items() if _restores(c)), None)


def _restores(callback: Watching) -> bool:
    return isinstance(callback, EarlyStopping) and callback.restore_best


def class_text(training: Training) -> str:
    """The classes, and what they call."""
    found = watching(training).values()
    needed: dict[Any, None] = dict.fromkeys(part for c in found for part in (*c.needs, c.runs))
    texts = (inspect.getsource(part).rstrip() for part in needed)
    text = "\n\n\n".join(texts)
    if restoring(training) is None:
        text = text.replace(_WEIGHTS, "")
    return f"{text}\n\n" if needed else ""


def parameter_lines(training: Training) -> str:
    """Arguments of `fit`."""
    lines = [f"    {name}=None,\n" for name in watching(training)]
    if takes_factor(training):
        lines.append("    rate_factor=lambda step: 1.0,\n")
    return "".join(lines)


def about_lines(training: Training) -> str:
    """What the docstring of `fit` says of them."""
    named = list(watching(training))
    fresh = f"\n    {' and '.join(named)}: what a run before has left, to go on."
    factor = "\n    rate_factor(step) multiplies the learning rate."
    return (fresh if named else "") + (factor if takes_factor(training) else "")


def takes_factor(training: Training) -> bool:
    """Whether a user's callback may change the learning rate."""
    return any(c.changes_rate and not isinstance(c, Watching) for c in training.callbacks)


def begin_lines(training: Training) -> str:
    """Statements before the first epoch."""
    return "".join(f"    {name} = {name} or {_made(c, training)}\n"
                   for name, c in watching(training).items())  # fmt: skip


def _made(callback: Watching, training: Training) -> str:
    given = callback.arguments(training).items()
    texts = [f"{name}={_literal(value)}" for name, value in given]
    return f"{callback.runs.__name__}({', '.join(texts)})"


def _literal(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else repr(value)


def epoch_lines(training: Training) -> str:
    """Statements after an epoch."""
    lines, stops = [], []
    for name, callback in watching(training).items():
        if isinstance(callback, ReduceLROnPlateau):
            lines.append(f"{name}.after_epoch(scores)")
            continue
        stops.append(f"{name}.stops()")
        looked = f"{name}.improved(epoch, scores)"
        if _restores(callback):
            lines += [f"if {looked}:", f"{INDENT}{name}.weights = trainer.snapshot()"]
        else:
            lines.append(looked)
    if stops:
        lines.append(f"stopped = {' or '.join(stops)}")
    inner = "".join(f"{INDENT * 3}{line}\n" for line in lines)
    return f"{INDENT * 2}if not stopped:\n{inner}" if lines else ""


def end_lines(training: Training) -> str:
    """Statements after the last epoch."""
    name = restoring(training)
    if name is None:
        return ""
    weights = f"{name}.weights"
    return f"    if {weights} is not None:\n        trainer.restore({weights})\n"


def around_rate(training: Training) -> str:
    """What is made of the learning rate: a format of its text and of the step's."""
    text = "{0}"
    for name, callback in watching(training).items():
        if isinstance(callback, ReduceLROnPlateau):
            text = f"{name}.rate({text})"
    return f"rate_factor({{step}}) * {text}" if takes_factor(training) else text
