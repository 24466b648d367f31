"""Portable randomness: random bits become a hash of the seed, the place, the step and the position.

Every Block that draws, and every one above it, takes the step as one more input, `step`. A scan that
draws is counted, and each iteration has a step of its own. A mask is then a pure function of
integers, equal on every backend.
"""

from __future__ import annotations

import hashlib
from collections.abc import Container, Mapping
from dataclasses import replace
from typing import Any

from polydl.errors import DefinitionError
from polydl.program.regions import Reach
from polydl.program.sizes import product
from polydl.program.types import Block, Constant, Node, Operand, Program, Value, next_id

STEP = "step"


def portable_randomness(program: Program, seed: int) -> Program:
    """The Program with a last input `step` (an int scalar) in place of random bits.

    A Program that draws nothing is returned as it is.
    """
    if not draws(program):
        return program
    if any(value.name == STEP for value in program.root.inputs):
        raise DefinitionError(
            "an input is named 'step', which portable randomness needs for itself. "
            "Give the input another name"
        )
    rewriter = _Rewriter(program, seed, Reach(program.blocks, "random_bits"))
    blocks = {key: rewriter.block(block) for key, block in program.blocks.items()}
    structure = program.inputs
    if structure is None:
        structure = ("tuple", (None, None))
    elif structure[0] == "dict":
        structure = ("dict", {**structure[1], STEP: None})
    else:
        structure = ("tuple", (*structure[1], None))
    return replace(program, blocks={**blocks, **rewriter.functions}, inputs=structure)


def draws(program: Program) -> bool:
    """Whether there are random bits in it."""
    return Reach(program.blocks, "random_bits").block("") is not None


def takes_step(program: Program) -> bool:
    """Whether this pass gave the model its last input, the step."""
    last = program.root.inputs[-1] if program.root.inputs else None
    return last is not None and (last.name, last.shape, last.dtype) == (STEP, (), "int")


def site_number(seed: int | str, path: str, number: int) -> int:
    """A 32-bit key for the number-th draw of a module, as int32."""
    digest = hashlib.sha256(f"{seed}\0{path}\0{number}".encode()).digest()
    return int.from_bytes(digest[:4], "little", signed=True)


class _Rewriter:
    def __init__(self, program: Program, seed: int, drawing: Reach):
        self.program, self.seed, self.drawing = program, seed, drawing
        self.functions: dict[str, Block] = {}
        self.calls: dict[str, int] = {}  # path or key of what draws -> calls seen

    def block(self, block: Block) -> Block:
        if self.drawing.block(block.key) is None:
            return block
        self.current, self.draws = block, 0
        self.next_id = next_id(block)
        step = self.step = self._value((), STEP)
        nodes = self._nodes(block.nodes)
        return replace(block, inputs=(*block.inputs, step), nodes=nodes)

    def _value(self, shape: tuple[object, ...], name: str = "") -> Value:
        value = Value(self.next_id, shape, "int", name)  # type: ignore[arg-type]
        self.next_id += 1
        return value

    def _nodes(self, nodes: tuple[Node, ...]) -> tuple[Node, ...]:
        rewritten: list[Node] = []
        for node in nodes:
            if node.op == "random_bits":
                rewritten += self._hash(node)
            elif node.op == "call" and self.drawing.block(node.attributes["block"]) is not None:
                rewritten += self._call(node)
            elif node.op == "scan" and self.drawing.nodes([node]) is not None:
                rewritten += self._scan(node)
            elif node.regions:
                regions = tuple(replace(r, nodes=self._nodes(r.nodes)) for r in node.regions)
                rewritten.append(replace(node, regions=regions))
            else:
                rewritten.append(node)
        return tuple(rewritten)

    def _call(self, node: Node) -> list[Node]:
        """Pass the step on; a second call of one module gets numbers of its own.

        Calls inside calls add their numbers up, so these are hashes: other sums are others.
        """
        called = self.program.blocks[node.attributes["block"]]
        name = called.path if called.is_module else called.key
        number = self.calls[name] = self.calls.get(name, -1) + 1
        step: Operand = self.step
        before: list[Node] = []
        if number:
            value = self._value(())
            offset = Constant(site_number("call", name, number))
            before = [Node("add", (step, offset), (value,))]
            step = value
        return [*before, replace(node, operands=(*node.operands, step))]

    def _scan(self, node: Node) -> list[Node]:
        """In each iteration the step is mix(step) + the number of the slice."""
        from polydl.random import mix

        (region,), outside = node.regions, self.step
        mixed, counter, self.step = self._value(()), self._value((), "i"), self._value((), STEP)
        key = self._traced("mix()", "polydl:mix@1", mix, [("x", (), "int")], {})
        add = Node("add", (mixed, counter), (self.step,))
        inputs = region.inputs
        if node.attributes["counted"]:
            counter = inputs[-1]
            add = replace(add, operands=(mixed, counter))
        else:
            inputs = (*inputs, counter)
        nodes = (add, *self._nodes(region.nodes))
        self.step = outside
        region = replace(region, nodes=nodes, inputs=inputs)
        return [
            Node("call", (outside,), (mixed,), {"block": key, "target": ""}),
            replace(node, attributes={**node.attributes, "counted": True}, regions=(region,)),
        ]

    def _hash(self, node: Node) -> list[Node]:
        shape = node.attributes["shape"]
        size = product(shape)
        site = site_number(self.seed, self.current.path or self.current.key, self.draws)
        self.draws += 1
        key = self._function(size, site)
        position, bits = self._value((size,), "position"), self._value((size,))
        return [
            Node("arange", (), (position,), {"size": size}),
            Node("call", (position, self.step), (bits,), {"block": key, "target": ""}),
            Node("reshape", (bits,), node.outputs, {"shape": shape}),
        ]

    def _function(self, size: object, site: int) -> str:
        from polydl.random import hash_bits

        inputs = [("position", (size,), "int"), (STEP, (), "int")]
        return self._traced("hash_bits()", "polydl:hash_bits@1", hash_bits, inputs, {"site": site})

    def _traced(
        self, base: str, kind: str, function: Any, inputs: list[Any], config: dict[str, Any]
    ) -> str:
        """The key of a new Block: a built-in function, traced."""
        from polydl.spec.tracing import trace_function

        taken = {**self.program.blocks, **self.functions}
        key, definition = free_key(base, taken), function.__wrapped__
        traced = trace_function(kind, lambda *x: definition(*x, **config), inputs, config, key=key)
        self.functions.update(joined(traced, key, taken))
        return key


def free_key(base: str, taken: Container[str]) -> str:
    """`base`, or base#2, base#3, ... where it is taken."""
    key, number = base, 1
    while key in taken:
        number += 1
        key = f"{base}#{number}"
    return key


def joined(blocks: dict[str, Block], key: str, taken: Mapping[str, Block]) -> dict[str, Block]:
    """Traced function Blocks, those that `key` calls under keys that are not taken yet."""
    renamed: dict[str, str] = {}
    for name in blocks:
        base = name.partition("#")[0]
        renamed[name] = name if name == key else free_key(base, {*taken, *renamed.values(), key})

    def rename(node: Node) -> Node:
        if node.op == "call":
            key = renamed[node.attributes["block"]]
            return replace(node, attributes={**node.attributes, "block": key})
        regions = (replace(r, nodes=tuple(map(rename, r.nodes))) for r in node.regions)
        return replace(node, regions=tuple(regions)) if node.regions else node

    return {
        renamed[name]: replace(block, key=renamed[name], nodes=tuple(map(rename, block.nodes)))
        for name, block in blocks.items()
    }
