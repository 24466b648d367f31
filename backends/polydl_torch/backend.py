"""Running what was emitted for PyTorch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch

from polydl.backend import Backend, NativeModel, Options
from polydl.emission.emitted import Binding, Emitted
from polydl.errors import WeightsError
from polydl.optimizers.optimizer import Optimizer
from polydl.precision import is_low
from polydl.program.passes import pools_first
from polydl.program.types import Block, Program, inference_writes
from polydl.training.emission import EmittedTraining, TrainingParts, emit_training
from polydl.training.native_optimizer import NativeOptimizer
from polydl.training.script import NativeLines, Script
from polydl.training.settings import Training
from polydl_torch import mixed, natives, optimizers
from polydl_torch.emitter import TorchEmitter
from polydl_torch.gradients import gradients
from polydl_torch.layout import channels_first, turned_inputs
from polydl_torch.optimizers import native_optimizer
from polydl_torch.script import script_lines
from polydl_torch.trainer import trainer_lines
from polydl_torch.trainer_state import TorchTrainerState


class TorchModel(NativeModel):
    """An nn.Module, kept in evaluation mode."""

    def __init__(
        self, program: Program, emitted: Emitted, native: torch.nn.Module, options: Options
    ):
        self.emitted, self.device = emitted, options.device
        self.dtype = getattr(torch, options.dtype)
        self.carried = is_low(options.dtype)  # as float32, outside
        device = options.device
        self.native = native.to(device).eval()
        self.restored = inference_writes(program)

    def call(
        self, inputs: list[np.ndarray], training: bool, keep_state: bool = False
    ) -> list[np.ndarray]:
        tensors = [torch.from_numpy(x) for x in inputs]
        if self.device != "cpu":
            tensors = [x.to(self.device) for x in tensors]
        if self.carried:
            tensors = [x.to(self.dtype) if x.is_floating_point() else x for x in tensors]
        with torch.inference_mode():
            if keep_state and not training:
                return _leaves(self.native(*tensors))
            if not training:
                return self._infer(tensors)
            self.native.train()
            try:
                return _leaves(self.native(*tensors))
            finally:
                self.native.eval()

    def _infer(self, tensors: list[torch.Tensor]) -> list[np.ndarray]:
        """State that a definition updates in inference too is put back."""
        if not self.restored:
            return _leaves(self.native(*tensors))
        buffers = [self._tensors()[self.emitted.bindings[path].native] for path in self.restored]
        before = [buffer.clone() for buffer in buffers]
        try:
            return _leaves(self.native(*tensors))
        finally:
            for buffer, value in zip(buffers, before, strict=True):
                buffer.copy_(value)

    def _tensors(self) -> dict[str, torch.Tensor]:
        """Parameters and buffers by the emitted program's own names; tied ones under each name."""
        named = dict(self.native.named_parameters(remove_duplicate=False))
        return named | dict(self.native.named_buffers(remove_duplicate=False))

    def get_weights(self) -> dict[str, np.ndarray]:
        return self._canonical(self._tensors())

    def _canonical(
        self, tensors: Mapping[str, Any], bindings: Mapping[str, Binding] | None = None
    ) -> dict[str, np.ndarray]:
        found = {}
        for path, binding in (bindings or self.emitted.bindings).items():
            tensor = torch.as_tensor(tensors[binding.native])
            value = _numpy(tensor)
            if binding.axes is not None:
                value = value.transpose([binding.axes.index(i) for i in range(value.ndim)])
            found[path] = np.array(value, order="C")
        return found

    def set_weights(self, weights: Mapping[str, np.ndarray]) -> None:
        tensors = self._tensors()
        with torch.no_grad():
            for path, value in weights.items():
                binding = self.emitted.bindings[path]
                native = value if binding.axes is None else value.transpose(binding.axes)
                tensors[binding.native].copy_(torch.from_numpy(np.array(native)))

    def native_weights(self) -> dict[str, np.ndarray]:
        return {name: _numpy(tensor) for name, tensor in self.native.state_dict().items()}

    def import_native(self, saved: Any) -> dict[str, np.ndarray]:
        """From this program's module, a state_dict of it, or a path that torch.save wrote."""
        if isinstance(saved, torch.nn.Module):
            saved = saved.state_dict()
        elif isinstance(saved, (str, Path)):
            saved = torch.load(saved, map_location="cpu", weights_only=True)
        if not isinstance(saved, Mapping):
            raise WeightsError(
                f"expected a torch module, a state_dict or a path, got {type(saved).__name__}"
            )
        missing = [b.native for b in self.emitted.bindings.values() if b.native not in saved]
        if missing:
            raise WeightsError(
                f"the state_dict lacks {missing}. It must be of the module that this program emits"
            )
        return self._canonical(saved)

    @contextmanager
    def seeded(self, seed: int) -> Iterator[None]:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            yield

    def random_state(self) -> dict[str, np.ndarray]:
        state = {"cpu": torch.get_rng_state().numpy()}
        if self.device != "cpu":
            state[self.device] = torch.cuda.get_rng_state(self.device).numpy()
        return state

    def set_random_state(self, state: Mapping[str, np.ndarray]) -> None:
        torch.set_rng_state(torch.from_numpy(np.array(state["cpu"])))
        if self.device in state and self.device != "cpu":
            own = torch.from_numpy(np.array(state[self.device]))
            torch.cuda.set_rng_state(own, self.device)

    def gradients(
        self, inputs: list[np.ndarray], cotangents: list[np.ndarray | None], training: bool
    ) -> tuple[dict[str, np.ndarray], list[np.ndarray | None]]:
        tensors = [torch.from_numpy(x).to(self.device) for x in inputs]
        named, by_input = gradients(self.native, self._tensors(), tensors, cotangents, training)
        of_parameters = {p: b for p, b in self.emitted.bindings.items() if b.native in named}
        return self._canonical(named, of_parameters), by_input


def _leaves(outputs: Any) -> list[np.ndarray]:
    if isinstance(outputs, torch.Tensor):
        return [_numpy(outputs).copy()]  # not the memory of an input or a weight
    parts = outputs.values() if isinstance(outputs, dict) else outputs
    return [leaf for part in parts for leaf in _leaves(part)]


def _numpy(tensor: torch.Tensor) -> np.ndarray:
    """As an array; one of the half-size types, which NumPy lacks or keeps apart, as float32."""
    if tensor.dtype in (torch.bfloat16, torch.float16):
        tensor = tensor.float()
    return tensor.numpy(force=True)


class TorchBackend(Backend):
    name = "torch"
    reasons = natives.REASONS | optimizers.REASONS

    def versions(self) -> dict[str, str]:
        return {"torch": torch.__version__}

    def devices(self) -> list[str]:
        names = ["cpu"]
        if torch.cuda.is_available():
            names += ["cuda", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]
        return names

    @contextmanager
    def precision(self, options: Options) -> Iterator[None]:
        before = torch.get_default_dtype()
        torch.set_default_dtype(getattr(torch, options.dtype))
        try:
            yield
        finally:
            torch.set_default_dtype(before)

    def check_options(self, options: Options) -> None:
        """Both layouts will do."""

    def place(self, arrays: tuple[Any, ...], options: Options) -> tuple[Any, ...]:
        if options.device == "cpu":
            return arrays
        return tuple(torch.from_numpy(x).to(options.device) for x in arrays)

    def trainer_state(
        self, emitted: EmittedTraining, model: NativeModel, trainer: Any
    ) -> TorchTrainerState:
        return TorchTrainerState(emitted, model, trainer)

    def set_threads(self, threads: int) -> None:
        torch.set_num_threads(threads)

    def emitter(
        self, program: Program, options: Options, functions: tuple[str, ...] = ()
    ) -> TorchEmitter:
        plain = TorchEmitter(
            program, options.dtype, options.natives, options.untrusted, functions=functions
        )

        def layout_of(block: Block) -> str:
            native = plain.native(block)
            return native.layout if native else ""

        pooled = pools_first(plain.program, lambda block: plain.native(block) is not None)
        laid_out = channels_first(
            pooled, layout_of, options.layout == "channels_first", keep=functions
        )
        return TorchEmitter(
            laid_out, options.dtype, options.natives, options.untrusted, functions=functions
        )

    def native_optimizer(self, optimizer: Optimizer) -> NativeOptimizer | None:
        return native_optimizer(optimizer)

    def emit(self, program: Program, options: Options) -> Emitted:
        emitter = self.emitter(program, options)
        emitted = emitter.emit()
        return replace(emitted, channels_first=turned_inputs(program, emitter.program))

    def build(
        self, program: Program, emitted: Emitted, module: ModuleType, options: Options
    ) -> TorchModel:
        native = getattr(module, emitted.entry)()
        return TorchModel(program, emitted, native, options)

    def script_lines(self, options: Options, stem: str, seed: int | None) -> NativeLines:
        return script_lines(stem, seed, options.device)

    def emit_training(
        self, program: Program, training: Training, options: Options, script: Script | None = None
    ) -> EmittedTraining:
        mixed.check_lstm(self.emitter(program, options), training, options.device)

        def write(parts: TrainingParts) -> list[str]:
            return trainer_lines(parts, options.device)

        return emit_training(
            program,
            training,
            lambda whole, functions: self.emitter(whole, options, functions),
            write,
            lambda optimizer: options.natives and native_optimizer(optimizer) is not None,
            script=script,
            channels_first=lambda emitter: turned_inputs(program, emitter.program),
        )
