"""Tracing: names, paths, sharing, state, modes and nesting. What may not be written: *_errors."""

from __future__ import annotations

import numpy as np
import pytest
from tracing_helpers import X, module, names, run, traced

import polydl as dl
from polydl import ops
from polydl.conformance.row import Apply
from polydl.errors import DefinitionError, ShapeError
from polydl.program.types import walk


class Named(dl.Module):
    def __init__(self):
        self.dense, self.split = dl.Dense(4), Halves()

    def __call__(self, signal):
        hidden = dl.relu(self.dense(signal))
        low, high = self.split(hidden)
        (first, second), third = (low * 2, high + 1), low - high
        hidden = hidden + 1.0
        wide = (
            ops.concatenate([first, second], -1)
            * 2.0
        )  # fmt: skip
        total: dl.Module = ops.sum(wide, -1, keepdims=True)
        if (again := ops.sum(third)) is not None:
            pass
        one = other = ops.exp(hidden)
        return one + total * again + other


class Halves(dl.Module):
    def __call__(self, x, scale=2.0):
        left = x[:, :2]
        return left, x[:, 2:] * scale


def test_the_authors_names_are_kept():
    program = traced(Named())
    found = names(program.root)
    assert [value.name for value in program.root.inputs] == ["signal"]
    for name in ("low", "high", "hidden", "wide", "total", "again", "one"):
        assert name in found, (name, found)
    assert found.count("hidden") == 2  # one name, bound twice
    assert "left" in names(program.blocks["split"])
    hidden = [v for n in program.root.nodes for v in n.outputs if v.name == "hidden"]
    assert hidden[0].id != hidden[1].id
    call = next(n for n in program.root.nodes if n.attributes.get("block") == "split")
    assert [v.name for v in call.outputs] == ["low", "high"]


def test_temporaries_have_no_name():
    def body(self, x):
        y = ops.exp(x * 2.0) + 1.0
        return y

    nodes = traced(module(body)).root.nodes
    found = [(n.op, n.output.name) for n in nodes]
    assert found == [("multiply", ""), ("exp", ""), ("add", "y")]


def test_inputs_are_called_as_the_arguments_are():
    class Two(dl.Module):
        def __call__(self, image, mask, *rest, scale):
            return image * mask + rest[0] * scale

    inputs = {"image": X, "mask": X}
    with pytest.raises(DefinitionError, match="scale"):
        dl.trace(Two(), inputs)
    model = module(lambda self, *inputs: self.two(*inputs[:3], scale=inputs[3]), {"two": Two()})
    program = traced(model, (X, dl.Input((None, 4), name="m"), X, X))
    assert [v.name for v in program.root.inputs] == ["x0", "m", "x2", "x3"]
    assert [v.name for v in program.blocks["two"].inputs] == ["image", "mask", "x2", "scale"]
    with pytest.raises(DefinitionError, match="share a name"):
        dl.trace(model, (dl.Input((None, 4), name="a"),) * 2)


class Holder(dl.Module):
    def __init__(self, width):
        self.inner = dl.Dense(width)

    def __call__(self, x):
        return self.inner(x)


class Paths(dl.Module):
    def __init__(self):
        self.stack = [[Holder(4), Holder(4)], (Holder(4),)]
        self.table = {"a": dl.Dense(4), 7: [dl.Dense(4)]}
        self.body = dl.Sequential(dl.relu, dl.Dense(4), dl.Sequential(dl.tanh, dl.Dense(4)))
        self.alias = self.stack[1][0]
        self.mirror = self.table
        self.unused = dl.Dense(9)

    def __call__(self, x):
        x = self.body(x)  # called first, but defined after `stack`
        for row in self.stack:
            for block in row:
                x = block(x)
        return self.alias(self.table["a"](self.mirror[7][0](x)))


def test_paths_follow_attributes_and_indices():
    program = traced(Paths())
    kernels = [path for path in program.entries if path.endswith("kernel")]
    assert kernels == [
        "stack.0.0.inner.kernel", "stack.0.1.inner.kernel", "stack.1.0.inner.kernel",
        "table.a.kernel", "table.7.0.kernel", "body.1.kernel", "body.2.1.kernel",
    ]  # fmt: skip
    assert program.entries["stack.1.0.inner.kernel"].aliases == ("alias.inner.kernel",)
    assert program.aliases["alias"] == "stack.1.0"
    assert program.aliases["mirror.7.0"] == "table.7.0"
    assert not any(path.startswith("unused") for path in program.entries)


def test_modules_made_by_a_users_subclass_and_shadowed_attributes():
    class Config(dl.Module):
        def __init__(self, width):
            self.config = {"width": width}  # names that Module uses itself
            self.children = [dl.Dense(width)]

        def __call__(self, x):
            return self.children[0](x)

    program = traced(Config(3))
    assert list(program.entries) == ["children.0.kernel", "children.0.bias"]
    assert program.root.config == {"width": 3}


def test_one_block_for_each_signature_over_one_set_of_weights():
    shared = dl.Dense(4)
    model = module(
        lambda self, x: self.a(self.b(x)) + self.a(x[:, None])[:, 0], {"a": shared, "b": shared}
    )
    program = traced(model)
    assert [key for key in program.blocks if key] == ["a", "a#2"]
    assert program.blocks["a"].path == program.blocks["a#2"].path == "a"
    assert list(program.entries) == ["a.kernel", "a.bias"]
    assert program.entries["a.kernel"].aliases == ("b.kernel",)
    targets = [n.attributes["target"] for n in program.root.nodes if n.op == "call"]
    assert targets == ["a", "a", "a"]
    with pytest.raises(ShapeError, match=r"a \(Dense\).*kernel.*earlier call.*one set of weights"):
        dl.trace(module(lambda self, x: self.a(x) + self.a(x[:, :2]), {"a": dl.Dense(4)}), X)


def test_another_modules_parameter_is_read():
    class Tied(dl.Module):
        def __init__(self):
            self.embed = dl.Embedding(7, 4)

        def __call__(self, ids):
            return self.embed(ids) @ ops.transpose(self.embed.table)

    program = traced(Tied(), dl.Input((None, 3), "int"))
    assert list(program.entries) == ["embed.table"]
    reads = [n for n in program.root.nodes if n.op == "read"]
    assert [n.attributes["entry"] for n in reads] == ["embed.table"]
    table = np.arange(28.0).reshape(7, 4)
    ids = np.array([[0, 6, 2]])
    (out,), _ = run(program, ids, weights={"embed.table": table})
    np.testing.assert_allclose(out, table[ids] @ table.T)
    with pytest.raises(AttributeError, match="call the module before"):
        dl.trace(module(lambda self, x: x @ self.dense.kernel, {"dense": dl.Dense(4)}), X)


def test_super_runs_inside_the_subclass():
    class Base(dl.Module):
        def __call__(self, x):
            scaled = x * self.parameter("scale", (4,), "ones")
            return scaled

    class Child(Base):
        def __call__(self, x):
            twice = super().__call__(x) * 2.0
            return twice

    program = traced(module(lambda self, x: self.child(x), {"child": Child()}))
    assert list(program.blocks) == ["", "child"]
    assert program.blocks["child"].kind == "Child"
    assert names(program.blocks["child"]) == ["scaled", "twice"]
    assert list(program.entries) == ["child.scale"]


class Moving(dl.Module):
    def __call__(self, x):
        mean = self.state("mean", (4,))
        count = self.state("count", (), dtype="int")

        def train():
            batch = ops.mean(x, 0)
            self.update("mean", 0.5 * mean + 0.5 * batch)
            self.update("count", count + 1)
            return batch

        chosen = dl.when_training(train, mean)
        return x - chosen


def test_state_moves_in_training_only():
    program = traced(Moving())
    assert {p: (e.role, e.dtype) for p, e in program.entries.items()} == {
        "mean": ("state", "float"), "count": ("state", "int"),
    }  # fmt: skip
    x = np.arange(8.0).reshape(2, 4)
    (out,), state = run(program, x, training=True)
    np.testing.assert_allclose(out, x - x.mean(0))
    np.testing.assert_allclose(state["mean"], x.mean(0) / 2)
    assert state["count"] == 1
    (out,), state = run(program, x)
    np.testing.assert_allclose(out, x)
    assert state["count"] == 0
    choice = next(n for n in program.root.nodes if n.op == "when_training")
    assert choice.output.name == "chosen"
    assert "batch" in names(program.root)


def test_what_state_is_set_to_is_a_constant():
    """So that one step's graph is never part of the next one's, and backends agree."""

    def ops_of(program, key=""):
        return [n.op for n in walk(program.blocks[key].nodes)]

    assert "stop_gradient" in ops_of(traced(Moving()))
    counter = traced(module(lambda self, x: (self.update("n", self.state("n", ()) * 2 + 1), x)[1]))
    assert "stop_gradient" not in ops_of(counter)
    assert ops_of(traced(dl.Sequential(dl.BatchNorm())), "0").count("stop_gradient") == 2


def test_modes_nest_and_return_structures():
    def body(self, x):
        def train():
            inner = dl.when_training(lambda: x * 3.0, x)
            return {"a": inner, "b": (x, inner + 1.0)}

        out = dl.when_training(train, lambda: {"a": x, "b": (x, x)})
        return out["a"], out["b"][1]

    program = traced(module(body))
    x = np.ones((2, 4))
    np.testing.assert_allclose(run(program, x, training=True)[0], [x * 3, x * 4])
    np.testing.assert_allclose(run(program, x)[0], [x, x])


@pytest.mark.parametrize(
    "call",
    [
        lambda x, i: ops.sum(x, i(1)),
        lambda x, i: ops.mean(x, (i(1), i(-1))),
        lambda x, i: ops.reshape(x, (-1, i(12))),
        lambda x, i: x + ops.zeros((i(3), i(4))),
        lambda x, i: x * i(2),
        lambda x, i: x + ops.arange(i(1), i(5))[i(0)].astype("float"),
        lambda x, i: x + ops.constant([i(4), i(5), i(6), i(7)]),
        lambda x, i: ops.repeat(x, i(2), i(1)),
        lambda x, i: ops.pad(x, ((i(0), i(0)), (i(1), 2), (0, i(3)))),
        lambda x, i: ops.top_k(x, i(2)),
        lambda x, i: ops.roll(x, i(1), i(-1)),
        lambda x, i: ops.split(x, i(3), i(1)),
        lambda x, i: ops.split(x, [i(1)], 1),
        lambda x, i: ops.moveaxis(x, i(1), i(2)),
        lambda x, i: ops.clip(x, i(0), i(2)),
    ],
)
def test_numpys_numbers_are_numbers(call):
    def program(kind):
        return str(dl.trace(Apply(lambda x: call(x, kind)), dl.Input((None, kind(3), kind(4)))))

    assert program(np.int64) == program(int)


def test_numpys_numbers_as_settings():
    layers = dl.Sequential(dl.Conv1D(np.int64(4), (np.int32(3),)), dl.Dropout(np.float64(0.5)))
    assert layers[0].filters == 4
    assert type(layers[0].filters) is int
    assert type(layers[1].rate) is float


def test_a_constant_of_several_axes():
    table = np.arange(6).reshape(2, 3)
    net = dl.compile(
        Apply(lambda x: x + ops.constant(table)), dl.Input((2, 3)), backend="reference"
    )
    np.testing.assert_array_equal(net(np.ones((2, 3))), table + 1.0)
