"""The author's own names for values: local variables and parameters, read off the code that runs.

When `h = dl.relu(x)` runs, the instruction after the call stores into `h`. That name is worth
keeping: it makes the emitted program read like the definition it came from.
"""

from __future__ import annotations

import dis
import inspect
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from types import CodeType, FrameType
from typing import Any, TypeAlias

from polydl.program.types import Structure
from polydl.spec.tensor import Tensor

Targets: TypeAlias = "str | tuple[Targets, ...]"  # what a statement assigns to

_STORES = {"STORE_FAST", "STORE_DEREF", "STORE_NAME", "STORE_GLOBAL"}
_PAIRS = {"STORE_FAST_LOAD_FAST", "STORE_FAST_STORE_FAST"}  # Python 3.13 fuses two instructions
_DEPTH = 12
_RETURNED = ("return",)  # in place of names: the value is returned


def assigned_names(frame: FrameType | None, code: CodeType | None) -> tuple[str, ...]:
    """Names that the running statement of the nearest author's frame assigns to, if any.

    Looks outwards from `frame` for the body being traced (`code`), or for any code that is not
    part of the tracer. What an author's own helper returns has the name that its caller gives it.
    """
    return _flat(_assigned(frame, code))


def assigned_to(frame: FrameType | None, code: CodeType | None, structure: Structure) -> list[str]:
    """The same for each leaf of a structure, "" where a leaf has no name of its own.

    `carry, y = ...` names no part of a carry of two.
    """
    return _matched(_assigned(frame, code), structure)


def _assigned(frame: FrameType | None, code: CodeType | None) -> Targets:
    for _ in range(_DEPTH):
        if frame is None:
            return ()
        if frame.f_code is code or not _is_tracer(frame.f_globals.get("__name__", "")):
            names = _stores(frame.f_code).get(frame.f_lasti, ())
            caller = frame.f_back
            if names != _RETURNED or frame.f_code is code or caller is None:
                return () if names == _RETURNED else names
            if _is_tracer(caller.f_globals.get("__name__", "")):
                return ()
        frame = frame.f_back
    return ()


def _flat(targets: Targets) -> tuple[str, ...]:
    if isinstance(targets, str):
        return (targets,)
    return tuple(name for part in targets for name in _flat(part))


def _matched(targets: Targets, structure: Structure) -> list[str]:
    if structure is None:
        return [targets.strip("_") and targets if isinstance(targets, str) else ""]
    kind, parts = structure
    if kind == "tuple" and isinstance(targets, tuple) and len(targets) == len(parts):
        pairs = zip(targets, parts, strict=True)
        return [name for target, part in pairs for name in _matched(target, part)]
    branches = parts.values() if kind == "dict" else parts
    return [name for part in branches for name in _matched((), part)]


def _is_tracer(module: str) -> bool:
    return module.startswith("polydl.spec.")


@lru_cache(maxsize=4096)
def _stores(code: CodeType) -> dict[int, Targets]:
    instructions = list(dis.get_instructions(code))
    found: dict[int, Targets] = {}
    for position, instruction in enumerate(instructions):
        names = _names_after(instructions, position + 1)
        if names:
            end = instructions[position + 1].offset
            # a running call's offset lies anywhere in its inline cache
            found.update(dict.fromkeys(range(instruction.offset, end, 2), names))
    return found


def _names_after(instructions: list[Any], position: int) -> Targets:
    if position < len(instructions) and instructions[position].opname == "COPY":
        position += 1  # of `(name := value)` and `name = other = value`
    if position < len(instructions) and instructions[position].opname == "RETURN_VALUE":
        return _RETURNED
    return _targets(_targets_from(instructions, position)) or ()


def _targets_from(instructions: list[Any], position: int) -> Iterator[str | int]:
    """What is stored into from here on: a name, or how many parts are unpacked."""
    for instruction in instructions[position:]:
        if instruction.opname == "UNPACK_SEQUENCE" or instruction.opname in _STORES:
            yield instruction.argval
        elif instruction.opname in _PAIRS:
            both = instruction.opname.endswith("STORE_FAST_STORE_FAST")
            yield from instruction.argval if both else instruction.argval[:1]
            if not both:
                return
        else:
            return


def _targets(steps: Iterator[str | int]) -> Targets | None:
    """The first target, with its parts; None where one of them is no name."""
    step = next(steps, None)
    if not isinstance(step, int):
        return step
    parts = [_targets(steps) for _ in range(step)]
    return tuple(part for part in parts if part is not None) if None not in parts else None


def parameter_names(function: Callable[..., Any], structures: Sequence[Structure]) -> list[str]:
    """Names for the leaves of a function's arguments: its parameters', or what it unpacks them to.

    In `def step(carry, x): h, c = carry` the leaves of a carry of two are h and c.
    """
    is_module = hasattr(type(function), "definition")
    definition: Any = getattr(type(function), "definition", None) or inspect.unwrap(function)
    code = getattr(definition, "__code__", None)
    first = int(is_module or inspect.ismethod(function))
    parameters = code.co_varnames[first : code.co_argcount] if code else ()
    names: list[str] = []
    for i, structure in enumerate(structures):
        name = parameters[i] if i < len(parameters) else f"x{i}"
        leaves = _leaf_names(name, structure)
        unpacked = _matched(_unpacked(code, name) if code else (), structure)
        names += [own or leaf for own, leaf in zip(unpacked, leaves, strict=True)]
    names = [name if name.strip("_") else "" for name in names]
    return names


def _unpacked(code: CodeType, parameter: str) -> Targets:
    """What the first statement that takes a parameter apart assigns its parts to."""
    instructions = list(dis.get_instructions(code))
    for i, instruction in enumerate(instructions[:-1]):
        loads = instruction.opname.startswith(("LOAD_FAST", "LOAD_DEREF"))
        unpacks = instructions[i + 1].opname == "UNPACK_SEQUENCE"
        if loads and unpacks and instruction.argval == parameter:
            return _names_after(instructions, i + 1)
    return parameter


def argument_names(
    code: CodeType | None, is_method: bool, leaves: list[Any], structure: Structure
) -> list[str]:
    """Names for a Block's inputs: its parameters' names, numbered where one holds several."""
    parameters = list(code.co_varnames[int(is_method) : code.co_argcount]) if code else []
    _, (args, kwargs) = structure
    names: list[str] = []
    for i, part in enumerate(args[1]):
        name = parameters[i] if i < len(parameters) else f"x{i}"
        names += _leaf_names(name, part)
    for name, part in kwargs[1].items():
        names += _leaf_names(name, part)
    return [name for name, leaf in zip(names, leaves, strict=True) if isinstance(leaf, Tensor)]


def _leaf_names(name: str, structure: Structure) -> list[str]:
    if structure is None:
        return [name]
    kind, parts = structure
    pairs = parts.items() if kind == "dict" else enumerate(parts)
    return [leaf for key, part in pairs for leaf in _leaf_names(f"{name}_{key}", part)]
