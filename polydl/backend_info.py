"""What backends say of themselves, each asked in a process of its own: a broken one breaks no other.

python -m polydl.backend_info torch
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

from polydl.backend import Installed, installed_backends

TIMEOUT = 120.0  # seconds; the first import of a framework can be slow


@dataclass(frozen=True)
class BackendInfo:
    """A known backend. install: a pip command, where something is missing. problem: what is wrong,
    where it cannot be used though it is installed."""

    name: str
    versions: dict[str, str] = field(default_factory=dict)
    devices: list[str] = field(default_factory=list)
    install: str = ""
    problem: str = ""


def query_backends() -> list[BackendInfo]:
    """All known backends, and the reference."""
    known = [*installed_backends(), Installed("reference", "", ())]
    asked = {
        found.name: _ask(found.name) for found in known if not found.missing and not found.problem
    }
    return [_info(found, asked.get(found.name)) for found in known]


def _ask(name: str) -> subprocess.Popen[str]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-P", "-m", "polydl.backend_info", name]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, text=True
    )


def _info(found: Installed, asked: subprocess.Popen[str] | None) -> BackendInfo:
    if found.missing:
        return BackendInfo(found.name, install=f"pip install 'polydl[{found.extra}]'")
    if asked is None:
        return BackendInfo(found.name, problem=found.problem)
    try:
        output, errors = asked.communicate(timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        asked.kill()
        asked.communicate()
        return BackendInfo(found.name, problem=f"said nothing for {TIMEOUT:g} s")
    lines = output.strip().splitlines()
    if asked.returncode or not lines:
        last = (errors.strip().splitlines() or [f"exit code {asked.returncode}"])[-1]
        return BackendInfo(found.name, problem=last)
    said = json.loads(lines[-1])  # a framework may print before
    return BackendInfo(found.name, said["versions"], said["devices"])


def main(arguments: Sequence[str]) -> None:
    from polydl.backend import get_backend

    backend = get_backend(arguments[0])
    print(json.dumps({"versions": backend.versions(), "devices": backend.devices()}))


if __name__ == "__main__":
    main(sys.argv[1:])
