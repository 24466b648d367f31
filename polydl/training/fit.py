"""Running emitted training programs on a net: preparation, interrupts, progress, continuation."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from polydl.backend import Backend, NativeModel, Options
from polydl.data import in_layout, input_arrays
from polydl.emission.emitted import Emitted
from polydl.errors import DataError, DefinitionError
from polydl.execute import execute
from polydl.program.passes import portable_randomness
from polydl.program.sizes import Size
from polydl.program.structure import unflatten
from polydl.program.types import Program, Value, inference_writes
from polydl.sources.opening import Opener
from polydl.sources.prefetch import AHEAD, Prefetcher
from polydl.training.batch_loop import takes_batches
from polydl.training.emission import EmittedTraining, check_single_output
from polydl.training.history import History, scores_text
from polydl.training.settings import Training


@dataclass
class Prepared:
    """An executed training program, and the model that its Trainer works on."""

    emitted: EmittedTraining
    module: Any
    program: Program
    training: Training
    model: NativeModel
    trainer: Any
    steps: int = 0
    epochs: int = 0


class Fitting:
    """Everything about a net that has to do with training."""

    def __init__(self, program: Program, backend: Backend, options: Options, model: NativeModel):
        self.program, self.backend, self.options, self.model = program, backend, options, model
        self.source = ""
        self.prepared: Prepared | None = None
        self.portable: dict[int, Program] = {}  # by seed

    def emit(self, training: Training) -> EmittedTraining:
        _require_training(training)
        check_single_output(self.program)
        if not any(entry.role == "parameter" for entry in self.program.entries.values()):
            raise DefinitionError("this model has no parameters: there is nothing to train")
        emitted = self.backend.emit_training(self._program(training), training, self.options)
        self.source = emitted.source
        return emitted

    def _program(self, training: Training) -> Program:
        if training.randomness != "portable":
            return self.program
        if training.seed not in self.portable:
            self.portable[training.seed] = portable_randomness(self.program, training.seed)
        return self.portable[training.seed]

    def prepare(self, training: Training, keep: bool = True) -> Prepared:
        """The training program, ready to step: the one before if its step is the same.

        Else a new one, which goes on with the state of an equal optimizer. keep: for the next fit.
        """
        emitted = self.emit(training)
        program, before = self._program(training), self.prepared
        with self.backend.precision(self.options):
            module = execute(emitted.source, self.backend.name)
            alike = before is not None and before.program is program
            if before is not None and alike and before.emitted.trainer == emitted.trainer:
                before.module, before.emitted = module, emitted
                self._update(before)
                return before
            model = self.model
            if program is not self.program:  # its dropout takes the step
                text = Emitted(emitted.source, emitted.entry, emitted.bindings)
                model = self.backend.build(program, text, module, self.options)
                model.set_weights(self.model.get_weights())
            trainer = module.Trainer(model.native)
            prepared = Prepared(emitted, module, program, training, model, trainer)
            if keep and before is not None and _same_rule(before.training, training):
                self._carry_over(before, prepared)
        if keep:
            self.prepared = prepared
        return prepared

    def _carry_over(self, before: Prepared, after: Prepared) -> None:
        """The optimizer's state, of all parameters that both train."""
        state = self.backend.optimizer_state(after.emitted, after.model, after.trainer)
        carried = self.backend.optimizer_state(before.emitted, before.model, before.trainer)
        same = {path for path in state if state[path].keys() == carried.get(path, {}).keys()}
        kept = {path: (carried if path in same else state)[path] for path in state}
        after.steps, after.epochs = before.steps, before.epochs
        self.backend.set_optimizer_state(
            after.emitted, after.model, after.trainer, kept, after.steps
        )

    def _update(self, prepared: Prepared) -> None:
        """Weights from the net into the model that is trained."""
        if prepared.model is not self.model:
            prepared.model.set_weights(self.model.get_weights())

    def _hand_back(self, prepared: Prepared) -> None:
        if prepared.model is not self.model:
            self.model.set_weights(prepared.model.get_weights())

    def fit(
        self,
        training: Training,
        data: tuple[Any, ...],
        validation: tuple[Any, ...] | None,
        progress: bool,
        after_epoch: Callable[[int, dict[str, float]], None] | None,
        prefetch: int = AHEAD,
    ) -> History:
        _require_training(training)
        if validation is not None:
            self._check_evaluation()
        ahead = Prefetcher(prefetch, self._place)
        opened = self._opener.open(training, data, validation, self._epochs)
        training = opened.training
        prepared = self.prepare(training)
        history = History()
        with ExitStack() as stack:
            stack.enter_context(self.backend.precision(self.options))
            if training.randomness == "native":
                words = np.random.SeedSequence([training.seed, prepared.epochs]).generate_state(1)
                stack.enter_context(prepared.model.seeded(int(words[0] & 0x7FFFFFFF)))
            stop = stack.enter_context(_interrupt_flag())
            report = stack.enter_context(_progress(progress, training.epochs, opened.per_epoch))
            stack.callback(ahead.close)
            options: dict[str, Any] = {"batch_size": training.batch_size}
            if training.data == "batches":
                options = {}
            if takes_batches(training):
                options["prefetch"] = ahead

            def before_step(step: int, results: list[Any]) -> bool:
                self.prepared = None  # a step that dies may take the optimizer's state with it
                report.step(step - first_step)
                history.interrupted = stop.is_set()
                return history.interrupted

            def epoch_done(losses: np.ndarray, scores: dict[str, float]) -> None:
                self.prepared = prepared
                history.add(losses, scores)
                prepared.steps += len(losses)
                prepared.epochs += 1
                self._hand_back(prepared)
                report.epoch(len(history.epochs), scores)
                if after_epoch is not None:
                    after_epoch(len(history.epochs), scores)

            first_step = prepared.steps
            try:
                prepared.module.fit(
                    prepared.trainer,
                    *opened.data,
                    opened.validation,
                    epochs=training.epochs,
                    first_epoch=prepared.epochs,
                    step=prepared.steps,
                    before_step=before_step,
                    after_epoch=epoch_done,
                    **options,
                )
                self.prepared = prepared
            finally:
                prepared.trainer.finish()
                self._hand_back(prepared)
        return history

    def evaluate(self, training: Training, data: tuple[Any, ...]) -> dict[str, float]:
        _require_training(training)
        self._check_evaluation()
        opened = self._opener.open(replace(training, augment=()), data)
        training = opened.training
        prepared = self.prepare(training, keep=self.prepared is None)
        with self.backend.precision(self.options), closing(Prefetcher(AHEAD, self._place)) as ahead:
            if training.data == "batches":
                (batches,) = opened.data
                return prepared.module.evaluate(prepared.trainer, ahead(batches(0)))
            return prepared.module.evaluate(
                prepared.trainer, *opened.data, batch_size=training.batch_size
            )

    def _check_evaluation(self) -> None:
        """Evaluating leaves a model as it is, which one that also writes state there does not."""
        paths = sorted(inference_writes(self.program))
        if paths:
            raise DefinitionError(
                f"evaluation would change the state {', '.join(paths)}, which is updated in both "
                "modes. Update it in dl.when_training(...) only, or fit without validation"
            )

    def predict(self, inputs: Any, batch_size: int) -> Any:
        if not isinstance(batch_size, int) or batch_size < 1:
            raise DataError(f"batch_size must be a positive integer, got {batch_size!r}")
        arrays = input_arrays(self.program, inputs, self.options.carrier)
        arrays = in_layout(arrays, self.model.emitted.channels_first)
        count = len(arrays[0]) if arrays and arrays[0].ndim else 0
        if count == 0:
            raise DataError("predict: there are no samples")
        parts = []
        with self.backend.precision(self.options):
            for start in range(0, count, batch_size):
                batch = [np.ascontiguousarray(x[start : start + batch_size]) for x in arrays]
                parts.append(self.model.call(batch, training=False))
        for i, output in enumerate(self.program.root.outputs):
            sizes = output.shape if isinstance(output, Value) else ()
            if len(parts) > 1 and not (sizes and isinstance(sizes[0], Size)):
                raise DataError(
                    f"predict: output {i}, of shape {tuple(sizes)}, is of a whole batch. "
                    f"Call the net, or give a batch_size of {count} or more"
                )
        joined = [np.concatenate(outputs) if len(outputs) > 1 else outputs[0]
                  for outputs in zip(*parts, strict=True)]  # fmt: skip
        return unflatten(self.program.outputs, joined)

    @property
    def _opener(self) -> Opener:
        return Opener(self.program, self.options.dtype, self.model.emitted.channels_first)

    @property
    def _epochs(self) -> int:
        """The epoch that a fit goes on with, if it does."""
        return 0 if self.prepared is None else self.prepared.epochs

    def _place(self, arrays: tuple[Any, ...]) -> tuple[Any, ...]:
        return self.backend.place(arrays, self.options)


def _require_training(given: Any) -> None:
    if not isinstance(given, Training):
        raise DefinitionError(f"expected a dl.Training, got {type(given).__name__}")


def _same_rule(a: Training, b: Training) -> bool:
    """Whether the optimizers carry the same, whatever their learning rates."""
    first, second = a.optimizer, b.optimizer
    others = ({**x.config(), "learning_rate": None} for x in (first, second))
    return type(first) is type(second) and next(others) == next(others)


@contextmanager
def _interrupt_flag() -> Iterator[threading.Event]:
    """A flag that Ctrl-C sets, once; a second Ctrl-C interrupts at once, as ever."""
    flag = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield flag
        return
    before = signal.getsignal(signal.SIGINT)

    def note(number: int, frame: Any) -> None:
        if flag.is_set():
            raise KeyboardInterrupt
        flag.set()

    signal.signal(signal.SIGINT, note)
    try:
        yield flag
    finally:
        signal.signal(signal.SIGINT, before)


class _Silent:
    def step(self, number: int) -> None:
        pass

    def epoch(self, number: int, scores: dict[str, float]) -> None:
        pass


class _Bar:
    """A progress bar, with the last epoch's scores."""

    def __init__(self, bar: Any, task: Any):
        self.bar, self.task = bar, task

    def step(self, number: int) -> None:
        self.bar.update(self.task, completed=number)

    def epoch(self, number: int, scores: dict[str, float]) -> None:
        self.bar.update(self.task, description=f"epoch {number}  {scores_text(scores)}")


@contextmanager
def _progress(shown: bool, epochs: int, steps: int | None) -> Iterator[Any]:
    if not shown:
        yield _Silent()
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns) as bar:
        total = None if steps is None else epochs * steps
        task = bar.add_task("training", total=total)
        yield _Bar(bar, task)
        bar.update(task, total=total or 1, completed=total or 1)
