from __future__ import annotations

from polydl import ops
from polydl.errors import DefinitionError, DTypeError
from polydl.layers.checks import require_positive
from polydl.program.types import Initializer
from polydl.spec.module import Module
from polydl.spec.registry import builtin
from polydl.spec.tensor import Tensor


@builtin()
class Embedding(Module):
    """One learned row of `features` numbers for each index: y[...] = table[x[...]].

    table (size, features). An index out of range, negative ones included, is an error where a net is
    called or fitted, if it comes from an input as it is. One that the model computes takes the nearest
    row, on every backend, and so does one that reaches the native object in another way; torch and
    Keras would raise, Flax would give NaN.

    padding_index: its row counts as zeros, and never learns. torch's padding_idx only starts it so;
    Keras' mask_zero passes a mask on, and Flax has none.
    """

    size: int
    features: int
    table_initializer: str | Initializer = "normal"
    padding_index: int | None = None

    def __post_init__(self) -> None:
        require_positive("Embedding", size=self.size, features=self.features)
        if self.padding_index is not None and not 0 <= self.padding_index < self.size:
            raise DefinitionError(
                f"Embedding: padding_index must be from 0 to {self.size - 1}, got {self.padding_index}"
            )
        if self.padding_index is not None and self.size == 1:
            raise DefinitionError(
                "Embedding: padding_index leaves no row of a table of one to learn"
            )

    def __call__(self, x: Tensor) -> Tensor:
        if x.dtype != "int":
            raise DTypeError(f'Embedding takes integer indices, got {x!r}; use dtype="int"')
        table = self.parameter("table", (self.size, self.features), self.table_initializer)
        rows = ops.take(table, x, 0)
        if self.padding_index is None:
            return rows
        return ops.where(self._is_padding(x)[..., None], 0.0, rows)

    def attend(self, x: Tensor) -> Tensor:
        """Tied use of the table (Press & Wolf 2017): x @ table^T, (..., features) to (..., size).

        For a module that has called this embedding before. padding_index plays no part: its row is
        scored as it stands in the table. nnx.Embed has such a method; torch writes
        F.linear(x, embedding.weight), Keras ReversibleEmbedding.
        """
        table = getattr(self, "table", None)
        if table is None:
            raise DefinitionError(
                "Embedding.attend: there is no table yet; call the embedding before, in the same model"
            )
        return x @ ops.transpose(table)

    def _is_padding(self, x: Tensor) -> Tensor:
        """Whether the row is that of padding; the first and the last are also those of all beyond."""
        if self.padding_index == 0:
            return x <= 0
        if self.padding_index == self.size - 1:
            return x >= self.size - 1
        return x == self.padding_index
