"""The parent's end: one process for each backend, its answers, and its end."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO, Any

from polydl.backend import thread_environment
from polydl.errors import CompareError

TAIL_LINES = 20


class WorkerProcess:
    """A backend in a process of its own. A context manager: leaving it ends the process."""

    module = "polydl.compare.worker"

    def __init__(self, backend: str, folder: Path, threads: int, timeout: float):
        self.backend, self.timeout = backend, timeout
        self.doing = "starting"
        self._stderr_path = folder / f"stderr_{backend}.txt"
        self._answers: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._stderr: IO[bytes] = self._stderr_path.open("wb")
        environment = os.environ | thread_environment(backend, threads)
        environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
        environment["PYTHONUNBUFFERED"] = "1"
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", self.module, str(folder), backend],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            env=environment,
            encoding="utf-8",
            start_new_session=True,  # Ctrl-C comes to the parent, which ends all
        )
        threading.Thread(target=self._listen, daemon=True).start()

    def __enter__(self) -> WorkerProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()
        for stream in (self.process.stdin, self.process.stdout, self._stderr):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        with contextlib.suppress(ValueError, OSError):  # closed while reading: we are leaving
            for line in self.process.stdout:
                self._answers.put(json.loads(line))
        self._answers.put(None)

    def send(self, command: str, **arguments: Any) -> None:
        """Start a command, the name of a method of Worker."""
        assert self.process.stdin is not None
        self.doing = command
        with contextlib.suppress(OSError):  # a dead process is noticed when its answer is awaited
            self.process.stdin.write(json.dumps({"do": command, **arguments}) + "\n")
            self.process.stdin.flush()

    def receive(self) -> dict[str, Any]:
        """The next answer. CompareError if there is none, or it says that something went wrong."""
        try:
            answer = self._answers.get(timeout=self.timeout)
        except queue.Empty:
            raise CompareError(
                f"the {self.backend} backend's process said nothing for {self.timeout:g} s "
                f"(doing: {self.doing}) and was ended. If it needs longer, raise `timeout`. "
                f"{self._where_it_hangs()}"
            ) from None
        if answer is None:
            code = self.process.wait()
            raise CompareError(
                f"the {self.backend} backend's process died with {_ending(code)} "
                f"(doing: {self.doing}). {self._tail()}"
            )
        if answer["event"] == "failed":
            raise CompareError(f"{self.backend}: {answer['text']}")
        if answer["event"] == "broken":
            raise CompareError(
                f"the {self.backend} backend failed (doing: {self.doing}): {answer['text']}. "
                f"{self._tail()}"
            )
        return answer

    def _where_it_hangs(self) -> str:
        if hasattr(signal, "SIGUSR1"):
            with contextlib.suppress(OSError):
                self.process.send_signal(signal.SIGUSR1)  # faulthandler writes the stack
                time.sleep(0.5)
        return self._tail()

    def _tail(self) -> str:
        text = self._stderr_path.read_text(encoding="utf-8", errors="replace")
        lines = text.rstrip().splitlines()[-TAIL_LINES:]
        if not lines:
            return "It wrote nothing to stderr"
        return "\n".join(["The end of its stderr:", *(f"  | {line}" for line in lines)])

    def _end(self) -> None:
        """End the process and whatever it started."""
        if self.process.poll() is not None:
            return
        for number in (signal.SIGTERM, getattr(signal, "SIGKILL", signal.SIGTERM)):
            with contextlib.suppress(OSError):
                if hasattr(os, "killpg"):
                    os.killpg(self.process.pid, number)
                else:
                    self.process.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout=2)
                return


def _ending(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"
