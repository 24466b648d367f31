from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from polydl.callbacks.callback import Callback
from polydl.callbacks.monitor import MODES, mode_of

if TYPE_CHECKING:
    from polydl.training.settings import Training


class Watching(Callback):
    """A callback that is part of the emitted program: settings here, and there what runs of them.

    `runs` is the class whose text stands in the program, from the functions and classes `needs`; its
    `kept` attributes, plain data, are what a run that resumes needs. variable: its name in `fit`.
    """

    runs: ClassVar[type]
    needs: ClassVar[tuple[Callable[..., Any], ...]] = ()
    kept: ClassVar[tuple[str, ...]]
    variable: ClassVar[str]
    monitor: str
    mode: str | None
    patience: int
    min_delta: float

    def check_settings(self) -> None:
        """Raise DefinitionError for settings of watching that mean nothing."""
        self.require(self.mode in (None, *MODES), "mode must be 'min', 'max' or None", self.mode)
        self.require(self.patience >= 1, "patience must be 1 or more", self.patience)
        self.require(self.min_delta >= 0, "min_delta must be 0 or more", self.min_delta)

    def check(self, training: Training) -> None:
        self.mode_in(training)

    def mode_in(self, training: Training) -> str:
        return mode_of(type(self).__name__, self.monitor, self.mode, training)

    def arguments(self, training: Training) -> dict[str, Any]:
        """What `runs` is made with."""
        given = {name: v for name, v in self.config().items() if name in self._taken}
        return given | {"mode": self.mode_in(training)}

    @property
    def _taken(self) -> tuple[str, ...]:
        code = self.runs.__init__.__code__  # type: ignore[misc]
        return code.co_varnames[1 : code.co_argcount]
