"""What a backend says of its framework's own optimizer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class NativeOptimizer:
    """A framework's optimizer that is equal to a definition.

    name: what is called. settings: texts of its arguments besides parameters and learning rate, by
    name. slots: where our slots lie in its state, by our name. support: the text of a class or function
    that `name` needs, emitted before. before: texts of what transforms gradients first, where the
    framework chains such. shown: in the table of natives; by default the name.
    """

    name: str
    settings: Mapping[str, str] = field(default_factory=dict)
    slots: Mapping[str, str] = field(default_factory=dict)
    support: str = ""
    before: tuple[str, ...] = ()
    shown: str = ""

    @property
    def key(self) -> object:
        """Equal for rules that one text moves."""
        return self.name, tuple(self.settings.items()), self.before
