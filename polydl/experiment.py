"""Experiment: a model, how it is trained, and on what. What `polydl compare FILE` reads."""

from __future__ import annotations

import importlib.util
import re
import sys
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from polydl.errors import DataError, DefinitionError, PolydlError
from polydl.precision import check_dtype
from polydl.program.structure import flatten
from polydl.program.types import Program
from polydl.sources.making import arrays_of, source_of
from polydl.sources.opening import Opener
from polydl.spec.input import Input
from polydl.spec.module import Module
from polydl.training.arrays import Data, training_arrays, weighted
from polydl.training.settings import Training

_EXAMPLE = "experiment = dl.Experiment(model, inputs, training, data)"


@dataclass(eq=False)
class Experiment:
    """A training run as one object, for every backend.

    model: a dl.Module with its `inputs`, or a dl.Program without. data and validation: arrays
    (inputs, targets), or (inputs, targets, weights), with the samples along the first axis; targets
    are None for a loss that takes none. Or batches as `fit` takes them, which come again for each
    epoch; a comparison needs arrays. name: shown in reports.
    """

    model: Module | Program
    inputs: Input | Sequence[Input] | Mapping[str, Input] | None
    training: Training
    data: Any
    validation: Any = None
    name: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.model, (Module, Program)):
            what = _what(self.model)
            raise DefinitionError(f"Experiment: model must be a dl.Module, got {what}")
        if isinstance(self.model, Module):
            given = flatten(self.inputs)[0]
            if not given or not all(isinstance(leaf, Input) for leaf in given):
                raise DefinitionError(
                    "Experiment: inputs must be dl.Input such as dl.Input((None, 8)), or a tuple or "
                    f"dict of them, got {_what(self.inputs)}"
                )
        elif self.inputs is not None:
            raise DefinitionError("Experiment: a Program brings its own inputs; make `inputs` None")
        if not isinstance(self.training, Training):
            what = _what(self.training)
            raise DefinitionError(f"Experiment: training must be a dl.Training, got {what}")
        self.data = self._given(self.data, "data")
        if self.validation is not None:
            self.validation = self._given(self.validation, "validation")
        if isinstance(self.data, tuple):
            self.training = weighted(self.training, self.data)
        if self.name is not None and not isinstance(self.name, str):
            raise DefinitionError(f"Experiment: name must be text, got {_what(self.name)}")

    def _given(self, data: Any, where: str) -> Any:
        """Arrays, or what gives batches."""
        data = arrays_of(data)
        source = source_of(data, self.training, "float32", f"Experiment: {where}")
        if source is None:
            return _samples(data, where, self.training.heads[0].key is not None)
        if source.once:
            raise DataError(
                f"Experiment: the batches of {where} come once only, as from a generator. Give a list, "
                "or a function of the epoch that makes them anew"
            )
        return data

    @cached_property
    def program(self) -> Program:
        """The model, traced when first asked for."""
        from polydl.program.passes import remove_dead_code
        from polydl.program.verify import verify
        from polydl.spec.tracing import trace

        program = self.model
        if isinstance(program, Module):
            assert self.inputs is not None  # __post_init__ has seen to it
            program = remove_dead_code(trace(program, self.inputs))
        verify(program)
        return program

    @property
    def title(self) -> str:
        """The name, or the model's class."""
        return self.name or self.program.root.class_name

    def arrays(self, dtype: str = "float32") -> tuple[Data, Data | None]:
        """Data and validation, as (inputs in flat order, (targets, weights)), cast and checked.

        Raises DataError, DTypeError or ShapeError for arrays that the model or the loss cannot take,
        and DataError for batches.
        """
        check_dtype(dtype, training=True)
        for where, given in (("data", self.data), ("validation", self.validation)):
            if given is not None and not isinstance(given, tuple):
                raise DataError(
                    f"Experiment: {where} comes in batches, and a comparison needs arrays, which it "
                    "hands to each backend's process. Give (inputs, targets)"
                )
        program, training = self.program, self.training
        data = training_arrays(program, training, dtype, self.data, "data")
        if self.validation is None:
            return data, None
        return data, training_arrays(program, training, dtype, self.validation, "validation")

    def check(self, dtype: str = "float32") -> None:
        """Raise what `arrays` raises; of batches, the first one is looked at."""
        check_dtype(dtype, training=True)
        Opener(self.program, dtype).open(
            self.training, self.data, self.validation, epochs=self.training.epochs
        )


def load_experiment(path: str | Path) -> Experiment:
    """Run a Python file and give its `experiment`. The file's own folder can be imported from.

    Raises DefinitionError that says what is wrong with the file.
    """
    path = Path(path)
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "there is no such file"
        raise DefinitionError(f"{path}: {what}. Give a Python file with `{_EXAMPLE}`")
    module = _run(path)
    if not hasattr(module, "experiment"):
        found = [name for name, value in vars(module).items() if isinstance(value, Experiment)]
        hint = f" (an Experiment is in {found[0]!r}: rename it)" if found else ""
        raise DefinitionError(f"{path} defines no `experiment`{hint}. Write `{_EXAMPLE}`")
    experiment = module.experiment
    if not isinstance(experiment, Experiment):
        raise DefinitionError(
            f"{path}: `experiment` is {_what(experiment)}, not a dl.Experiment. Write `{_EXAMPLE}`"
        )
    if experiment.name is None:
        experiment.name = path.stem
    return experiment


def _run(path: Path) -> ModuleType:
    """The file as a module, kept in sys.modules so that its classes can be inspected."""
    name = "polydl_experiment_" + re.sub(r"\W", "_", path.stem)
    spec = importlib.util.spec_from_file_location(name, path.resolve())
    if spec is None or spec.loader is None:
        raise DefinitionError(f"{path} is no Python file. Give one with `{_EXAMPLE}`")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    sys.path.insert(0, str(path.resolve().parent))
    try:
        spec.loader.exec_module(module)
    except PolydlError:
        raise
    except ModuleNotFoundError as error:
        raise DefinitionError(
            f"{_place(path, error)}: there is no module {error.name!r}. Install it, or correct the "
            "import"
        ) from error
    except Exception as error:
        raise DefinitionError(f"{_place(path, error)}: {type(error).__name__}: {error}") from error
    finally:
        sys.path.remove(str(path.resolve().parent))
    return module


def _place(path: Path, error: BaseException) -> str:
    """The file, and the line in it that an error came from."""
    if isinstance(error, SyntaxError) and error.filename == str(path.resolve()):
        return f"{path}, line {error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == str(path.resolve())]
    return f"{path}, line {lines[-1]}" if lines else str(path)


def _samples(given: Any, where: str, several: bool) -> tuple[Any, ...]:
    """(inputs, targets) or (inputs, targets, weights) with samples, as many in each.

    several: targets, and weights, may be those of several outputs.
    """
    if not isinstance(given, (tuple, list)) or len(given) not in (2, 3):
        raise DataError(f"Experiment: {where} must be (inputs, targets), got {_what(given)}")
    parts = [leaf for part in given[1:] for leaf in (flatten(part)[0] if several else [part])]
    others = [part for part in parts if part is not None]
    leaves = [np.asarray(leaf) for leaf in [*flatten(given[0])[0], *others]]
    if any(leaf.dtype == object for leaf in leaves):
        raise DataError(f"Experiment: {where} must be arrays of numbers; one holds Python objects")
    counts = [leaf.shape[0] if leaf.ndim else 0 for leaf in leaves]
    if len(set(counts)) != 1:
        shown = ", ".join(str(leaf.shape) for leaf in leaves)
        raise DataError(f"Experiment: {where} differs in its number of samples: {shown}")
    if counts[0] == 0:
        raise DataError(f"Experiment: {where} holds no samples")
    return tuple(given)


def _what(given: Any) -> str:
    if isinstance(given, type):
        return f"the class {given.__name__}: call it"
    return f"{type(given).__name__}" if given is not None else "None"
