"""A worker that fails in the way that the variable BROKEN names."""

from __future__ import annotations

import os
import sys
import time

import numpy as np

from polydl.compare import worker
from polydl.errors import DataError


class Broken(worker.Worker):
    def start(self) -> None:
        """None of them needs a framework."""
        match os.environ["BROKEN"]:
            case "dies":
                print("the last words", file=sys.stderr, flush=True)
                os._exit(3)
            case "hangs":
                time.sleep(600)
            case "raises":
                raise RuntimeError("a bug in the framework")
            case "refuses":
                raise DataError("no such thing")
            case "chatters":
                print("noise on standard output", flush=True)
        self.channel.send("done", versions={"broken": "0"})

    def check(self) -> None:
        """Outputs of nothing but zeros."""
        count = len(self.job.sample()[0])
        np.savez(self.folder / f"outputs_{self.name}.npz", np.zeros((count, 2), np.float32))
        self.channel.send("done", losses=[0.0, 0.0, 0.0], compile_seconds=[0.0, 0.0])


worker.Worker = Broken  # type: ignore[misc]

if __name__ == "__main__":
    worker.main()
