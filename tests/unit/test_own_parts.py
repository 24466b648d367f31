"""Parts of a user's own that do not keep to what is asked of them: found before training."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pytest

import polydl as dl
from polydl.errors import DefinitionError, ShapeError

X, Y = np.ones((8, 3), np.float32), np.zeros(8, np.int32)


@dataclass
class Rule(dl.Optimizer):
    learning_rate: float = 0.1

    @property
    def slots(self):
        return ("velocity",)


class Forgets(Rule):
    def update(self, parameter, gradient, step, velocity):
        return parameter - self.learning_rate * gradient


class Reduces(Rule):
    def update(self, parameter, gradient, step, velocity):
        return parameter, dl.ops.mean(gradient)


class Misspelt(dl.Metric):
    name, combine = "misspelt", "summ"

    def __call__(self, outputs, targets):
        return dl.ops.sum(outputs)


class Bare(dl.Penalty):
    def __call__(self, parameter):
        return dl.ops.sum(parameter)


@dataclass
class Falls(dl.Schedule):
    """A root whose number falls below 0 at the third update."""

    peak: float = 0.1

    def __call__(self, step):
        return self.peak * dl.ops.sqrt((1 - step).astype("float"))


PARTS = {
    "a penalty without its fields": (
        {"penalties": [Bare()]}, DefinitionError,
        "Bare: a penalty is a dataclass with the fields rate and where, and with def values(self",
    ),
    "a schedule out of its range": (
        {"optimizer": dl.SGD(Falls()), "batch_size": 2}, DefinitionError,
        "Falls: step 2 (0 at the first update) has no rate: ValueError: math domain error",
    ),
    "an update without its slot": (
        {"optimizer": Forgets()}, DefinitionError,
        "Forgets.update gives 1 values; it gives the next (parameter, velocity), which are 2",
    ),
    "a slot of another shape": (
        {"optimizer": Reduces()}, ShapeError, "Reduces.update gives a velocity of shape ()",
    ),
    "a metric's combine": (
        {"metrics": [Misspelt()]}, DefinitionError,
        "Misspelt: there is no combine='summ'. Did you mean 'sum'?",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PARTS)
def test_in_training(name, backend):
    options, error, text = PARTS[name]
    given = {"loss": dl.CrossEntropy(), "optimizer": dl.SGD(0.1), **options}
    net = dl.compile(dl.Sequential(dl.Dense(2)), dl.Input((None, 3)), backend=backend)
    before = net.weights
    with pytest.raises(error, match=re.escape(text)):
        net.fit(dl.Training(**given), (X, Y))
    if name != "a schedule out of its range":  # which is found on the way
        assert all(np.array_equal(before[path], value) for path, value in net.weights.items())


class Squares(dl.Loss):
    def __init__(self, power=2, reduction="mean"):
        super().__init__(reduction)
        self.power = power

    def values(self, outputs, targets):
        return dl.ops.mean(dl.ops.abs(outputs - targets) ** self.power, -1)


class Perceptron(dl.Loss):
    target_dtype = "int"

    def values(self, outputs, targets):
        given = dl.ops.take_along_axis(outputs, targets[:, None], -1)[:, 0]
        return dl.ops.max(outputs, -1) - given


def loss_of(loss, targets, backend):
    net = dl.compile(dl.Sequential(dl.Dense(2)), dl.Input((None, 3)), backend=backend)
    run = dl.Training(loss, dl.SGD(0.0), shuffle=False)
    return net.fit(run, (X, targets), progress=False).steps[0], net(X)


def test_a_loss_whose_constructor_hands_on_the_reduction(backend):
    soft = np.linspace(0, 1, 16).reshape(8, 2)
    found, outputs = loss_of(Squares(4, "sum"), soft, backend)
    assert found == pytest.approx(np.sum(np.mean((outputs - soft) ** 4, -1)), rel=1e-5)
    with pytest.raises(DefinitionError, match="Squares: there is no reduction 'sums'"):
        Squares(reduction="sums")


def test_a_loss_of_integers_takes_labels(backend):
    labels = np.arange(8) % 2
    found, outputs = loss_of(Perceptron(), labels, backend)
    expected = np.mean(outputs.max(-1) - outputs[np.arange(8), labels])
    assert found == pytest.approx(expected, rel=1e-5)
    with pytest.raises(ShapeError, match=r"targets have the shape \(8, 2\); .* takes \(8,\)"):
        loss_of(Perceptron(), labels[:, None] + np.zeros((8, 2), int), backend)


@pytest.mark.parametrize("rate", [float("inf"), -0.25])
def test_a_schedule_that_gives_no_number(rate):
    @dataclass
    class Odd(dl.Schedule):
        start: float

        def __call__(self, step):
            return (self.start + 0.0 * step.astype("float")) ** 0.5

    with pytest.raises(DefinitionError, match=r"Odd: step 3 \(0 at the first update\) has no rate"):
        Odd(rate).at(3)


def test_a_rule_without_slots_may_give_the_parameter_alone():
    @dataclass
    class Plain(dl.Optimizer):
        learning_rate: float = 0.1

        def update(self, parameter, gradient, step):
            return parameter - self.learning_rate * gradient

    assert len(Plain().trace()[""].outputs) == 1


def test_a_hook_that_there_is_not():
    with pytest.raises(
        DefinitionError, match=r"no hook 'on_epoch_ends'\. Did you mean 'on_epoch_end'"
    ):

        class Watches(dl.Callback):
            def on_epoch_ends(self, run, epoch, scores):
                pass


def test_a_hook_that_takes_too_little():
    with pytest.raises(
        DefinitionError, match=r"on_epoch_end must take \(self, run, epoch, scores\)"
    ):

        class Watches(dl.Callback):
            def on_epoch_end(self, run, epoch):
                pass
