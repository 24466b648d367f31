"""Scans as keras.ops.scan has them: on TensorFlow, outputs are like carries, one for each."""

from __future__ import annotations

from dataclasses import replace

from polydl.primitives.record import Type, type_of
from polydl.program.sizes import same_shape
from polydl.program.types import Block, Node, Operand, Program, Value, next_id, walk


def scans_alike(program: Program) -> Program:
    """The Program with an output for each carry, of its shape and dtype, in every scan.

    So dl.map too: keras.ops.map loses sizes on TensorFlow where one is unknown.

    An output finds a carry that it is like, or gets one of its own, which starts from zeros and goes
    unread; a carry without an output is put out itself. What is put out for no use has the type of
    one slice: the Program is for writing only.
    """
    blocks = {}
    for key, block in program.blocks.items():
        scans = any(node.op == "scan" for node in walk(block.nodes))
        blocks[key] = _Aligned(block).block if scans else block
    return replace(program, blocks=blocks)


class _Aligned:
    def __init__(self, block: Block):
        self.next_id = next_id(block)
        self.block = replace(block, nodes=self._nodes(block.nodes))

    def _value(self, like: Type) -> Value:
        self.next_id += 1
        return Value(self.next_id - 1, like.shape, like.dtype)

    def _nodes(self, nodes: tuple[Node, ...]) -> tuple[Node, ...]:
        found: list[Node] = []
        for node in nodes:
            regions = (replace(r, nodes=self._nodes(r.nodes)) for r in node.regions)
            node = replace(node, regions=tuple(regions))
            if node.op == "scan":
                found += self._scan(node)
            else:
                found.append(node)
        return tuple(found)

    def _scan(self, node: Node) -> list[Node]:
        (region,), count = node.regions, node.attributes["carries"]
        carries = [type_of(x) for x in region.outputs[:count]]
        places: dict[int, int] = {}  # carry -> output
        before: list[Node] = []
        operands: list[Operand] = [*node.operands[:count]]
        inputs = [*region.inputs[:count]]
        carried: list[Operand] = [*region.outputs[:count]]
        finals = [*node.outputs[:count]]
        for i, given in enumerate(map(type_of, region.outputs[count:]), count):
            free = [j for j in range(count) if j not in places and _alike(carries[j], given)]
            same = [j for j in free if region.outputs[j] is region.outputs[i]]
            if free:
                places[(same or free)[0]] = i
                continue
            zero = self._value(given)
            value = {"float": 0.0, "int": 0, "bool": False}[given.dtype]
            attributes = {"shape": given.shape, "value": value, "dtype": given.dtype}
            before.append(Node("full", (), (zero,), attributes))
            places[len(inputs)] = i
            operands.append(zero)
            inputs.append(self._value(given))
            carried.append(region.outputs[i])
            finals.append(self._value(given))
        outputs = [region.outputs[places[j]] if j in places else x for j, x in enumerate(carried)]
        stacks = [
            node.outputs[places[j]] if j in places else self._value(type_of(final))  # for no use
            for j, final in enumerate(finals)
        ]
        arrays = node.operands[count:]
        inputs += region.inputs[count:]
        attributes = {**node.attributes, "carries": len(finals)}
        region = replace(region, inputs=tuple(inputs), outputs=(*carried, *outputs))
        whole = Node("scan", (*operands, *arrays), (*finals, *stacks), attributes, (region,))
        return [*before, whole]


def _alike(a: Type, b: Type) -> bool:
    return a.dtype == b.dtype and same_shape(a.shape, b.shape)


REMAT = '''def remat(layer, function):
    """keras.remat of a part of a layer that updates state or draws random numbers.

    What runs again begins with the state of before, that of generators too, and changes none.
    """
    if keras.backend.backend() == "jax":  # its checkpoint takes no assignments
        return function
    state = layer.non_trainable_variables
    before = [ops.copy(variable) for variable in state]
    runs = []

    def run(*args):
        runs.append(1)
        if len(runs) == 1:
            return function(*args)
        with keras.StatelessScope(state_mapping=zip(state, before)):
            return function(*args)

    return keras.remat(run)'''

ASSOCIATIVE_SCAN = '''def associative_scan(combine, x, axis, reverse=False):
    """Running combinations along an axis, in logarithmic depth. x: a tensor or a tuple of them.

    keras.ops.associative_scan fails on TensorFlow where a size is unknown.
    """
    if not isinstance(x, tuple):
        return associative_scan(lambda a, b: (combine(*a, *b),), (x,), axis, reverse)[0]
    if reverse:
        flipped = associative_scan(combine, tuple(ops.flip(a, axis) for a in x), axis)
        return tuple(ops.flip(a, axis) for a in flipped)
    before = (slice(None),) * axis
    size = ops.shape(x[0])[axis]

    def double(offset, *x):
        earlier = tuple(a[(*before, slice(size - offset))] for a in x)
        later = tuple(a[(*before, slice(offset, None))] for a in x)
        first = tuple(a[(*before, slice(offset))] for a in x)
        pairs = zip(first, combine(earlier, later), x)
        joined = (ops.reshape(ops.concatenate([a, b], axis), ops.shape(c)) for a, b, c in pairs)
        return (offset * 2, *joined)

    if isinstance(size, int):
        offset = 1
        while offset < size:
            offset, *x = double(offset, *x)
        return tuple(x)
    return ops.while_loop(lambda offset, *_: offset < size, double, (1, *x))[1:]'''


SCAN_TOGETHER = '''def scan_together(step, carry, arrays, reverse=False):
    """ops.scan of several arrays, which fails where their length is unknown; outputs as the carry."""
    both = tf.scan(lambda state, now: step(state[0], now), arrays, (carry, carry), reverse=reverse)
    last = 0 if reverse else -1
    return tf.nest.map_structure(lambda a: a[last], both[0]), both[1]'''
