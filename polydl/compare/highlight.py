"""Python source as HTML, with classes for keywords, strings, numbers, comments and defined names."""

from __future__ import annotations

import io
import keyword
import token
import tokenize

from markupsafe import Markup, escape

_CLASSES = {token.STRING: "s", token.NUMBER: "n", token.COMMENT: "c"}
_STRINGS = {getattr(token, name, -1) for name in ("FSTRING_START", "FSTRING_MIDDLE", "FSTRING_END")}


def highlight(source: str) -> Markup:
    """The text, escaped, in spans. What is no Python is escaped only."""
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (tokenize.TokenError, SyntaxError):
        return escape(source)
    lines = list(io.StringIO(source))
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    parts: list[Markup] = []
    position, before = 0, ""
    for found in tokens:
        (row, column), (end_row, end_column) = found.start, found.end
        start = starts[min(row - 1, len(lines))] + column
        end = starts[min(end_row - 1, len(lines))] + end_column
        kind = _class_of(found, before)
        if kind and start >= position:
            parts.append(escape(source[position:start]))
            parts.append(Markup('<span class="{}">{}</span>').format(kind, source[start:end]))
            position = end
        if found.type != token.NL:
            before = found.string
    parts.append(escape(source[position:]))
    return Markup("").join(parts)


def _class_of(found: tokenize.TokenInfo, before: str) -> str:
    if found.type in _STRINGS:
        return "s"
    if found.type != token.NAME:
        return _CLASSES.get(found.type, "")
    if before in ("def", "class"):
        return "d"
    return "k" if keyword.iskeyword(found.string) or found.string == "self" else ""
