"""How PyTorch writes each primitive."""

from polydl.discovery import merged

PRIMITIVES = merged(__name__, "PRIMITIVES")
SUPPORT: dict[str, str] = merged(__name__, "SUPPORT")
