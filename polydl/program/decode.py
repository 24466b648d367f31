"""Parsed JSON to a Program. Each piece is checked for its type; `verify` checks what it means."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from polydl.errors import ProgramError, nearest
from polydl.program.names import shown
from polydl.program.sizes import AnySize, Shape, Size, parse_size
from polydl.program.types import (
    FORMAT_VERSION,
    Attribute,
    Block,
    Constant,
    Entry,
    Initializer,
    Node,
    Operand,
    Program,
    Region,
    Structure,
    Value,
)

T = TypeVar("T")

_FLOATS = {"inf": float("inf"), "-inf": float("-inf"), "nan": float("nan")}


def decode_program(document: Any) -> Program:
    """The Program in a document that `polydl.program.json` describes. Raises ProgramError."""
    if not isinstance(document, dict) or "format" not in document:
        raise ProgramError('this is not a Program: there is no "format"')
    if document["format"] != FORMAT_VERSION or type(document["format"]) is not int:
        raise ProgramError(
            f"the format is {shown(document['format'])}, this polydl reads {FORMAT_VERSION}. "
            "Use the polydl that wrote it"
        )
    _fields(document, ("format", "inputs", "outputs", "aliases", "entries", "blocks"))
    aliases = _typed(document["aliases"], dict, "aliases")
    for alias, canonical in aliases.items():
        _typed(canonical, str, f"aliases, {shown(alias)}")
    decoder = _Decoder()
    return Program(
        blocks=_each(document["blocks"], "block", decoder.block),
        entries=_each(document["entries"], "entry", decoder.entry),
        inputs=_structure(document["inputs"]),
        outputs=_structure(document["outputs"]),
        aliases=aliases,
    )


def _each(table: Any, what: str, decode: Callable[[str, Any], T]) -> dict[str, T]:
    found: dict[str, T] = {}
    for name, fields in _typed(table, dict, f"the table of each {what}").items():
        try:
            found[name] = decode(name, fields)
        except ProgramError as error:
            raise ProgramError(f"{what} {shown(name)}: {error}") from None
    return found


def _fields(given: Any, required: tuple[str, ...], optional: tuple[str, ...] = ()) -> None:
    """Raise ProgramError unless `given` is an object with just these keys."""
    _typed(given, dict, "here")
    for name in required:
        if name not in given:
            raise ProgramError(f"the key {name!r} is missing")
    for name in given:
        if name not in required and name not in optional:
            known = nearest(name[:100], [*required, *optional])
            raise ProgramError(f"the key {shown(name)} is unknown. {known}")


def _typed(given: Any, kind: type[T], what: str) -> T:
    if type(given) is not kind:
        raise ProgramError(
            f"{what}: expected {kind.__name__}, got {type(given).__name__} {shown(given)}"
        )
    return given


def _structure(given: Any) -> Structure:
    if given is None:
        return None
    if type(given) is dict:
        return ("dict", {name: _structure(part) for name, part in given.items()})
    return ("tuple", tuple(_structure(part) for part in _typed(given, list, "a structure")))


def _plain(given: Any) -> Attribute:
    if type(given) is list:
        return tuple(_plain(item) for item in given)
    if type(given) is not dict:
        return given
    match given:
        case {"size": str(text), **rest} if not rest:
            return _canonical_size(text)
        case {"float": str(text), **rest} if not rest and text in _FLOATS:
            return _FLOATS[text]
    raise ProgramError(
        f'{shown(given)} is no value; an object is {{"size": "batch*2"}} or {{"float": "inf"}}'
    )


def _attributes(given: Any, what: str) -> Mapping[str, Attribute]:
    return {name: _plain(value) for name, value in _typed(given, dict, what).items()}


def _canonical_size(text: str) -> Size:
    size = parse_size(text)
    if not isinstance(size, Size) or str(size) != text:
        raise ProgramError(f"the size {shown(text)} should be written as {shown(str(size))}")
    return size


class _Decoder:
    """What is known while a Program is read: its sizes by text, and the values of a Block by id."""

    def __init__(self) -> None:
        self.sizes: dict[str, Size] = {}
        self.values: dict[int, Value] = {}

    def entry(self, path: str, given: Any) -> Entry:
        _fields(given, ("role", "shape", "dtype", "initializer"), ("aliases",))
        name, arguments = self._items(given["initializer"], 2, "initializer")
        shape = self._shape(given["shape"])
        return Entry(
            path=path,
            role=_typed(given["role"], str, "role"),  # type: ignore[arg-type]
            shape=shape,  # type: ignore[arg-type]
            dtype=_typed(given["dtype"], str, "dtype"),  # type: ignore[arg-type]
            initializer=Initializer(
                _typed(name, str, "initializer"), _attributes(arguments, "initializer")
            ),
            aliases=tuple(
                _typed(alias, str, "aliases")
                for alias in _typed(given.get("aliases", []), list, "aliases")
            ),
        )

    def block(self, key: str, given: Any) -> Block:
        names = ("kind", "path", "is_module", "config", "inputs", "nodes", "outputs")
        _fields(given, names)
        self.values = {}
        return Block(
            key=key,
            kind=_typed(given["kind"], str, "kind"),
            path=_typed(given["path"], str, "path"),
            is_module=_typed(given["is_module"], bool, "is_module"),
            config=_attributes(given["config"], "config"),
            inputs=self._values(given["inputs"], "inputs"),
            nodes=self._nodes(given["nodes"]),
            outputs=self._operands(given["outputs"], "outputs"),
        )

    def _nodes(self, given: Any) -> tuple[Node, ...]:
        nodes = []
        for i, fields in enumerate(_typed(given, list, "nodes")):
            try:
                nodes.append(self._node(fields))
            except ProgramError as error:
                raise ProgramError(f"node {i}: {error}") from None
        return tuple(nodes)

    def _node(self, given: Any) -> Node:
        _fields(given, ("op", "operands", "outputs"), ("attributes", "regions"))
        return Node(
            op=_typed(given["op"], str, "op"),
            operands=self._operands(given["operands"], "operands"),
            attributes=_attributes(given.get("attributes", {}), "attributes"),
            regions=tuple(
                self._region(region) for region in _typed(given.get("regions", []), list, "regions")
            ),
            outputs=self._values(given["outputs"], "outputs"),
        )

    def _region(self, given: Any) -> Region:
        _fields(given, ("nodes", "outputs"), ("inputs",))
        inputs = self._values(given.get("inputs", []), "inputs")
        nodes = self._nodes(given["nodes"])
        return Region(nodes, self._operands(given["outputs"], "outputs"), inputs)

    def _operands(self, given: Any, what: str) -> tuple[Operand, ...]:
        return tuple(self._operand(operand) for operand in _typed(given, list, what))

    def _operand(self, given: Any) -> Operand:
        if type(given) is int:
            if given not in self.values:
                raise ProgramError(f"%{given} is made by nothing before it")
            return self.values[given]
        _fields(given, ("constant",))
        return Constant(_plain(given["constant"]))

    def _values(self, given: Any, what: str) -> tuple[Value, ...]:
        return tuple(self._value(value) for value in _typed(given, list, what))

    def _value(self, given: Any) -> Value:
        items = _typed(given, list, "a value")
        id, dtype, shape, name = self._items(items if len(items) == 4 else [*items, ""], 4, "value")
        value = Value(
            id=_typed(id, int, "id"),
            shape=self._shape(shape),
            dtype=_typed(dtype, str, "dtype"),  # type: ignore[arg-type]
            name=_typed(name, str, "name"),
        )
        self.values[value.id] = value
        return value

    @staticmethod
    def _items(given: Any, count: int, what: str) -> list[Any]:
        items = _typed(given, list, what)
        if len(items) != count:
            raise ProgramError(f"{what}: expected {count} items, got {len(items)}")
        return items

    def _shape(self, given: Any) -> Shape:
        return tuple(self._size(size) for size in _typed(given, list, "shape"))

    def _size(self, given: Any) -> AnySize:
        if type(given) is int:
            return given
        text = _typed(given, str, "a size")
        if text not in self.sizes:
            self.sizes[text] = _canonical_size(text)
        return self.sizes[text]
