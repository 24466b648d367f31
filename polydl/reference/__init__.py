"""The oracle: NumPy in float64, written from the primitives' meaning. It shares no code with any
backend.
"""

from polydl.reference.interpreter import Held, Interpreter, Watch, evaluate_block

__all__ = ["Held", "Interpreter", "Watch", "evaluate_block"]
