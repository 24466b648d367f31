"""The text of calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polydl.emission.code import Code, Literal
from polydl.emission.native import plain_call
from polydl.program.types import Node

if TYPE_CHECKING:
    from polydl.emission.body import Body
    from polydl.emission.emitter import Emitter
    from polydl.emission.units import Unit


def call(emitter: Emitter, body: Body, node: Node, arguments: list[Code]) -> Code:
    """A call node: of a function, of a native, or of a module's method."""
    called = emitter.program.blocks[node.attributes["block"]]
    if not called.is_module:
        return call_function(emitter, body.literal, emitter.units.functions[called.key], arguments)
    unit = emitter.units.modules[called.path]
    callee = emitter.callee(body, unit, node.attributes["target"])
    if unit.native is not None:
        emitter.use_support(*unit.native.support)
        native = emitter.native_with(called, body.literal)
        assert native is not None
        return native.call(callee, arguments)
    if unit.sequence:
        return plain_call(callee, arguments)
    method = unit.methods[called.key]
    if method != emitter.method:
        callee = f"{callee}.{method}"
    return emitter.call_module(body, unit, callee, arguments)


def call_function(emitter: Emitter, literal: Literal, unit: Unit, arguments: list[Code]) -> Code:
    """A call of an emitted function, or of the native that stands for it."""
    if unit.native is not None:
        native = emitter.native_with(unit.block, literal)
        assert native is not None
        emitter.use_support(*native.support)
        return native.call("", arguments)
    assert unit.definition is not None
    texts = [a.text for a in arguments]
    texts += [literal(value, hint) for value, hint in unit.arguments]
    return Code(f"{unit.definition.name}({', '.join(texts)})")
