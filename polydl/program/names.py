"""Which names a Program may hold. Emitted source is made of them, so nothing else gets through."""

from __future__ import annotations

import keyword
import re
import unicodedata

from polydl.errors import ProgramError
from polydl.program.limits import MAX_NAME, MAX_PATH, MAX_STRING

_NUMBER = re.compile(r"[0-9]{1,9}")
_VERSIONED = re.compile(r"polydl:([^:@]+)@([1-9][0-9]{0,5})")
_KEY = re.compile(
    r"(?P<path>[^#()@]*)(?P<function>\(\))?(?P<number>#[1-9][0-9]{0,8})?(?P<variant>@[a-z_]{1,40})?"
)


def is_identifier(name: str) -> bool:
    """A Python identifier in the form in which Python keeps it; no dunder name."""
    return (
        0 < len(name) <= MAX_NAME
        and name.isidentifier()
        and (name.isascii() or unicodedata.normalize("NFKC", name) == name)
        and not (name.startswith("__") and name.endswith("__"))
    )


def is_variable(name: str) -> bool:
    """An identifier that source code can assign to: no keyword."""
    return is_identifier(name) and not keyword.iskeyword(name)


def is_path(path: str) -> bool:
    """Identifiers and list indices joined by dots, such as `blocks.0.attn`. Keywords may occur."""
    return 0 < len(path) <= MAX_PATH and all(
        is_identifier(part) or _NUMBER.fullmatch(part) for part in path.split(".")
    )


def is_kind(kind: str) -> bool:
    """A class name, or the versioned name of a built-in such as `polydl:Dense@1`."""
    built_in = _VERSIONED.fullmatch(kind)
    return is_variable(built_in[1] if built_in else kind)


def is_key(key: str) -> bool:
    """The key of a Block: a path or "" for the model, or `softmax()`; `#2` follows a second one.

    `@channels_first` and the like mark what a pass made of a Block.
    """
    parts = _KEY.fullmatch(key) if len(key) <= MAX_PATH else None
    if parts is None or (parts["function"] and not parts["path"]):
        return False
    return not parts["path"] or is_path(parts["path"])


def is_text(text: str) -> bool:
    """A string of bounded length without control characters other than newline and tab."""
    return len(text) <= MAX_STRING and text.replace("\n", "").replace("\t", "").isprintable()


def shown(given: object) -> str:
    """`given` as an error message quotes it: escaped, and cut where it is long."""
    text = repr(given[:100]) if isinstance(given, str) else repr(given)
    return text if len(text) <= 100 else f"{text[:97]}..."


def require(ok: bool, given: object, what: str) -> None:
    """Raise ProgramError: `given` is no `what`."""
    if not ok:
        raise ProgramError(f"{shown(given)} is no {what}")
