from __future__ import annotations

from polydl import ops
from polydl.errors import DTypeError
from polydl.layers.checks import require_positive
from polydl.program.types import Initializer
from polydl.spec.module import Module
from polydl.spec.registry import builtin
from polydl.spec.tensor import Tensor


@builtin()
class Embedding(Module):
    """One learned row of `features` numbers for each index: y[...] = table[x[...]].

    table (size, features). An index out of range takes the nearest row inside a program, on every
    backend; torch and Keras would raise, Flax would give NaN.
    """

    size: int
    features: int
    table_initializer: str | Initializer = "normal"

    def __post_init__(self) -> None:
        require_positive("Embedding", size=self.size, features=self.features)

    def __call__(self, x: Tensor) -> Tensor:
        if x.dtype != "int":
            raise DTypeError(f'Embedding takes integer indices, got {x!r}; use dtype="int"')
        table = self.parameter("table", (self.size, self.features), self.table_initializer)
        return ops.take(table, x)
