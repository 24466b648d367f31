"""How large a Program may be. A file from anywhere must not exhaust memory, time or the stack."""

from __future__ import annotations

MAX_TEXT = 32 * 2**20  # characters of JSON: 5000 layers; parsed, it takes up to 25 times this
MAX_NESTING = 128  # brackets inside brackets in the JSON
MAX_DIGITS = 40  # of an integer: room for a 128-bit seed in a configuration

MAX_BLOCKS = 20_000
MAX_NODES = 500_000  # in all Blocks together
MAX_STEPS = 10_000_000  # nodes run by one call of the model: calls of calls multiply
MAX_CALL_DEPTH = 100  # Blocks that call Blocks
MAX_REGION_DEPTH = 16
MAX_ENTRIES = 200_000
MAX_ELEMENTS = 2**40  # of one Entry

MAX_NAME = 200  # characters of an identifier
MAX_PATH = 1_000  # characters of a path, a Block's key or a kind
MAX_STRING = 10_000  # characters of a string in a configuration
MAX_RANK = 32  # axes, as in NumPy before 2.0
MAX_SIZE = 2**53  # of an axis: larger integers are no exact float64
MAX_ATTRIBUTE_ITEMS = 4096  # of one tuple among a primitive's attributes
MAX_TUPLE_DEPTH = 8  # tuples in tuples in a configuration or attribute
MAX_STRUCTURE_DEPTH = 16  # tuples and dicts in the model's inputs and outputs
