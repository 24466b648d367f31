"""Lines that a formatter would leave alone: long ones are broken at their brackets."""

from __future__ import annotations

LINE_LENGTH = 88
_OPEN, _CLOSE = "([{", ")]}"


def wrap(line: str) -> list[str]:
    """Break a statement that is too long at its last top-level bracket, as Black and Ruff do.

    At an earlier one, where what stands before the last is too long by itself.
    """
    if len(line) <= LINE_LENGTH:
        return [line]
    indent = line[: len(line) - len(line.lstrip())]
    head = _before_tuple(line)
    if head:
        return wrap(f"{head}({line.removeprefix(head)})")
    span = _last_bracket(line)
    if span is None:
        return [line]
    start, end = span
    inner = line[start + 1 : end]
    head, tail = line[: start + 1], indent + line[end:]
    body = f"{indent}    {inner.strip()}"
    if not inner.strip():
        return [line]
    clauses = _split(inner, " for ")
    parts = [inner] if len(clauses) > 1 else _split(inner)
    keyword = line.lstrip().split(" ")[0]
    is_tuple = inner.rstrip().endswith(",")
    is_literal = len(parts) > 1 and not _is_call(line, start)
    if len(body) <= LINE_LENGTH and not (is_tuple or is_literal) and keyword != "class":
        return [*_head(head), body, tail]
    if len(clauses) == 2:
        first, second = clauses
        over, *conditions = _split(second, " if ")
        texts = [first.strip(), f"for {over.strip()}"]
        for condition in conditions:
            texts += _conditions(condition.strip(), LINE_LENGTH - len(indent) - 4)
        lines = [line for text in texts for line in wrap(f"{indent}    {text}")]
        return [*_head(head), *lines, tail]
    if len(parts) == 1 and not is_tuple and not _is_call(line, start):
        return [*_head(head), *wrap(body), tail]
    lines = []
    for part in parts:
        lines += wrap(f"{indent}    {part.strip()},")
    return [*_head(head), *lines, tail]


def _conditions(text: str, length: int) -> list[str]:
    """A comprehension's condition, a line for each part where it is too long."""
    if len(text) + 3 <= length:
        return [f"if {text}"]
    first, *others = _split(text, " and ")
    return [f"if {first.strip()}", *(f"and {other.strip()}" for other in others)]


def _before_tuple(line: str) -> str:
    """What stands before a tuple that is returned or assigned without parentheses, if one is."""
    assigned = _split(line, " = ")
    head = f"{assigned[0]} = " if len(assigned) == 2 else line[: line.find("return ") + 7]
    is_one = len(assigned) == 2 or line.lstrip().startswith("return ")
    return head if is_one and len(_split(line.removeprefix(head))) > 1 else ""


def _head(head: str) -> list[str]:
    return [head]


def _is_call(line: str, start: int) -> bool:
    return start > 0 and (line[start - 1].isalnum() or line[start - 1] in "_)]")


def _last_bracket(line: str) -> tuple[int, int] | None:
    """Where the last outermost, non-empty bracket that a line reaches opens and closes."""
    stack: list[int] = []
    found: tuple[int, int] | None = None
    for position, character in _outside_strings(line):
        if character in _OPEN:
            stack.append(position)
        elif character in _CLOSE and stack:
            start = stack.pop()
            reached = found is None or start < LINE_LENGTH
            if not stack and reached and line[start + 1 : position].strip():
                found = (start, position)
    return found


def _split(inner: str, separator: str = ",") -> list[str]:
    """Split at the separators outside brackets."""
    parts, depth, last = [], 0, 0
    for position, character in _outside_strings(inner):
        if character in _OPEN:
            depth += 1
        elif character in _CLOSE:
            depth -= 1
        elif depth == 0 and inner.startswith(separator, position):
            parts.append(inner[last:position])
            last = position + len(separator)
    if inner[last:].strip():
        parts.append(inner[last:])
    return parts


def _outside_strings(text: str) -> list[tuple[int, str]]:
    found, quote, escaped = [], "", False
    for position, character in enumerate(text):
        if quote:
            if escaped:
                escaped = False
            elif character == "\\":
                escaped = True
            elif character == quote:
                quote = ""
        elif character in "\"'":
            quote = character
        else:
            found.append((position, character))
    return found
