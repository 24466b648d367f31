"""What may not be written in a definition: the error says which layer, what, and what would do."""

from __future__ import annotations

import numpy as np
import pytest
from tracing_helpers import X, module

import polydl as dl
from polydl import ops
from polydl.errors import DefinitionError, DTypeError, ShapeError
from polydl.program.types import walk


def refused(model, kind=DefinitionError, *, says, inputs=X):
    with pytest.raises(kind, match=says) as raised:
        dl.trace(model, inputs)
    return str(raised.value)


class Inner(dl.Module):
    def __init__(self, body):
        self.body = body

    def __call__(self, x):
        return self.body(x)


def deep(body):
    """A model whose module `blocks.1.inner` does `body`."""
    holder = module(lambda self, x: self.inner(x), {"inner": Inner(body)})
    blocks = [dl.Dense(4), holder]
    return module(lambda self, x: self.blocks[1](self.blocks[0](x)), {"blocks": blocks})


@pytest.mark.parametrize(
    ("body", "kind", "says"),
    [
        (lambda x: x @ x, ShapeError, "matmul.*4 columns.*batch rows"),
        (lambda x: x + x[:, :3], ShapeError, r"\(batch, 4\) and \(batch, 3\) do not broadcast"),
        (lambda x: ops.reshape(x, (3, -1)), ShapeError, "number of elements"),
        (lambda x: ops.take(x, x, 0), DTypeError, "take takes int, got float"),
        (lambda x: x + (x > 0), DTypeError, r"Convert one with \.astype"),
        (lambda x: x.astype("int") + 1.5, DTypeError, "float does not combine with int"),
        (lambda x: x.astype("int") + 2**31, DTypeError, "beyond int32"),
        (lambda x: x if ops.sum(x) > 0 else -x, DefinitionError, r"truth value.*dl\.where"),
        (lambda x: x * float(x[0, 0]), DefinitionError, "number of a tensor is not known"),
        (lambda x: ops.reshape(x, (int(x.shape[0]), 4)), DefinitionError, "fixed size"),
        (lambda x: [x for _ in range(x.shape[0])], DefinitionError, "known only when"),
        (lambda x: list(x), DefinitionError, "iterate"),
        (lambda x: ops.reshape(x, (x.shape[0] / 2, 8)), DefinitionError, "`//` instead of `/`"),
        (lambda x: x * x.shape[0], DefinitionError, "size batch is no tensor"),
        (lambda x: x + np.ones(4), DefinitionError, r"got ndarray.*self\.state"),
        (lambda x: np.ones(4) * x, DefinitionError, r"got ndarray.*self\.state"),
        (lambda x: np.asarray(x), DefinitionError, "array of a tensor is not known"),
        (lambda x: x + None, DefinitionError, "got NoneType"),
        (lambda x: x[np.array([0]), [1]], DefinitionError, r"ops\.take_along_axis"),
        (lambda x: x[..., ...], ShapeError, "only once"),
        (lambda x: x[0, 0, 0], ShapeError, "3 indices"),
        (lambda x: None, DefinitionError, "returned NoneType; return tensors"),
        (lambda x: (), DefinitionError, "returned no tensor"),
        (lambda x: {"a": 1.0}, DefinitionError, "returned float"),
        (lambda x: dl.gelu(x, aproximate=True), DefinitionError, "Did you mean 'approximate'"),
        (lambda x: dl.gelu(x, True), DefinitionError, "positional argument"),
        (lambda x: dl.when_training(x, x[:, 0]), ShapeError, "one side gives"),
        (lambda x: dl.when_training(x, x > 0), ShapeError, "one side gives"),
        (lambda x: dl.when_training((x, x), x), DefinitionError, "different structures"),
        (lambda x: dl.when_training(1.0, 2.0), DefinitionError, "must return tensors"),
        (lambda x: dl.Dense(4)(x), DefinitionError, "Make modules in __init__"),
    ],
)
def test_the_error_names_the_layer(body, kind, says):
    assert refused(deep(body), kind, says=says).startswith("blocks.1.inner (Inner): ")


def test_a_layers_own_error_names_the_layer():
    text = refused(dl.Sequential(dl.relu, dl.Conv2D(8, 3)), ShapeError, says="4 sizes|four sizes")
    assert text.startswith("1 (Conv2D): ")
    assert "2 axes" in text
    text = refused(dl.Sequential(dl.Embedding(5, 3)), DTypeError, says='use dtype="int"')
    assert text.startswith("0 (Embedding): ")


def test_a_tensor_does_not_leave_its_branch():
    def leak(self, x):
        kept = []

        def train():
            kept.append(x * 2)
            return kept[0]

        return dl.when_training(train, x) + kept[0]

    refused(module(leak), says="made inside a branch")


def test_a_tensor_does_not_pass_through_closures_or_attributes():
    class Remember(dl.Module):
        def __call__(self, x):
            self.last = x * 2
            return x

    model = module(lambda self, x: self.a(x) + self.a.last, {"a": Remember()})
    refused(model, says=r"tensor of a \(Remember\).*not through attributes")
    with pytest.raises(DefinitionError, match="uses a tensor of the model"):
        dl.trace(module(lambda self, x: self.inner(x + 0), {"inner": Inner(Outside.use)}), X)


class Outside:
    tensor = None

    @staticmethod
    def use(x):
        return x + Outside.tensor


@pytest.fixture(autouse=True)
def _another_traces_tensor():
    def keep(self, x):
        Outside.tensor = x
        return x

    dl.trace(module(keep), X)
    yield
    Outside.tensor = None


def test_captured_values_are_seen_in_branches():
    def body(self, x):
        y = x * 2.0
        z = dl.when_training(lambda: y + self.parameter("w", (4,)), lambda: y)
        return z + self.parameter("w", (4,))

    program = dl.trace(module(body), X)
    reads = [n for n in walk(program.root.nodes) if n.op == "read"]
    assert len(reads) == 2  # one in the branch, which is not seen outside


def test_modules_are_reached_from_where_they_are_held():
    lonely = dl.Dense(4)
    other = module(lambda self, x: lonely(x), {})
    refused(module(lambda self, x: self.a(self.b(x)), {"a": other, "b": lonely}),
            says=r"a \(Model\): calls b \(Dense\), which is not an attribute")  # fmt: skip
    refused(module(lambda self, x: self._d(x), {"_d": lonely}), says="leading underscore")
    refused(module(lambda self, x: self.d["a b"](x), {"d": {"a b": lonely}}), says="key 'a b'")


def test_endless_calls_are_told():
    refused(module(lambda self, x: self(x)), says="calls itself")
    parent = module(lambda self, x: self.child(x))
    parent.child = module(lambda self, x: self.parent(x), {"parent": parent})
    refused(module(lambda self, x: self.p(x), {"p": parent}), says="not an attribute of it")
    both = module(lambda self, x: self.p(x), {"p": parent, "c": parent.child})
    refused(both, says=r"^p\.child \(Model\): it calls p, which called it")


def test_parameters_and_state_are_declared_well():
    def one(declare, **make):
        return module(lambda self, x: (declare(self, x), x)[1], make)

    refused(one(lambda s, x: s.parameter("a b", (4,))), says="use an identifier")
    refused(one(lambda s, x: s.parameter("__w__", (4,))), says="use an identifier")
    refused(one(lambda s, x: s.parameter("d", (4,)), d=3), says="an attribute already")
    refused(one(lambda s, x: s.parameter("w", x.shape)), ShapeError, says="sizes must be known")
    refused(one(lambda s, x: s.parameter("w", (0,))), ShapeError, says="must be positive")
    refused(one(lambda s, x: s.parameter("w", 4, "glorot")), says="Did you mean 'glorot_normal'")
    refused(one(lambda s, x: s.state("n", 4, "normal", "int")), DTypeError, says="gives floats")
    refused(one(lambda s, x: s.update("n", x)), says=r"declare it with self\.state")
    refused(one(lambda s, x: (s.state("n", 4), s.update("n", x))), ShapeError, says="update of n")
    refused(one(lambda s, x: (s.state("n", 4), s.update("n", 1.0))), ShapeError, says="update of n")
    refused(
        one(lambda s, x: (s.state("n", 4, dtype="int"), s.update("n", x[0]))),
        DTypeError, says="expected int, got float",
    )  # fmt: skip
    refused(
        one(lambda s, x: (s.parameter("w", 4), s.update("w", x[0]))),
        says="'w' is no state",
    )
    foreign = module(lambda self, x: (self.d(x), self.d.parameter("w", (4,)))[0],
                     {"d": dl.Dense(2)})  # fmt: skip
    refused(foreign, says="belongs to d")


def test_nothing_runs_outside_a_trace():
    for call in (lambda: dl.Dense(3)(1), lambda: dl.relu(1), lambda: ops.exp(1)):
        with pytest.raises(DefinitionError, match=r"outside a trace.*dl\.compile"):
            call()
    with pytest.raises(DefinitionError):
        dl.when_training(1, 2)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: dl.Input(8), "shape must be a tuple"),
        (lambda: dl.Input("abc"), "shape must be a tuple"),
        (lambda: dl.Input((None, 0)), "0 in .* is no size"),
        (lambda: dl.Input((None, -1)), "is no size"),
        (lambda: dl.Input((None, True)), "is no size"),
        (lambda: dl.Input((None, 2.0)), "is no size"),
        (lambda: dl.Input((None, "a b")), "is no size"),
        (lambda: dl.Input((None, "class")), "is no size"),
        (lambda: dl.Input((None,), "float32"), "'float', 'int' or 'bool', got 'float32'"),
        (lambda: dl.Input((None,), name="a b"), "no name for an argument"),
        (lambda: dl.Input((None,), name="class"), "no name for an argument"),
        (lambda: dl.Input((None,), name=3), "no name for an argument"),
    ],
)
def test_inputs_are_checked(make, says):
    with pytest.raises(DefinitionError, match=says):
        make()


@pytest.mark.parametrize(
    ("model", "inputs", "says"),
    [
        (dl.Dense(3), (X, X), "takes 2 positional arguments but 3 were given"),
        (dl.Dense(3), {"y": X}, "unexpected keyword argument 'y'"),
        (dl.Dense(3), {"x": (X, X)}, "one dl.Input under each name"),
        (dl.Dense(3), {"a b": X}, "no name for an argument"),
        (dl.Dense(3), (), "at least one input"),
        (dl.Dense(3), (None, 4), "must be dl.Input, got NoneType"),
        (dl.Dense, X, "instance of dl.Module, got type"),
        (dl.relu, X, r"Wrap functions as dl\.Sequential"),
    ],
)
def test_what_is_traced_is_checked(model, inputs, says):
    with pytest.raises(DefinitionError, match=says):
        dl.trace(model, inputs)


def test_sequential_takes_modules_and_functions():
    with pytest.raises(DefinitionError, match="item 1 is <class"):
        dl.Sequential(dl.relu, dl.Dense)
    with pytest.raises(DefinitionError, match="item 0 is 3"):
        dl.Sequential([3])
    assert len(dl.Sequential([dl.relu, dl.tanh])) == 2
    refused(module(lambda self, x: self.d(x, x), {"d": dl.Dense(3)}), says=r"^d \(Dense\): .*takes")
