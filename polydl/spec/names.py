"""The author's own local names, read off the bytecode that is running.

When `h = dl.relu(x)` runs, the instruction after the call stores into `h`. That name is worth
keeping: it makes the emitted program read like the definition it came from.
"""

from __future__ import annotations

import dis
from functools import lru_cache
from types import CodeType, FrameType
from typing import Any

_STORES = {"STORE_FAST", "STORE_DEREF", "STORE_NAME", "STORE_GLOBAL"}
_PAIRS = {"STORE_FAST_LOAD_FAST", "STORE_FAST_STORE_FAST"}  # Python 3.13 fuses two instructions
_DEPTH = 12


def assigned_names(frame: FrameType | None, code: CodeType | None) -> tuple[str, ...]:
    """Names that the running statement of the nearest author's frame assigns to, if any.

    Looks outwards from `frame` for the body being traced (`code`), or for any code that is not
    part of the tracer.
    """
    for _ in range(_DEPTH):
        if frame is None:
            return ()
        if frame.f_code is code or not _is_tracer(frame.f_globals.get("__name__", "")):
            return _stores(frame.f_code).get(frame.f_lasti, ())
        frame = frame.f_back
    return ()


def _is_tracer(module: str) -> bool:
    return module.startswith("polydl.spec.") or module == "polydl.ops"


@lru_cache(maxsize=4096)
def _stores(code: CodeType) -> dict[int, tuple[str, ...]]:
    instructions = list(dis.get_instructions(code))
    found: dict[int, tuple[str, ...]] = {}
    for position, instruction in enumerate(instructions):
        names = _names_after(instructions, position + 1)
        if names:
            end = instructions[position + 1].offset
            # a running call's offset lies anywhere in its inline cache
            found.update(dict.fromkeys(range(instruction.offset, end, 2), names))
    return found


def _names_after(instructions: list[Any], position: int) -> tuple[str, ...]:
    if position >= len(instructions):
        return ()
    wanted = 1
    if instructions[position].opname == "COPY":  # of `(name := value)` and `name = other = value`
        position += 1
    if instructions[position].opname == "UNPACK_SEQUENCE":
        wanted = instructions[position].argval
        position += 1
    names: list[str] = []
    while len(names) < wanted and position < len(instructions):
        instruction = instructions[position]
        if instruction.opname in _STORES:
            names.append(instruction.argval)
        elif instruction.opname in _PAIRS:
            pair = instruction.argval
            names += pair if instruction.opname.endswith("STORE_FAST_STORE_FAST") else pair[:1]
        else:
            break
        position += 1
    return tuple(names[:wanted]) if len(names) >= wanted else ()
