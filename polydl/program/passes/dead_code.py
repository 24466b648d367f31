"""Remove what is computed and never used."""

from __future__ import annotations

from dataclasses import replace

from polydl.program.types import Block, Node, Program, Region, values_of, walk


def remove_dead_code(program: Program) -> Program:
    """Drop nodes without use or effect, and Blocks that are no longer called.

    A call of a module is kept: what it reads and writes belongs to the model even if its result does
    not.
    """
    blocks = {key: _clean(program, block) for key, block in program.blocks.items()}
    reached: set[str] = set()
    stack = [""]
    while stack:
        key = stack.pop()
        if key not in reached:
            reached.add(key)
            calls = (n for n in walk(blocks[key].nodes) if n.op == "call")
            stack += [node.attributes["block"] for node in calls]
    return replace(program, blocks={k: b for k, b in blocks.items() if k in reached})


def _clean(program: Program, block: Block) -> Block:
    used: set[int] = {value.id for value in values_of(block.outputs)}
    return replace(block, nodes=_clean_nodes(program, block.nodes, used))


def _clean_nodes(program: Program, nodes: tuple[Node, ...], used: set[int]) -> tuple[Node, ...]:
    kept: list[Node] = []
    for node in reversed(nodes):
        needed = any(value.id in used for value in node.outputs)
        if not needed and not _has_effect(program, node):
            continue
        if node.op == "scan":
            node = _without_unused(node, used)
        if node.regions:
            regions = tuple(_clean_region(program, region, used) for region in node.regions)
            node = replace(node, regions=regions)
        used.update(value.id for value in values_of(node.operands))
        kept.append(node)
    return tuple(reversed(kept))


def _has_effect(program: Program, node: Node) -> bool:
    if node.op == "call":
        return program.blocks[node.attributes["block"]].is_module
    inner = (other for region in node.regions for other in region.nodes)
    return node.op in ("write", "when_training") or any(_has_effect(program, n) for n in inner)


def _without_unused(node: Node, used: set[int]) -> Node:
    """A scan without the stacked outputs that nothing uses."""
    (region,), count = node.regions, node.attributes["carries"]
    kept = [i for i, value in enumerate(node.outputs) if i < count or value.id in used]
    region = replace(region, outputs=tuple(region.outputs[i] for i in kept))
    return replace(node, outputs=tuple(node.outputs[i] for i in kept), regions=(region,))


def _clean_region(program: Program, region: Region, used: set[int]) -> Region:
    used.update(value.id for value in values_of(region.outputs))
    return replace(region, nodes=_clean_nodes(program, region.nodes, used))
