"""Modules that do no more than call others in turn: the framework has a part of its own for these.

A module of a class with a name, which its holder has several of, keeps its class all the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from polydl.emission.native import plain_call
from polydl.program.types import Block, Node

if TYPE_CHECKING:
    from polydl.emission.units import Unit, UnitTable


def find_sequences(units: UnitTable) -> None:
    """Note, for each module that is a chain and no more, what it calls in turn."""
    shared = {used for unit in units.modules.values() for used in unit.borrowed.values()}
    for unit in units.modules.values():
        items = _chain(units, unit)
        free = not shared & {unit, *items} and not unit.borrowed
        if items and unit.parent is not None and free and not _is_one_of_several(unit):
            unit.sequence = tuple(items)


def _is_one_of_several(unit: Unit) -> bool:
    assert unit.parent is not None
    name = unit.block.class_name
    same = [u for u in unit.parent.children.values() if u.block.class_name == name]
    return name != "Sequential" and len(same) > 1


def _chain(units: UnitTable, unit: Unit) -> list[Unit]:
    """The units of a module's calls, each of which takes what the last one gave; else nothing."""
    block = unit.block
    single = len(unit.blocks) == 1 and len(block.inputs) == len(block.outputs) == 1
    if unit.native is not None or not single or units.own_entries(unit):
        return []
    items: list[Unit] = []
    value = block.inputs[0]
    for node in block.nodes:
        item = _item(units, unit, node)
        if (
            item is None
            or node.operands != (value,)
            or len(node.outputs) != 1
            or _again(item, items)
        ):
            return []
        items.append(item)
        value = node.output
    every = {item for item in items if item.is_module} == set(unit.children.values())
    return items if every and block.outputs == (value,) else []


def _again(item: Unit, items: list[Unit]) -> bool:
    return item.is_module and item in items


def _item(units: UnitTable, unit: Unit, node: Node) -> Unit | None:
    """What a node calls, if it can stand in a sequence."""
    if node.op != "call":
        return None
    called: Block = units.program.blocks[node.attributes["block"]]
    item = units.modules[called.path] if called.is_module else units.functions[called.key]
    if called.is_module and (item.parent is not unit or len(item.blocks) > 1):
        return None
    if item.native is None:
        return item if called.is_module else None
    plain = bool(item.native.construct) and item.native.call is plain_call
    return item if plain or item.native.module else None
