"""Models whose Programs have everything in them that a Program can have."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import polydl as dl
from polydl.program.types import Block, Node, Program


class Residual(dl.Module):
    def __init__(self, width: int, rate: float = 0.1):
        self.norm = dl.BatchNorm()
        self.inner = dl.Dense(width, kernel_initializer=dl.initializer("normal", stddev=0.02))
        self.drop = dl.Dropout(rate)

    def __call__(self, x):
        h = dl.gelu(self.inner(self.norm(x)), approximate=True)
        return x + self.drop(h)


class Tied(dl.Module):
    """Nested and shared modules, tied weights, state, both modes, two symbolic sizes, nesting."""

    def __init__(self, depth: int = 2):
        self.embed = dl.Embedding(11, 8)
        self.blocks = [Residual(8) for _ in range(depth)]
        self.shared = self.blocks[0]
        self.norms = {"last": dl.LayerNorm()}

    def __call__(self, tokens):
        x = self.embed(tokens)
        for block in self.blocks:
            x = block(x)
        x = self.norms["last"](self.shared(x))
        last = self.shared(x[:, -1])  # another signature: a second Block of the same module
        logits = x @ dl.ops.transpose(self.embed.table)
        return {"logits": logits, "last": (last, dl.softmax(last))}


class Image(dl.Module):
    def __init__(self):
        self.conv = dl.Conv2D(4, 3, padding="same", use_bias=False)
        self.norm = dl.BatchNorm(momentum=0.8)
        self.pool = dl.AvgPool2D(3, 1, padding=((1, 0), 1))
        self.head = dl.Sequential(dl.Flatten(), dl.Dense(3), dl.relu)

    def __call__(self, image):
        return self.head(self.pool(dl.relu(self.norm(self.conv(image)))))


class Odd(dl.Module):
    """Attributes and constants of every kind."""

    def __call__(self, x, mask):
        masked = dl.where(mask, x, float("-inf"))
        padded = dl.ops.pad(masked, ((0, 0), (1, 2)), float("inf"))
        count = dl.ops.arange(x.shape[0] * 2)
        flat = dl.ops.reshape(padded, (-1,))
        return flat[::2] if isinstance(flat.shape[0], int) else flat, count * 3 + 1, padded[:, 1:-1]


def tied(depth: int = 2) -> Program:
    return dl.trace(Tied(depth), dl.Input((None, None), "int"))


def image() -> Program:
    return dl.trace(Image(), dl.Input((None, 6, 6, 2)))


def odd() -> Program:
    return dl.trace(Odd(), (dl.Input((None, 4)), dl.Input((None, 4), "bool")))


PROGRAMS = {"tied": tied, "image": image, "odd": odd}


def with_block(program: Program, key: str, /, **changes: object) -> Program:
    """`program` with other fields in one Block."""
    block = dataclasses.replace(program.blocks[key], **changes)
    return dataclasses.replace(program, blocks={**program.blocks, key: block})


def with_node(program: Program, key: str, index: int, /, **changes: object) -> Program:
    """`program` with other fields in one node of one Block."""
    nodes = list(program.blocks[key].nodes)
    nodes[index] = dataclasses.replace(nodes[index], **changes)
    return with_block(program, key, nodes=tuple(nodes))


def find(block: Block, is_it: Callable[[Node], bool] | str) -> int:
    """Index of the first node that is meant: by op, or by a test."""
    wanted = (lambda node: node.op == is_it) if isinstance(is_it, str) else is_it
    return next(i for i, node in enumerate(block.nodes) if wanted(node))
