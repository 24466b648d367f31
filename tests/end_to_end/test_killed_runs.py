"""Runs that are killed go on as if they had not been: real SIGKILLs, in processes of their own.

That two runs of one command give the same bytes is part of it.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np

from polydl.training.run_state import read_checkpoint

SCRIPT = Path(__file__).with_name("killed_run.py")
ROOT = SCRIPT.parents[2]
STEPS = 15 * 19
KILLS = 3


def run(backend: str, folder: Path, kill_at: int | None = None) -> int:
    """The exit status of a run, which is killed once it has made so many steps."""
    paths = [str(ROOT), str(ROOT / "backends"), os.environ.get("PYTHONPATH", "")]
    process = subprocess.Popen(
        [sys.executable, str(SCRIPT), backend, str(folder)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
    )  # fmt: skip
    assert process.stdout is not None
    for line in process.stdout:
        if kill_at is not None and line.strip().isdigit() and int(line) >= kill_at:
            process.send_signal(signal.SIGKILL)
            break
    _, errors = process.communicate(timeout=120)
    assert process.returncode in (0, -signal.SIGKILL), errors
    return process.returncode


def test_a_killed_run_ends_as_one_that_never_was(backend: str, tmp_path: Path) -> None:
    """At three random moments; the weights and every loss are the same, bit for bit."""
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert run(backend, whole) == 0
    for moment in sorted(random.Random().sample(range(10, STEPS - 20), KILLS)):
        run(backend, killed, kill_at=moment)
        _, state = read_checkpoint(killed / "last.safetensors")
        assert 0 < state.step <= STEPS
    assert run(backend, killed) == 0
    expected, found = np.load(whole / "end.npz"), np.load(killed / "end.npz")
    assert set(expected.files) == set(found.files)
    for name in expected.files:
        assert expected[name].tobytes() == found[name].tobytes(), name
    assert not list(killed.glob(".*.partial"))
