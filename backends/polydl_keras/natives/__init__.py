"""Keras's own parts for our layers, losses and functions. A row each."""

from polydl.discovery import merged

NATIVES = merged(__name__, "NATIVES")
REASONS: dict[str, str] = merged(__name__, "REASONS")
SUPPORT: dict[str, str] = merged(__name__, "SUPPORT")
