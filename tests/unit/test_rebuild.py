"""A built-in's name must be earned: Blocks that claim one and do something else are reported."""

from __future__ import annotations

import copy
import dataclasses
import json
import random
import subprocess
import sys

import program_samples as samples
import pytest
from program_samples import find, with_block, with_node

import polydl as dl
from polydl.conformance.rows import ROWS
from polydl.errors import ProgramError
from polydl.program.rebuild import matches_builtin, untrusted
from polydl.program.sizes import Size
from polydl.program.types import Block, Constant, Program, Value
from polydl.spec import registry
from polydl.spec.context import active_tracer
from polydl.spec.registry import CLASSES, FUNCTIONS


def reread(program: Program) -> Program:
    return Program.from_json(program.to_json())


@pytest.mark.parametrize("name", samples.PROGRAMS)
def test_what_was_traced_is_trusted(name):
    program = reread(samples.PROGRAMS[name]())
    assert untrusted(program) == set()
    for block in program.blocks.values():
        assert matches_builtin(program, block) == block.kind.startswith("polydl:")


IMAGE = dl.Input((None, 8, 8, 4))
TOKENS = dl.Input((None, 5), "int")
ALONE = [
    (dl.Dense(3, use_bias=False, kernel_initializer=dl.initializer("uniform", low=-1)), None),
    (dl.Dense(3, kernel_initializer=0.5), dl.Input((2, "n", None, 4))),
    (dl.Conv2D(8, (3, 2), strides=2, padding=((1, 0), 2), groups=2), IMAGE),
    (dl.Conv2D(8, 3, padding="same", dilation=2, bias_initializer="ones"), IMAGE),
    (dl.MaxPool2D(3, padding="same"), IMAGE),
    (dl.AvgPool2D(3, strides=1, padding="same"), IMAGE),
    (dl.GlobalAvgPool2D(), IMAGE),
    (dl.Flatten(), IMAGE),
    (dl.BatchNorm(momentum=0.5, epsilon=0.1), IMAGE),
    (dl.LayerNorm(epsilon=1e-3), None),
    (dl.RMSNorm(), dl.Input((4,))),
    (dl.Dropout(0.25), None),
    (dl.Embedding(7, 3), TOKENS),
    (dl.MSE(), (dl.Input((None, 3)), dl.Input((None, 3)))),
    (dl.CrossEntropy(), {"outputs": dl.Input((None, 5, 3)), "targets": TOKENS}),
]


@pytest.mark.parametrize(("layer", "inputs"), ALONE, ids=lambda x: type(x).__name__)
def test_every_layer_is_recognised(layer, inputs):
    program = dl.trace(layer, dl.Input((None, 4)) if inputs is None else inputs)
    assert program.root.kind in CLASSES
    assert untrusted(reread(program)) == set()


class Calls(dl.Module):
    def __init__(self, function, **config):
        self.function, self.arguments = function, config

    def __call__(self, x):
        return self.function(x, **self.arguments)


IN_ROWS = [kind for kind in FUNCTIONS if any(kind in row.items for row in ROWS)]  # others: in rules


@pytest.mark.parametrize("kind", IN_ROWS)
def test_every_function_is_recognised(kind):
    row = next(row for row in ROWS if kind in row.items)
    program = reread(dl.trace(row.model(), row.inputs))
    assert kind in {block.kind for block in program.blocks.values()}
    assert untrusted(program) == set()


def test_sizes_that_are_computed_are_recognised():
    class Halves(dl.Module):
        def __init__(self):
            self.dense = dl.Dense(4)

        def __call__(self, x):
            flat = dl.ops.reshape(x, (x.shape[0] * x.shape[1], 6))
            return self.dense(dl.softmax(flat[1:]))

    program = reread(dl.trace(Halves(), dl.Input((None, None, 6))))
    assert str(program.blocks["dense"].inputs[0].shape[0]) == "batch*x_size1 - 1"
    assert untrusted(program) == set()


def test_a_layer_whose_canonical_path_is_elsewhere_is_recognised():
    """The parts of a built-in may be first found under another path."""
    program = samples.tied()
    assert program.aliases["shared.norm"] == "blocks.0.norm"
    # name everything under blocks.0 by its alias
    text = program.to_json().replace('"blocks.0.', '"@.').replace('"shared.', '"blocks.0.')
    swapped = Program.from_json(
        text.replace('"@.', '"shared.')
        .replace('"shared":"blocks.0"', '"blocks.0":"shared"')
        .replace('"path":"blocks.0"', '"path":"shared"')
    )
    assert "shared.norm.scale" in swapped.entries
    assert untrusted(swapped) == set()


def test_arguments_by_keyword_and_inputs_of_other_names_are_recognised():
    class Reversed(dl.Module):
        def __init__(self):
            self.loss = dl.MSE()

        def __call__(self, x, y):
            return self.loss(targets=y, outputs=x)

    program = reread(dl.trace(Reversed(), (dl.Input((None, 3)), dl.Input((None, 3)))))
    assert [value.name for value in program.blocks["loss"].inputs] == ["targets", "outputs"]
    assert untrusted(program) == set()
    named = dl.trace(dl.LayerNorm(), dl.Input((None, 4), name="image"))
    assert untrusted(reread(named)) == set()


def test_builtins_are_found_in_a_fresh_process():
    text = dl.trace(Calls(FUNCTIONS["polydl:softmax@1"]), dl.Input((None, 4))).to_json()
    code = (
        "import sys; from polydl.program.types import Program; "
        "from polydl.program.rebuild import untrusted; "
        "print(untrusted(Program.from_json(sys.stdin.read())))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], input=text, capture_output=True, text=True, check=True
    )
    assert done.stdout == "set()\n"


def test_no_trace_stays_open(tied):
    assert matches_builtin(tied, tied.blocks[DENSE])
    assert active_tracer() is None


# --- a built-in that calls modules


@pytest.fixture
def pair(monkeypatch) -> Program:
    """A Program with a built-in of two Dense, made for this test."""
    for table in ("CLASSES", "_KINDS"):
        monkeypatch.setattr(registry, table, dict(getattr(registry, table)))

    @registry.builtin()
    class Pair(dl.Module):
        units: int

        def __post_init__(self):
            self.left, self.right = dl.Dense(self.units), dl.Dense(self.units)

        def __call__(self, x):
            return self.left(x) - self.right(x)

    class Model(dl.Module):
        def __init__(self):
            self.pair = Pair(4)

        def __call__(self, x):
            return self.pair(x)

    monkeypatch.setitem(CLASSES, "polydl:Pair@1", Pair)
    return reread(dl.trace(Model(), dl.Input((None, 4))))


def test_modules_of_a_builtin_are_compared(pair):
    assert untrusted(pair) == set()
    calls = [node.attributes for node in pair.blocks["pair"].nodes[:2]]
    assert [call["target"] for call in calls] == ["left", "right"]
    swapped = with_node(pair, "pair", 0, attributes={**calls[0], "target": "right"})
    assert untrusted(swapped) == {"pair"}
    other = with_node(pair, "pair", 0, attributes={**calls[0], "block": "pair.right"})
    assert untrusted(other) == {"pair"}
    for changes in ({"kind": "Dense"}, {"path": "pair.right"}, {"is_module": False}):
        assert "pair" in untrusted(with_block(pair, "pair.left", **changes))
    config = {**pair.blocks["pair.left"].config, "bias_initializer": "ones"}
    assert untrusted(with_block(pair, "pair.left", config=config)) == {"pair"}


# --- impostors


@pytest.fixture(scope="module")
def tied() -> Program:
    return reread(samples.tied())


DENSE, NORM = "blocks.1.inner", "blocks.1.norm"


def test_another_body_is_reported(tied):
    dense = tied.blocks[DENSE]
    at = find(dense, "add")
    impostor = with_node(tied, DENSE, at, op="subtract")
    assert untrusted(impostor) == {DENSE}
    assert untrusted(reread(impostor)) == {DENSE}
    assert not matches_builtin(impostor, impostor.blocks[DENSE])
    swapped = dense.nodes[at].operands[::-1]
    assert untrusted(with_node(tied, DENSE, at, operands=swapped)) == {DENSE}
    shorter = with_block(tied, DENSE, nodes=dense.nodes[:2], outputs=dense.nodes[1].outputs)
    assert untrusted(shorter) == {DENSE}
    assert untrusted(with_block(tied, DENSE, outputs=dense.nodes[1].outputs)) == {DENSE}


@pytest.mark.parametrize(
    "config",
    [
        {"units": 9},
        {"units": 8.0},
        {"units": "8"},
        {"units": None},
        {"units": 10**30},
        {"use_bias": False},
        {"use_bias": 1},
        {"use_bias": "yes"},
        {"surprise": 1},
        {"kernel_initializer": "evil"},
        {"kernel_initializer": ("initializer",)},
        {"kernel_initializer": ("initializer", "normal", "stddev")},
        {"kernel_initializer": ("initializer", ("normal",))},
        {"kernel_initializer": ("initializer", "normal", "scale", 1.0)},
        {"bias_initializer": ("x", "y")},
    ],
)
def test_another_configuration_is_reported(tied, config):
    dense = tied.blocks[DENSE]
    assert untrusted(with_block(tied, DENSE, config={**dense.config, **config})) == {DENSE}


def test_a_configuration_is_complete(tied):
    """Backends read it: what is left out is not what the default says."""
    config = dict(tied.blocks[DENSE].config)
    del config["use_bias"]
    assert untrusted(with_block(tied, DENSE, config=config)) == {DENSE}
    assert untrusted(with_block(tied, "gelu()", config={})) == {"gelu()"}
    assert untrusted(with_block(tied, "gelu()", config={"approximate": 1})) == {"gelu()"}
    assert untrusted(with_block(tied, "softmax()", config={})) == {"softmax()"}


@pytest.mark.parametrize(
    "kind",
    ["polydl:Dense@2", "polydl:Nothing@1", "polydl:RMSNorm@1", "polydl:Adam@1", "polydl:softmax@1"],
)
def test_another_kind_is_reported(tied, kind):
    assert untrusted(with_block(tied, DENSE, kind=kind)) == {DENSE}
    assert "gelu()" in untrusted(with_block(tied, "gelu()", kind=kind))


def test_another_kind_of_a_user_is_no_builtin(tied):
    mine = with_block(tied, DENSE, kind="Dense")
    assert untrusted(mine) == set()
    assert not matches_builtin(mine, mine.blocks[DENSE])


def test_another_constant_is_reported(tied):
    norm = tied.blocks[NORM]
    at = find(norm, lambda n: any(isinstance(o, Constant) for o in n.operands))
    value, constant = norm.nodes[at].operands
    for number in (constant.value * 2, int(constant.value), True, -constant.value):
        assert untrusted(with_node(tied, NORM, at, operands=(value, Constant(number)))) == {NORM}


def test_another_side_of_when_training_is_reported(tied):
    norm = tied.blocks[NORM]
    at = find(norm, "when_training")
    training, inference = norm.nodes[at].regions
    outputs = inference.outputs[::-1]
    changed = dataclasses.replace(inference, outputs=outputs)
    assert untrusted(with_node(tied, NORM, at, regions=(training, changed))) == {NORM}
    no_write = dataclasses.replace(training, nodes=training.nodes[:-1])
    assert untrusted(with_node(tied, NORM, at, regions=(no_write, inference))) == {NORM}


def test_another_entry_is_reported(tied):
    norm = tied.blocks[NORM]
    at = find(norm, lambda n: n.op == "read" and n.attributes["entry"].endswith("mean"))
    for path in ("blocks.1.norm.variance", "blocks.0.norm.mean", "blocks.1.inner.bias"):
        assert untrusted(with_node(tied, NORM, at, attributes={"entry": path})) == {NORM}
    mean = tied.entries["blocks.1.norm.mean"]
    for changes in ({"role": "parameter"}, {"shape": (9,)}, {"dtype": "int"}):
        entries = {**tied.entries, mean.path: dataclasses.replace(mean, **changes)}
        assert NORM in untrusted(dataclasses.replace(tied, entries=entries))


def test_another_attribute_is_reported(tied):
    at = find(tied.blocks["softmax()"], "max")
    for attributes in ({"axis": 0, "keepdims": True}, {"axis": -1, "keepdims": 1}, {"axis": -1}):
        changed = with_node(tied, "softmax()", at, attributes=attributes)
        assert untrusted(changed) == {"softmax()"}


def test_other_types_are_reported(tied):
    dense = tied.blocks[DENSE]
    (x,) = dense.inputs
    other = dataclasses.replace(x, shape=(Size.symbol("other"), *x.shape[1:]))
    # the value is the same by id, so that only its stated type differs
    assert untrusted(with_block(tied, DENSE, inputs=(other,))) == {DENSE}
    assert untrusted(with_block(tied, DENSE, inputs=(x, Value(77, (1,), "float")))) == {DENSE}
    assert untrusted(with_block(tied, DENSE, inputs=())) == {DENSE}
    at = find(dense, "matmul")
    output = dataclasses.replace(dense.nodes[at].output, dtype="int")
    assert untrusted(with_node(tied, DENSE, at, outputs=(output,))) == {DENSE}


def test_called_blocks_are_compared():
    """A definition that calls another built-in is only that if the other is what it says, too."""
    inputs = {"outputs": dl.Input((None, 3)), "targets": dl.Input((None,), "int")}
    program = reread(dl.trace(dl.CrossEntropy(), inputs))
    assert "log_softmax()" in program.blocks
    at = find(program.blocks["log_softmax()"], "subtract")
    changed = with_node(program, "log_softmax()", at, op="add")
    assert untrusted(changed) == {"", "log_softmax()"}
    # though the called one no longer claims to be ours
    renamed = with_block(changed, "log_softmax()", kind="mine")
    assert untrusted(renamed) == {""}
    assert untrusted(with_block(program, "log_softmax()", kind="mine")) == {""}


def test_a_module_at_another_path_is_reported(tied):
    dense = dataclasses.replace(tied.blocks[DENSE], path="blocks.0.inner")
    assert not matches_builtin(tied, dense)


def test_names_of_values_do_not_matter(tied):
    dense = tied.blocks[DENSE]
    at = find(dense, "matmul")
    output = dataclasses.replace(dense.nodes[at].output, name="something")
    renamed = with_node(tied, DENSE, at, outputs=(output,))
    assert untrusted(renamed) == set()


def test_ids_of_values_do_not_matter():
    program = samples.image()
    document = json.loads(program.to_json())
    renumber(document["blocks"]["norm"])
    assert untrusted(Program.from_json(json.dumps(document))) == set()


def renumber(block: dict) -> None:
    """Count ids from 100, downwards."""

    def value(v):
        v[0] = 200 - v[0]

    def operands(given):
        given[:] = [200 - o if type(o) is int else o for o in given]

    def nodes(given):
        for node in given:
            operands(node["operands"])
            for v in node["outputs"]:
                value(v)
            for region in node.get("regions", []):
                nodes(region["nodes"])
                operands(region["outputs"])

    for v in block["inputs"]:
        value(v)
    nodes(block["nodes"])
    operands(block["outputs"])


def test_nothing_is_raised_for_blocks_that_are_nonsense(tied):
    x = Value(0, (3,), "float", "x")
    for kind in [*CLASSES, *FUNCTIONS, "polydl:", "", "polydl:Dense@1@1"]:
        for is_module in (True, False):
            for config in ({}, {"a": 1}, {"units": object()}, {"__class__": 1}):
                block = Block("k", kind, "nowhere", is_module, config, (x, x), (), (x,))
                assert matches_builtin(tied, block) is False


@pytest.mark.parametrize("key", ["norm", "pool"])
def test_damage_is_reported(key):
    """A number or name changed inside a built-in is seen by the verifier, or else reported."""
    document = json.loads(samples.image().to_json())
    values = (0, 1, 2, 0.5, -1, True, "less", "add", "norm.mean")
    places = leaves(document["blocks"][key]["nodes"], [])
    changes = [(place, last, fresh) for place, last in places for fresh in values]
    reported = 0
    for place, last, fresh in random.Random(1).sample(changes, 80):
        changed = copy.deepcopy(document)
        target = changed["blocks"][key]["nodes"]
        for step in place:
            target = target[step]
        is_name = isinstance(target, list) and len(target) == 4 and last == 3
        if repr(target[last]) == repr(fresh) or is_name:
            continue
        target[last] = fresh
        try:
            program = Program.from_json(json.dumps(changed))
        except ProgramError:
            continue
        reported += 1
        assert untrusted(program) == {key}, (place, last, fresh)
    assert reported


def leaves(node, place):
    items = node.items() if isinstance(node, dict) else enumerate(node)
    for key, child in list(items):
        if isinstance(child, (dict, list)):
            yield from leaves(child, [*place, key])
        else:
            yield place, key
