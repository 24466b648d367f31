"""How Keras writes each primitive, with keras.ops and Python's operators."""

from polydl.discovery import merged

PRIMITIVES = merged(__name__, "PRIMITIVES")
SUPPORT: dict[str, str] = merged(__name__, "SUPPORT")
