"""Pages in headless Chromium, where there is one."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync "
    "--enable-logging=stderr --v=0 --window-size=1400,1000 --virtual-time-budget=2000 --dump-dom"
).split()


@dataclass(frozen=True)
class Opened:
    """The page's elements after its scripts ran, and what it wrote to the console."""

    dom: str
    console: list[str]


def chromium() -> str:
    """Where it is. Skips the test if there is none."""
    given = os.environ.get("CHROMIUM")
    found = given or next(filter(None, map(shutil.which, NAMES)), None)
    if not found:
        pytest.skip(f"needs a browser: none of {', '.join(NAMES)} is on the path, CHROMIUM not set")
    return found


def open_page(path: Path, profile: Path) -> Opened:
    run = subprocess.run(
        [chromium(), *FLAGS, f"--user-data-dir={profile}", path.resolve().as_uri()],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    console = re.findall(r"^\[[^]]*:CONSOLE[^]]*\] (.*)$", run.stderr, re.MULTILINE)
    return Opened(run.stdout, console)
