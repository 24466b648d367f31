"""Run emitted source as a module of its own, visible to tracebacks, debuggers and profilers."""

from __future__ import annotations

import hashlib
import linecache
import sys
from types import ModuleType


def execute(source: str, label: str) -> ModuleType:
    """Execute source text that polydl emitted. The same text gives the same module."""
    digest = hashlib.sha256(source.encode()).hexdigest()[:12]
    name = f"polydl_emitted_{label}_{digest}"
    known = sys.modules.get(name)
    if known is not None:
        return known
    filename = f"<{name}>"
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    module = ModuleType(name, "Emitted by polydl.")
    module.__file__ = filename
    sys.modules[name] = module
    try:
        exec(compile(source, filename, "exec"), module.__dict__)
    except BaseException:
        del sys.modules[name]
        raise
    return module
