"""Running what was emitted for Flax."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp

from polydl.backend import Backend, NativeModel, Options
from polydl.emission.emitted import Emitted
from polydl.optimizers.optimizer import Optimizer
from polydl.program.types import Program
from polydl.training.emission import EmittedTraining, TrainingParts, emit_training
from polydl.training.native_optimizer import NativeOptimizer
from polydl.training.script import NativeLines, Script
from polydl.training.settings import Training
from polydl_flax import natives, optimizers
from polydl_flax.construct import construct
from polydl_flax.emitter import FlaxEmitter
from polydl_flax.model import FlaxModel
from polydl_flax.optimizers import native_optimizer
from polydl_flax.script import script_lines
from polydl_flax.trainer import trainer_lines
from polydl_flax.trainer_state import FlaxTrainerState

_PLATFORMS = ("cuda", "rocm", "tpu")


class FlaxBackend(Backend):
    name = "flax"
    reasons = natives.REASONS | optimizers.REASONS

    def versions(self) -> dict[str, str]:
        return {name: version(name) for name in ("flax", "jax", "optax")}

    def devices(self) -> list[str]:
        names = ["cpu"]
        for platform in _PLATFORMS:
            try:
                count = len(jax.devices(platform))
            except RuntimeError:
                continue
            names += [platform, *(f"{platform}:{i}" for i in range(count))]
        return names

    @contextmanager
    def precision(self, options: Options) -> Iterator[None]:
        """64-bit mode on or off for this thread; the emitted header also sets the process's."""
        before = jax.config.jax_enable_x64  # type: ignore[attr-defined]
        with jax.enable_x64(options.dtype == "float64"):
            try:
                yield
            finally:
                jax.config.update("jax_enable_x64", before)

    def emitter(
        self,
        program: Program,
        options: Options,
        functions: tuple[str, ...] = (),
        computes: str = "",
    ) -> FlaxEmitter:
        return FlaxEmitter(
            program, options.dtype, options.natives, options.untrusted, functions, computes
        )

    def place(self, arrays: tuple[Any, ...], options: Options) -> tuple[Any, ...]:
        platform, _, index = options.device.partition(":")
        if platform == "cpu":
            return arrays
        with jax.enable_x64(options.dtype == "float64"):  # which is each thread's own
            return tuple(jax.device_put(arrays, jax.devices(platform)[int(index or 0)]))

    def trainer_state(
        self, emitted: EmittedTraining, model: NativeModel, trainer: Any
    ) -> FlaxTrainerState:
        return FlaxTrainerState(emitted, model, trainer)

    def native_optimizer(self, optimizer: Optimizer) -> NativeOptimizer | None:
        return native_optimizer(optimizer)

    def emit(self, program: Program, options: Options) -> Emitted:
        return self.emitter(program, options).emit()

    def build(
        self, program: Program, emitted: Emitted, module: ModuleType, options: Options
    ) -> FlaxModel:
        device = bound_device(options.device)
        native = construct(getattr(module, emitted.entry), device)
        return FlaxModel(program, emitted, native, options.dtype, device)

    def script_lines(self, options: Options, stem: str, seed: int | None) -> NativeLines:
        return script_lines(stem, seed, place_text(bound_device(options.device)))

    def emit_training(
        self, program: Program, training: Training, options: Options, script: Script | None = None
    ) -> EmittedTraining:
        place = place_text(bound_device(options.device))

        computes = training.precision or ""

        def write(parts: TrainingParts) -> list[str]:
            return trainer_lines(parts, place)

        return emit_training(
            program,
            training,
            lambda whole, functions: self.emitter(whole, options, functions, computes),
            write,
            lambda optimizer: options.natives and native_optimizer(optimizer) is not None,
            script=script,
        )


def place_text(device: jax.Device | None) -> str:
    """A device as emitted texts name it; "" for the one that JAX uses anyway."""
    return f'jax.devices("{device.platform}")[{device.id}]' if device else ""


def bound_device(name: str) -> jax.Device | None:
    """JAX's device of a name such as "cuda:1"; None for the one that it uses anyway."""
    platform, _, index = name.partition(":")
    device = jax.devices(platform)[int(index or 0)]
    return None if device == jnp.zeros(()).device else device
