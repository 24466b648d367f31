"""From a Training to an executed program whose Trainer is ready to step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from polydl.backend import Backend, NativeModel, Options
from polydl.emission.emitted import Emitted
from polydl.errors import DefinitionError
from polydl.execute import execute
from polydl.precision import check_mixed
from polydl.program.passes import portable_randomness
from polydl.program.passes.randomness import draws
from polydl.program.types import Program
from polydl.sources.opening import Opened
from polydl.training.emission import EmittedTraining
from polydl.training.heads import bound_heads
from polydl.training.run_state import Arrays
from polydl.training.script import Script
from polydl.training.seeds import native_seed
from polydl.training.settings import Training
from polydl.training.standalone import WrittenScript
from polydl.training.trainer_state import TrainerState


@dataclass
class Prepared:
    """An executed training program, and the model that its Trainer works on."""

    backend: Backend
    emitted: EmittedTraining
    module: Any
    program: Program
    training: Training
    model: NativeModel
    trainer: Any
    steps: int = 0
    epochs: int = 0

    @property
    def state(self) -> TrainerState:
        """What the Trainer carries besides weights."""
        return self.backend.trainer_state(self.emitted, self.model, self.trainer)


class Preparing:
    """The training programs of a net, of which the last one can go on."""

    def __init__(self, program: Program, backend: Backend, options: Options, model: NativeModel):
        self.program, self.backend, self.options, self.model = program, backend, options, model
        self.source = ""
        self.prepared: Prepared | None = None
        self.portable: dict[int, Program] = {}  # by seed

    def emit(self, training: Training, script: Script | None = None) -> EmittedTraining:
        require_training(training)
        bound_heads(self.program, training)
        if training.precision is not None:
            check_mixed(training.precision, self.options.dtype)
        if not any(entry.role == "parameter" for entry in self.program.entries.values()):
            raise DefinitionError("this model has no parameters: there is nothing to train")
        program, asked = self._program(training), {} if script is None else {"script": script}
        emitted = self.backend.emit_training(program, training, self.options, **asked)
        self.source = emitted.source if script is None else self.source
        return emitted

    def _program(self, training: Training) -> Program:
        if training.randomness != "portable":
            return self.program
        if training.seed not in self.portable:
            self.portable[training.seed] = portable_randomness(self.program, training.seed)
        return self.portable[training.seed]

    def prepare(self, training: Training, keep: bool = True, fresh: bool = False) -> Prepared:
        """The training program, ready to step: the one before if its step is the same.

        Else a new one, which goes on with the state of an equal optimizer. keep: for the next fit.
        fresh: a new one that begins anew.
        """
        emitted = self.emit(training)
        program, before = self._program(training), None if fresh else self.prepared
        with self.backend.precision(self.options):
            module = execute(emitted.source, self.backend.name)
            own = (program, emitted.computes)
            alike = before is not None and (before.program, before.emitted.computes) == own
            if before is not None and alike and before.emitted.trainer == emitted.trainer:
                before.module, before.emitted = module, emitted
                self._update(before)
                return before
            model = self.model
            if program is not self.program or emitted.computes:  # its text is another
                model = self._built(program, emitted, module)
            trainer = module.Trainer(model.native)
            prepared = Prepared(self.backend, emitted, module, program, training, model, trainer)
            if keep and before is not None and _same_rule(before.training, training):
                self._carry_over(before, prepared)
            if before is not None and _same_average(before.emitted, emitted):
                kept = before.state.averages()
                prepared.state.set_averages({**model.get_weights(), **kept})
        if keep:
            self.prepared = prepared
        return prepared

    def _built(self, program: Program, emitted: EmittedTraining, module: Any) -> NativeModel:
        """The model of an executed training program, with the net's weights."""
        text = Emitted(emitted.source, emitted.entry, emitted.bindings, computes=emitted.computes)
        model = self.backend.build(program, text, module, self.options)
        model.set_weights(self.model.get_weights())
        return model

    def written(self, opened: Opened, validates: bool, stem: str) -> WrittenScript:
        """The program as a script, with this net's weights and the opened data."""
        training, seed = opened.training, None
        program = self._program(training)
        if training.randomness == "native" and draws(program):
            seed = native_seed(training, 0)
        script = Script(stem, validates, self.backend.script_lines(self.options, stem, seed))
        emitted, model = self.emit(training, script), self.model
        with self.backend.precision(self.options):
            if program is not self.program or emitted.computes:
                module = execute(emitted.source, self.backend.name)
                model = self._built(program, emitted, module)
            return WrittenScript(script, emitted, opened, model.native_weights())

    def _carry_over(self, before: Prepared, after: Prepared) -> None:
        """The optimizer's state, of all parameters that both train."""
        state, carried = after.state.optimizer(), before.state.optimizer()
        same = {path for path in state if state[path].keys() == carried.get(path, {}).keys()}
        kept = {path: (carried if path in same else state)[path] for path in state}
        after.steps, after.epochs = before.steps, before.epochs
        scale = before.state.loss_scale()
        after.state.set_optimizer(kept, int(scale.get("updates", after.steps)))
        after.state.set_loss_scale(scale)

    def averaged_weights(self) -> Arrays:
        """All entries, with the averages of those that have one."""
        prepared = self.prepared
        if prepared is None or prepared.emitted.parts.training.average is None:
            raise DefinitionError(
                "there are no averages of weights: fit with Training(average=dl.EMA(0.999)), say"
            )
        with self.backend.precision(self.options):
            return {**self.model.get_weights(), **prepared.state.averages()}

    def weights_given(self, weights: Arrays) -> None:
        """Weights came from elsewhere: averages begin with them."""
        prepared = self.prepared
        if prepared is not None and prepared.emitted.parts.training.average is not None:
            prepared.state.set_averages(weights)

    def _update(self, prepared: Prepared) -> None:
        """Weights from the net into the model that is trained."""
        if prepared.model is not self.model:
            prepared.model.set_weights(self.model.get_weights())

    def hand_back(self, prepared: Prepared) -> None:
        """Weights from the model that is trained into the net."""
        if prepared.model is not self.model:
            self.model.set_weights(prepared.model.get_weights())


def require_training(given: Any) -> None:
    if not isinstance(given, Training):
        raise DefinitionError(f"expected a dl.Training, got {type(given).__name__}")


def _same_average(a: EmittedTraining, b: EmittedTraining) -> bool:
    """Whether there are averages, and the same."""
    first, second = a.parts.training.average, b.parts.training.average
    if first is None or second is None:
        return False
    return type(first) is type(second) and first.config() == second.config()


def _same_rule(a: Training, b: Training) -> bool:
    """Whether the optimizers carry the same, whatever their learning rates."""
    first, second = a.optimizer, b.optimizer
    others = ({**x.config(), "learning_rate": None} for x in (first, second))
    return type(first) is type(second) and next(others) == next(others)
