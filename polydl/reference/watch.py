"""Watches: what sees a run of the oracle, node by node."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from polydl.program.types import Block, Node

Array = np.ndarray[Any, Any]


class Watch(Protocol):
    """Sees each node of a run once it has been computed, and may give other results in their place.

    stack: the Blocks that are being called, the node's own last. A node that holds others, such as a
    call, comes after those.
    """

    def __call__(
        self, stack: Sequence[Block], node: Node, operands: list[Array], results: list[Array]
    ) -> list[Array]: ...


def together(*watches: Watch) -> Watch:
    """Several watches of one run; each sees what the one before gave."""

    def watch(
        stack: Sequence[Block], node: Node, operands: list[Array], results: list[Array]
    ) -> list[Array]:
        for each in watches:
            results = each(stack, node, operands, results)
        return results

    return watch
