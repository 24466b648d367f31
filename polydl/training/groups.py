"""Groups of parameters: other learning rates, other settings, or none at all, by path."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from polydl.errors import DefinitionError
from polydl.spec.arguments import known_arguments

_FACTOR = "Give rate, a factor of the run's learning rate: rate=0.1 is a tenth of it"


@known_arguments(
    learning_rate=_FACTOR, lr=_FACTOR, weight_decay='Give settings={"weight_decay": 0.0}, say'
)
@dataclass(frozen=True)
class ParameterGroup:
    """What is different for parameters whose canonical path matches `pattern`.

    pattern: as in file names: `backbone.*`, `*.bias`. rate: a factor of the optimizer's learning rate,
    not a rate itself. frozen: they stay as they are, and no gradient of them is computed; state beside
    them, such as running statistics, is still updated. settings: other values of the optimizer's own
    settings, such as {"weight_decay": 0.0}, which acts on what Training.decayed says. The first group
    that matches a path decides.
    """

    pattern: str
    rate: float = 1.0
    frozen: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.pattern, str) or not self.pattern:
            raise DefinitionError(
                f"ParameterGroup: pattern must be text such as 'backbone.*', got {self.pattern!r}"
            )
        number = isinstance(self.rate, (int, float)) and not isinstance(self.rate, bool)
        if not number or not 0.0 <= self.rate < float("inf"):
            raise DefinitionError(
                f"ParameterGroup {self.pattern!r}: rate must be a number of 0 or more, got "
                f"{self.rate!r}"
            )
        if not isinstance(self.frozen, bool):
            raise DefinitionError(
                f"ParameterGroup {self.pattern!r}: frozen must be True or False, got {self.frozen!r}"
            )
        if self.frozen and (self.settings or self.rate != 1.0):
            raise DefinitionError(
                f"ParameterGroup {self.pattern!r}: frozen parameters have no rate or settings"
            )
        object.__setattr__(self, "settings", dict(self.settings))
        if "learning_rate" in self.settings:
            raise DefinitionError(
                f"ParameterGroup {self.pattern!r}: give `rate`, a factor of the optimizer's "
                "learning rate, so that schedules reach it too"
            )
