"""The worker's end of the pipe: commands in, answers out, a line of JSON each."""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
from collections.abc import Iterator
from typing import Any


class Channel:
    """Takes the process' standard streams for itself; what others print goes to stderr.

    When the parent is gone, so is this process.
    """

    def __init__(self) -> None:
        self._answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
        self._commands = os.fdopen(os.dup(0), encoding="utf-8")
        os.dup2(2, 1)
        with open(os.devnull) as nothing:
            os.dup2(nothing.fileno(), 0)
        self._queue: queue.Queue[dict[str, Any]] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        for line in self._commands:
            self._queue.put(json.loads(line))
        sys.stderr.flush()
        os._exit(0)

    def commands(self) -> Iterator[dict[str, Any]]:
        while True:
            yield self._queue.get()

    def send(self, event: str, **content: Any) -> None:
        self._answers.write(json.dumps({"event": event, **content}) + "\n")
        self._answers.flush()
