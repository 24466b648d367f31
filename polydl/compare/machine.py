"""What a comparison ran on."""

from __future__ import annotations

import os
import platform
import sys
import time
from pathlib import Path

import numpy


def describe() -> dict[str, str]:
    """The machine, by label, for people to read."""
    return {
        "Processor": processor(),
        "Cores": f"{available_cores()} available of {os.cpu_count()}",
        "Memory": memory(),
        "System": system(),
        "Python": f"{platform.python_version()} ({platform.python_implementation()})",
        "NumPy": numpy.__version__,
    }


def busy_share(seconds: float = 0.5) -> float:
    """How much of the available cores' time others use, while this process sleeps. 0: unknown."""
    before = _core_times()
    time.sleep(seconds if before else 0)
    after = _core_times()
    total = sum(sum(after[core]) - sum(before[core]) for core in before)
    idle = sum(sum(after[core][3:5]) - sum(before[core][3:5]) for core in before)
    return 1 - idle / total if total else 0.0


def _core_times() -> dict[str, list[int]]:
    """Ticks of each available core: user, nice, system, idle, waiting, ..."""
    if not hasattr(os, "sched_getaffinity"):
        return {}
    mine = {f"cpu{number}" for number in os.sched_getaffinity(0)}
    words = [line.split() for line in _lines("/proc/stat") if line.startswith("cpu")]
    return {core: [int(tick) for tick in ticks[:8]] for core, *ticks in words if core in mine}


def available_cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def processor() -> str:
    for line in _lines("/proc/cpuinfo"):
        label, _, value = line.partition(":")
        if label.strip() in ("model name", "Model") and value.strip():
            return f"{value.strip()} ({platform.machine()})"
    return platform.processor() or platform.machine() or "unknown"


def memory() -> str:
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return "unknown"
    return f"{total / 2**30:.1f} GiB"


def system() -> str:
    kernel = f"{platform.system()} {platform.release()}"
    if sys.platform == "linux":
        try:
            return f"{platform.freedesktop_os_release()['PRETTY_NAME']} ({kernel})"
        except (OSError, KeyError):
            pass
    return kernel


def peak_memory() -> int:
    """The most memory this process has held, in bytes.

    Not ru_maxrss on Linux: a fresh process starts with its parent's there.
    """
    for line in _lines("/proc/self/status"):
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    try:
        import resource
    except ImportError:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
