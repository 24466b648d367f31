"""The oracle: NumPy in float64, written from the primitives' meaning. It shares no code with any
backend.
"""

from polydl.reference.interpreter import Held, Interpreter, evaluate_block
from polydl.reference.watch import Watch, together

__all__ = ["Held", "Interpreter", "Watch", "evaluate_block", "together"]
