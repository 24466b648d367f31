"""What a backend is, and how the core finds those that are installed.

A backend is a package with an entry point in the group `polydl.backends` that names a subclass of
Backend, and a module `requirements`, which imports nothing of its package and no framework:
REQUIRES (modules that must be importable), EXTRA (what `pip install polydl[...]` takes) and, where
it needs one, thread_environment(threads), the variables that pin a fresh process to a number of
threads. The core imports a backend only when it is asked for.
"""

from __future__ import annotations

import importlib.util
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib.machinery import PathFinder
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from polydl.emission.emitted import Emitted
from polydl.errors import BackendError
from polydl.execute import execute
from polydl.precision import carrier
from polydl.program.types import Program

if TYPE_CHECKING:
    from polydl.emission.emitter import Emitter
    from polydl.optimizers.optimizer import Optimizer
    from polydl.training.emission import EmittedTraining
    from polydl.training.native_optimizer import NativeOptimizer
    from polydl.training.script import NativeLines, Script
    from polydl.training.settings import Training
    from polydl.training.trainer_state import TrainerState


GROUP = "polydl.backends"
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
LAYOUTS = ("channels_last", "channels_first")


@dataclass(frozen=True)
class Options:
    """Choices made when compiling.

    untrusted: keys of Blocks that claim to be built-ins but, read from a file, are not.
    """

    dtype: str = "float32"
    device: str = "cpu"
    natives: bool = True
    layout: str = "channels_last"
    untrusted: frozenset[str] = field(default_factory=frozenset)

    @property
    def carrier(self) -> str:
        """NumPy's type of the floats that go into a native object and come out of it."""
        return carrier(self.dtype)


class NativeModel(ABC):
    """A framework's own object, and numpy in and out of it.

    Of a model in bfloat16 or float16, floats cross as float32: rounded on the way in, exact on the
    way out.
    """

    emitted: Emitted
    native: Any

    @abstractmethod
    def call(
        self, inputs: list[np.ndarray], training: bool, keep_state: bool = False
    ) -> list[np.ndarray]:
        """Outputs in order. State is updated in training mode, and where keep_state says so."""

    @abstractmethod
    def get_weights(self) -> dict[str, np.ndarray]:
        """Every entry in its canonical layout, copied."""

    @abstractmethod
    def set_weights(self, weights: Mapping[str, np.ndarray]) -> None:
        """Put canonical entries (all, or some) into the native object."""

    def native_weights(self) -> dict[str, np.ndarray]:
        """Parameters and state by the framework's own names, in its own layouts."""
        raise BackendError(f"{type(self).__name__} gives no weights by native name")

    @abstractmethod
    def import_native(self, saved: Any) -> dict[str, np.ndarray]:
        """Canonical entries from weights that this program's native object saved natively."""

    def seeded(self, seed: int) -> AbstractContextManager[None]:
        """A context that begins the framework's own random numbers anew, from this seed."""
        return nullcontext()

    def random_state(self) -> dict[str, np.ndarray]:
        """Where the framework's own random numbers are, by names that only this backend knows."""
        return {}

    def set_random_state(self, state: Mapping[str, np.ndarray]) -> None:
        """Go on with random numbers from there."""
        return

    def gradients(
        self,
        inputs: list[np.ndarray],
        cotangents: list[np.ndarray | None],
        training: bool,
    ) -> tuple[dict[str, np.ndarray], list[np.ndarray | None]]:
        """Derivatives of sum(output * cotangent), by the framework's own differentiation.

        cotangents: for each output in order, None for one that is left out. Returns those by each
        parameter's canonical path, and by each input (None for integers). State stays as it is.
        The conformance suite skips what needs gradients where this is not overridden.
        """
        raise BackendError(f"{type(self).__name__} gives no gradients")

    def training_gradients(
        self,
        inputs: list[np.ndarray],
        cotangents: list[np.ndarray | None],
        training: bool,
    ) -> tuple[dict[str, np.ndarray], list[np.ndarray | None]]:
        """As `gradients`, compiled as a training step is, for the diagnostics.

        A backend overrides it where its framework computes others in another way of running.
        """
        return self.gradients(inputs, cotangents, training)


class Backend(ABC):
    """One framework: how to emit for it, and how to run what was emitted."""

    name: ClassVar[str]
    trains: ClassVar[bool] = True
    reasons: ClassVar[Mapping[str, str]] = {}  # why built-ins have no native, by kind

    @abstractmethod
    def versions(self) -> dict[str, str]:
        """Versions of the framework and what it runs on."""

    @abstractmethod
    def devices(self) -> list[str]:
        """Names that `device=` takes here."""

    @abstractmethod
    def precision(self, options: Options) -> AbstractContextManager[None]:
        """A context in which the process-wide settings are those of `options`, restored after."""

    @abstractmethod
    def emit(self, program: Program, options: Options) -> Emitted:
        """The source text of a Program."""

    def emitter(self, program: Program, options: Options) -> Emitter:
        """What writes the text of a Program. The table of natives asks it for those of Blocks."""
        raise BackendError(f"the {self.name} backend has no emitter")

    def native_optimizer(self, optimizer: Optimizer) -> NativeOptimizer | None:
        """The framework's own optimizer, or None where it has none that is equal."""
        return None

    def execute(self, emitted: Emitted) -> ModuleType:
        """The emitted source as a module. Of what is no Python, an empty one."""
        return execute(emitted.source, self.name)

    @abstractmethod
    def build(
        self, program: Program, emitted: Emitted, module: ModuleType, options: Options
    ) -> NativeModel:
        """The native object, made by the executed source."""

    @abstractmethod
    def emit_training(
        self, program: Program, training: Training, options: Options, script: Script | None = None
    ) -> EmittedTraining:
        """The source text of the model, its training step and its loop, as a script where asked."""

    def script_lines(self, options: Options, stem: str, seed: int | None) -> NativeLines:
        """What is the framework's own in a script. seed: None where nothing is drawn."""
        raise BackendError(f"the {self.name} backend writes no scripts")

    def trainer_state(
        self, emitted: EmittedTraining, model: NativeModel, trainer: Any
    ) -> TrainerState:
        """What a Trainer carries besides weights, to be taken out and put in."""
        raise BackendError(f"the {self.name} backend gives no state of trainers")

    def place(self, arrays: tuple[Any, ...], options: Options) -> tuple[Any, ...]:
        """Arrays of a batch as a training step takes them, on the device already where that helps.

        It is called in a thread, while a step runs.
        """
        return arrays

    def set_threads(self, threads: int) -> None:
        """Pin this process to a number of threads, where the framework takes no variable for it."""
        return

    def check_options(self, options: Options) -> None:
        """Raise BackendError for options that this backend cannot serve."""
        if options.layout != "channels_last":
            raise BackendError(
                f"the {self.name} backend takes images channels-last; leave `layout` out"
            )

    def check_device(self, device: str) -> str:
        """A device that is there, or BackendError."""
        known = self.devices()
        if device not in known:
            raise BackendError(
                f"the {self.name} backend has no device {device!r} here. It has: {', '.join(known)}"
            )
        return device


@dataclass(frozen=True)
class Installed:
    """A backend that is known: its name, and what is missing to run it."""

    name: str
    extra: str
    missing: tuple[str, ...]
    problem: str = ""


def known_backends() -> dict[str, Any]:
    """Entry points by name; no framework is imported."""
    from importlib.metadata import entry_points

    return {point.name: point for point in entry_points(group=GROUP)}


def get_backend(name: str) -> Backend:
    """The backend of this name. BackendError says which there are, or what to install."""
    if name == "reference":
        from polydl.reference.backend import ReferenceBackend

        return ReferenceBackend()
    known = known_backends()
    if name not in known:
        raise unknown_backend(name, [*known, "reference"])
    package = known[name].value.split(":")[0]
    requires, extra = _requirements(package)
    missing = [module for module in requires if importlib.util.find_spec(module) is None]
    if missing:
        raise BackendError(
            f"the {name} backend needs {' and '.join(missing)}, not installed here. "
            f"Install with: pip install 'polydl[{extra}]'"
        )
    return known[name].load()()


def unknown_backend(name: object, known: Sequence[str]) -> BackendError:
    """The error for a name that no backend has."""
    close = get_close_matches(str(name), known, n=1)
    guess = f" Did you mean {close[0]!r}?" if close else ""
    return BackendError(f"unknown backend {name!r}.{guess} Known: {', '.join(sorted(known))}")


def thread_environment(name: str, threads: int) -> dict[str, str]:
    """Variables that pin a fresh process with this backend to a number of threads."""
    package = known_backends()[name].value.split(":")[0]
    own = getattr(_declared(package), "thread_environment", None)
    return dict.fromkeys(THREAD_VARIABLES, str(threads)) | (own(threads) if own else {})


def _requirements(package: str) -> tuple[tuple[str, ...], str]:
    module = _declared(package)
    return tuple(module.REQUIRES), module.EXTRA


def _declared(package: str) -> ModuleType:
    """A backend's `requirements.py`, run without the package around it, which imports a framework."""
    found = importlib.util.find_spec(package)
    where = found.submodule_search_locations if found else None
    spec = PathFinder.find_spec(f"{package}.requirements", where) if where else None
    if spec is None or spec.loader is None:
        raise ImportError(f"the package {package} has no requirements.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def installed_backends() -> list[Installed]:
    """All known backends and what each lacks."""
    found = []
    for name, point in sorted(known_backends().items()):
        package = point.value.split(":")[0]
        try:
            requires, extra = _requirements(package)
        except ImportError as error:
            found.append(Installed(name, name, (), str(error)))
            continue
        missing = tuple(m for m in requires if importlib.util.find_spec(m) is None)
        found.append(Installed(name, extra, missing))
    return found
