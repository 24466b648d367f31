"""A model that is a single layer, as a class that holds the layer: so the layer may be a native."""

from __future__ import annotations

from dataclasses import replace

from polydl.program.types import Block, Node, Program, Region, Value

KIND, ATTRIBUTE = "polydl:Model@0", "layer"
PREFIX = f"{ATTRIBUTE}."


def held(program: Program) -> Program:
    """The Program with its root as an attribute of a new one. Paths of entries begin with PREFIX."""
    moved = {key: _key(block) for key, block in program.blocks.items()}

    def move(block: Block) -> Block:
        path = _path(block.path) if block.is_module else block.path
        return replace(block, key=moved[block.key], path=path, nodes=nodes(block.nodes))

    def nodes(given: tuple[Node, ...]) -> tuple[Node, ...]:
        return tuple(map(node, given))

    def node(given: Node) -> Node:
        attributes = dict(given.attributes)
        if given.op == "call":
            attributes["block"] = moved[attributes["block"]]
        if given.op in ("read", "write"):
            attributes["entry"] = PREFIX + attributes["entry"]
        regions = tuple(Region(nodes(r.nodes), r.outputs, r.inputs) for r in given.regions)
        return replace(given, attributes=attributes, regions=regions)

    blocks = {moved[key]: move(block) for key, block in program.blocks.items()}
    entries = {
        PREFIX + path: replace(
            entry, path=PREFIX + path, aliases=tuple(PREFIX + a for a in entry.aliases)
        )
        for path, entry in program.entries.items()
    }
    aliases = {_path(a): _path(b) for a, b in program.aliases.items()}
    root = _around(program.root)
    return replace(program, blocks={"": root, **blocks}, entries=entries, aliases=aliases)


def is_held(program: Program) -> bool:
    return program.root.kind == KIND


def _path(path: str) -> str:
    return PREFIX + path if path else ATTRIBUTE


def _key(block: Block) -> str:
    return _path(block.key) if block.is_module else block.key


def _around(root: Block) -> Block:
    free = 1 + max((v.id for v in root.inputs), default=-1)
    given = [v for v in root.outputs if isinstance(v, Value)]
    outputs = tuple(Value(free + i, v.shape, v.dtype) for i, v in enumerate(given))
    call = Node("call", root.inputs, outputs, {"block": ATTRIBUTE, "target": ATTRIBUTE})
    return Block("", KIND, "", True, {}, root.inputs, (call,), outputs)
