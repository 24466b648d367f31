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


PARTS = {
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
    assert all(np.array_equal(before[path], value) for path, value in net.weights.items())


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
