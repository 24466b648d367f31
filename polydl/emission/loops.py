"""Loops over lists of modules: where consecutive calls make one, and its text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from polydl.emission.code import Code
from polydl.emission.naming import singular, unique
from polydl.program.types import Block, Node, Value

if TYPE_CHECKING:
    from polydl.emission.body import Body
    from polydl.emission.emitter import Emitter
    from polydl.emission.units import Unit


def loop_length(emitter: Emitter, body: Body, nodes: Sequence[Node], start: int) -> int:
    """How many nodes from `start` on call the items of one list, each on the last one's result."""
    first = nodes[start]
    if first.op != "call" or len(first.outputs) != 1 or not first.operands:
        return 0
    unit = emitter.units.modules.get(emitter.program.blocks[first.attributes["block"]].path)
    called = emitter.program.blocks[first.attributes["block"]]
    if not called.is_module or unit is None or unit.position != 0 or unit.parent is not body.unit:
        return 0
    if not isinstance(first.operands[0], Value):
        return 0
    items = sorted(unit.parent.lists()[unit.attribute], key=lambda u: u.position or 0)
    if len(nodes) - start < len(items) or len(items) < 2:
        return 0
    last = first
    for i, item in enumerate(items):
        node = nodes[start + i]
        if (
            node.op != "call"
            or len(node.outputs) != 1
            or not _calls(emitter, node, item, first, unit)
        ):
            return 0
        if i and (
            node.operands[0] is not last.output
            or node.operands[1:] != first.operands[1:]
            or len(body.liveness.uses.get(last.output.id, [])) != 1
        ):
            return 0
        last = node
    return len(items)


def _calls(emitter: Emitter, node: Node, item: Unit, first: Node, unit: Unit) -> bool:
    called = emitter.program.blocks[node.attributes["block"]]
    if not called.is_module or emitter.units.modules[called.path] is not item:
        return False
    if item.native is not None:
        model = emitter.program.blocks[first.attributes["block"]]
        return bool(item.native.construct) and _call_text(emitter, called) == _call_text(
            emitter, model
        )
    method = item.methods.get(called.key, emitter.method)
    return method == unit.methods.get(first.attributes["block"], emitter.method)


def _call_text(emitter: Emitter, block: Block) -> str:
    """How a native is called, to compare."""
    native = emitter.plain_native(block)
    return native.call("_", [Code(v.name or "x") for v in block.inputs]).text if native else ""


def loop(
    emitter: Emitter, body: Body, nodes: Sequence[Node], arguments: list[Code]
) -> tuple[str, Code]:
    """The header and the call of a loop over a list of modules."""
    unit = emitter.units.modules[emitter.program.blocks[nodes[0].attributes["block"]].path]
    name = unique(singular(unit.attribute), {*body.holders, *body.reserved})
    called = emitter.program.blocks[nodes[0].attributes["block"]]
    if unit.native is not None:
        native = emitter.native_with(called, body.literal)
        assert native is not None
        call = native.call(name, arguments)
    else:
        method = unit.methods.get(called.key, emitter.method)  # a sequence has no others
        callee = name if method == emitter.method else f"{name}.{method}"
        call = emitter.call_module(body, unit, callee, arguments)
    return f"for {name} in self.{unit.attribute}:", call
