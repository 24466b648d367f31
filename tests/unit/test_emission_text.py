"""How emitted text reads: names, classes and their arguments, loops, layout of lines."""

from __future__ import annotations

import re

import numpy as np
import pytest
from emission_helpers import X, both, formatted, module, sample, source

import polydl as dl
from polydl import ops
from polydl.backend import Options, get_backend
from polydl.conformance import models
from polydl.emission.wrap import wrap
from polydl.program.passes import portable_randomness, remove_dead_code

torch = pytest.importorskip("torch")
IMAGE = dl.Input((None, 8, 8, 1))


class Scaled(dl.Module):
    def __init__(self, width, factor=1.5, train=0.5):
        self.dense = dl.Dense(width)
        self.factor, self.offset = factor, train

    def __call__(self, x, mask=None):
        h = dl.relu(self.dense(x)) * self.factor + self.offset
        return h if mask is None else h * mask


def blocks(count, **options):
    return [Scaled(4, **options) for _ in range(count)]


def in_order(self, x, *more):
    for block in self.blocks:
        x = block(x, *more)
    return x


def backwards(self, x):
    for block in reversed(self.blocks):
        x = block(x)
    return x


def all_but_one(self, x):
    for block in self.blocks[:2]:
        x = block(x)
    return x + self.blocks[2](x)


def every_result(self, x):
    found = []
    for block in self.blocks:
        x = block(x)
        found.append(x)
    return sum(found[1:], found[0])


def changing_argument(self, x):
    for block in self.blocks:
        x = block(x, x * 2)
    return x


@pytest.mark.parametrize(
    ("body", "inputs", "loops"),
    [
        (in_order, X, ["x = block(x)"]),
        (in_order, (X, X), ["x = block(x, x1)"]),
        (lambda s, x: in_order(s, in_order(s, x)), X, ["x = block(x)"] * 2),
        (backwards, X, []),
        (all_but_one, X, []),
        (every_result, X, []),
        (changing_argument, X, []),
    ],
)
def test_loops_where_blocks_repeat_and_nowhere_else(body, inputs, loops):
    arrays = tuple(sample(3, 4, seed=i) for i in range(2)) if isinstance(inputs, tuple) else None
    model = module(body, blocks=blocks(3))
    net = both(model, inputs, sample(3, 4) if arrays is None else arrays)
    found = re.findall(r"for block in self\.blocks:\n +(.*)", net.source)
    assert found == loops
    assert "self.blocks = nn.ModuleList(Scaled() for _ in range(3))" in net.source


def test_one_list_on_two_ranks_has_two_methods():
    class Ranked(dl.Module):
        def __init__(self):
            self.dense = dl.Dense(4)

        def __call__(self, x):
            return self.dense(x) if x.ndim == 3 else self.dense(x) * 2

    def body(self, x):
        y = in_order(self, x[:, None])
        return in_order(self, x) + y[:, 0]

    net = both(module(body, blocks=[Ranked(), Ranked()]), X, sample(3, 4))
    assert "x = block(x)" in net.source
    assert "block.forward_2(" in net.source


def test_literals_that_vary_are_arguments_named_after_the_configuration():
    text = source(module(in_order, blocks=[*blocks(2, factor=0.5), *blocks(1, factor=2.0)]))
    assert "def __init__(self, factor):" in text
    assert "nn.ModuleList([Scaled(0.5), Scaled(0.5), Scaled(2.0)])" in text
    assert "F.relu(self.dense(x)) * self.factor + 0.5" in text
    # `train` is a method of nn.Module, so its argument has another name
    net = both(module(in_order, blocks=[*blocks(1, train=0.5), *blocks(1, train=1.5)]), X,
               sample(3, 4))  # fmt: skip
    assert "def __init__(self, train2):" in net.source
    assert net.native.train().training
    norms = dl.Sequential(dl.RMSNorm(), dl.Dense(8), dl.RMSNorm(epsilon=1e-3))
    text = dl.compile(norms, X, backend="torch", natives=False).source
    assert "def __init__(self, features, epsilon):" in text
    assert "self.rms_norm2 = RMSNorm(8, 0.001)" in text


def test_literals_of_different_types_stay_apart():
    """1 and 1.0 and True are equal in Python and not in the text."""

    class Power(dl.Module):
        def __init__(self, n):
            self.n = n

        def __call__(self, x):
            return ops.sum(x.astype("int") * self.n).astype("float") + ops.mean(x)

    class Both(dl.Module):
        def __init__(self):
            self.a, self.b = Power(1), Power(2)

        def __call__(self, x):
            return self.a(x) + self.b(x)

    both(Both(), X, 3 * sample(3, 4))


def test_a_part_that_some_blocks_lack_is_an_argument():
    text = source(dl.Sequential(models.ResBlock(4), models.ResBlock(4)), IMAGE)
    assert text.count("class ResBlock") == 1
    assert "def __init__(self, in_channels, has_project=False):" in text
    assert re.search(r"self\.res_block1 = ResBlock\(1, has_project=True\)\n"
                     r" +self\.res_block2 = ResBlock\(4\)", text)  # fmt: skip
    assert "residual = self.project(x)" in text


class Overwriting(dl.Module):
    """With a projection, x is another value at the end than where it was projected."""

    def __init__(self, project: bool):
        self.first, self.second = dl.Dense(3), dl.Dense(3) if project else None

    def __call__(self, x):
        before = self.second(x) if self.second else None
        x = self.first(x)
        return x + (x if before is None else before)


def test_different_bodies_of_one_class_are_named_apart():
    model = dl.Sequential(Overwriting(True), Overwriting(False))
    text = source(model, dl.Input((None, 3)))
    assert "class Overwriting(nn.Module):" in text
    assert "class Overwriting2(nn.Module):" in text


def test_sequential_names():
    text = source(
        dl.Sequential(dl.Dense(4), dl.relu, dl.Dense(4), dl.Sequential(dl.Dense(3), dl.tanh),
                      dl.LayerNorm())
    )  # fmt: skip
    for line in ("self.dense1 = nn.Linear(4, 4)", "self.dense2 = nn.Linear(4, 4)",
                 "self.sequential = nn.Sequential(nn.Linear(4, 3), nn.Tanh())",
                 "self.layer_norm = nn.LayerNorm(3)",
                 "class Model(nn.Module):", "x = F.relu(x)"):  # fmt: skip
        assert line in text, line
    text = source(module(lambda s, x: s.head(x), head=dl.Sequential(dl.Dense(4))))
    assert "self.head = nn.Sequential(nn.Linear(4, 4))" in text


def test_what_is_no_mere_chain_is_a_class():
    def text(*layers):
        return source(module(lambda s, x: s.head(x), head=dl.Sequential(*layers)))

    again = dl.Dense(4)
    assert "class Head(nn.Module):" in text(again, dl.tanh, again)
    assert "class Head(nn.Module):" in text(dl.Dense(4), lambda x: x * 2.0, dl.relu)
    assert "self.head = nn.Sequential(nn.Linear(4, 4), nn.GELU())" in text(dl.Dense(4), dl.gelu)


def test_weights_inside_sequences_are_reached():
    def read_inside(s, x):
        return s.head(x) @ dl.ops.transpose(s.head.layers[0].kernel)

    text = source(module(read_inside, head=dl.Sequential(dl.Dense(4), dl.tanh)))
    assert "self.head[0].weight" in text


RESERVED = ["forward", "train", "type", "weight", "float", "half", "to", "state_dict", "bias",
            "parameters", "modules", "class_", "self_", "torch", "nn", "training", "name"]  # fmt: skip


def test_attributes_may_have_any_name():
    class Any(dl.Module):
        def __init__(self):
            for name in RESERVED:
                setattr(self, name, dl.Dense(4))
            self.children = {"class": dl.Dense(4), "def": [dl.Dense(4), dl.Dense(4)]}
            self.a = [[dl.Dense(4)], [dl.Dense(4)]]
            self.a_0 = [dl.Dense(4, use_bias=False), dl.Dense(4)]

        def __call__(self, x):
            x = x * self.parameter("_buffers", (4,), 0.5) + self.parameter("eval", (4,), 0.25)
            x = x * self.parameter("eval_", (4,), dl.initializer("constant", value=2))
            x = x + self.parameter("scalar", (), 1.5)
            layers = [getattr(self, name) for name in RESERVED] + [self.children["class"]]
            for layer in [*layers, *self.children["def"], *self.a[0], *self.a[1], *self.a_0]:
                x = layer(x)
            return x

    net = both(Any(), X, sample(3, 4))
    assert {"forward.kernel", "train.bias", "eval_", "a.1.0.kernel"} <= set(net.weights)
    named = ((n, getattr(torch.nn.Module, n, None)) for n in dir(torch.nn.Module()))
    module_names = {
        name
        for name, value in named
        if not name.startswith("__")
        and getattr(value, "__module__", "torch").startswith("torch")  # not what transformers adds
    }
    from polydl_torch.emitter import RESERVED as OURS

    assert module_names <= OURS


@pytest.mark.parametrize("name", ["input", "self", "torch", "np", "F", "targets", "outputs", "loss",
                                  "step", "model", "trainer", "Model", "forward", "mse"])  # fmt: skip
def test_inputs_may_have_any_name(name):
    inputs = (dl.Input((None, 4), name=name), dl.Input((None, 4), name="other"))
    model = module(lambda s, x, y: dl.relu(s.dense(x)) - y, dense=dl.Dense(4))
    for natives in (True, False):
        net = dl.compile(model, inputs, backend="torch", natives=natives)
        x = sample(6, 4).astype(np.float32)
        history = net.fit(dl.Training(dl.MSE(), dl.SGD(0.1), batch_size=4), ((x, x), x))
        assert len(history.steps) == 2
        net.evaluate(dl.Training(dl.MSE(), dl.SGD(0.1)), ((x, x), x))


@pytest.mark.parametrize("name", ["Trainer", "UpdateRule", "BatchNorm1d", "Dense", "Linear", "Model",
                                  "SCORES", "fit", "super", "Tensor"])  # fmt: skip
def test_classes_may_have_any_name(name):
    inner = dl.Sequential(dl.Dense(4), dl.BatchNorm())
    made = type(name, (dl.Module,), {"__call__": lambda self, x: self.inner(x)})
    model = made()
    model.inner = inner
    net = both(model, X, sample(3, 4))
    net.fit(dl.Training(dl.MSE(), dl.SGD(0.1)), (sample(6, 4), sample(6, 4)))
    assert type(net.native).__module__.startswith("polydl_emitted_torch")


def test_outputs_may_have_any_key():
    keys = ['a"b', "c'", "d\\n", "e\"'f", "class", "new\nline", "x}{"]
    model = module(lambda self, x: {key: x * float(i) for i, key in enumerate(keys)})
    net = both(model, X, sample(2, 4))
    assert list(net(sample(2, 4))) == keys
    program = dl.Program.from_json(dl.trace(model, X).to_json())
    assert list(dl.compile(program, backend="torch")(sample(2, 4))) == keys


class LongNames(dl.Module):
    def __init__(self):
        self.first_projection_layer = dl.Dense(64)
        self.normalisation_layer_of_the_result = dl.LayerNorm(epsilon=1e-6)

    def __call__(self, incoming_hidden_states, attention_bias_values):
        intermediate = self.first_projection_layer(incoming_hidden_states) * 0.1234567
        gate = dl.sigmoid(intermediate * intermediate - incoming_hidden_states * 2.5
                          + attention_bias_values)  # fmt: skip
        updated = dl.when_training(
            lambda: ops.where(gate > 0.5, intermediate * gate, incoming_hidden_states * 0.001),
            lambda: intermediate,
        )
        return {
            "a_rather_long_output_name": self.normalisation_layer_of_the_result(updated + gate),
            "another_quite_long_name": (updated, gate, intermediate),
        }


def long_tuple(self, x):
    return tuple(ops.exp(x * float(i) + 0.123456) for i in range(6))


WIDE = dl.Input((None, 64))
MODELS = {
    "residual": (models.residual_cnn(), IMAGE),
    "digits": (models.digits_cnn(), IMAGE),
    "encoder": (models.Encoder(), dl.Input((None, None), "int")),
    "twice": (models.Twice(), dl.Input((None, 5, 4))),
    "nested": (models.nested(), X),
    "tuple": (models.TupleModel(), (X, X)),
    "running": (models.RunningMaximum(), X),
    "reserved": (models.Reserved(), X),
    "convolutional": (models.convolutional(), dl.Input((None, None, None, 3))),
    "dict": (
        models.DictModel(),
        {"image": dl.Input((None, 3)), "ids": dl.Input((None, 3), "int"),
         "mask": dl.Input((None,), "bool")},
    ),
    "long": (LongNames(), (WIDE, WIDE)),
    "long_tuple": (module(long_tuple), X),
    "loop": (module(in_order, blocks=blocks(3)), X),
}  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
def test_text_needs_no_formatter(name):
    program = remove_dead_code(dl.trace(*MODELS[name]))
    backend = get_backend("torch")
    texts = [backend.emit(program, Options(natives=natives)).source for natives in (True, False)]
    texts.append(backend.emit(portable_randomness(program, 0), Options(dtype="float64")).source)
    if len(program.root.outputs) == 1:
        loss, metrics = dl.CrossEntropy(), [dl.Accuracy()]
        for optimizer in (dl.Adam(), dl.SGD(0.1, 0.9, nesterov=True)):
            training = dl.Training(loss, optimizer, metrics=metrics)
            for natives in (True, False):
                options = Options(natives=natives)
                texts.append(backend.emit_training(program, training, options).source)
    whole = "\n\n".join(texts)
    assert formatted(whole) == whole


def test_unused_imports_and_helpers_are_left_out():
    text = dl.compile(dl.Sequential(dl.Dense(3)), dl.Input((None, 4), name="inp"),
                      backend="torch").source  # fmt: skip
    assert text.startswith("from torch import nn\n\n\nclass Model")
    assert "BatchNorm2d" not in source(dl.Sequential(dl.Dense(3)))


def test_wrap_leaves_strings_alone():
    line = 'x = f("' + "a, (b" * 20 + '", y)'
    assert wrap(line) == ["x = f(", f'    "{"a, (b" * 20}",', "    y,", ")"]
    assert wrap("short(1, 2)") == ["short(1, 2)"]


class Positions(dl.Module):
    """A call that is short enough only once what it takes has a name."""

    def __init__(self):
        self.learned_positional_embedding = dl.Embedding(512, 4)

    def __call__(self, x):
        return x + self.learned_positional_embedding(ops.arange(x.shape[1]))


def test_no_name_that_a_later_one_made_needless():
    text = source(Positions(), dl.Input((None, None, 4)))
    assert "return x + self.learned_positional_embedding(position.clamp(0, 511))" in text
