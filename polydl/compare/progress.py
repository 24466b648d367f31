"""What a comparison shows while it runs: one line a backend."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol


class Progress(Protocol):
    def say(self, backend: str, text: str, done: float | None = None) -> None:
        """What a backend is doing; done: the part of its work, from 0 to 1."""


class Silent:
    def say(self, backend: str, text: str, done: float | None = None) -> None:
        pass


class Lines:
    """For a log: a line for whatever is new."""

    def __init__(self, console: Any, width: int):
        self.console, self.width = console, width

    def say(self, backend: str, text: str, done: float | None = None) -> None:
        self.console.print(
            f"{backend:{self.width}}  {text}", markup=False, highlight=False, soft_wrap=True
        )


class Live:
    """For a terminal: a line a backend, rewritten."""

    def __init__(self, bars: Any, backends: Sequence[str]):
        self.bars = bars
        self.tasks = {
            name: bars.add_task("", total=1.0, backend=name, text="waiting") for name in backends
        }

    def say(self, backend: str, text: str, done: float | None = None) -> None:
        self.bars.update(self.tasks[backend], completed=done, text=text, refresh=True)


@contextmanager
def show(shown: bool, backends: Sequence[str]) -> Iterator[Progress]:
    if not shown:
        yield Silent()
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bars

    console = Console(stderr=True)
    if not console.is_terminal or console.is_jupyter:
        yield Lines(console, max(map(len, backends)))
        return
    columns = (
        TextColumn("[bold]{task.fields[backend]}"),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[text]}", markup=False),
    )
    with Bars(*columns, console=console, auto_refresh=False) as bars:  # leaves the cores alone
        yield Live(bars, backends)
