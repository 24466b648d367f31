"""Writes a run's checkpoints as it goes."""

from __future__ import annotations

import glob
import os
import secrets
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from polydl.callbacks.monitor import mode_of, score_names
from polydl.errors import CheckpointError
from polydl.program.types import Program
from polydl.training.checkpoint import BEST, LAST, NUMBERED, Checkpoint
from polydl.training.run import Run
from polydl.training.run_state import RunState, write_checkpoint


class Checkpointer:
    """take(results, sizes) gives the state of now, in the middle of an epoch or, without, after one.

    kept: steps of the numbered files that the run has written until now.
    """

    def __init__(
        self,
        spec: Checkpoint,
        program: Program,
        take: Callable[[list[Any], list[int]], RunState],
        run: Run,
        best: float | None,
        kept: Sequence[int] = (),
    ):
        self.spec, self.program, self.take, self.run = spec, program, take, run
        self.folder, self.written, self.best = Path(spec.folder), run.step, best
        self.mode = spec.best and mode_of("Checkpoint", spec.best, spec.mode, run.training)
        self.averaged = spec.best is not None and _of_averages(spec.best, run)
        _prepare(self.folder)
        self.kept = [step for step in kept if self._numbered(step).exists()]

    def before_step(self, step: int, results: list[Any], sizes: list[int], ends: bool) -> None:
        """ends: the run does, before this step."""
        if self._is_due(step) or ends:
            state = self.take(results, sizes)
            if _is_finite(state):  # else the run is about to end
                self._write(state)

    def after_epoch(self, scores: dict[str, Any]) -> None:
        better = self._is_better(scores)
        every = self.spec.every_epochs
        due = every is not None and len(self.run.history.epochs) % every == 0
        due = due or self._is_due(self.run.step)
        if not (due or better):
            return
        state = self.take([], [])
        if better:
            self._write(state, BEST)
        if due:
            self._write(state)

    def _is_due(self, step: int) -> bool:
        """Whether a multiple of every_steps has been reached since the last file."""
        every = self.spec.every_steps
        return every is not None and step // every > self.written // every

    def _is_better(self, scores: dict[str, Any]) -> bool:
        """NaN never is."""
        if self.spec.best is None:
            return False
        value = float(scores[self.spec.best])
        if np.isnan(value):
            return False
        sign = 1.0 if self.mode == "min" else -1.0
        better = self.best is None or sign * value < sign * self.best
        if better:
            self.best = value
        return better

    def _write(self, state: RunState, name: str = LAST) -> None:
        state.best, state.kept = self.best, list(self.kept)
        averaged = name == BEST and self.averaged
        write_checkpoint(self.folder / name, self.program, state, averaged)
        if name != LAST:
            return
        self.written = state.step
        if self.spec.keep:
            self._keep(state.step)

    def _keep(self, step: int) -> None:
        """One more numbered file, and the oldest of this run gone."""
        place = self._numbered(step)
        partial = place.with_name(f".{place.name}.{secrets.token_hex(8)}.partial")
        try:
            shutil.copyfile(self.folder / LAST, partial)
            os.replace(partial, place)
        except OSError as error:
            raise CheckpointError(f"{place} cannot be written: {error}") from error
        finally:
            with suppress(OSError):
                partial.unlink()
        self.kept = [*(other for other in self.kept if other != step), step]
        while len(self.kept) > self.spec.keep:
            with suppress(FileNotFoundError):
                self._numbered(self.kept.pop(0)).unlink()

    def _numbered(self, step: int) -> Path:
        return self.folder / f"step-{step:08d}.safetensors"


def _of_averages(score: str, run: Run) -> bool:
    """Whether a score is that of averages of weights, as those of validation are."""
    trained = score_names(run.training, validated=False)
    return run.training.average is not None and score not in trained


def _is_finite(state: RunState) -> bool:
    """A run that has diverged leaves the checkpoint before."""
    arrays = [*state.weights.values(), *(done for done in state.done[:1])]
    return all(np.isfinite(a).all() for a in arrays if a.dtype.kind == "f")


def _prepare(folder: Path) -> None:
    """Have the folder, writable, without the halves that a killed run left. Else CheckpointError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".{secrets.token_hex(8)}.partial"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise CheckpointError(
            f"checkpoints cannot be written to {folder}: {error}. Give a folder that can be written to"
        ) from error
    for half in folder.glob(".*.partial"):
        with suppress(OSError):
            half.unlink()


def newest(folder: str) -> Path | None:
    """The newest checkpoint of a folder, if there is one."""
    last = Path(folder) / LAST
    if last.exists():
        return last
    numbered = sorted(Path(glob.escape(folder)).glob(NUMBERED))
    return numbered[-1] if numbered else None
