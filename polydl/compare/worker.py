"""One backend's process in a comparison.

    python -m polydl.compare.worker FOLDER BACKEND

FOLDER holds the Job. Each command, a line of JSON on stdin, is a method of Worker; its answers are
lines of JSON on stdout.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
import time
import traceback
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np

from polydl.compare.channel import Channel
from polydl.compare.job import CHECK_STEPS, Job
from polydl.compare.machine import peak_memory
from polydl.compare.timing import StepTimer
from polydl.errors import PolydlError
from polydl.net import Net
from polydl.program.structure import flatten, unflatten
from polydl.training.callbacks import apart
from polydl.training.step_numbers import number_functions


class Worker:
    """The commands: start, check, fit, time."""

    def __init__(self, folder: Path, name: str, channel: Channel):
        self.folder, self.name, self.channel = folder, name, channel
        self.job = Job.read(folder)
        self.net: Net | None = None
        self.timer: StepTimer | None = None

    def start(self) -> None:
        """Import the framework."""
        from polydl.backend import get_backend

        self.backend = get_backend(self.name)
        self.backend.check_device(self.job.options.device)
        self.backend.set_threads(self.job.options.threads)
        self.memory_before = peak_memory()
        self.channel.send("done", versions=self.backend.versions())

    def check(self) -> None:
        """Outputs of fresh weights, and the losses of the first steps, with compile times."""
        job = self.job
        started = time.perf_counter()
        net = self._compile()
        build_seconds = time.perf_counter() - started
        outputs = net(unflatten(job.program.inputs, job.sample()))
        np.savez(self.folder / f"outputs_{self.name}.npz", *flatten(outputs)[0])
        self.channel.send("progress", text="compiling the training step")
        started = time.perf_counter()
        losses = []
        trainer, numbers = net.trainer(job.training), number_functions(job.training)
        with self._precision(net):
            trainer.start()
            for step in range(CHECK_STEPS):
                inputs, given = job.batch(step)
                result = trainer.train_step(*inputs, *given, step, *numbers(step))
                scores = trainer.fetch([result])
                losses.append(float(np.asarray(scores).reshape(-1)[0]))
                if step == 0:
                    first_step_seconds = time.perf_counter() - started
            trainer.finish()
        self.channel.send(
            "done", losses=losses, compile_seconds=[build_seconds, first_step_seconds]
        )

    def fit(self) -> None:
        """The whole training run, from fresh weights."""
        job = self.job
        self.net = net = self._compile()

        def after_epoch(epoch: int, scores: dict[str, float]) -> None:
            self.channel.send("epoch", epoch=epoch, scores=scores)

        started = time.perf_counter()
        validation = None if job.validation is None else job.nested(job.validation)
        data = job.nested(job.data)
        # runs are compared as they are
        training = apart(job.training, self.name)
        history = net.fit(training, data, validation, False, after_epoch, check_finite=False)
        self.channel.send(
            "done",
            seconds=time.perf_counter() - started,
            losses=history.steps.tolist(),
            epochs=history.epochs,
            interrupted=history.interrupted,
            memory=peak_memory(),
            memory_before=self.memory_before,
            source=net.source,
            training_source=net.training_source,
        )

    def time(self, seconds: float) -> None:
        """Warm steps on full batches. What `fit` learnt has been handed over by now."""
        net = self.net or self._compile()
        with self._precision(net):
            if self.timer is None:
                self.timer = self._timer(net)
            self.channel.send("done", step_times=self.timer.run(seconds), group=self.timer.size)

    def _timer(self, net: Net) -> StepTimer:
        from polydl.spec.initializers import initial_weights

        job = self.job
        net.load_weights(initial_weights(job.program, job.training.seed))
        trainer, numbers = net.trainer(job.training), number_functions(job.training)
        trainer.start()
        batches = [job.batch(i) for i in range(16)]
        at_once = getattr(trainer, "steps_per_execution", 1)

        def step(number: int) -> Any:
            inputs, given = batches[number % len(batches)]
            return trainer.train_step(*inputs, *given, number, *numbers(number))

        def several_steps(number: int) -> Any:
            chosen = [batches[(number + i) % len(batches)] for i in range(at_once)]
            batch = zip(*((*inputs, *given) for inputs, given in chosen), strict=True)
            each = zip(*(numbers(number + i) for i in range(at_once)), strict=True)
            return trainer.train_steps(*map(np.stack, batch), number, *map(list, each))

        return StepTimer(step if at_once == 1 else several_steps, trainer.fetch, at_once)

    def _compile(self) -> Net:
        import polydl

        job = self.job
        return polydl.compile(
            job.program,
            backend=self.name,
            seed=job.training.seed,
            dtype=job.options.dtype,
            device=job.options.device,
        )

    def _precision(self, net: Net) -> AbstractContextManager[None]:
        return self.backend.precision(net.options)


def pin_cores(threads: int) -> None:
    """Some frameworks count the cores that they may use, whatever the variables say."""
    if hasattr(os, "sched_setaffinity"):
        allowed = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, set(allowed[:threads]))


def main() -> None:
    folder, name = Path(sys.argv[1]), sys.argv[2]
    faulthandler.enable()
    if hasattr(faulthandler, "register"):
        faulthandler.register(signal.SIGUSR1, all_threads=True)  # the parent asks where it hangs
    channel = Channel()
    try:
        worker = Worker(folder, name, channel)
        pin_cores(worker.job.options.threads)
        for command in channel.commands():
            getattr(worker, command.pop("do"))(**command)
    except PolydlError as error:
        channel.send("failed", text=str(error))
    except BaseException as error:
        traceback.print_exc()
        channel.send("broken", text=f"{type(error).__name__}: {error}")
    sys.exit(1)


if __name__ == "__main__":
    main()
