"""Objective: a model and its loss as one Program, whose one output is the loss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from polydl.backend import NativeModel, Options, get_backend
from polydl.emission.held import PREFIX, held
from polydl.emission.naming import unique
from polydl.penalties.penalty import Penalty
from polydl.program.passes import portable_randomness
from polydl.program.passes.randomness import free_key, joined, takes_step
from polydl.program.types import Block, Node, Program, Value, next_id
from polydl.program.verify import verify
from polydl.reference import Held, Interpreter, Watch
from polydl.training.heads import BoundHead, bound_heads
from polydl.training.loss_blocks import given_types, whole_loss_blocks
from polydl.training.penalized import penalized
from polydl.training.rules import frozen, parameter_shapes
from polydl.training.settings import Training

Array = np.ndarray[Any, Any]
Weights = dict[str, Array]


@dataclass(frozen=True, eq=False)
class Objective:
    """inputs: the model's, then what the loss takes besides outputs, then the step, where masks are
    drawn. loss_key: of the loss' Block. prefix: what entries' paths begin with, beyond the model's.
    penalties: those of the Training, and the paths that each is of; they are no part of the Program.
    """

    program: Program
    loss_key: str
    prefix: str
    takes_step: bool
    penalties: tuple[tuple[Penalty, tuple[str, ...]], ...] = ()

    def arrays(self, inputs: Sequence[Array], given: Sequence[Array], step: int) -> list[Array]:
        """What the Program takes, in flat order."""
        last = [np.asarray(step, np.int32)] if self.takes_step else []
        return [*inputs, *given, *last]

    def weights(self, weights: Mapping[str, Array]) -> Weights:
        """The model's weights under this Program's paths."""
        return {self.prefix + path: value for path, value in weights.items()}

    def path(self, path: str) -> str:
        """A path of this Program, in the model."""
        own = path.removeprefix(self.prefix)
        return "" if self.prefix and own == self.prefix[:-1] else own

    def run(
        self,
        weights: Mapping[str, Array],
        arrays: Sequence[Array],
        watch: Watch | None = None,
        training: bool = True,
        held: Held | None = None,
    ) -> float:
        """The loss on the oracle. weights: by the model's paths."""
        own = self.weights(weights)
        outputs, _ = Interpreter(self.program).run(own, arrays, training, held=held, watch=watch)
        return float(outputs[0])

    def build(self, backend: str, options: Options, weights: Mapping[str, Array]) -> NativeModel:
        """It as a native object, with these weights of the model."""
        made, untrusted = get_backend(backend), options.untrusted
        untrusted = untrusted | {self.prefix + key for key in untrusted}
        options = replace(options, layout="channels_last", untrusted=untrusted)
        with made.precision(options):
            emitted = made.emit(self.program, options)
            model = made.build(self.program, emitted, made.execute(emitted), options)
            model.set_weights(self.weights(weights))
        return model


def objective(program: Program, training: Training, seed: int | None = None) -> Objective:
    """The loss of `training` at a model's output.

    seed: of the masks that dropout and the like draw, by portable randomness; by default that of
    `training`. A built-in layer that is the whole model is held by another, so that it stays native.
    """
    prefix = PREFIX if program.root.kind.startswith("polydl:") else ""
    model = held(program) if prefix else program
    if prefix:  # what it becomes is no class that only holds a layer
        model = replace(model, blocks={**model.blocks, "": replace(model.root, kind="Model")})
    heads = bound_heads(model, training)
    types = given_types(heads)
    key = free_key("loss()", model.blocks)
    blocks = joined(whole_loss_blocks(key, heads), key, model.blocks)
    whole = replace(
        model,
        blocks={"": _with_loss(model.root, key, heads, types), **_others(model), **blocks},
        inputs=("tuple", (None,) * (len(model.root.inputs) + len(types))),
        outputs=None,
    )
    whole = portable_randomness(whole, training.seed if seed is None else seed)
    verify(whole)
    shapes, stays = parameter_shapes(program), frozen(program, training)
    penalties = tuple((p, penalized(p, shapes, stays)) for p in training.penalties)
    return Objective(whole, key, prefix, takes_step(whole), penalties)


def _with_loss(
    root: Block, key: str, heads: Sequence[BoundHead], types: Mapping[str, Any]
) -> Block:
    """The model's own Block, with a call of the loss at its end."""
    free, taken = next_id(root), {value.name for value in root.inputs}
    given = tuple(
        Value(free + i, shape, dtype, unique(name, taken))
        for i, (name, (shape, dtype)) in enumerate(types.items())
    )
    loss = Value(free + len(given), (), "float", "loss")
    attributes = {"block": key, "target": ""}
    call = Node("call", (*(bound.output for bound in heads), *given), (loss,), attributes)
    return replace(root, inputs=(*root.inputs, *given), nodes=(*root.nodes, call), outputs=(loss,))


def _others(program: Program) -> dict[str, Block]:
    return {key: block for key, block in program.blocks.items() if key}
