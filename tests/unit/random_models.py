"""Random definitions as Python text: few names, rebound often, in both modes, with state."""

from __future__ import annotations

import linecache
import random

import polydl as dl
from polydl import ops

WIDTH = 4
NAMES = ("a", "b", "c", "x")


class Pair(dl.Module):
    """Two results, one named as something in the caller."""

    def __call__(self, a, b):
        x = a * 0.5 + b
        return x, x * a


class Counted(dl.Module):
    """State that is read, written and read again."""

    def __call__(self, x):
        level = self.state("level", (WIDTH,), "ones")
        y = x * level
        self.update("level", 0.9 * level + 0.1 * ops.mean(x, 0))
        return y + self.level


class Writer:
    """Writes one definition; the same seed gives the same text."""

    def __init__(self, seed: int):
        self.random = random.Random(seed)
        self.parameters = 0

    def expression(self, depth: int = 2) -> str:
        if depth == 0:
            return self.random.choice([*NAMES, "held(self, x)"] if self.state else NAMES)
        e = [self.expression(depth - self.random.choice([1, 1, 2])) for _ in range(3)] \
            if depth > 1 else [self.expression(0) for _ in range(3)]  # fmt: skip
        return self.random.choice(
            [
                f"({e[0]} + {e[1]})",
                f"({e[0]} - {e[1]})",
                f"({e[0]} - ({e[1]} - {e[2]}))",
                f"({e[0]} * {e[1]})",
                f"(-{e[0]} * {self.number()})",
                f"({e[0]} / (1.5 + abs({e[1]})))",
                f"dl.relu({e[0]})",
                f"dl.tanh({e[0]})",
                f"dl.softmax({e[0]})",
                f"dl.where({e[0]} > {e[1]}, {e[2]}, {self.number()})",
                f"ops.maximum({e[0]}, {e[1]})",
                f"({e[0]} - ops.mean({e[1]}, -1, keepdims=True))",
                f"({e[0]} * ops.sum({e[1]}, 0, keepdims=True))",
                f"ops.concatenate([{e[0]}[:, 2:], {e[1]}[:, :2]], -1)",
                f"({e[0]} @ self.parameter('w{self.random.randrange(2)}', (4, 4)))",
                f"({e[0]} * self.parameter('v', (4,), 'ones'))",
                f"turned({e[0]})",
                f"self.dense({e[0]})",
                f"self.norm({e[0]} + given)",  # a constant would be decided by rounding
                f"self.counted({e[0]})",
            ]
        )

    def number(self) -> str:
        return self.random.choice(["2.0", "0.5", "-1.0", "3"])

    def statement(self, depth: int) -> list[str]:
        first, second = self.random.sample(NAMES, 2)
        e = self.expression
        kind = self.random.randrange(10 if depth else 6)
        match kind:
            case 0 | 1 | 2:
                return [f"{first} = dl.tanh({e()})" if kind else f"{first} = {e(1)}"]
            case 3:
                return [f"{first}, {second} = {e(1)}, dl.tanh({e(1)})"]
            case 4:
                return [f"{first}, {second} = self.pair({e(1)}, {second})"]
            case 5:
                self.state = True
                return [f"self.state('s', (4,)); self.update('s', ops.mean({e(1)}, 0) * 0.1)"]
            case 6:
                return [f"{first} = dl.when_training(lambda: {e(1)}, lambda: {e(1)})"]
            case 7:
                return [f"{first}, {second} = dl.when_training(lambda: ({second}, {first}), "
                        f"lambda: ({first}, {e(1)}))"]  # fmt: skip
            case _:
                before = self.state
                inner = [line for _ in range(2) for line in self.statement(depth - 1)]
                arguments = ", ".join(f"{name}={name}" for name in NAMES)
                self.state = before
                return [
                    f"def train({arguments}):",
                    *(f"    {line}" for line in inner),
                    f"    return {first}, {e(1)}",
                    f"{first}, {second} = dl.when_training(train, ({second}, {first}))",
                ]

    def text(self) -> str:
        self.state = False
        count = self.random.randrange(3, 9)
        lines = ["given = x * 1.7", "a, b, c = x * 0.5, x + 1.0, x"]
        lines += [line for _ in range(count) for line in self.statement(2)]
        result = self.random.choice(
            [self.expression(), "a, b, c, x", "{'p': (x, a), 'q': b}", "x, x, c"]
        )
        body = "\n".join(f"        {line}" for line in [*lines, f"return {result}"])
        return f"class Random(Base):\n    def __call__(self, x):\n{body}\n"


class Base(dl.Module):
    def __init__(self):
        self.dense = dl.Dense(WIDTH)
        self.norm = dl.BatchNorm()
        self.pair = Pair()
        self.counted = Counted()


def turned(x):
    """Through a reshape and a transpose, over the batch too."""
    batch = x.shape[0]
    y = ops.reshape(ops.transpose(ops.reshape(x, (batch, 2, 2)), (0, 2, 1)), (batch * 2, 2))
    return ops.reshape(y, (-1, WIDTH))


def held(model, x):
    """A view of state, as large as x."""
    return ops.broadcast_to(model.state("s", (WIDTH,)), x.shape)


def random_model(seed: int) -> tuple[dl.Module, str]:
    """A model of (batch, 4), and its text."""
    text = Writer(seed).text()
    filename = f"<random model {seed}>"
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    space = {
        "dl": dl,
        "ops": ops,
        "Base": Base,
        "turned": turned,
        "held": held,
        "__name__": "random_models",
    }
    exec(compile(text, filename, "exec"), space)
    return space["Random"](), text
