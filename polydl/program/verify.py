"""What holds of every Program. Run on what a file brings, and on what each pass gives."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from polydl.errors import PolydlError, ProgramError
from polydl.program.attributes import require_config
from polydl.program.limits import (
    MAX_BLOCKS,
    MAX_CALL_DEPTH,
    MAX_ELEMENTS,
    MAX_ENTRIES,
    MAX_NODES,
    MAX_RANK,
    MAX_STEPS,
    MAX_STRUCTURE_DEPTH,
)
from polydl.program.names import is_key, is_kind, is_path, is_text, is_variable, require, shown
from polydl.program.regions import Reach
from polydl.program.sizes import Size
from polydl.program.types import Block, Entry, Program, Structure
from polydl.program.verify_body import Body
from polydl.spec.initializers import check as check_initializer

_DTYPES = ("float", "int", "bool")


def verify(program: Program) -> None:
    """Raise ProgramError, which names the Block and the node, unless `program` is well formed.

    Shapes and dtypes are derived again; values are unique, made before they are used and used only
    where they can be seen; calls are of Blocks that exist, with the types that they take, and end;
    Entries exist and have the types that are read and written; names are safe to write into source.
    Takes time linear in the size of the Program.
    """
    if "" not in program.blocks:
        raise ProgramError('there is no Block "", the model itself')
    if len(program.blocks) > MAX_BLOCKS or len(program.entries) > MAX_ENTRIES:
        raise ProgramError(
            f"{len(program.blocks)} blocks and {len(program.entries)} entries are too many; "
            f"at most {MAX_BLOCKS} and {MAX_ENTRIES}"
        )
    for path, entry in program.entries.items():
        _located(f"entry {shown(path)}", _verify_entry, path, entry)
    _verify_paths(program)
    _located("inputs", _verify_structure, program.inputs, len(program.root.inputs), is_variable)
    _located("outputs", _verify_structure, program.outputs, len(program.root.outputs), is_text)
    _verify_modules(program)
    symbols = _located("block ''", _input_symbols, program.root)
    known_sizes: set[str] = set()
    bodies = {}
    for key, block in list(program.blocks.items())[::-1]:  # the called before their callers
        _located(f"block {shown(key)}", _verify_header, key, block)
        body = bodies[key] = Body(program, block, symbols, known_sizes)
        _located(f"block {shown(key)}", body.verify)
    if sum(body.count for body in bodies.values()) > MAX_NODES:
        raise ProgramError(f"there are more than {MAX_NODES} nodes")
    _verify_calls(bodies)
    writes, draws = (Reach(program.blocks, op) for op in ("write", "random_bits"))
    for key, body in bodies.items():
        _located(f"block {shown(key)}", body.verify_functions, writes, draws)


def _located(where: str, check: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return check(*arguments)
    except ProgramError as error:
        raise ProgramError(f"{where}: {error}") from error.__cause__


def _verify_entry(path: str, entry: Entry) -> None:
    require(is_path(path), path, "path: identifiers and indices joined by dots")
    if entry.path != path:
        raise ProgramError(f"it calls itself {shown(entry.path)}")
    require(entry.role in ("parameter", "state"), entry.role, "role; use 'parameter' or 'state'")
    require(entry.dtype in _DTYPES, entry.dtype, "dtype; use 'float', 'int' or 'bool'")
    if entry.role == "parameter" and entry.dtype != "float":
        raise ProgramError(f"a parameter is float, this one {entry.dtype}; make it state")
    positive = all(type(size) is int and size > 0 for size in entry.shape)
    if not positive or len(entry.shape) > MAX_RANK or math.prod(entry.shape) > MAX_ELEMENTS:
        raise ProgramError(
            f"the shape {shown(entry.shape)} is not made of up to {MAX_RANK} positive integers, "
            f"with {MAX_ELEMENTS} elements at most"
        )
    try:
        check_initializer(entry.initializer)
    except PolydlError as error:
        raise ProgramError(str(error)) from error


def _verify_paths(program: Program) -> None:
    """Every path names one thing: an Entry, an alias of one, a module, or an alias of one."""
    taken: dict[str, str] = dict.fromkeys(program.entries, "an entry")
    for path, entry in program.entries.items():
        for alias in entry.aliases:
            require(is_path(alias), alias, f"alias for the entry {shown(path)}")
            if alias in taken:
                raise ProgramError(
                    f"entry {shown(path)}: its alias {shown(alias)} names {taken[alias]} already"
                )
            taken[alias] = f"an alias of {shown(path)}"
    modules = {block.path for block in program.blocks.values() if block.is_module}
    for alias, canonical in program.aliases.items():
        require(is_path(alias), alias, "alias of a module")
        if alias in modules or canonical not in modules:
            raise ProgramError(
                f"alias {shown(alias)} of {shown(canonical)}: the second must be the canonical "
                "path of a module, the first must not"
            )
    holders = _holders([*modules, *program.aliases], taken)
    for path in taken:
        if path in holders:
            raise ProgramError(f"{shown(path)} is the path of a module and of {taken[path]}")


def _holders(modules: Iterable[str], entries: Iterable[str]) -> set[str]:
    """Paths of modules, and of whatever holds a module or an entry."""
    found = set(modules)
    for path in [*found, *entries]:
        holder = path.rpartition(".")[0]
        while holder and holder not in found:
            found.add(holder)
            holder = holder.rpartition(".")[0]
    return found


def _verify_modules(program: Program) -> None:
    """Blocks of one module, traced for several signatures, agree on what the module is."""
    first: dict[str, Block] = {}
    for block in program.blocks.values():
        other = first.setdefault(block.path, block) if block.is_module else block
        if other is block:
            continue
        if other.kind != block.kind or repr(other.config) != repr(block.config):
            raise ProgramError(
                f"blocks {shown(other.key)} and {shown(block.key)} are of the module "
                f"{shown(block.path)}, but differ in kind or configuration"
            )


def _verify_structure(structure: Structure, leaves: int, is_name: Callable[[str], bool]) -> None:
    """is_name: what the keys of the outermost dict must be; others are any text."""
    found = _count_leaves(structure, is_name, 0)
    if found != leaves:
        raise ProgramError(f"the nesting has {found} leaves, the model {leaves} values")


def _count_leaves(structure: Structure, is_name: Callable[[str], bool], depth: int) -> int:
    if structure is None:
        return 1
    if depth == MAX_STRUCTURE_DEPTH:
        raise ProgramError(f"nested deeper than {MAX_STRUCTURE_DEPTH}")
    match structure:
        case ("tuple", tuple(parts)):
            return sum(_count_leaves(part, is_text, depth + 1) for part in parts)
        case ("dict", dict(named)):
            for name in named:
                wanted = "an argument's name" if is_name is is_variable else "printable text"
                require(type(name) is str and is_name(name), name, f"key here; use {wanted}")
            return sum(_count_leaves(part, is_text, depth + 1) for part in named.values())
    raise ProgramError(f"{shown(structure)} is no structure; see polydl.program.structure")


def _input_symbols(root: Block) -> frozenset[str]:
    """The symbols that the model's inputs bring, each as an axis of its own."""
    symbols: set[str] = set()
    for value in root.inputs:
        for size in value.shape:
            if isinstance(size, Size):
                require(is_variable(size.key), size.key, "size of an input; use a name or integer")
                symbols.add(size.key)
    names = [value.name for value in root.inputs]
    if not all(names) or len(set(names)) != len(names):
        raise ProgramError(f"the inputs of a model have a name each, got {shown(names)}")
    return frozenset(symbols)


def _verify_header(key: str, block: Block) -> None:
    require(is_key(key), key, "key of a block")
    if block.key != key:
        raise ProgramError(f"it calls itself {shown(block.key)}")
    require(is_kind(block.kind), block.kind, "kind: a class name, or a name such as polydl:Dense@1")
    if block.path and not block.is_module:
        raise ProgramError(f"a function has no path, this one {shown(block.path)}")
    require(not block.path or is_path(block.path), block.path, "path of a module")
    require_config(block.config)


def _verify_calls(bodies: Mapping[str, Body]) -> None:
    """Calls end: no Block calls itself, directly or through others, or calls too much."""
    steps: dict[str, int] = {}  # nodes that one call of a Block runs
    depth: dict[str, int] = {}  # Blocks inside one another that it runs
    open_keys: dict[str, None] = {}  # the Blocks that are being called, outermost first
    pending = [(key, True) for key in bodies]
    while pending:
        key, entering = pending.pop()
        called = bodies[key].calls
        if not entering:
            del open_keys[key]
            steps[key] = bodies[key].count + sum(steps[inner] for inner in called)
            depth[key] = 1 + max((depth[inner] for inner in called), default=0)
            if steps[key] > MAX_STEPS or depth[key] > MAX_CALL_DEPTH:
                raise ProgramError(
                    f"block {shown(key)}: one call runs {steps[key]} nodes, through calls "
                    f"{depth[key]} deep; at most {MAX_STEPS} and {MAX_CALL_DEPTH}"
                )
        elif key in open_keys:
            circle = " -> ".join([*map(shown, list(open_keys)[-5:]), shown(key)])
            raise ProgramError(f"block {shown(key)}: it calls itself ({circle})")
        elif key not in steps:
            open_keys[key] = None
            pending.append((key, False))
            pending += [(inner, True) for inner in dict.fromkeys(called)]
