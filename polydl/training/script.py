"""A training program as a script of its own: what `main` loads, trains and writes.

Beside `run.py` lie `run_data.npz` and `run_validation.npz`, the arrays as the Trainer takes them, by
name, and `run_weights.npz`, the initial weights by the framework's own names in its own layouts.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from polydl.callbacks.watching import Watching
from polydl.emission.code import INDENT
from polydl.emission.wrap import wrap
from polydl.errors import DefinitionError
from polydl.program.sizes import Shape
from polydl.spec.registry import CLASSES

if TYPE_CHECKING:
    from polydl.emission.emitter import Emitter
    from polydl.training.emission import TrainingParts
    from polydl.training.settings import Training

# names that stand in `main`, or beside it
SCRIPT_NAMES = frozenset(
    """Path data folder initial main report trainer training_batches validation
    validation_batches""".split()
)


@dataclass(frozen=True)
class NativeLines:
    """A framework's own lines in `main`.

    At hand are `model`, fresh; `initial`, arrays by native name; `folder`, a Path. load: puts the
    weights in. seed: begins the framework's random numbers as `NativeModel.seeded` does. save:
    writes the trained weights as the framework does; averaged: then the averages of `trainer` too, in
    the model's place for them. support: functions that `seed` calls. first: above all imports.
    """

    load: Sequence[str]
    seed: Sequence[str] = ()
    save: Sequence[str] = ()
    averaged: Sequence[str] = ()
    support: str = ""
    first: Sequence[str] = ()


@dataclass(frozen=True)
class Script:
    """stem: the file's name without .py. validates: whether there is validation."""

    stem: str
    validates: bool
    native: NativeLines

    def file(self, what: str) -> str:
        """The name of a file beside the script: "data", "validation", "weights" or "losses"."""
        return f"{self.stem}_{what}.{'npy' if what == 'losses' else 'npz'}"

    def lines(self, parts: TrainingParts, emitter: Emitter) -> list[str]:
        """What stands after the program that the emitter writes."""
        streamed = parts.training.data == "batches"
        support = self.native.support.strip("\n").split("\n")
        written = [
            *(self._sources(parts, emitter) if streamed else []),
            *_report(parts.training),
            "",
            "",
            *([*support, "", ""] if self.native.seed and self.native.support else []),
            *self._main(parts, emitter.fresh(), streamed),
            "",
            "",
            'if __name__ == "__main__":',
            f"{INDENT}main()",
        ]
        return [part for line in written for part in wrap(line)]

    def _main(self, parts: TrainingParts, fresh: str, streamed: bool) -> list[str]:
        averages = parts.training.average is not None
        body = [
            self._meaning(streamed),
            "folder = Path(__file__).resolve().parent",
            f'initial = np.load(folder / "{self.file("weights")}")',
            f"model = {fresh}",
            *self.native.load,
            *self.native.seed,
            *([] if streamed else self._loading()),
            *(["trainer = Trainer(model)"] if averages else []),
            "losses, _ = fit(",
            f"{INDENT}{'trainer' if averages else 'Trainer(model)'},",
            *(INDENT + line for line in self._arguments(parts, streamed)),
            f"{INDENT}after_epoch=report,",
            ")",
            f'np.save(folder / "{self.file("losses")}", losses)',
            *self.native.save,
            *(self.native.averaged if averages else []),
        ]
        return ["def main():", *(INDENT + line for line in body)]

    def _meaning(self, streamed: bool) -> str:
        data = "" if streamed else f" on {self.file('data')}"
        return f'"""Train{data} from {self.file("weights")}; keep the losses and the weights."""'

    def whole(self, source: str, training: Training) -> str:
        """The text of the script, with what stands before the program and its main."""
        others = left_out(training)
        note = [f"# callbacks that are no part of it: {', '.join(others)}", ""] if others else []
        first = [*note, *self.native.first, *([""] if self.native.first else [])]
        return "".join(f"{line}\n" for line in first) + source

    def _loading(self) -> list[str]:
        names = ["data", *(["validation"] if self.validates else [])]
        return [f'{name} = np.load(folder / "{self.file(name)}")' for name in names]

    def _arguments(self, parts: TrainingParts, streamed: bool) -> list[str]:
        if streamed:
            given = ["training_batches,"]
            return [*given, *(["validation=validation_batches,"] if self.validates else [])]
        taken = [f"{text}," for text in _taken(parts, "data")]
        if self.validates:
            taken.append(f"validation=({', '.join(_taken(parts, 'validation'))}),")
        return taken

    def _sources(self, parts: TrainingParts, emitter: Emitter) -> list[str]:
        """Functions to fill in, where the samples came from an iterable."""
        names = ["training_batches", *(["validation_batches"] if self.validates else [])]
        lines = []
        for name in names:
            lines += [
                f"def {name}(epoch):",
                f'{INDENT}"""The batches of an epoch, each a tuple of arrays:',
                "",
                *(f"{INDENT}{line}" for line in _arrays(parts, emitter)),
                f'{INDENT}"""',
                f'{INDENT}raise NotImplementedError("{name}: give your batches here")',
                "",
                "",
            ]
        return lines


def left_out(training: Training) -> list[str]:
    """Names of the user's own callbacks, which only `fit` calls.

    Raises DefinitionError for one that sets the learning rate: the script would train otherwise.
    """
    own = [c for c in training.callbacks if not isinstance(c, Watching) and c.kind not in CLASSES]
    for callback in own:
        if callback.changes_rate:
            raise DefinitionError(
                f"{type(callback).__name__} changes the learning rate, and a script cannot hold it: "
                "leave it out, or write what it does as a dl.Schedule or dl.ReduceLROnPlateau"
            )
    return [type(callback).__name__ for callback in own]


def check_stem(stem: str, source: str) -> None:
    """Raise DefinitionError for a file that would stand in for a module that its text imports."""
    imported = set(sys.stdlib_module_names)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            imported |= {name.name.partition(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(str(node.module).partition(".")[0])
    if stem in imported:
        raise DefinitionError(
            f"a file called {stem}.py would be taken for the module {stem!r}. Choose another name"
        )


def _report(training: Training) -> list[str]:
    """A line for each epoch, of those scores that are numbers."""
    plain = all(metric.combine == "mean" for metric in training.scores.values())
    chosen = "numbers = {name: x for name, x in scores.items() if not isinstance(x, list)}"
    shown = f'f"{{name}} {{x:.4f}}" for name, x in {"scores" if plain else "numbers"}.items()'
    return [
        "def report(losses, scores):",
        *([] if plain else [INDENT + chosen]),
        f'{INDENT}print("  ".join({shown}), flush=True)',
    ]


def _taken(parts: TrainingParts, name: str) -> list[str]:
    """What `fit` takes, of a file's arrays."""
    inputs = ", ".join(f'{name}["{x}"]' for x in parts.inputs)
    return [f"[{inputs}]", *(f'{name}["{x}"]' for x in parts.given)]


def _arrays(parts: TrainingParts, emitter: Emitter) -> list[str]:
    """Names, dtypes and shapes of a batch's arrays."""
    floating = {"float": emitter.dtype, "int": "int32", "bool": "bool"}
    inputs = emitter.program.root.inputs[: len(parts.inputs)]
    types = [*((value.shape, value.dtype) for value in inputs), *parts.given_types]
    return [
        f"{name}: {floating[dtype]} {_shape(shape)}"
        for name, (shape, dtype) in zip(parts.arrays, types, strict=True)
    ]


def _shape(shape: Shape) -> str:
    return f"({', '.join(map(str, shape))}{',' * (len(shape) == 1)})"
