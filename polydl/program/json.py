"""A Program as JSON text.

    {"format": 1, "inputs": null, "outputs": {"logits": null},   structure: null is a value, a list
                                                                 a tuple, an object a dict
     "aliases": {"head": "embed"},
     "entries": {PATH: {"role", "shape", "dtype", "initializer": [NAME, {ARGUMENT: NUMBER}],
                        "aliases"?: [PATH]}},
     "blocks": {KEY: {"kind", "path", "is_module", "config", "inputs": [VALUE],
                      "nodes": [NODE], "outputs": [OPERAND]}}}

    VALUE    [ID, DTYPE, SHAPE, NAME?]
    NODE     {"op", "operands": [OPERAND], "outputs": [VALUE], "attributes"?: {NAME: PLAIN},
              "regions"?: [{"inputs"?: [VALUE], "nodes", "outputs"}]}
    OPERAND  ID of a value, or {"constant": NUMBER}
    SHAPE    a list of integers and, for symbolic sizes, strings such as "batch*2"
    PLAIN    null, true, a number, a string, a list for a tuple, {"size": "batch*2"},
             {"float": "inf"} ("-inf", "nan")

What has a `?` is left out where it is empty. Objects keep their order.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from typing import Any, NoReturn

from polydl.errors import ProgramError
from polydl.program.decode import decode_program
from polydl.program.limits import MAX_DIGITS, MAX_NESTING, MAX_TEXT
from polydl.program.names import shown
from polydl.program.sizes import MAX_SIZE_TEXT, AnySize, Shape, Size
from polydl.program.types import (
    FORMAT_VERSION,
    Block,
    Constant,
    Entry,
    Node,
    Operand,
    Program,
    Region,
    Structure,
    Value,
)
from polydl.program.verify import verify

_BRACKETS = re.compile(r'\\.|["\[\]{}]', re.DOTALL)


def to_json(program: Program) -> str:
    """The Program as compact JSON text: the same text for the same Program, on every machine.

    Raises ProgramError for what `from_json` could not read, such as a NumPy number in a
    configuration.
    """
    document = {
        "format": FORMAT_VERSION,
        "inputs": _structure(program.inputs),
        "outputs": _structure(program.outputs),
        "aliases": dict(program.aliases),
        "entries": {path: _entry(entry) for path, entry in program.entries.items()},
        "blocks": {key: _block(block) for key, block in program.blocks.items()},
    }
    text = json.dumps(document, separators=(",", ":"), allow_nan=False)
    if len(text) > MAX_TEXT:
        raise ProgramError(f"the Program takes {len(text)} characters; at most {MAX_TEXT}")
    return text


def from_json(text: str) -> Program:
    """The Program that `to_json` wrote, verified. Safe for text from anywhere: it runs nothing.

    Raises ProgramError, and nothing else, for text that is not such a Program.
    """
    try:
        program = decode_program(_load(text))
    except RecursionError:
        raise ProgramError("the Program is nested too deeply") from None
    verify(program)
    return program


def _load(text: str) -> Any:
    if not isinstance(text, str):
        raise ProgramError(f"a Program is read from a str, got {type(text).__name__}")
    if len(text) > MAX_TEXT:
        raise ProgramError(f"{len(text)} characters are too many for a Program")
    _check_nesting(text)
    try:
        return json.loads(
            text,
            object_pairs_hook=_object,
            parse_constant=_no_constant,
            parse_int=_int,
            parse_float=_float,
        )
    except ProgramError:
        raise
    except ValueError as error:
        raise ProgramError(f"this is not the JSON of a Program: {error}") from None


def _check_nesting(text: str) -> None:
    """Count brackets, so that the parser, which calls itself for each, cannot run out of stack."""
    depth, in_string = 0, False
    for match in _BRACKETS.finditer(text):
        mark = match[0]
        if mark == '"':
            in_string = not in_string
        elif in_string:
            continue
        elif mark in "[{":
            depth += 1
            if depth > MAX_NESTING:
                raise ProgramError(f"brackets are nested deeper than {MAX_NESTING}")
        else:  # where more are closed than open, the parser stops
            depth -= 1


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in found if names.count(name) > 1)
        raise ProgramError(f"the key {shown(twice)} occurs twice in one object")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ProgramError(f'{name} is no JSON; write {{"float": "inf"}}, "-inf" or "nan"')


def _int(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ProgramError(f"an integer of {len(digits)} digits is too long")
    return int(digits)


def _float(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ProgramError(f"the number {shown(text)} is too large for a float64")
    return number


def _structure(structure: Structure) -> Any:
    if structure is None:
        return None
    kind, parts = structure
    if kind == "dict":
        return {name: _structure(part) for name, part in parts.items()}
    return [_structure(part) for part in parts]


def _entry(entry: Entry) -> dict[str, Any]:
    first = entry.initializer
    arguments = {name: _plain(value) for name, value in first.arguments.items()}
    return {
        "role": entry.role,
        "shape": _shape(entry.shape),
        "dtype": entry.dtype,
        "initializer": [first.name, arguments],
        **({"aliases": list(entry.aliases)} if entry.aliases else {}),
    }


def _block(block: Block) -> dict[str, Any]:
    return {
        "kind": block.kind,
        "path": block.path,
        "is_module": block.is_module,
        "config": {name: _plain(value) for name, value in block.config.items()},
        "inputs": [_value(value) for value in block.inputs],
        "nodes": _nodes(block.nodes),
        "outputs": _operands(block.outputs),
    }


def _nodes(nodes: Sequence[Node]) -> list[dict[str, Any]]:
    return [_node(node) for node in nodes]


def _node(node: Node) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "op": node.op,
        "operands": _operands(node.operands),
        "outputs": [_value(value) for value in node.outputs],
    }
    if node.attributes:
        fields["attributes"] = {name: _plain(value) for name, value in node.attributes.items()}
    if node.regions:
        fields["regions"] = [_region(region) for region in node.regions]
    return fields


def _region(region: Region) -> dict[str, Any]:
    inputs = {"inputs": [_value(value) for value in region.inputs]} if region.inputs else {}
    return {**inputs, "nodes": _nodes(region.nodes), "outputs": _operands(region.outputs)}


def _operands(operands: Sequence[Operand]) -> list[Any]:
    return [
        {"constant": _plain(operand.value)} if isinstance(operand, Constant) else operand.id
        for operand in operands
    ]


def _value(value: Value) -> list[Any]:
    fields = [value.id, value.dtype, _shape(value.shape)]
    return [*fields, value.name] if value.name else fields


def _shape(shape: Shape) -> list[int | str]:
    return [_size(size) for size in shape]


def _size(size: AnySize) -> int | str:
    if type(size) is int:
        return size
    text = str(size)
    if len(text) > MAX_SIZE_TEXT or type(size) is not Size:
        raise ProgramError(f"{shown(text)} cannot be written as a size")
    return text


def _plain(value: Any) -> Any:
    kind = type(value)
    if value is None or kind in (bool, str):
        return value
    if kind is int and abs(value) < 10**MAX_DIGITS:
        return value
    if kind is float:
        return value if math.isfinite(value) else {"float": repr(value)}
    if kind is tuple:
        return [_plain(item) for item in value]
    if kind is Size:
        return {"size": _size(value)}
    raise ProgramError(
        f"{shown(value)} is no plain data; use None, bool, int, float, str, or tuples of these"
    )
