"""Indices that the Program itself keeps within a table are not clipped in the text; others are."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import polydl as dl
from polydl import ops
from polydl.backend import installed_backends
from polydl.spec.tensor import Tensor

BACKENDS = [b.name for b in installed_backends() if not b.missing and not b.problem]
ROWS = 10


class Positions(dl.Module):
    """Rows of a table at indices that come from the number of steps."""

    def __init__(self, indices: Callable[[int], Tensor]):
        self.embed = dl.Embedding(ROWS, 2)
        self.indices = indices

    def __call__(self, x: Tensor) -> Tensor:
        return x + self.embed(self.indices(x.shape[1]))


class Twice(dl.Module):
    """One table, of which one use alone is within it."""

    def __init__(self) -> None:
        self.embed = dl.Embedding(ROWS, 2)

    def __call__(self, x: Tensor) -> Tensor:
        return x + self.embed(ops.arange(4)) + self.embed(ops.arange(4) + 7)


# (indices, steps, whether all are surely rows)
CASES: dict[str, tuple[Callable[[int], Tensor], int | None, bool]] = {
    "all rows": (ops.arange, 10, True),
    "one more": (ops.arange, 11, False),
    "moved, the last row at most": (lambda n: ops.arange(n) + 6, 4, True),
    "moved beyond": (lambda n: ops.arange(n) + 7, 4, False),
    "before the first": (lambda n: ops.arange(-1, n - 1), 4, False),
    "steps of three": (lambda n: ops.arange(0, 3 * n, 3), 4, False),
    "reshaped": (lambda n: ops.reshape(ops.reshape(ops.arange(n), (2, 2)), (4,)), 4, True),
    "any number of steps": (ops.arange, None, False),
    "a list": (lambda n: ops.constant((0, 9, 3), "int"), 3, True),
    "a list beyond": (lambda n: ops.constant((0, 10, 3), "int"), 3, False),
    "products": (lambda n: ops.arange(n) * 4, 4, False),
}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", CASES)
def test_positions(name: str, backend: str) -> None:
    indices, steps, within = CASES[name]
    net = dl.compile(Positions(indices), dl.Input((None, steps, 2)), backend=backend)
    assert ("clip(" in net.source or "clamp(" in net.source) is not within, net.source
    x = np.zeros((1, steps or 10, 2))
    oracle = dl.compile(Positions(indices), dl.Input((None, steps, 2)), backend="reference")
    oracle.load_weights(net.weights)
    np.testing.assert_allclose(net(x), oracle(x), rtol=1e-6)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_table_is_safe_for_all_its_uses(backend: str) -> None:
    source = dl.compile(Twice(), dl.Input((None, 4, 2)), backend=backend).source
    assert "clip(" in source or "clamp(" in source
