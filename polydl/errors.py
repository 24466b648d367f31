"""Every error polydl raises. Each says what is wrong, where, and what to do instead."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from polydl.training.history import History


class PolydlError(Exception):
    """Base of all errors raised by polydl. located: the text says at which layer."""

    located = False


class DefinitionError(PolydlError, ValueError):
    """A model, loss or optimizer is defined in a way that cannot be traced."""


class ShapeError(DefinitionError):
    """Shapes do not fit together."""


class DTypeError(PolydlError, TypeError):
    """A float where an integer belongs, or the reverse."""


class DataError(PolydlError, ValueError):
    """Arrays handed to a call, `fit` or `evaluate` cannot be used."""


class ProgramError(PolydlError, ValueError):
    """A Program is malformed: unknown primitive, dangling operand, wrong shape, bad name."""


class WeightsError(PolydlError, ValueError):
    """Weights do not fit the model, or a weights file cannot be read."""


class CheckpointError(PolydlError, RuntimeError):
    """A checkpoint cannot be written or read, or is of another run."""


class BackendError(PolydlError, RuntimeError):
    """A backend is unknown, is not installed, or lacks what was asked of it."""


class CompareError(PolydlError, RuntimeError):
    """A comparison cannot be made: backends disagree, or one's process failed."""


class DivergenceError(PolydlError, ArithmeticError):
    """A loss, a gradient or a weight ceased to be finite during training.

    step: the first bad update's number, counted from 1 as callbacks do. path: of the module, input or
    weight where the first bad value arises, "loss" in the loss, "" where it was not found. history: of
    the run until then. The net holds the weights of before that step, the last that are good.
    """

    def __init__(self, text: str, step: int, path: str, history: History):
        super().__init__(text)
        self.step, self.path, self.history = step, path, history


class NotFiniteWarning(UserWarning):
    """A score of an evaluation is NaN or infinite; training did not stop for it.

    `warnings.simplefilter("error", dl.errors.NotFiniteWarning)` makes an error of it.
    """


class ResumeWarning(UserWarning):
    """A run goes on without something that it had."""


def message(what: str, where: str = "", instead: str = "") -> str:
    """Build an error text: `where: what. instead.`"""
    text = f"{where}: {what}" if where else what
    return f"{text}. {instead}" if instead else text


def nearest(name: str, known: list[str]) -> str:
    """A suggestion for a misspelt name: "Did you mean 'gelu'?" or the known names.

    Names that differ in their case and underscores alone come first.
    """
    from difflib import get_close_matches

    spelt: dict[str, list[str]] = {}
    for given in known:
        spelt.setdefault(_plain(given), []).append(given)
    close = get_close_matches(_plain(name), list(spelt), n=1)
    if close:
        (best,) = get_close_matches(name, spelt[close[0]], n=1, cutoff=0.0)
        return f"Did you mean {best!r}?"
    return f"Known: {', '.join(sorted(known))}"


def _plain(name: str) -> str:
    return name.lower().replace("_", "")
