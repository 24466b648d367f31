"""Drawn definitions of schedules: the emitted Python function against the oracle."""

from __future__ import annotations

import math
import os
import random
from dataclasses import make_dataclass
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import polydl as dl
from polydl import ops
from polydl.reference.interpreter import evaluate_block
from polydl.training.rates import rate_function, schedule_lines

MANY = int(os.environ.get("POLYDL_EXAMPLES", "0"))
NUMBERS = ["1.0", "2.0", "0.5", "3.0", "-1.0", "0.25"]
NAMES = ["a", "b", "c", "rate", "x"]  # few, so that they are used again


class Source:
    """The text of a definition: statements with names that come again, choices within choices."""

    def __init__(self, seed: int):
        self.rng = random.Random(seed)
        self.known = ["x"]
        lines = ["x = step.astype('float')"]
        for _ in range(self.rng.randint(2, 12)):
            whole = self.choice(0) if self.rng.random() < 0.4 else self.expression(0)
            name = self.rng.choice(NAMES)
            lines.append(f"{name} = {whole} + 0.125")
            self.known = [known for known in self.known if known != name] + [name]
        returned = f"dl.where({self.condition()}, {self.expression(0)}, {self.choice(0)})"
        lines.append(f"return {returned if self.rng.random() < 0.7 else self.expression(0)}")
        self.text = "def definition(self, step):\n    " + "\n    ".join(lines)

    def choice(self, depth: int) -> str:
        sides = self.expression(depth + 1), self.expression(depth + 1)
        return f"dl.where({self.condition()}, {', '.join(sides)})"

    def condition(self) -> str:
        rng = self.rng
        return rng.choice([
            f"step < {rng.randint(1, 20)}", f"step % 3 == {rng.randint(0, 2)}",
            f"{rng.choice(self.known)} > {rng.choice(NUMBERS)}",
            f"(step > 3) & (step < {rng.randint(4, 9)})",
        ])  # fmt: skip

    def expression(self, depth: int) -> str:
        rng, name, number = self.rng, self.rng.choice(self.known), self.rng.choice(NUMBERS)
        if depth > 2 or rng.random() < 0.3:
            return name
        inner = self.expression(depth + 1)
        return rng.choice([
            f"({inner} {rng.choice('+-*')} {number})", f"({inner} {rng.choice('+-*')} {name})",
            f"({number} - {inner})", f"ops.minimum({inner}, {number})", f"ops.cos({inner})",
            f"ops.floor({inner} / 2.0)", f"ops.sign({inner})", f"dl.relu({inner})",
            f"(step % {rng.randint(2, 5)}).astype('float')", self.choice(depth),
        ])  # fmt: skip


@settings(max_examples=MANY or 40, derandomize=not MANY, database=None, deadline=None,
          suppress_health_check=list(HealthCheck))  # fmt: skip
@given(st.integers(0, 2**32))
def test_the_text_gives_what_the_oracle_gives(seed: int) -> None:
    source = Source(seed).text
    scope: dict[str, Any] = {"dl": dl, "ops": ops}
    exec(compile(source, f"<drawn {seed}>", "exec"), scope)
    members = {"__call__": scope["definition"]}
    schedule: Any = make_dataclass("Drawn", [], bases=(dl.Schedule,), namespace=members)()
    blocks, rate = schedule.trace(), rate_function(schedule)
    text = "\n".join(schedule_lines(schedule))
    for step in range(25):
        (expected,) = evaluate_block(blocks, [np.asarray(step, np.int32)])
        if abs(expected) < 1e9:
            found = rate(step)
            assert type(found) is float, text
            assert math.isclose(found, expected, rel_tol=1e-6, abs_tol=1e-6), f"{source}\n{text}"
