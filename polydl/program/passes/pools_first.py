"""Max pools before the ReLUs that they take from: the same numbers, from fewer elements.

The largest of some rectified numbers is the largest of them, rectified. Where that is above 0, it is
the same element, the first of equals either way; elsewhere no derivative passes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise

from polydl.program.sizes import Shape
from polydl.program.types import Block, Node, Program, Value, next_id, values_of, walk

RELU = "polydl:relu@1"
POOLS = tuple(f"polydl:MaxPool{rank}D@1" for rank in (1, 2, 3))


def pools_first(program: Program, usable: Callable[[Block], bool]) -> Program:
    """The Program with each ReLU that only the max pool right after it uses put after that pool.

    usable: whether a Block's kind may be trusted, and what a backend writes for it cares for no shape.
    """
    pass_ = _Pass(program, usable)
    for key, block in program.blocks.items():
        pass_.blocks[key] = pass_.swapped(block)
    return replace(program, blocks=pass_.blocks)


class _Pass:
    def __init__(self, program: Program, usable: Callable[[Block], bool]):
        self.usable, self.blocks = usable, dict(program.blocks)

    def swapped(self, block: Block) -> Block:
        uses = Counter(value.id for value in _used(block))
        nodes, free = list(block.nodes), next_id(block)
        for i, (relu, pool) in enumerate(pairwise(block.nodes)):
            if pool.operands == relu.outputs and self._is_pair(relu, pool):
                (given,) = relu.outputs
                if uses[given.id] == 1:
                    pooled = Value(free, pool.output.shape, given.dtype, given.name)
                    attributes = {**relu.attributes, "block": self._relu(relu, pooled.shape)}
                    nodes[i] = replace(pool, operands=relu.operands, outputs=(pooled,))
                    nodes[i + 1] = replace(
                        relu, operands=(pooled,), outputs=pool.outputs, attributes=attributes
                    )
                    free += 1
        return replace(block, nodes=tuple(nodes))

    def _is_pair(self, relu: Node, pool: Node) -> bool:
        if not relu.op == pool.op == "call":
            return False
        first, second = (self.blocks[node.attributes["block"]] for node in (relu, pool))
        known = first.kind == RELU and second.kind in POOLS
        return known and self.usable(first) and self.usable(second)

    def _relu(self, node: Node, shape: Shape) -> str:
        """The key of ReLU's Block for a shape, which is made where there is none."""
        relu = self.blocks[node.attributes["block"]]
        for key, block in self.blocks.items():
            if block.kind != RELU:
                continue
            if (block.inputs[0].shape, block.inputs[0].dtype) == (shape, relu.inputs[0].dtype):
                return key
        base = relu.key.partition("#")[0]
        numbers = range(2, len(self.blocks) + 3)
        key = next(k for n in numbers if (k := f"{base}#{n}") not in self.blocks)
        self.blocks[key] = _of_shape(relu, key, shape)
        return key


def _used(block: Block) -> Iterator[Value]:
    yield from values_of(block.outputs)
    for node in walk(block.nodes):
        yield from values_of(node.operands)
        for region in node.regions:
            yield from values_of(region.outputs)


def _of_shape(relu: Block, key: str, shape: Shape) -> Block:
    """ReLU's Block for another shape, which all of its values have."""
    made = {value.id: replace(value, shape=shape) for value in relu.inputs}
    for node in relu.nodes:
        made |= {value.id: replace(value, shape=shape) for value in node.outputs}

    def moved(operands: tuple) -> tuple:
        return tuple(made[o.id] if isinstance(o, Value) else o for o in operands)

    nodes = tuple(
        replace(node, operands=moved(node.operands), outputs=moved(node.outputs))
        for node in relu.nodes
    )
    return replace(
        relu, key=key, inputs=moved(relu.inputs), nodes=nodes, outputs=moved(relu.outputs)
    )
