"""Noise on gradients: what it is, and its part of a training program."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from polydl import ops
from polydl.emission.emitter import Emitter
from polydl.layers.checks import require_within
from polydl.program.passes.randomness import site_number
from polydl.program.sizes import Size
from polydl.program.types import Block
from polydl.random import mix
from polydl.spec.arguments import known_arguments
from polydl.spec.tensor import Tensor


@known_arguments()
@dataclass(frozen=True)
class GradientNoise:
    """Normal noise added to gradients, of variance eta / (1 + t)^gamma, t = 0 at the first update.

    Neelakantan et al. 2015, who take eta of 0.01, 0.3 or 1. It is added to each number of the
    gradient of a whole batch, before clipping. It is a function of the training's seed, the
    parameter's canonical path, the step and the number's place in the canonical layout: the same on
    every backend, whatever `randomness` says of the model's own.
    """

    eta: float
    gamma: float = 0.55

    def __post_init__(self) -> None:
        require_within("GradientNoise", 0.0, math.inf, eta=self.eta, gamma=self.gamma)

    def deviation(self, step: Tensor) -> Tensor:
        """The standard deviation at a step."""
        return ops.sqrt(self.eta / (1 + step).astype("float") ** self.gamma)

    @staticmethod
    def normal(position: Tensor, step: Tensor, key: Tensor) -> Tensor:
        """Standard normal numbers of two hashes of each place, by Box & Muller 1958."""
        stream = mix(mix(step) + key)
        first = mix(mix((2 * position) ^ key) ^ stream)
        second = mix(mix((2 * position + 1) ^ key) ^ stream)
        share = ops.shift_right_logical(first, 8).astype("float") * 2.0**-24
        angle = ops.shift_right_logical(second, 8).astype("float") * (2 * math.pi * 2.0**-24)
        return ops.sqrt(-2.0 * ops.log(1.0 - share)) * ops.cos(angle)

    def trace_deviation(self, key: str = "") -> dict[str, Block]:
        """`deviation` as Blocks, over the step."""
        from polydl.spec.tracing import trace_function

        return trace_function("GradientNoise", self.deviation, [("step", (), "int")], {}, key)

    def trace(self, key: str = "") -> dict[str, Block]:
        """`normal` as Blocks, over one axis; `key` is its own."""
        from polydl.spec.tracing import trace_function

        size = (Size.symbol("size"),)
        inputs: list[Any] = [("position", size, "int"), ("step", (), "int"), ("key", (), "int")]
        return trace_function("GradientNoise", self.normal, inputs, {}, key)


def noise_key(seed: int, path: str) -> int:
    """What distinguishes a parameter, as int32."""
    return site_number(seed, f"gradient of {path}", 0)


@dataclass(frozen=True)
class EmittedNoise:
    """call: the text of standard normal numbers, of those of positions, the step and a key.

    keys: by canonical path, of all parameters that are trained.
    """

    call: Callable[[str, str, str], str]
    keys: dict[str, int]


def emitted_noise(
    emitter: Emitter, key: str, seed: int, paths: Sequence[str]
) -> EmittedNoise | None:
    """key: of its function, if there is noise."""
    if not key:
        return None
    return EmittedNoise(partial(_text, emitter, key), {p: noise_key(seed, p) for p in paths})


def _text(emitter: Emitter, function: str, position: str, step: str, key: str) -> str:
    return emitter.function_text(function, [position, step, key])
