"""Running what was emitted for Keras."""

from __future__ import annotations

from contextlib import AbstractContextManager
from types import ModuleType
from typing import Any

from polydl.backend import Backend, NativeModel, Options
from polydl.emission.emitted import Emitted
from polydl.errors import BackendError
from polydl.optimizers.optimizer import Optimizer
from polydl.program.types import Program
from polydl.training.emission import EmittedTraining, TrainingParts, emit_training
from polydl.training.native_optimizer import NativeOptimizer
from polydl.training.script import NativeLines, Script
from polydl.training.settings import Training
from polydl_keras import engine, natives, optimizers
from polydl_keras.emitter import KerasEmitter
from polydl_keras.initializers import without_orthogonal
from polydl_keras.model import KerasModel
from polydl_keras.optimizers import CLASSES, native_optimizer
from polydl_keras.script import script_lines
from polydl_keras.step_plan import StepPlan, steps_per_execution, suits_xla
from polydl_keras.trainer import trainer_lines
from polydl_keras.trainer_state import KerasTrainerState


class KerasBackend(Backend):
    name = "keras"
    reasons = natives.REASONS | optimizers.REASONS

    def __init__(self) -> None:
        engine.share_gpus()

    def versions(self) -> dict[str, str]:
        return engine.versions()

    def devices(self) -> list[str]:
        return engine.devices()

    def precision(self, options: Options) -> AbstractContextManager[None]:
        return engine.settings(options.dtype, options.device)

    def check_options(self, options: Options) -> None:
        super().check_options(options)
        if not engine.on_tensorflow() and options.dtype != "float32":
            raise BackendError(
                f"Keras on {engine.ENGINE} computes in float32 only; use it on tensorflow"
            )

    def trainer_state(
        self, emitted: EmittedTraining, model: NativeModel, trainer: Any
    ) -> KerasTrainerState:
        return KerasTrainerState(emitted, model, trainer)

    def set_threads(self, threads: int) -> None:
        """TensorFlow takes a number of threads only until it has started."""
        if engine.on_tensorflow():
            import tensorflow as tf

            tf.config.threading.set_intra_op_parallelism_threads(threads)
            tf.config.threading.set_inter_op_parallelism_threads(threads)

    def emitter(
        self,
        program: Program,
        options: Options,
        functions: tuple[str, ...] = (),
        computes: str = "",
    ) -> KerasEmitter:
        if options.dtype == "bfloat16":
            program = without_orthogonal(program)
        return KerasEmitter(
            program, options.dtype, options.natives, options.untrusted, functions, computes
        )

    def native_optimizer(self, optimizer: Optimizer) -> NativeOptimizer | None:
        return native_optimizer(optimizer)

    def emit(self, program: Program, options: Options) -> Emitted:
        return self.emitter(program, options).emit()

    def build(
        self, program: Program, emitted: Emitted, module: ModuleType, options: Options
    ) -> KerasModel:
        make = getattr(module, emitted.entry)
        if emitted.computes:  # what is executed once sets its policy once
            make = engine.under_policy(f"mixed_{emitted.computes}", make)
        xla = suits_xla(program, options.device, self.emitter(program, options).loops)
        return KerasModel(program, emitted, make, options.dtype, xla)

    def script_lines(self, options: Options, stem: str, seed: int | None) -> NativeLines:
        return script_lines(stem, seed)

    def emit_training(
        self, program: Program, training: Training, options: Options, script: Script | None = None
    ) -> EmittedTraining:
        emitters: list[KerasEmitter] = []

        def emitter(whole: Program, functions: tuple[str, ...]) -> KerasEmitter:
            made = self.emitter(whole, options, functions, training.precision or "")
            made.taken |= CLASSES
            emitters.append(made)
            return made

        steps = steps_per_execution(program, training)

        def write(parts: TrainingParts) -> list[str]:
            plan = StepPlan(suits_xla(program, options.device, emitters[-1].loops), steps)
            return trainer_lines(parts, program, options.dtype, plan)

        return emit_training(
            program,
            training,
            emitter,
            write,
            lambda optimizer: options.natives and native_optimizer(optimizer) is not None,
            steps > 1,
            script=script,
        )
