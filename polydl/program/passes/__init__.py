"""Small passes, Program to Program. What each returns satisfies `verify` and means the same."""

from polydl.program.passes.dead_code import remove_dead_code
from polydl.program.passes.pools_first import pools_first
from polydl.program.passes.randomness import portable_randomness

__all__ = ["pools_first", "portable_randomness", "remove_dead_code"]
