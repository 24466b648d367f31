"""The next batches, made in a thread while a step runs."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from polydl.errors import DataError

AHEAD = 2  # batches that are ready, at most
PATIENCE = 5.0  # seconds to wait for a batch that is being made, at the end


class Prefetch:
    """Iterates over what a thread takes out of an iterable, at most `ahead` items before.

    The first item is made at once, in the thread of the caller: whatever an iterable draws from a
    library's own generator to begin with, such as its order, is drawn in one thread. An error in the
    thread is raised where its item would have come. `close` ends the thread.
    """

    def __init__(self, items: Iterable[Any], ahead: int = AHEAD) -> None:
        self.items = iter(items)
        self.ready: deque[Any] = deque()
        self.changed = threading.Condition()
        self.ahead, self.closed, self.ended = ahead, False, False
        self.error: BaseException | None = None
        self.thread: threading.Thread | None = None

    def __iter__(self) -> Prefetch:
        return self

    def __next__(self) -> Any:
        if self.closed:
            raise StopIteration
        if self.thread is None:
            item = next(self.items)
            self.thread = threading.Thread(target=self._work, name="prefetch", daemon=True)
            self.thread.start()
            return item
        with self.changed:
            self.changed.wait_for(lambda: self.ready or self.ended)
            if self.ready:
                self.changed.notify_all()
                return self.ready.popleft()
        self.close()
        if self.error is not None:
            raise self.error
        raise StopIteration

    def _work(self) -> None:
        error: BaseException | None = None
        try:
            for item in self.items:
                with self.changed:
                    self.changed.wait_for(lambda: len(self.ready) < self.ahead or self.closed)
                    if self.closed:
                        break
                    self.ready.append(item)
                    self.changed.notify_all()
        except BaseException as raised:  # it is raised in the caller's thread
            error = raised
        finally:
            close = getattr(self.items, "close", None)
            if close is not None and self.closed:
                close()
            with self.changed:
                self.error, self.ended = error, True
                self.changed.notify_all()

    def close(self) -> None:
        """End the thread, and drop what is ready. An item that is being made is waited for a while."""
        with self.changed:
            self.closed = True
            self.ready.clear()
            self.changed.notify_all()
        if self.thread is not None:
            self.thread.join(PATIENCE)


class Prefetcher:
    """What `fit` has for its argument prefetch; `close` ends its threads.

    ahead: how many batches are made before they are wanted; 0 is no thread. place: is called on each,
    in the thread, and may move it to the device.
    """

    def __init__(self, ahead: int, place: Callable[[Any], Any]) -> None:
        if type(ahead) is not int or ahead < 0:
            raise DataError(f"prefetch must be 0 or more, got {ahead!r}")
        self.ahead, self.place = ahead, place
        self.running: list[Prefetch] = []

    def __call__(self, batches: Iterable[Any]) -> Iterator[Any]:
        placed = self._placed(batches)
        if not self.ahead:
            return placed
        self.running = [one for one in self.running if not one.closed]
        self.running.append(Prefetch(placed, self.ahead))
        return self.running[-1]

    def _placed(self, batches: Iterable[Any]) -> Iterator[Any]:
        for arrays in batches:
            yield self.place(arrays)

    def close(self) -> None:
        """End what runs."""
        for one in self.running:
            one.close()
