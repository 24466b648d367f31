"""Training, evaluating and calling a net."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, closing
from os import PathLike
from typing import TYPE_CHECKING, Any

from polydl.callbacks.callback import Callback
from polydl.callbacks.monitor import check_validation
from polydl.errors import DefinitionError
from polydl.program.types import inference_writes
from polydl.schedules.schedule import Schedule
from polydl.sources.opening import Opener
from polydl.sources.prefetch import AHEAD, Prefetcher
from polydl.training.arrays import SampleCheck
from polydl.training.augmented import Augmented
from polydl.training.evaluated import warn_where_not_finite
from polydl.training.fit_run import FitRun
from polydl.training.guard import guard_for
from polydl.training.history import History
from polydl.training.identity import identity
from polydl.training.interrupts import interrupt_flag
from polydl.training.prediction import predict
from polydl.training.preparation import Prepared, Preparing, require_training
from polydl.training.rates import CheckedRate
from polydl.training.resuming import Resuming
from polydl.training.run import Run
from polydl.training.script import check_stem
from polydl.training.seeds import native_seed
from polydl.training.settings import Training
from polydl.training.standalone import WrittenScript

if TYPE_CHECKING:
    from polydl.net import Net


class Fitting(Preparing):
    """Everything about a net that has to do with training."""

    def fit(
        self,
        net: Net,
        training: Training,
        data: Any,
        validation: Any,
        callbacks: Sequence[Callback],
        prefetch: int = AHEAD,
        check_finite: bool = True,
        resume: bool | str | PathLike[str] = False,
    ) -> History:
        """callbacks: those of the training, and others."""
        require_training(training)
        check_validation(callbacks, training, validation is not None)
        if validation is not None:
            self._check_evaluation()
        ahead = Prefetcher(prefetch, self._place)
        resuming = Resuming(training, resume)
        epoch = self._epochs if resuming.state is None else resuming.epoch
        opened = self._opener.open(resuming.training, data, validation, epoch, resuming.epochs_left)
        training = opened.training
        if training.resumable:
            resuming.identify(
                identity(self.program, training, self.backend, self.options, opened.arrays)
            )
        prepared = self.prepare(training, fresh=resuming.state is not None)
        with ExitStack() as stack:
            stack.enter_context(self.backend.precision(self.options))
            self._watch(prepared, training)
            history = resuming.put(prepared)
            if resuming.state is not None:
                self.hand_back(prepared)
            if training.randomness == "native":
                seed = native_seed(training, prepared.epochs)
                stack.enter_context(prepared.model.seeded(seed))
                resuming.put_random(prepared)
            run = Run(net, training, training.epochs, opened.per_epoch, prepared.steps,
                      prepared.epochs, history)  # fmt: skip
            guard = guard_for(prepared, resuming.losses) if check_finite else None
            stop = stack.enter_context(interrupt_flag())
            stack.enter_context(closing(ahead))
            made = FitRun(self, prepared, opened, resuming, run, callbacks, ahead, stop, guard)
            return made.train()

    def script(self, training: Training, data: Any, validation: Any, stem: str) -> WrittenScript:
        """The program as a script called `stem`.py, and the files that it loads.

        They are what a fresh net's `fit` of the same would use.
        """
        require_training(training)
        if validation is not None:
            self._check_evaluation()
        opened = self._opener.open(training, data, validation)
        written = self.written(opened, validation is not None, stem)
        check_stem(stem, written.source)
        return written

    def evaluate(self, training: Training, data: tuple[Any, ...]) -> dict[str, float]:
        require_training(training)
        self._check_evaluation()
        opened = self._opener.open(training, data)
        training = opened.training
        prepared = self.prepare(training, keep=self.prepared is None)
        with self.backend.precision(self.options), closing(Prefetcher(AHEAD, self._place)) as ahead:
            if training.data == "batches":
                (given,) = opened.data
                scores = prepared.module.evaluate(prepared.trainer, ahead(given(0)))
            else:
                given, size = opened.data, training.batch_size
                scores = prepared.module.evaluate(prepared.trainer, *given, batch_size=size)
            warn_where_not_finite(self, prepared, scores, "evaluate", given)
        return scores

    def _check_evaluation(self) -> None:
        """Evaluating leaves a model as it is, which one that also writes state there does not."""
        paths = sorted(inference_writes(self.program))
        if paths:
            raise DefinitionError(
                f"evaluation would change the state {', '.join(paths)}, which is updated in both "
                "modes. Update it in dl.when_training(...) only, or fit without validation"
            )

    def predict(self, inputs: Any, batch_size: int) -> Any:
        precision = self.backend.precision(self.options)
        carrier = self.options.carrier
        return predict(self.program, self.model, inputs, batch_size, carrier, precision)

    def _watch(self, prepared: Prepared, training: Training) -> None:
        """What the program computes on the host of a user's own is checked; its text stays without."""
        # a module lives on to the next fit of the same text, where its own functions are checked anew
        rate, module = training.optimizer.learning_rate, prepared.module
        if isinstance(rate, Schedule):
            emitted = module.learning_rate
            emitted = emitted.function if isinstance(emitted, CheckedRate) else emitted
            module.learning_rate = CheckedRate(rate, emitted)
        if training.augment:
            check = SampleCheck(self.program, training, self.options.dtype)
            flags = self.model.emitted.channels_first
            emitted = module.augment
            emitted = emitted.augment if isinstance(emitted, Augmented) else emitted
            module.augment = Augmented(emitted, check, flags)

    @property
    def _opener(self) -> Opener:
        return Opener(self.program, self.options.dtype, self.model.emitted.channels_first)

    @property
    def _epochs(self) -> int:
        """The epoch that a fit goes on with, if it does."""
        return 0 if self.prepared is None else self.prepared.epochs

    def _place(self, arrays: tuple[Any, ...]) -> tuple[Any, ...]:
        return self.backend.place(arrays, self.options)
