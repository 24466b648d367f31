"""The closed set of primitives that every definition is written in.

Each is one record: its name, the rule that gives its output's type, and its meaning in numpy's
words. The numpy meaning itself runs in `polydl.reference`; how a framework writes it, in that
framework's backend.
"""

from polydl.primitives import arrays, elementwise, reductions, slices, windows  # noqa: F401
from polydl.primitives.record import PRIMITIVES, Primitive, Type, infer

__all__ = ["PRIMITIVES", "Primitive", "Type", "infer"]
