"""Regions that are functions, as text: a loop, or a local function and the call that takes it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from polydl.emission.code import INDENT, Code, assignments, tuple_text
from polydl.emission.naming import unique
from polydl.program.regions import node_length
from polydl.program.types import Node, Region, Value, values_of, walk

if TYPE_CHECKING:
    from polydl.emission.body import Body

Groups = Sequence[tuple[str, Sequence[Value]]]  # arguments of a function: a name, and its leaves


def write(body: Body, node: Node, lines: list[str], depth: int) -> None:
    """The statements of a node whose region is a function."""
    if node.op == "scan":
        scan = _loop if body.emitter.unrolls(node) else _scan
        scan(body, node, lines, depth)
    elif node.op == "associative_scan":
        _associative_scan(body, node, lines, depth)
    else:
        _remat(body, node, lines, depth)


# local functions


def function(
    body: Body,
    node: Node,
    name: str,
    groups: Groups,
    give: Callable[[], str],
    depth: int,
    more: Sequence[str] = (),
) -> tuple[str, list[str]]:
    """What to call for a region, and the statements that define it.

    groups: its arguments; more: names from around it that it takes as arguments too. give: the text
    of its result. A call of something with just these arguments is that something itself, and takes
    no definition.
    """
    (region,) = node.regions
    name = unique(name, {*body.holders, *body.reserved, *body.fixed})
    inner: list[str] = []
    with _own_names(body, region):
        arguments = []
        for hint, values in groups:
            names = _bound(body, node, values)
            if len(values) == 1:
                arguments += names
            elif values:
                argument = unique(hint, {*body.holders, *body.reserved, *body.fixed, *names})
                arguments.append(argument)
                inner.append(f"{INDENT * (depth + 1)}{', '.join(names)} = {argument}")
            else:
                arguments.append("_")
        arguments += more
        body.statements(region.nodes, inner, depth + 1)
        result = give()
        body.check_length(f"return {result}", depth + 1, values_of(region.outputs))
    called = re.fullmatch(rf"([\w.]+(?:\[\d+\])?)\({re.escape(', '.join(arguments))}\)", result)
    if called is not None and not inner and "_" not in arguments:
        return called[1], []
    indent = INDENT * depth
    header = f"{indent}def {name}({', '.join(arguments)}):"
    return name, [header, *inner, f"{indent}{INDENT}return {result}", ""]


def define(lines: list[str], definition: list[str]) -> None:
    """Add a local function's statements, an empty line before them and after."""
    opens = not lines or lines[-1].rstrip().endswith(":") or not lines[-1]
    lines += ["", *definition] if definition and not opens else definition


@contextmanager
def _own_names(body: Body, region: Region) -> Iterator[None]:
    """Inside, only the names of values from around the region that it uses are taken."""
    used = outside(region)
    holders, bound = body.holders, body.bound
    symbols = set(body.symbol_names.values())
    body.holders = {
        name: list(values)
        for name, values in holders.items()
        if name in symbols or any(v.id in used and body.names.get(v.id) == name for v in values)
    }
    body.bound = {name: v for name, v in bound.items() if v.id in used}
    yield
    body.holders, body.bound = holders, bound


def outside(region: Region) -> dict[int, Value]:
    """Values from around a region that it uses."""
    nodes = list(walk(region.nodes))
    inside = {v.id for v in region.inputs} | {v.id for node in nodes for v in node.outputs}
    inside |= {v.id for node in nodes for r in node.regions for v in r.inputs}
    used = [*values_of(region.outputs)]
    for node in nodes:
        used += [
            *values_of(node.operands),
            *(v for r in node.regions for v in values_of(r.outputs)),
        ]
    return {v.id: v for v in used if v.id not in inside}


def _bound(
    body: Body, node: Node, values: Sequence[Value], hint: str = "x", blank: bool = True
) -> list[str]:
    """Names for a region's inputs, different from each other.

    blank: write _ for what has no name and no use.
    """
    index, names = body.liveness.index[id(node)], list[str]()
    before = set(body.fixed)
    for value in values:
        needed = not blank or value.name or value.id in body.liveness.uses
        names.append(body.bind(value, value.name or hint, index) if needed else "_")
        body.fixed |= {names[-1]} - {"_"}
    body.fixed = before
    return names


def _targets(body: Body, node: Node, values: Sequence[Value], hint: str = "y") -> list[str]:
    """Names for a node's outputs; _ for what is not used."""
    end = body.liveness.end[id(node)]
    return [
        body.bind(value, value.name or hint, end) if value.id in body.liveness.uses else "_"
        for value in values
    ]


def group(texts: Sequence[str]) -> str:
    """None, one expression, or a tuple of them."""
    if not texts:
        return "None"
    return texts[0] if len(texts) == 1 else tuple_text(list(texts))


# scan


def _scan(body: Body, node: Node, lines: list[str], depth: int) -> None:
    """A local function, and the framework's scan."""
    emitter, count, axis = body.emitter, node.attributes["carries"], node.attributes["axis"]
    (region,) = node.regions
    firsts = [body.code(x, "value").text for x in node.operands[:count]]
    arrays = [_front(body, body.code(x), axis).text for x in node.operands[count:]]
    if node.attributes["counted"]:
        arrays.append(emitter.counter(_length(body, node)))
    of_slices = ("inputs", region.inputs[count:])

    def give() -> str:
        texts = [body.code(output).text for output in region.outputs]
        if not count:
            return ", ".join(texts)
        return f"{group(texts[:count])}, {group(texts[count:])}"

    groups = [("carry", region.inputs[:count]), of_slices] if count else [of_slices]
    step, definition = function(body, node, "step", groups, give, depth)
    if count:
        length = "" if arrays else _length(body, node).text
        call = emitter.scan_text(node, step, group(firsts), group(arrays), length)
    else:
        call = emitter.map_text(step, group(arrays or [emitter.counter(_length(body, node))]))
    finals = [_final_hint(body, value) for value in region.inputs[:count]]
    named = zip(node.outputs[:count], finals, strict=True)
    carries = [name for value, hint in named for name in _targets(body, node, [value], hint)]
    stacks = _targets(body, node, node.outputs[count:])
    targets = ", ".join(stacks)
    if count:
        targets = f"{_target_group(carries)}, {_target_group(stacks)}"
    define(lines, definition)
    indent = INDENT * depth
    lines.append(f"{indent}{targets} = {call}")
    body.check_length(lines[-1], depth, values_of(node.operands))
    for name, value in zip(stacks, node.outputs[count:], strict=True):
        if axis and name != "_":
            moved = emitter.axis_moved(Code(name), 0, axis)
            _assign(body, node, value, name, moved, lines, depth)


def _assign(
    body: Body, node: Node, value: Value, name: str, code: Code, lines: list[str], depth: int
) -> None:
    """A statement, or nothing where the value is returned at once."""
    if body.is_result(node, value):
        body.results[value.id] = code
    else:
        lines.append(f"{INDENT * depth}{name} = {code.text}")


def _target_group(names: Sequence[str]) -> str:
    return "_" if all(name == "_" for name in names) else group(names)


def _front(body: Body, array: Code, axis: int) -> Code:
    return body.emitter.axis_moved(array, axis, 0) if axis else array


def _length(body: Body, node: Node) -> Code:
    return body.sizes.size(node_length(node))


def _final_hint(body: Body, value: Value) -> str:
    return body.names.get(value.id, value.name or "carry")


def _loop(body: Body, node: Node, lines: list[str], depth: int) -> None:
    """A loop of Python's own: `for x_t in x.unbind(1): ...`."""
    emitter, count, axis = body.emitter, node.attributes["carries"], node.attributes["axis"]
    (region,), indent = node.regions, INDENT * depth
    reverse = node.attributes["reverse"]
    firsts = [body.code(x, "value").text for x in node.operands[:count]]
    arrays = [emitter.slices(body.code(x), axis) for x in node.operands[count:]]
    if node.attributes["counted"] or not arrays:
        arrays.append(f"range({_length(body, node).text})")
    before = {name: len(values) for name, values in body.holders.items()}
    outer = body.bound
    end = body.liveness.end[id(node)]
    body.bound = {n: v for n, v in outer.items() if body.liveness.last_use.get(v.id, 0) >= end}
    fixed = set(body.fixed)
    carries = _bound(body, node, region.inputs[:count], "carry", blank=False)
    body.fixed |= {*carries}
    for value, x in zip(region.inputs[count:], node.operands[count:], strict=False):
        if value.name and body.code(x).text == value.name:
            body.preferred[value.id] = f"{value.name}_t"
    slices = _bound(body, node, region.inputs[count:]) or ["_"]
    body.fixed = fixed
    lines += [indent + line for line in assignments(carries, firsts)]
    taken = {*body.holders, *body.reserved, *body.fixed}
    lists: list[str] = []
    for value in node.outputs[count:]:
        several = len(node.outputs) - count > 1
        lists.append(unique(f"{value.name}_list" if several and value.name else "outputs", taken))
        taken.add(lists[-1])
    body.fixed = fixed | {*lists}
    lines += [f"{indent}{name} = []" for name in lists]
    over = [f"reversed({array})" for array in arrays] if reverse else arrays
    source = over[0] if len(over) == 1 else f"zip({', '.join(over)})"
    lines.append(f"{indent}for {', '.join(slices)} in {source}:")
    body.check_length(lines[-1], depth, values_of(node.operands))
    _prefer(body, region, carries)
    body.statements(region.nodes, lines, depth + 1)
    results = [body.code(output).text for output in region.outputs]
    inner = [f"{name}.append({text})" for name, text in zip(lists, results[count:], strict=True)]
    inner += assignments(carries, results[:count])
    for line in inner:
        body.check_length(line, depth + 1, values_of(region.outputs))
    lines += [indent + INDENT + line for line in inner]
    body.bound = {n: v for n, v in outer.items() if len(body.holders[n]) == before.get(n, 0)}
    for name, value in zip(carries, node.outputs[:count], strict=True):
        body.hold(name, value)
    for name, value in zip(lists, node.outputs[count:], strict=True):
        (target,) = _targets(body, node, [value])
        order = f"{name}[::-1]" if reverse else name
        stacked = Code(emitter.stacked(order, axis))
        _assign(body, node, value, target, stacked, lines, depth)
    body.fixed = fixed


def prefer_carries(body: Body) -> None:
    """What a scan starts from, and nothing else uses, has the name of the carry."""
    for node in walk(body.block.nodes):
        if node.op == "scan":
            for value, first in zip(node.regions[0].inputs, node.operands, strict=False):
                if not isinstance(first, Value) or not value.name:
                    continue
                if len(body.liveness.uses[first.id]) == 1:
                    body.preferred[first.id] = value.name


def _prefer(body: Body, region: Region, carries: Sequence[str]) -> None:
    """The next carries take the names of the last ones, where those are free by then."""
    for name, output in zip(carries, region.outputs, strict=False):
        if isinstance(output, Value):
            body.preferred.setdefault(output.id, name)


# others


def _associative_scan(body: Body, node: Node, lines: list[str], depth: int) -> None:
    (region,), half = node.regions, len(node.operands)
    arrays = [body.code(x).text for x in node.operands]
    groups = [("earlier", region.inputs[:half]), ("later", region.inputs[half:])]

    def give() -> str:
        return ", ".join(body.code(output).text for output in region.outputs)

    combine, definition = function(body, node, "combine", groups, give, depth)
    axis, reverse = node.attributes["axis"], node.attributes["reverse"]
    call = body.emitter.associative_scan_text(combine, group(arrays), axis, reverse)
    define(lines, definition)
    targets = ", ".join(_targets(body, node, node.outputs))
    lines.append(f"{INDENT * depth}{targets} = {call}")
    body.check_length(lines[-1], depth, values_of(node.operands))


def _remat(body: Body, node: Node, lines: list[str], depth: int) -> None:
    """The region as a function of the operands, and the framework's call of it."""
    emitter, (region,) = body.emitter, node.regions
    arguments = [body.code(x).text for x in node.operands]
    around = [body.names[i] for i in outside(region) if i in body.names]
    more = around if emitter.remat_takes_all else []

    def give() -> str:
        return ", ".join(body.code(output).text for output in region.outputs)

    groups = [("x", [value]) for value in region.inputs]
    block, definition = function(body, node, "block", groups, give, depth, more)
    call = emitter.remat_text(body, node, block, definition, [*arguments, *more])
    define(lines, definition)
    indent = INDENT * depth
    if reason := emitter.why_not_again(node):
        lines.append(f"{indent}# not run again for its gradient: {reason}")
    lines.append(f"{indent}{', '.join(_targets(body, node, node.outputs))} = {call}")
    body.check_length(lines[-1], depth, values_of(node.operands))
