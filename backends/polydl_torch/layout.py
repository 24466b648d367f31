"""Channels-first inside, channels-last outside: the layout pass of the PyTorch backend.

torch's image layers take (batch, channels, *spatial). This pass decides for every value with three
to five axes which order it has, so that a CNN permutes once at its entry and once before it
flattens. A permuted view of channels-last memory is torch's channels_last format, its fastest.

Values that elementwise nodes connect form a group with one order: channels-first if any of them
meets a layer that wants it. Nodes that care about the order of axes get permuted views. A value with
three axes may as well be a sequence, whose dense layers and norms want channels last: there the
majority of a group's uses decides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from polydl.program.types import (
    Block,
    Constant,
    Node,
    Operand,
    Program,
    Region,
    Value,
    next_id,
    values_of,
    walk,
)

SEQUENCE, IMAGE_RANKS = 3, (3, 4, 5)  # (batch, length, channels) may be a sequence of features

ELEMENTWISE = frozenset(
    """negative absolute sign square exp exp2 expm1 log log1p log2 log10 sqrt rsqrt sin cos tan arcsin
    arccos arctan sinh cosh tanh arcsinh arccosh arctanh erf erfc erfinv floor ceil round trunc
    isnan isinf isfinite logical_not bitwise_not stop_gradient add subtract multiply divide
    floor_divide remainder power arctan2 maximum minimum clip greater greater_equal less
    less_equal equal not_equal logical_and logical_or logical_xor bitwise_and bitwise_or
    bitwise_xor left_shift right_shift shift_right_logical where astype""".split()
)
_PASSING = frozenset({"when_training", "remat"})  # whose regions give the node's own values
REDUCTIONS = frozenset({"sum", "mean", "prod", "max", "min", "any", "all"})


@dataclass(frozen=True)
class Signature:
    """Which inputs and outputs of a Block are channels-first."""

    inputs: tuple[bool, ...]
    outputs: tuple[bool, ...]


def channels_first(
    program: Program,
    layout_of: Callable[[Block], str],
    first_inputs: bool = False,
    keep: Sequence[str] = (),
) -> Program:
    """The Program with image layers taking and giving channels-first values.

    layout_of tells of a Block's native: "channels_first" (wants it), "any" (acts on each element),
    or "" (none, or one that takes the canonical order). first_inputs: the model itself takes images
    channels-first. keep: keys of functions that are not part of the model and stay as they are.
    """
    return _Layout(program, layout_of, first_inputs).run(keep)


def to_first(rank: int) -> tuple[int, ...]:
    """Axes of a channels-last array in channels-first order."""
    return (0, rank - 1, *range(1, rank - 1))


def to_last(rank: int) -> tuple[int, ...]:
    return (0, *range(2, rank), 1)


def turned_inputs(before: Program, after: Program) -> tuple[bool, ...]:
    """Which inputs of the model are channels-first after the pass; the others are the same values."""
    pairs = zip(before.root.inputs, after.root.inputs, strict=True)
    return tuple(old is not new for old, new in pairs)


def _is_image(operand: Operand) -> bool:
    return isinstance(operand, Value) and len(operand.shape) in IMAGE_RANKS


def _is_sequence(value: Value) -> bool:
    return len(value.shape) == SEQUENCE


class _Layout:
    def __init__(self, program: Program, layout_of: Callable[[Block], str], first_inputs: bool):
        self.program, self.layout_of, self.first_inputs = program, layout_of, first_inputs
        self.done: dict[str, Block] = {}
        self.signatures: dict[str, Signature] = {}
        self.free: dict[str, bool] = {}

    def run(self, keep: Sequence[str]) -> Program:
        self._visit("")
        for key in keep:
            self._keep(key)
        root = self.done.pop("")
        rank = {key: i for i, key in enumerate(self.program.blocks)}
        keys = sorted(self.done, key=lambda key: rank[key.partition("@")[0]])
        return replace(self.program, blocks={"": root, **{key: self.done[key] for key in keys}})

    def elementwise(self, block: Block) -> bool:
        """Whether a Block acts on each element, so that any order of axes will do."""
        if block.key not in self.free:
            layout = self.layout_of(block)
            ranks = {len(v.shape) for v in [*block.inputs, *values_of(block.outputs)]}
            self.free[block.key] = len(ranks.intersection(IMAGE_RANKS)) < 2 and (
                layout == "any"
                or (
                    not block.is_module
                    and not layout
                    and all(self._free_node(node) for node in block.nodes)
                )
            )
        return self.free[block.key]

    def _free_node(self, node: Node) -> bool:
        if node.op == "call":
            return self.elementwise(self.program.blocks[node.attributes["block"]])
        shapes = {len(v.shape) for v in values_of(node.operands)}
        return node.op in ELEMENTWISE and len(shapes) == 1

    def _visit(self, key: str) -> Signature | None:
        """Lay out a Block and all below it. None: it takes any order."""
        block = self.program.blocks[key]
        if key in self.signatures:
            return self.signatures[key]
        if self.elementwise(block):
            self._keep(key)
            return None
        wants = self.layout_of(block)
        if wants == "channels_first":
            signature = Signature(
                tuple(map(_is_image, block.inputs)), tuple(map(_is_image, block.outputs))
            )
            self.done[key] = _wrapped(block, signature)
        elif not block.is_module or wants in ("native", "any"):
            signature = Signature((False,) * len(block.inputs), (False,) * len(block.outputs))
            self._keep(key)
        else:
            for node in walk(block.nodes):
                if node.op == "call":
                    self._visit(node.attributes["block"])
            signature = _BlockLayout(self, block).run()
        self.signatures[key] = signature
        return signature

    def _keep(self, key: str) -> None:
        """A Block, and those that it calls, as they are."""
        if key not in self.done:
            self.done[key] = self.program.blocks[key]
            for node in walk(self.done[key].nodes):
                if node.op == "call":
                    self._keep(node.attributes["block"])

    def permuted(self, key: str) -> str:
        """The key of an elementwise Block with all its images channels-first."""
        name = f"{key}@channels_first"
        if name not in self.done:
            block = self.program.blocks[key]
            if block.is_module:
                signature = Signature(
                    tuple(map(_is_image, block.inputs)), tuple(map(_is_image, block.outputs))
                )
                self.done[name] = replace(_wrapped(block, signature), key=name)
            else:
                self.done[name] = replace(_permuted_function(self, block), key=name)
        return name


def _turned(value: Value) -> Value:
    return replace(value, shape=tuple(value.shape[axis] for axis in to_first(len(value.shape))))


def _permuted_function(layout: _Layout, block: Block) -> Block:
    """An elementwise function's body with every image channels-first."""
    values: dict[int, Value] = {}

    def turn(operand: Operand) -> Operand:
        if not isinstance(operand, Value) or not _is_image(operand):
            return operand
        return values.setdefault(operand.id, _turned(operand))

    def turn_node(node: Node) -> Node:
        attributes = node.attributes
        if node.op == "call":
            attributes = {**attributes, "block": layout.permuted(attributes["block"])}
        return replace(
            node,
            operands=tuple(map(turn, node.operands)),
            outputs=tuple(map(turn, node.outputs)),  # type: ignore[arg-type]
            attributes=attributes,
        )

    return replace(
        block,
        inputs=tuple(map(turn, block.inputs)),  # type: ignore[arg-type]
        nodes=tuple(map(turn_node, block.nodes)),
        outputs=tuple(map(turn, block.outputs)),
    )


def _wrapped(block: Block, signature: Signature) -> Block:
    """The same body between permutations: what a native that takes channels-first means."""
    free_id = next_id(block)
    inputs, before, after, outputs = [], [], [], []
    for value, first in zip(block.inputs, signature.inputs, strict=True):
        if first:
            turned = replace(_turned(value), id=free_id)
            free_id += 1
            before.append(
                Node("transpose", (turned,), (value,), {"axes": to_last(len(value.shape))})
            )
            value = turned
        inputs.append(value)
    for operand, first in zip(block.outputs, signature.outputs, strict=True):
        if first and isinstance(operand, Value):
            turned = replace(_turned(operand), id=free_id)
            free_id += 1
            axes = to_first(len(operand.shape))
            after.append(Node("transpose", (operand,), (turned,), {"axes": axes}))
            operand = turned
        outputs.append(operand)
    return replace(
        block,
        inputs=tuple(inputs),
        nodes=(*before, *block.nodes, *after),
        outputs=tuple(outputs),
    )


class _BlockLayout:
    """Chooses and rewrites the order of axes within one module's Block."""

    def __init__(self, layout: _Layout, block: Block):
        self.layout, self.block = layout, block
        self.parent: dict[int, int] = {}
        self.wanted: dict[int, Value] = {}  # what a channels-first layer takes or gives, by id
        self.balance: dict[int, int] = {}  # of a sequence: uses channels-first less the others
        self.next_id = next_id(block)

    def run(self) -> Signature:
        block = self.block
        self._group(block.nodes)
        self._join_regions(block.nodes)
        firsts = self._first_groups()
        self.first = {identity for identity in self.parent if self._find(identity) in firsts}
        is_root = block.key == ""
        self.given: dict[int, bool] = {}  # value -> its order as rewritten
        self.values: dict[int, Value] = {}
        self.views: list[dict[tuple[int, bool], Value]] = [{}]
        inputs = []
        for value in block.inputs:
            first = _is_image(value) and value.id in self.first
            if is_root:
                image = _is_image(value) and not _is_sequence(value)
                first = self.layout.first_inputs and (first or image)
            inputs.append(self._define(value, first))
        nodes: list[Node] = []
        self._rewrite(block.nodes, nodes)
        outputs: list[Operand] = []
        orders = []
        for operand in block.outputs:
            first = not is_root and isinstance(operand, Value) and self._order(operand)
            outputs.append(self._use(operand, first, nodes))
            orders.append(first)
        self.layout.done[block.key] = replace(
            block, inputs=tuple(inputs), nodes=tuple(nodes), outputs=tuple(outputs)
        )
        return Signature(
            tuple(self.given[v.id] and _is_image(v) for v in block.inputs), tuple(orders)
        )

    # grouping

    def _find(self, identity: int) -> int:
        while self.parent.setdefault(identity, identity) != identity:
            identity = self.parent[identity]
        return identity

    def _join(self, values: list[Value]) -> None:
        images = [v.id for v in values if _is_image(v)]
        for identity in images:
            self.parent[self._find(identity)] = self._find(images[0])

    def _group(self, nodes: tuple[Node, ...]) -> None:
        for node in nodes:
            if self._is_free(node):
                self._join([*values_of(node.operands), *node.outputs])
            elif node.op == "call":
                signature = self.layout.signatures[node.attributes["block"]]
                self._note(node.operands, signature.inputs)
                self._note(node.outputs, signature.outputs)
            elif not self._is_spatial_reduction(node):
                self._note(node.operands, (False,) * len(node.operands))
                self._note(node.outputs, (False,) * len(node.outputs))
            for region in node.regions:
                self._group(region.nodes)

    def _note(self, values: Sequence[Operand], firsts: Sequence[bool]) -> None:
        for value, first in zip(values, firsts, strict=True):
            if isinstance(value, Value) and first:
                self.wanted[value.id] = value
            if isinstance(value, Value) and _is_sequence(value):
                self.balance[value.id] = self.balance.get(value.id, 0) + (1 if first else -1)

    def _first_groups(self) -> set[int]:
        """The groups that are channels-first."""
        total: dict[int, int] = {}
        for identity, balance in self.balance.items():
            group = self._find(identity)
            total[group] = total.get(group, 0) + balance
        wanted = [(self._find(i), value) for i, value in self.wanted.items()]
        return {g for g, value in wanted if not _is_sequence(value) or total[g] >= 0}

    def _join_regions(self, nodes: tuple[Node, ...]) -> None:
        for node in walk(nodes):
            if node.op not in _PASSING:
                continue
            for region in node.regions:
                ends = zip(node.outputs, region.outputs, strict=True)
                starts = zip(node.operands, region.inputs, strict=True)
                for outer, inner in [*ends, *starts]:
                    self._join([*values_of((outer, inner))])

    def _is_free(self, node: Node) -> bool:
        """Whether a node means the same in any one order of its images' axes."""
        if node.op == "call":
            block = self.layout.program.blocks[node.attributes["block"]]
            return self.layout.elementwise(block)
        if node.op in REDUCTIONS:
            return bool(node.attributes.get("keepdims")) and _is_image(node.operands[0])
        if node.op == "pad":
            return _is_image(node.operands[0])
        if node.op not in ELEMENTWISE and node.op != "concatenate":
            return False
        ranks = {len(v.shape) for v in values_of(node.operands)} - {0}
        return len(ranks) == 1 and ranks.issubset(IMAGE_RANKS)

    # rewriting

    def _order(self, value: Value) -> bool:
        return self.given.get(value.id, value.id in self.first) and _is_image(value)

    def _define(self, value: Value, first: bool) -> Value:
        self.given[value.id] = first
        self.values[value.id] = _turned(value) if first else value
        return self.values[value.id]

    def _use(self, operand: Operand, first: bool, nodes: list[Node]) -> Operand:
        """The operand in the order that its user wants, through a view if need be."""
        if isinstance(operand, Constant):
            return operand
        value = self.values[operand.id]
        if not _is_image(operand) or self.given[operand.id] == first:
            return value
        for views in self.views:
            if (operand.id, first) in views:
                return views[operand.id, first]
        axes = (to_first if first else to_last)(len(value.shape))
        shape = tuple(value.shape[axis] for axis in axes)
        view = Value(self.next_id, shape, value.dtype, "")
        self.next_id += 1
        nodes.append(Node("transpose", (value,), (view,), {"axes": axes}))
        self.views[-1][operand.id, first] = view
        return view

    def _rewrite(self, nodes: tuple[Node, ...], into: list[Node]) -> None:
        for node in nodes:
            if node.op == "call":
                self._rewrite_call(node, into)
            elif node.regions:
                self._rewrite_regions(node, into)
            elif self._is_free(node) and any(self._order(v) for v in node.outputs):
                operands = tuple(self._use(x, True, into) for x in node.operands)
                outputs = tuple(self._define(v, _is_image(v)) for v in node.outputs)
                attributes = _turned_attributes(node)
                into.append(
                    replace(node, operands=operands, outputs=outputs, attributes=attributes)
                )
            elif self._is_spatial_reduction(node) and self._given_first(node.operands[0]):
                operands = tuple(self._use(x, True, into) for x in node.operands)
                outputs = tuple(self._define(v, False) for v in node.outputs)
                attributes = _turned_attributes(node)
                into.append(
                    replace(node, operands=operands, outputs=outputs, attributes=attributes)
                )
            else:
                operands = tuple(self._use(x, False, into) for x in node.operands)
                outputs = tuple(self._define(v, False) for v in node.outputs)
                into.append(replace(node, operands=operands, outputs=outputs))

    def _is_spatial_reduction(self, node: Node) -> bool:
        """A reduction of all spatial axes, which leaves (batch, channels) in either order."""
        return (
            node.op in REDUCTIONS
            and _is_image(node.operands[0])
            and not node.attributes.get("keepdims")
            and sorted(_axes(node)) == [*range(1, _rank(node) - 1)]
        )

    def _given_first(self, operand: Operand) -> bool:
        return isinstance(operand, Value) and self.given[operand.id]

    def _rewrite_call(self, node: Node, into: list[Node]) -> None:
        key = node.attributes["block"]
        block = self.layout.program.blocks[key]
        if self.layout.elementwise(block):
            first = any(v.id in self.first for v in [*values_of(node.operands), *node.outputs])
            inputs: tuple[bool, ...] = (first,) * len(node.operands)
            outputs_first: tuple[bool, ...] = (first,) * len(node.outputs)
            if first:
                key = self.layout.permuted(key)
        else:
            signature = self.layout.signatures[key]
            inputs, outputs_first = signature.inputs, signature.outputs
        operands = tuple(
            self._use(x, first, into) for x, first in zip(node.operands, inputs, strict=True)
        )
        outputs = tuple(
            self._define(v, first and _is_image(v))
            for v, first in zip(node.outputs, outputs_first, strict=True)
        )
        attributes = {**node.attributes, "block": key}
        into.append(replace(node, operands=operands, outputs=outputs, attributes=attributes))

    def _rewrite_regions(self, node: Node, into: list[Node]) -> None:
        """What a scan takes and gives is channels-last: it has slices in another order of axes."""
        passing = node.op in _PASSING
        orders = [passing and self._order(v) for v in node.outputs]
        taken = [passing and isinstance(x, Value) and self._order(x) for x in node.operands]
        operands = tuple(
            self._use(x, first, into) for x, first in zip(node.operands, taken, strict=True)
        )
        regions = []
        for region in node.regions:
            inner: list[Node] = []
            self.views.append({})
            given = taken if passing else [False] * len(region.inputs)
            inputs = tuple(
                self._define(v, first) for v, first in zip(region.inputs, given, strict=True)
            )
            if not passing:
                orders = [False] * len(region.outputs)
            self._rewrite(region.nodes, inner)
            outputs = tuple(
                self._use(x, first, inner) for x, first in zip(region.outputs, orders, strict=True)
            )
            self.views.pop()
            regions.append(Region(tuple(inner), outputs, inputs))
        outputs_ = tuple(
            self._define(v, first) for v, first in zip(node.outputs, orders, strict=True)
        )
        into.append(replace(node, operands=operands, outputs=outputs_, regions=tuple(regions)))


def _rank(node: Node) -> int:
    return len(next(values_of(node.operands)).shape)


def _axes(node: Node) -> tuple[int, ...]:
    axis, rank = node.attributes.get("axis"), _rank(node)
    axes = range(rank) if axis is None else (axis,) if isinstance(axis, int) else axis
    return tuple(a % rank for a in axes)


def _turned_attributes(node: Node) -> Mapping[str, Any]:
    """Attributes that name axes, for a channels-first operand."""
    if node.op in REDUCTIONS:
        order = to_first(_rank(node))
        axes = tuple(sorted(order.index(a) for a in _axes(node)))
        return {**node.attributes, "axis": axes[0] if len(axes) == 1 else axes}
    if node.op == "concatenate":
        axis = node.attributes.get("axis", -1) % _rank(node)
        return {**node.attributes, "axis": to_first(_rank(node)).index(axis)}
    if node.op == "pad":
        widths = node.attributes["widths"]
        return {**node.attributes, "widths": tuple(widths[a] for a in to_first(_rank(node)))}
    return node.attributes
