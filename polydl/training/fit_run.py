"""One run of an emitted training program: what is done around its loop, and between its steps."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from polydl.callbacks.callback import Callback, plain_state
from polydl.sources.opening import Opened
from polydl.sources.prefetch import Prefetcher
from polydl.training.checkpointer import Checkpointer
from polydl.training.diverged import divergence
from polydl.training.driver import Driver
from polydl.training.emitted_loop import EmittedLoop
from polydl.training.evaluated import ScoreWatch
from polydl.training.guard import Guard, NotFiniteError
from polydl.training.history import History
from polydl.training.preparation import Prepared
from polydl.training.program_callbacks import ProgramCallbacks
from polydl.training.resuming import Resuming
from polydl.training.run import Run
from polydl.training.run_state import RunState
from polydl.training.snapshots import take_state

if TYPE_CHECKING:
    from polydl.training.fit import Fitting


@dataclass
class FitRun:
    """What `fit` makes of a prepared program, with everything in its place for the first step.

    The emitted loop computes, and asks before each step and after each epoch. What is asked here goes
    to one object for each job: the guard (is all finite?), the driver (what callbacks hear, whether
    to go on), what the program has of callbacks itself, the checkpointer.

    run: as callbacks see it. resuming: what the run goes on from, if from something. stop: is set by
    an interrupt. guard: None where nobody looks.
    """

    fitting: Fitting
    prepared: Prepared
    opened: Opened
    resuming: Resuming
    run: Run
    callbacks: Sequence[Callback]
    ahead: Prefetcher
    stop: threading.Event
    guard: Guard | None

    def __post_init__(self) -> None:
        run, prepared, training = self.run, self.prepared, self.run.training
        made = len(run.history.steps) + self.resuming.made  # by earlier processes
        self.first_step = prepared.steps - made  # of the history
        self.in_program = ProgramCallbacks(run, prepared)
        end = run.epoch + training.epochs - len(run.history.epochs)
        self.loop = EmittedLoop(training, prepared, self.opened, self.resuming, self.in_program,
                                run.epoch, end)  # fmt: skip
        self.scores = ScoreWatch(self.fitting, prepared, self.opened.validation)
        self.driver = Driver(run, self.callbacks, self.stop)
        self.resuming.load(self.callbacks, self.in_program)
        self.checkpointer: Checkpointer | None = None
        if training.checkpoint is not None:
            best, program = self.resuming.best, self.fitting.program
            kept = self.resuming.kept
            self.checkpointer = Checkpointer(
                training.checkpoint, program, self.take, run, best, kept
            )

    def train(self) -> History:
        """Run the loop, and leave in the net what was learnt, however it ends."""
        try:
            self.driver.begin()
            self.loop.run(self.ahead, self.before_step, self.after_epoch)
            self.fitting.prepared = self.prepared
        except NotFiniteError as found:
            self.ahead.close()
            diverged = divergence(self.fitting, found, self.run.history, self.loop.again)
            self.fitting.prepared = self.prepared
            self.finish()
            self.driver.failed(diverged)
            raise diverged from None
        except BaseException as error:
            self.finish()
            self.driver.failed(error)
            raise
        self.finish()
        self.driver.end()
        return self.run.history

    def before_step(self, step: int, results: list[Any], sizes: list[int]) -> bool:
        """Whether to stop before the step of this number. results, sizes: of this epoch's steps."""
        self.fitting.prepared = None  # a step that dies may take the optimizer's state with it
        if self.guard is not None:
            self.guard.before_step(step, results)
        ends = self.driver.ends_before(step)
        if self.checkpointer is not None:
            self.checkpointer.before_step(step, results, sizes, ends)
        if not ends:
            self.driver.goes_on()
        return ends

    def after_epoch(self, losses: np.ndarray, scores: dict[str, Any]) -> None:
        """Of an epoch, which was cut short where `before_step` said so."""
        if self.guard is not None:
            self.guard.epoch_ends(losses)
        self.run.epoch += 1
        self.run.history.add(losses, scores)
        self.commit()
        self.driver.epoch_ended(self.prepared.steps, scores)
        if self.checkpointer is not None and not self.driver.ends:
            self.checkpointer.after_epoch(scores)
        if self.guard is not None:
            self.guard.epoch_ended()
            self.scores.look(self.run.epoch, scores)

    def commit(self) -> None:
        """Weights and counts are those of an epoch's end, before anyone is told of it."""
        self.fitting.prepared = self.prepared
        self.prepared.steps = self.first_step + len(self.run.history.steps)
        self.prepared.epochs = self.run.epoch
        self.fitting.hand_back(self.prepared)
        self.in_program.note()

    def finish(self) -> None:
        """What the Trainer holds goes into the net."""
        self.prepared.trainer.finish()
        self.fitting.hand_back(self.prepared)

    def take(self, results: list[Any], sizes: list[int]) -> RunState:
        """The state of now: in the middle of an epoch that gave results, or without any after one."""
        run, trainer = self.run, self.prepared.trainer
        done = self.resuming.done_by(run.epoch, trainer, results, sizes)
        if results:
            trainer.finish()
        state = take_state(self.prepared, run.step, run.epoch, done)
        state.about = self.resuming.about
        state.steering = self.in_program.states()
        state.best_weights = self.in_program.best_weights()
        if results:
            trainer.start()
        state.losses, state.epochs = run.history.steps, run.history.epochs
        state.callbacks = [[callback.kind, plain_state(callback)] for callback in self.callbacks]
        return state
