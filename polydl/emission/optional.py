"""A part that some modules of a class have and others lack: one class that makes it if asked to.

Blocks of a ResNet are alike but for a projection beside them. Those that lack it are written as if they
had a module that gives what it takes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from polydl.emission.code import INDENT, fill, renumber
from polydl.emission.merging import Draft, Method


def with_optional_parts(drafts: Sequence[Draft], identity: str) -> list[Draft]:
    """The drafts, those of one class rewritten to one shape where an optional part is all they
    differ in. identity: the framework's own module that gives what it takes."""
    groups: dict[object, list[Draft]] = {}
    for draft in drafts:
        groups.setdefault(draft.key(), []).append(draft)
    replaced: dict[int, Draft] = {}
    for having in groups.values():
        for lacking in groups.values():
            part = _optional_part(having[0], lacking[0])
            if part and not {id(having[0]), id(lacking[0])} & replaced.keys():
                replaced |= _united(having, lacking, part, identity)
    return [replaced.get(id(draft), draft) for draft in drafts]


def _optional_part(having: Draft, lacking: Draft) -> str:
    """The attribute without which the first draft would be the second, or nothing."""
    extra = [a for a in having.attributes if a not in lacking.attributes]
    if having.unit.block.kind != lacking.unit.block.kind or len(extra) != 1:
        return ""
    if not (having.is_class and lacking.is_class and having.needs == lacking.needs):
        return ""
    if len(having.methods) != 1 or len(lacking.methods) != 1:
        return ""
    place = _place(having, extra[0])
    lines = _without_call(having.methods[0].lines, extra[0])
    if place is None or lines is None:
        return ""
    init = [*having.init[:place], *having.init[place + 1 :]]
    method = replace(having.methods[0], lines=lines)
    without = replace(having, init=init, methods=[method])
    return extra[0] if without.key() == lacking.key() else ""


def _place(draft: Draft, attribute: str) -> int | None:
    """Which line of the constructor makes a part, the only one that names it."""
    found = [i for i, line in enumerate(draft.init) if f"self.{attribute}" in line]
    one = len(found) == 1 and draft.init[found[0]].startswith(f"self.{attribute} = ")
    return found[0] if one else None


def _without_call(lines: list[str], attribute: str) -> list[str] | None:
    """What a method would be if the part gave what it takes."""
    call = re.compile(rf"self\.{attribute}\((\w+)\)")
    at = [i for i, line in enumerate(lines) if f"self.{attribute}" in line]
    if len(at) != 1 or len(call.findall(lines[at[0]])) != 1:
        return None
    (argument,) = call.findall(lines[at[0]])
    line, before, after = call.sub(argument, lines[at[0]]), lines[: at[0]], lines[at[0] + 1 :]
    name = re.fullmatch(rf"(\w+) = {argument}", line)
    if name is None:
        return [*before, line, *after]
    assigned = re.compile(rf"[^=]*\b({argument}|{name[1]})\b[^=]* = |.*\bfor\b")
    if any(assigned.match(line) for line in after):
        return None
    return [*before, *(re.sub(rf"\b{name[1]}\b", argument, line) for line in after)]


def _united(
    having: list[Draft], lacking: list[Draft], part: str, identity: str
) -> dict[int, Draft]:
    """All of them in one shape, by the ids of the drafts; none where a size of the part has no
    counterpart in those that lack it."""
    place = _place(having[0], part)
    assert place is not None
    _, before = renumber("\n".join(having[0].init[:place]))
    made, order = renumber(having[0].init[place])
    inside = range(len(before), len(before) + len(order))
    rows = [draft.literals() for draft in having]
    columns = [[slot.value for slot in column] for column in zip(*rows, strict=True)]
    outside = [i for i in range(len(columns)) if i not in inside]
    same: list[int | None] = []  # for each literal of the part, which of the others goes with it
    for i in inside:
        found = [n for n, j in enumerate(outside) if _equal(columns[i], columns[j])]
        alike = [n for n in found if rows[0][outside[n]].hint == rows[0][i].hint]
        if not found and not _equal(columns[i], columns[i][:1] * len(rows)):
            return {}
        same.append(next(iter(alike + found), None))
    texts: dict[int, Draft] = {}
    for draft in having:
        line = draft.init[place]
        texts[id(draft)] = _choosing(draft, place, line, True, part, identity)
    method = having[0].methods[0]
    model, _ = renumber("\n".join(method.lines))
    for draft in lacking:
        own = draft.literals()
        _, slots = renumber("\n".join(draft.methods[0].lines))
        lines = fill(model, lambda i, slots=slots: f"\x02{slots[i]}\x03").split("\n")  # type: ignore[misc]
        given = [
            draft.slots.literal(slot.value if n is None else own[n].value, slot.hint, slot.option)
            for n, slot in zip(same, (rows[0][i] for i in inside), strict=True)
        ]
        line = fill(made, lambda i, given=given: given[i])  # type: ignore[misc]
        shaped = replace(
            draft,
            init=[*draft.init[:place], line, *draft.init[place:]],
            methods=[Method(method.name, method.arguments, lines)],
            attributes=having[0].attributes,
            local_names=draft.local_names | having[0].local_names,
        )
        texts[id(draft)] = _choosing(shaped, place, line, False, part, identity)
    return texts if len({draft.key() for draft in texts.values()}) == 1 else {}


def _choosing(draft: Draft, place: int, line: str, has: bool, part: str, identity: str) -> Draft:
    """With a choice in the constructor, by an argument."""
    asked = draft.slots.literal(has, f"has_{part}")
    choice = [f"if {asked}:", INDENT + line, "else:", f"{INDENT}self.{part} = {identity}"]
    return replace(draft, init=[*draft.init[:place], *choice, *draft.init[place + 1 :]])


def _equal(a: list[object], b: list[object]) -> bool:
    return [(type(x), x) for x in a] == [(type(x), x) for x in b]
