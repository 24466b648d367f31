"""A Program as text for people. It is not read back; `polydl.program.json` is."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from polydl.primitives.record import PRIMITIVES
from polydl.program.regions import REGION_OPS
from polydl.program.sizes import Shape
from polydl.program.types import Block, Constant, DType, Entry, Node, Program, Structure, Value

_INDENT = "  "


def to_text(program: Program) -> str:
    """The model's signature, its parameters and state, then its Blocks, the model itself first.

    Model(image: float[batch, 8, 8, 1]) -> float[batch, 10]

    parameters: 1 array, 10 numbers
      head.bias  float[10]  zeros

    block head: polydl:Dense@1 (units=10)
      inputs %0 x: float[batch, 8]
      %1 bias: float[10] = read head.bias
      ...
      return %4 y
    """
    root = program.root
    inputs = ", ".join(f"{value.name}: {_type(value)}" for value in root.inputs)
    outputs = _nested(program.outputs, [_type(value) for value in root.outputs])
    lines = [f"{root.class_name}({inputs}) -> {outputs}"]
    for role, title in (("parameter", "parameters"), ("state", "state")):
        lines += _table(title, [e for e in program.entries.values() if e.role == role])
    if program.aliases:
        lines += ["", "aliases"]
        lines += [f"{_INDENT}{alias} is {path}" for alias, path in program.aliases.items()]
    for block in program.blocks.values():
        lines += ["", *_block(block)]
    return "\n".join(lines) + "\n"


def _table(title: str, entries: Sequence[Entry]) -> Iterator[str]:
    if not entries:
        return
    total = sum(math.prod(entry.shape) for entry in entries)
    arrays = "1 array" if len(entries) == 1 else f"{len(entries)} arrays"
    yield ""
    yield f"{title}: {arrays}, {total:,} numbers"
    rows = [(e.path, _typed(e.dtype, e.shape), _initializer(e)) for e in entries]
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    for row, entry in zip(rows, entries, strict=True):
        also = f"  also {', '.join(entry.aliases)}" if entry.aliases else ""
        yield f"{_INDENT}{row[0]:<{widths[0]}}  {row[1]:<{widths[1]}}  {row[2]}{also}"


def _initializer(entry: Entry) -> str:
    arguments = entry.initializer.arguments
    return entry.initializer.name + (f"({_settings(arguments.items())})" if arguments else "")


def _block(block: Block) -> Iterator[str]:
    name = block.key or "of the model"
    config = f" ({_settings(block.config.items())})" if block.config else ""
    path = f" at {block.path}" if block.path not in (block.key, "") else ""
    yield f"block {name}: {block.kind}{config}{path}"
    label = _labels(block)
    if block.inputs:
        yield f"{_INDENT}inputs {', '.join(f'{label(v)}: {_type(v)}' for v in block.inputs)}"
    yield from _body(block.nodes, label, _INDENT)
    yield f"{_INDENT}return {_list(block.outputs, label)}"


def _labels(block: Block) -> Callable[[Any], str]:
    """How operands are written: `%3 h` by id and name. What is read is named after its Entry."""
    read: dict[int, str] = {}

    def label(operand: Any) -> str:
        if isinstance(operand, Constant):
            return repr(operand.value)
        name = operand.name or read.get(operand.id)
        return f"%{operand.id} {name}" if name else f"%{operand.id}"

    def collect(nodes: Sequence[Node]) -> None:
        for node in nodes:
            if node.op == "read":
                read[node.output.id] = str(node.attributes["entry"]).rpartition(".")[2]
            for region in node.regions:
                collect(region.nodes)

    collect(block.nodes)
    return label


def _body(nodes: Sequence[Node], label: Callable[[Any], str], indent: str) -> Iterator[str]:
    for node in nodes:
        made = ", ".join(f"{label(value)}: {_type(value)}" for value in node.outputs)
        yield f"{indent}{made} = {_right(node, label)}" if made else indent + _right(node, label)
        sides = ("training", "inference") if node.op == "when_training" else ("each",)
        for side, region in zip(sides, node.regions, strict=False):
            inputs = ", ".join(f"{label(value)}: {_type(value)}" for value in region.inputs)
            yield f"{indent}{_INDENT}{side}{f' ({inputs})' if inputs else ''}:"
            yield from _body(region.nodes, label, indent + 2 * _INDENT)
            yield f"{indent}{2 * _INDENT}give {_list(region.outputs, label)}"


def _right(node: Node, label: Callable[[Any], str]) -> str:
    operands = _list(node.operands, label)
    match node.op:
        case "call":
            return f"call {node.attributes['block']} ({operands})"
        case "read":
            return f"read {node.attributes['entry']}"
        case "write":
            return f"write {node.attributes['entry']} ({operands})"
        case "when_training":
            return "when_training"
        case "index":
            return f"index({operands}) [{', '.join(map(_index, node.attributes['index']))}]"
    record = PRIMITIVES.get(node.op) or REGION_OPS.get(node.op)
    defaults = record.attributes if record else {}
    given = [
        f"{name}={value!r}"
        for name, value in node.attributes.items()
        if repr(value) != repr(defaults.get(name, ...))
    ]
    return " ".join([f"{node.op}({operands})", *given])


def _index(part: Any) -> str:
    """An int, or a slice as Python writes it: `1:-1`, `::2`."""
    if not isinstance(part, tuple):
        return str(part)
    start, stop, step = ("" if bound is None else str(bound) for bound in part)
    return f"{start}:{stop}:{step}" if step else f"{start}:{stop}"


def _list(operands: Sequence[Any], label: Callable[[Any], str]) -> str:
    return ", ".join(map(label, operands))


def _settings(pairs: Any) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in pairs)


def _type(operand: Any) -> str:
    if isinstance(operand, Value):
        return _typed(operand.dtype, operand.shape)
    return repr(operand)


def _typed(dtype: DType, shape: Shape) -> str:
    return f"{dtype}[{', '.join(map(str, shape))}]"


def _nested(structure: Structure, leaves: list[str]) -> str:
    """The leaves, written as they are nested. Takes them off the front of the list."""
    if structure is None:
        return leaves.pop(0)
    kind, parts = structure
    if kind == "dict":
        inside = ", ".join(f"{name!r}: {_nested(part, leaves)}" for name, part in parts.items())
        return f"{{{inside}}}"
    return f"({', '.join(_nested(part, leaves) for part in parts)})"
