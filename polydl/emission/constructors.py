"""Constructors: what a class makes of its own, and how units are made where they are held."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polydl.emission.code import Option, Slots
from polydl.emission.naming import singular

if TYPE_CHECKING:
    from polydl.emission.emitter import Emitter
    from polydl.emission.units import Unit


def constructor(emitter: Emitter, unit: Unit, slots: Slots) -> tuple[list[str], list[str]]:
    """The lines of a class's constructor, and the attributes that they set."""
    lines, attributes = [], []
    for entry in emitter.units.own_entries(unit):
        attribute = emitter.units.entry_names[entry.path]
        attributes.append(attribute)
        lines.append(emitter.declare(entry, attribute, slots.literal))
    lists = unit.lists()
    for child in unit.children.values():
        if child.attribute in attributes:
            continue
        attributes.append(child.attribute)
        if child.position is not None:
            text = _list_constructor(emitter, lists[child.attribute], slots)
        else:
            text = construct(emitter, child, slots)
            if not text:
                continue
        lines.append(f"self.{child.attribute} = {text}")
    lines += shared_lines(emitter, unit)
    lines += emitter.mode_lines(unit)
    return lines, attributes


def _list_constructor(emitter: Emitter, items: list[Unit], slots: Slots) -> str:
    """`ModuleList(Block(64) for _ in range(3))`, or the items one by one where they differ."""
    texts = []
    for item in sorted(items, key=lambda u: u.position or 0):
        trial = Slots()
        texts.append(trial.filled(construct(emitter, item, trial)))
    if len(set(texts)) == 1 and len(items) > 1:
        text = construct(emitter, items[0], slots)
        count = slots.literal(len(items), f"{singular(items[0].attribute)}_count")
        return emitter.list_text(f"{text} for _ in range({count})")
    ordered = sorted(items, key=lambda u: u.position or 0)
    return emitter.list_text(f"[{', '.join(construct(emitter, item, slots) for item in ordered)}]")


def construct(emitter: Emitter, unit: Unit, slots: Slots) -> str:
    """A constructor's text; empty for a native that is a plain function."""
    if unit.native is not None:
        native = emitter.native_with(unit.block, slots.literal)
        assert native is not None
        emitter.use_support(*native.support)
        return native.construct
    if unit.sequence:
        return f"{emitter.sequence}({', '.join(_item(emitter, u, slots) for u in unit.sequence)})"
    definition = unit.definition
    assert definition is not None
    named = list(zip(definition.parameters, unit.arguments, strict=True))
    flags = [each for each in named if each[0] in definition.flags]
    named = [each for each in named if each[0] not in definition.flags]
    values = [slots.literal(value, hint) for _, (value, hint) in named]  # type: ignore[arg-type]
    if len(values) > 2:
        values = [f"{name}={value}" for (name, _), value in zip(named, values, strict=True)]
    arguments = ", ".join([*values, *emitter.constructor_arguments(definition)])
    for name, (value, hint) in flags:
        joint = ", " if arguments else ""
        option = Option(f"{joint}{name}=", False if joint else None)
        arguments += slots.literal(value, hint, option)  # type: ignore[arg-type]
    return f"{definition.name}({arguments})"


def _item(emitter: Emitter, unit: Unit, slots: Slots) -> str:
    """What stands for a unit in the framework's sequence of modules."""
    if unit.native is None or unit.native.construct:
        return construct(emitter, unit, slots)
    native = emitter.native_with(unit.block, slots.literal)
    assert native is not None
    emitter.use_support(*native.support)
    return native.module


def shared_lines(emitter: Emitter, unit: Unit) -> list[str]:
    """`self.decoder.embed = self.encoder.embed`, in the module that holds both."""
    lines = []
    for user in emitter.units.borrowers:
        for target, used in user.borrowed.items():
            above = next(u for u in user.ancestors() if u in used.ancestors())
            if above is unit:
                left = ".".join(["self", *user.chain(unit), emitter.units.borrowed_name(target)])
                lines.append(f"{left} = {'.'.join(['self', *used.chain(unit)])}")
    return lines
