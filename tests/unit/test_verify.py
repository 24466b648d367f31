"""The verifier: what tracing gives passes, and each rule that is broken is seen and located."""

from __future__ import annotations

import dataclasses
import re
import time
from typing import Literal

import numpy as np
import program_samples as samples
import pytest
from program_samples import find, with_block, with_node

import polydl as dl
from polydl.errors import ProgramError
from polydl.primitives.record import PRIMITIVES, Primitive
from polydl.program.attributes import require_attributes, type_test
from polydl.program.limits import MAX_CALL_DEPTH, MAX_REGION_DEPTH
from polydl.program.sizes import Size, product
from polydl.program.types import (
    Block,
    Constant,
    Entry,
    Initializer,
    Node,
    Program,
    Region,
    Value,
    walk,
)
from polydl.program.verify import verify

BATCH = Size.symbol("batch")


@pytest.fixture(scope="module")
def tied() -> Program:
    return samples.tied()


def refused(program: Program, *says: str) -> None:
    with pytest.raises(ProgramError) as raised:
        verify(program)
    for text in says:
        assert re.search(text, str(raised.value)), str(raised.value)


def block(nodes=(), outputs=None, inputs=None, **fields) -> Block:
    x = Value(0, (BATCH, 4), "float", "x")
    return Block(
        **{
            "key": "",
            "kind": "Model",
            "path": "",
            "is_module": True,
            "config": {},
            "inputs": (x,) if inputs is None else inputs,
            "nodes": tuple(nodes),
            "outputs": (x,) if outputs is None else outputs,
            **fields,
        }
    )


def program(*blocks: Block, entries=(), inputs=None, outputs=None, aliases=None) -> Program:
    return Program(
        {b.key: b for b in blocks}, {e.path: e for e in entries}, inputs, outputs, aliases or {}
    )


X = Value(0, (BATCH, 4), "float", "x")
Y = Value(1, (BATCH, 4), "float", "y")


def one(node: Node, **fields) -> Program:
    """A model of one node, whose output is the model's."""
    return program(block([node], node.outputs or (X,), (X,)), **fields)


@pytest.mark.parametrize("name", samples.PROGRAMS)
def test_what_is_traced_passes(name):
    verify(samples.PROGRAMS[name]())


def test_the_smallest_program_passes():
    verify(program(block()))
    verify(one(Node("exp", (X,), (Y,))))
    verify(one(Node("add", (X, Constant(1.0)), (Y,))))


# --- values


def test_shapes_and_dtypes_are_derived_again(tied):
    at = find(tied.root, "matmul")
    good = tied.root.nodes[at].output
    for changed in (
        dataclasses.replace(good, shape=(*good.shape[:-1], 12)),
        dataclasses.replace(good, shape=(Size.symbol("tokens_size1"), BATCH, 11)),
        dataclasses.replace(good, dtype="int"),
    ):
        refused(
            with_node(tied, "", at, outputs=(changed,)),
            r"^block '': node \d+ \(matmul\): it gives \[float\[batch, tokens_size1, 11\]\]",
        )


def test_operands_must_fit():
    refused(one(Node("matmul", (X, X), (Y,))), r"node 0 \(matmul\): matmul: .* columns")
    refused(one(Node("add", (X,), (Y,))), "add takes 2 operands, got 1")
    refused(one(Node("add", (X, Constant(True)), (Y,))), "bool")
    refused(one(Node("frobnicate", (X,), (Y,))), "no primitive 'frobnicate'")
    refused(program(block([Node("exp", (X,), (Y, dataclasses.replace(Y, id=2)))])), "it gives")
    refused(one(Node("exp", (X,), ())), "it gives")


def test_values_are_made_once_and_before_they_are_used():
    refused(program(block(), block(inputs=(X, X), key="m", path="m")), "'m': %0 is made twice")
    refused(one(Node("exp", (X,), (X,))), r"node 0 \(exp\): %0 is made twice")
    later = [Node("exp", (Y,), (dataclasses.replace(Y, id=2),)), Node("exp", (X,), (Y,))]
    refused(program(block(later, (Y,), (X,))), "%1 is made by nothing before it")
    refused(one(Node("exp", (Y,), (Y,))), "%1 is made by nothing before it")
    refused(program(block(outputs=(Y,))), "^block '': %1 is made by nothing")
    refused(with_block(program(block()), "", outputs=(dataclasses.replace(X, dtype="int"),)), "was")


def test_values_of_a_region_end_with_it(tied):
    norm = tied.blocks["blocks.0.norm"]
    at = find(norm, "when_training")
    inner = norm.nodes[at].regions[0].nodes[0].output
    refused(with_block(tied, norm.key, outputs=(inner,)), f"{inner} is made in a region that has")
    # nor does one side see what the other makes
    training, inference = norm.nodes[at].regions
    stolen = dataclasses.replace(inference, outputs=training.outputs)
    refused(
        with_node(tied, norm.key, at, regions=(training, stolen)),
        r"block 'blocks\.0\.norm': node \d+ \(when_training\): inference: %\d+ is made in a region",
    )


def test_ids_are_unique_across_regions(tied):
    norm = tied.blocks["blocks.0.norm"]
    at = find(norm, "when_training")
    training, inference = norm.nodes[at].regions
    twice = training.nodes[0]
    again = dataclasses.replace(inference, nodes=(twice,))
    refused(with_node(tied, norm.key, at, regions=(training, again)), "inference.*made twice")


@pytest.mark.parametrize(
    "changes",
    [
        {"id": -1},
        {"id": 1.0},
        {"id": True},
        {"dtype": "float32"},
        {"name": "a b"},
        {"name": "class"},
        {"name": "__x__"},
        {"shape": (BATCH, -1)},
        {"shape": (BATCH, 4.0)},
        {"shape": (BATCH, True)},
        {"shape": (BATCH, "4")},
        {"shape": (BATCH, 2**60)},
        {"shape": (1,) * 40},
    ],
)
def test_inputs_are_checked(changes):
    x = dataclasses.replace(X, **changes)
    refused(program(block(inputs=(x,), outputs=(x,))), "block ''")


def test_sizes_of_inputs_are_symbols_or_numbers():
    """`batch*2` alone does not tell what batch is; nor may it be a keyword."""
    for size in (BATCH * 2, BATCH + 1, Size.symbol("class"), Size.symbol("__x__")):
        other = dataclasses.replace(X, shape=(size, BATCH))
        refused(program(block(inputs=(other,), outputs=(other,))), "is no size of an input")


def test_sizes_can_be_written_and_read_back():
    names = [letter * 100 for letter in "abcde"]
    inputs = tuple(Value(i, (Size.symbol(n),), "float", f"x{i}") for i, n in enumerate(names))
    long = product(Size.symbol(name) for name in names)
    node = Node("arange", (), (Value(9, (long,), "int"),), {"size": long})
    refused(program(block([node], node.outputs, inputs), inputs=("tuple", (None,) * 5)), "longer")


def test_symbols_come_from_the_inputs():
    time = Value(1, (Size.symbol("time"),), "int", "")
    refused(
        one(Node("arange", (), (time,), {"size": Size.symbol("time")})), r"\['time'\], no input has"
    )


def test_inputs_of_the_model_have_a_name_each():
    for name in ("", "x"):
        other = dataclasses.replace(X, id=1, name=name)
        refused(program(block(inputs=(X, other)), inputs=("tuple", (None, None))), "name each")


def test_numbers_are_plain_and_fit_int32():
    n = Value(0, (3,), "int", "n")
    out = Value(1, (3,), "int")
    for number in (2**31, -(2**31) - 1, np.int64(1)):
        node = Node("add", (n, Constant(number)), (out,))
        refused(program(block([node], (out,), (n,))), "int32|plain number")
    verify(program(block([Node("add", (n, Constant(-(2**31))), (out,))], (out,), (n,))))
    refused(one(Node("add", (X, Constant(np.float64(1.0))), (Y,))), "no plain number")
    refused(one(Node("exp", (Constant("1"),), (Y,))), "no plain number")


# --- attributes

SUM = Value(1, (BATCH,), "float")
JUNK = [None, "x", 1.5, True, (), (1, "2"), ((1,),), 10**20, (0,) * 100, object(), np.int64(1)]


@pytest.mark.parametrize("value", JUNK)
@pytest.mark.parametrize(
    ("op", "attributes"),
    [
        ("transpose", ["axes"]),
        ("reshape", ["shape"]),
        ("concatenate", ["axis"]),
        ("index", ["index"]),
        ("pad", ["widths"]),
        ("astype", ["dtype"]),
        ("argmax", ["axis"]),
    ],
)
def test_junk_attributes_raise_program_errors(op, attributes, value):
    if op == "index" and type(value) is tuple and not value:
        return  # x[()] is x
    for name in attributes:
        refused(one(Node(op, (X,), (Y,), {name: value})), rf"^block '': node 0 \({op}\): ")


@pytest.mark.parametrize(
    ("op", "attributes", "says"),
    [
        ("sum", {"axis": 1, "keepdims": 1}, "keepdims=1 should be bool"),
        ("sum", {"axis": 1.0}, "axis=1.0 should be int"),
        ("sum", {"axis": True}, "axis=True should be"),
        ("sum", {"axis": [1]}, r"axis=\[1\] should be"),
        ("sum", {"axis": 5}, "out of range"),
        ("sum", {"axis": 1, "dtype": "int"}, "unknown attributes"),
        ("reshape", {}, "missing attributes"),
        ("pad", {"widths": ((0, 0), (1, 1)), "value": "0; import os"}, "value='0; import os'"),
        ("full", {"shape": (BATCH,), "value": "x"}, "value='x' should be"),
        ("window_sum", {"window": (0,), "strides": (0,), "padding": ((0, 0),)}, "block ''"),
    ],
)
def test_attributes_have_the_types_of_the_rule(op, attributes, says):
    operands = () if op == "full" else (X,)
    refused(one(Node(op, operands, (SUM,), attributes)), says)


PAIR = tuple[int, int]


@pytest.mark.parametrize(
    ("annotation", "accepted", "refused"),
    [
        (int, [0, -5, 2**53], [True, 1.0, "1", None, 2**53 + 1, -(2**54), np.int64(1), BATCH]),
        (float, [0.5, 1, float("inf")], [True, "1", None, np.float64(1.0)]),
        (bool, [True, False], [0, 1, None, "True"]),
        (str, ["", "ij,jk->ik"], [1, None, "a\x00", "x" * 10_001]),
        (Literal["int", "bool"], ["int"], ["float", 1, None, ["int"]]),
        (int | None, [None, 3], [True, 1.0, ()]),
        (int | Size, [3, BATCH, BATCH * 2], ["batch", 1.0]),
        (tuple[int, ...], [(), (1,), (1,) * 64], [[1], 1, (1.0,), (1, None), (True,), (1,) * 4097]),
        (PAIR, [(1, 2)], [(), (1,), (1, 2, 3), (1, 2.0), (1.0, 2), [1, 2]]),
        (tuple[PAIR, ...], [((1, 2),)], [(1, 2), ((1, 2), (1,))]),
        (int | PAIR, [1, (1, 2)], [(1,), 1.0]),
    ],
)
def test_values_of_a_type(annotation, accepted, refused):
    is_one = type_test(annotation)
    assert all(is_one(value) for value in accepted)
    assert not any(is_one(value) for value in refused)


def test_every_primitive_says_what_its_attributes_are():
    for op, record in PRIMITIVES.items():
        require_attributes(op, {})
        for name in record.attributes:
            with pytest.raises(ProgramError, match=f"{name}=.* should be"):
                require_attributes(op, {name: object()})
    with pytest.raises(TypeError, match="no test"):
        type_test(list[int])


def test_symbols_of_attributes_come_from_the_inputs(monkeypatch):
    """Even where an attribute's size is not in the output's shape."""

    def rule(x, one: int | Size, more: tuple[int | Size, ...]):
        return x

    attributes = {"one": 1, "more": ()}
    probe = Primitive("probe", "", rule, 1, attributes)
    monkeypatch.setitem(PRIMITIVES, "probe", probe)
    time = Size.symbol("time")
    verify(one(Node("probe", (X,), (Y,), {"one": BATCH, "more": (1, BATCH * 3)})))
    refused(one(Node("probe", (X,), (Y,), {"one": time})), "node 0 .probe.: .*'time'")
    refused(one(Node("probe", (X,), (Y,), {"more": (1, BATCH * time)})), "node 0 .*'time'")


def test_rules_that_stumble_raise_program_errors():
    image = Value(0, (BATCH, 6, 6, 1), "float", "x")
    for strides in ((0, 0), (1,), (1, 1, 1)):
        node = Node(
            "window_max",
            (image,),
            (Y,),
            {"window": (2, 2), "strides": strides, "padding": ((0, 0), (0, 0))},
        )
        refused(program(block([node], (Y,), (image,))), r"node 0 \(window_max\)")


# --- calls


def test_calls_are_checked(tied):
    at = find(tied.root, "call")
    embed = tied.root.nodes[at]

    def call(**changes):
        return with_node(tied, "", at, **changes)

    refused(call(attributes={"block": "nowhere", "target": "embed"}), "no block 'nowhere'")
    refused(call(attributes={"block": "embed"}), "its attributes are strings: block, target")
    refused(call(attributes={**embed.attributes, "more": "1"}), "its attributes are")
    refused(call(attributes={"block": "embed", "target": 1}), "its attributes are")
    refused(call(attributes={"block": "embed", "target": "shared"}), "does not lead to")
    refused(call(attributes={"block": "embed", "target": ""}), "does not lead to")
    refused(call(attributes={"block": "softmax()", "target": "softmax"}), "does not lead to")
    refused(call(operands=()), r"'embed' takes \[int\[batch, tokens_size1\]\], is given \[\]")
    refused(call(operands=(Constant(1),)), "takes values, not the number 1")
    refused(
        call(outputs=(dataclasses.replace(embed.output, shape=(BATCH, 3, 8)),)),
        "node 0 .call.: it gives",
    )
    refused(call(regions=(Region((), ()),)), "takes no regions")


def test_calls_may_go_by_an_alias(tied):
    shared = find(tied.root, lambda n: n.attributes.get("target") == "blocks.0")
    attributes = {**tied.root.nodes[shared].attributes, "target": "shared"}
    verify(with_node(tied, "", shared, attributes=attributes))


def test_called_types_are_compared_literally(tied):
    at = find(tied.root, lambda n: n.attributes.get("block") == "blocks.0")
    other = {**tied.root.nodes[at].attributes, "block": "blocks.0#2"}
    refused(with_node(tied, "", at, attributes=other), "'blocks.0#2' takes")


def function(key: str, *calls: str) -> Block:
    """A function of x that calls others, one after the other."""
    nodes, x = [], X
    for i, called in enumerate(calls):
        y = Value(i + 1, X.shape, "float")
        nodes.append(Node("call", (x,), (y,), {"block": called, "target": ""}))
        x = y
    return block(nodes, (x,), (X,), key=key, kind="f", is_module=not key)


def test_calls_do_not_go_in_circles():
    verify(program(function("", "f()"), function("f()")))
    refused(program(function("", "f()"), function("f()", "f()")), r"'f\(\)' -> 'f\(\)'")
    refused(
        program(function("", "f()"), function("f()", "g()"), function("g()", "f()")),
        "it calls itself",
    )


def test_calls_are_bounded():
    def chain(length: int) -> Program:
        keys = ["", *(f"f()#{i}" for i in range(2, length + 1))]
        calls = [*([key] for key in keys[1:]), []]
        return program(*(function(k, *c) for k, c in zip(keys, calls, strict=True)))

    verify(chain(MAX_CALL_DEPTH))
    refused(chain(MAX_CALL_DEPTH + 1), "through calls 101 deep")
    # each calls the next ten times: ten to the twentieth steps
    wide = [function("", "f()")]
    wide += [function(f"f()#{i}" if i else "f()", *[f"f()#{i + 1}"] * 10) for i in range(20)]
    refused(program(*wide, function("f()#20")), r"one call runs \d{8} nodes")


def test_functions_hold_no_entries_and_call_no_modules():
    state = Entry("s", "state", (4,), "float", Initializer("zeros"))
    read = Node("read", (), (Value(1, (4,), "float"),), {"entry": "s"})
    reader = block([read], (X,), (X,), key="f()", is_module=False)
    refused(program(function("", "f()"), reader, entries=[state]), "cannot use the entry 's'")
    module = block(key="m", path="m")
    caller = block(
        [Node("call", (X,), (Y,), {"block": "m", "target": "m"})],
        (Y,), (X,), key="f()", is_module=False,
    )  # fmt: skip
    refused(program(function("", "f()"), caller, module), "cannot call the module 'm'")


# --- entries


def test_reads_and_writes_are_checked(tied):
    norm = tied.blocks["blocks.0.norm"]
    at = find(norm, lambda n: n.op == "read" and n.attributes["entry"].endswith("scale"))

    def read(**changes):
        return with_node(tied, norm.key, at, **changes)

    refused(read(attributes={"entry": "nowhere"}), "no entry 'nowhere'")
    refused(read(attributes={}), "its attributes are strings: entry")
    refused(read(attributes={"entry": "embed.table"}), r"it gives \[float\[11, 8\]\]")
    refused(read(operands=(norm.inputs[0],)), "takes no operands")

    choice = find(norm, "when_training")
    training, inference = norm.nodes[choice].regions
    where = find(Block("", "", "", True, {}, (), training.nodes, ()), "write")

    def write(**changes):
        nodes = list(training.nodes)
        nodes[where] = dataclasses.replace(nodes[where], **changes)
        region = dataclasses.replace(training, nodes=tuple(nodes))
        return with_node(tied, norm.key, choice, regions=(region, inference))

    verify(write())
    refused(write(attributes={"entry": "blocks.0.norm.scale"}), "only state is written")
    refused(write(operands=(norm.inputs[0],)), "is given")
    refused(write(operands=()), r"is float\[8\], is given \[\]")
    refused(write(operands=(Constant(1.0),)), "takes values")
    refused(write(outputs=(Value(900, (8,), "float"),)), "it gives")


ENTRY = Entry("m.s", "state", (11, 8), "float", Initializer("zeros"))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"path": "a b"}, "'a b' is no path"),
        ({"role": "buffer"}, "'buffer' is no role"),
        ({"dtype": "float32"}, "'float32' is no dtype"),
        ({"role": "parameter", "dtype": "int"}, "a parameter is float, this one int"),
        ({"shape": (0, 8)}, "positive integers"),
        ({"shape": (11.0, 8)}, "positive integers"),
        ({"shape": (True, 8)}, "positive integers"),
        ({"shape": (BATCH, 8)}, "positive integers"),
        ({"shape": (2**30, 2**30)}, "elements at most"),
        ({"shape": (1,) * 33}, "up to 32"),
        ({"initializer": Initializer("evil")}, "unknown initializer 'evil'"),
        ({"initializer": Initializer("normal", {"scale": 1.0})}, "no argument 'scale'"),
        ({"initializer": Initializer("normal", {"stddev": "1"})}, "finite number"),
        ({"initializer": Initializer("normal", {"stddev": float("nan")})}, "finite number"),
        ({"aliases": ("a b",)}, "'a b' is no alias"),
        ({"aliases": ("m.s",)}, "'m.s' names an entry already"),
        ({"aliases": ("x.y", "x.y")}, "'x.y' names an alias of 'm.s' already"),
        ({"aliases": ("m",)}, "'m' is the path of a module and of an alias"),
    ],
)
def test_entries_are_checked(changes, says):
    """On an Entry that no Block reads, so that nothing else can be wrong."""
    verify(program(block(), entries=[ENTRY]))
    verify(program(block(), entries=[dataclasses.replace(ENTRY, dtype="int", aliases=("x.y",))]))
    entry = dataclasses.replace(ENTRY, **changes)
    refused(program(block(), entries=[entry]), says)


def test_entries_and_blocks_are_under_their_own_names():
    refused(Program({"": block()}, {"other": ENTRY}, None, None), "'other': it calls itself 'm.s'")
    blocks = {"": block(), "m": block(key="k", path="m")}
    refused(Program(blocks, {}, None, None), "'m': it calls itself 'k'")


def test_counts_are_bounded(monkeypatch):
    two = program(block(), block([Node("exp", (X,), (Y,))], key="m", path="m"), entries=[ENTRY])
    verify(two)
    for limit, says in (
        ("MAX_BLOCKS", "2 blocks and 1 entries are too many"),
        ("MAX_ENTRIES", "2 blocks and 1 entries are too many"),
        ("MAX_NODES", "more than 0 nodes"),
    ):
        with monkeypatch.context() as patched:
            patched.setattr(f"polydl.program.verify.{limit}", int(limit == "MAX_BLOCKS"))
            refused(two, says)


def test_a_path_is_one_thing():
    state = Entry("m", "state", (4,), "float", Initializer("zeros"))
    refused(program(block(), block(key="m", path="m"), entries=[state]), "a module and of an entry")
    inner = dataclasses.replace(state, path="m.x")
    refused(program(block(), entries=[state, inner]), "'m' is the path of a module")


def test_aliases_of_modules_are_checked(tied):
    for alias, path in (("a b", "embed"), ("", "embed"), ("x", "nowhere"), ("embed", "blocks.0")):
        refused(dataclasses.replace(tied, aliases={**tied.aliases, alias: path}), "alias")


# --- blocks and structures


DEEP = (((((((((1,),),),),),),),),)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"kind": "polydl:Dense"}, "is no kind"),
        ({"kind": "polydl:Dense@x"}, "is no kind"),
        ({"kind": "other:Dense@1"}, "is no kind"),
        ({"kind": ""}, "is no kind"),
        ({"kind": "class"}, "is no kind"),
        ({"path": "a b"}, "is no path of a module"),
        ({"is_module": False}, "a function has no path, this one 'm'"),
        ({"config": {"a b": 1}}, "is no name of an argument"),
        ({"config": {"a": {"b": 1}}}, "is a dict"),
        ({"config": {"a": np.float64(1.0)}}, "is a float64"),
        ({"config": {"a": BATCH}}, "is a Size"),
        ({"config": {"a": [1]}}, "is a list"),
        ({"config": {"a": 10**40}}, "40 digits"),
        ({"config": {"a": (1, -(10**40))}}, "40 digits"),
        ({"config": {"a": DEEP}}, "nested deeper than 8"),
        ({"config": {"a": "a\x00b"}}, "control characters"),
    ],
)
def test_block_headers_are_checked(changes, says):
    """On a Block that nothing calls, so that nothing else can be wrong."""
    other = block(key="m", path="m", config={"a": DEEP[0], "b": None, "c": "text"})
    verify(program(block(), other))
    refused(program(block(), dataclasses.replace(other, **changes)), f"^block 'm': .*{says}")


@pytest.mark.parametrize("key", ["a b", "a()b", "()", "a#0", "a#x", "a##2", "a.__b__", "#2#3"])
def test_keys_are_checked(key):
    refused(program(block(), block(key=key, path="m")), "key of a block")


def test_blocks_of_one_module_agree(tied):
    for changes in ({"kind": "Other"}, {"config": {"width": 9, "rate": 0.1}}):
        refused(with_block(tied, "blocks.0#2", **changes), "differ in kind or configuration")


def test_there_is_a_root(tied):
    blocks = {key: b for key, b in tied.blocks.items() if key}
    refused(dataclasses.replace(tied, blocks=blocks), "no Block")


@pytest.mark.parametrize(
    "structure",
    [
        ("tuple", ()),
        ("tuple", (None, None)),
        ("tuple", [None]),
        ("list", (None,)),
        ("dict", {"a b": None}),
        ("dict", {1: None}),
        ("dict", ()),
        "x",
        ("tuple", (("tuple", (None,)), None)),
    ],
)
def test_input_structures_are_checked(structure):
    refused(program(block(), inputs=structure), "^inputs: ")


def test_structures_are_bounded():
    deep = None
    for _ in range(16):
        deep = ("tuple", (deep,))
    verify(program(block(), outputs=deep))
    refused(program(block(), outputs=("tuple", (deep,))), "outputs: nested deeper")
    refused(program(block(), outputs=("dict", {"a\x1b": None})), "^outputs: ")
    verify(program(block(), outputs=("dict", {"any text": None})))


# --- when_training


def test_both_sides_give_what_the_node_gives():
    y = Value(1, X.shape, "float")

    def choice(*regions, operands=(), outputs=(y,), **attributes):
        return one(Node("when_training", operands, outputs, attributes, regions))

    same = Region((), (X,))
    verify(choice(same, same))
    refused(choice(same), "two regions")
    refused(choice(same, same, same), "two regions")
    refused(choice(same, same, operands=(X,)), "two regions")
    refused(choice(same, same, mode="x"), "two regions")
    refused(choice(same, Region((), ())), "inference: it gives")
    refused(choice(Region((), (X, X)), same), "training: it gives")
    refused(choice(same, Region((), (Constant(1.0),))), "inference: .*takes values")
    other = Value(5, (BATCH,), "float")
    reduced = Region((Node("sum", (X,), (other,), {"axis": 1}),), (other,))
    refused(choice(same, reduced), "inference: it gives")
    refused(
        choice(same, Region((Node("exp", (y,), (other,)),), (X,))), r"inference: node 0 \(exp\)"
    )


def test_regions_are_bounded():
    def nested(depth: int) -> Region:
        if depth == 0:
            return Region((), (X,))
        y = Value(depth, X.shape, "float")
        return Region(
            (Node("when_training", (), (y,), {}, (nested(depth - 1), Region((), (X,)))),), (y,)
        )

    verify(program(block(nested(MAX_REGION_DEPTH).nodes)))
    refused(program(block(nested(MAX_REGION_DEPTH + 1).nodes)), "regions are nested deeper")


def test_time_is_linear():
    """Four times the model takes about four times as long; the size itself is fast."""

    def seconds(depth: int) -> tuple[float, int]:
        deep = samples.tied(depth)
        nodes = sum(len(list(walk(b.nodes))) for b in deep.blocks.values())
        taken = []
        for _ in range(5):
            start = time.perf_counter()
            verify(deep)
            taken.append(time.perf_counter() - start)
        return min(taken), nodes

    (small, small_nodes), (large, large_nodes) = seconds(10), seconds(40)
    assert large / small < 2.5 * large_nodes / small_nodes
    assert large / large_nodes < 0.0005  # ten times what is usual


def test_models_that_users_may_write_pass():
    class Odd(dl.Module):
        def __init__(self):
            self.lambda_ = dl.Dense(2)
            self.parts = {"in": dl.Dense(3), "7": dl.Dense(2)}
            self.note = "two\nlines"

        def __call__(self, x):
            _, été = x, self.parts["in"](x)
            return self.lambda_(self.parts["7"](été))

    traced = dl.trace(Odd(), dl.Input((None, 4)))
    assert "parts.in.kernel" in traced.entries
    verify(traced)
    assert Program.from_json(traced.to_json()) == traced
