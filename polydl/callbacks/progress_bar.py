from __future__ import annotations

from typing import TYPE_CHECKING, Any

from polydl.callbacks.callback import Callback
from polydl.spec.registry import builtin

if TYPE_CHECKING:
    from polydl.training.run import Run


@builtin()
class ProgressBar(Callback):
    """A bar in the terminal, with the last epoch's scores. `fit(progress=True)` adds one."""

    def on_train_begin(self, run: Run) -> None:
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
        total = None if run.steps_per_epoch is None else run.epochs * run.steps_per_epoch
        self._first = run.step
        self._bar: Any = Progress(*columns)
        self._task = self._bar.add_task("training", total=total)
        self._bar.start()

    def on_step_end(self, run: Run, step: int) -> None:
        self._bar.update(self._task, completed=step - self._first)

    def on_epoch_end(self, run: Run, epoch: int, scores: dict[str, float]) -> None:
        from polydl.training.history import scores_text

        self._bar.update(self._task, description=f"epoch {epoch}  {scores_text(scores)}")

    def on_train_end(self, run: Run) -> None:
        done = max(run.step - self._first, 1)
        self._bar.update(self._task, total=done, completed=done)
        self._bar.stop()

    def on_exception(self, run: Run, error: BaseException) -> None:
        if hasattr(self, "_bar"):
            self._bar.stop()
