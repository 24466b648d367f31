"""Schedules beside those of the frameworks, as text, as JSON, and as users write their own."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import polydl as dl
from polydl import ops
from polydl.errors import DefinitionError
from polydl.reference.interpreter import evaluate_block
from polydl.spec.registry import CLASSES
from polydl.training.rates import rate_function, schedule_lines
from tests.unit.test_snapshots import hold

STEPS = 130

HELD = {
    "step": dl.StepDecay(0.1, 30),
    "multi_step": dl.MultiStepDecay(0.1, [30, 60]),
    "warmup_cosine": dl.Warmup(dl.CosineDecay(1e-3, steps=900, final=1e-5), steps=100),
    "restarts": dl.CosineRestarts(0.1, 10, t_mul=2),
    "one_cycle": dl.OneCycle(0.1, 100, three_phase=True, anneal="linear"),
    "noam": dl.InverseSqrt(1e-3, warmup_steps=4000),
    "many": dl.MultiStepDecay(0.1, range(10, 150, 10), 0.5),
    "joined": dl.Piecewise([100, 500], [dl.Warmup(dl.CosineDecay(0.1, 90), 10), 0.02,
                                        dl.PolynomialDecay(0.02, 1000, power=2.0)]),
}  # fmt: skip


def test_text() -> None:
    texts = [f"# {dl_text(s)}\n" + "\n".join(schedule_lines(s)) for s in HELD.values()]
    hold("schedules", "\n\n\n".join(texts) + "\n")


def dl_text(schedule: dl.Schedule) -> str:
    given = str(schedule)
    return given if len(given) < 95 else f"{given[:92]}..."


TORCH: dict[str, tuple[dl.Schedule, Callable[[Any, Any], Any]]] = {
    "StepLR": (dl.StepDecay(0.1, 30, 0.5), lambda s, o: s.StepLR(o, 30, 0.5)),
    "MultiStepLR": (
        dl.MultiStepDecay(0.1, [1, 60, 61], 0.5),
        lambda s, o: s.MultiStepLR(o, [1, 60, 61], 0.5),
    ),
    "ExponentialLR": (dl.ExponentialDecay(0.1, 1, 0.97), lambda s, o: s.ExponentialLR(o, 0.97)),
    "PolynomialLR": (
        dl.PolynomialDecay(0.1, 100, power=2.0),
        lambda s, o: s.PolynomialLR(o, 100, 2.0),
    ),
    "LinearLR": (
        dl.PolynomialDecay(0.02, 50, 0.08),
        lambda s, o: s.LinearLR(o, 0.2, 0.8, 50),
    ),
    "CosineAnnealingWarmRestarts": (
        dl.CosineRestarts(0.1, 10, 0.01, t_mul=2),
        lambda s, o: s.CosineAnnealingWarmRestarts(o, 10, 2, 0.01),
    ),
    "SequentialLR": (
        dl.Warmup(dl.ExponentialDecay(0.1, 1, 0.9), 20, start=0.01),
        lambda s, o: s.SequentialLR(
            o, [s.LinearLR(o, 0.1, 1.0, 20), s.ExponentialLR(o, 0.9)], [20]
        ),
    ),
}  # fmt: skip


def torch_rates(make: Callable[[Any, Any], Any], steps: int) -> list[float]:
    torch = pytest.importorskip("torch")
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=0.1)
    scheduler = make(torch.optim.lr_scheduler, optimizer)
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


@pytest.mark.parametrize("name", TORCH)
@pytest.mark.filterwarnings("ignore")
def test_torch_has_the_same(name: str) -> None:
    ours, theirs = TORCH[name]
    np.testing.assert_allclose(ours.curve(STEPS), torch_rates(theirs, STEPS), rtol=1e-11)


@pytest.mark.filterwarnings("ignore")
def test_cosine_of_torch_rises_again() -> None:
    theirs = torch_rates(lambda s, o: s.CosineAnnealingLR(o, 100, 0.01), STEPS)
    ours = dl.CosineDecay(0.1, 100, 0.01).curve(STEPS)
    np.testing.assert_allclose(ours[:101], theirs[:101], rtol=1e-11)
    assert set(ours[100:]) == {0.01}
    assert theirs[-1] > 0.02


@pytest.mark.parametrize("three_phase", [False, True])
@pytest.mark.parametrize("anneal", ["cosine", "linear"])
@pytest.mark.filterwarnings("ignore")
def test_one_cycle_is_that_of_torch(three_phase: bool, anneal: str) -> None:
    for steps, start in ((100, 0.3), (97, 0.23)):
        ours = dl.OneCycle(0.5, steps, start, 20.0, 1e3, three_phase, anneal)  # type: ignore[arg-type]
        strategy = {"cosine": "cos"}.get(anneal, anneal)
        theirs = torch_rates(
            lambda s, o: s.OneCycleLR(o, 0.5, steps, pct_start=start, anneal_strategy=strategy,  # noqa: B023
                                      cycle_momentum=False, div_factor=20.0, final_div_factor=1e3,
                                      three_phase=three_phase),
            steps,
        )  # fmt: skip
        np.testing.assert_allclose(ours.curve(steps), theirs, rtol=1e-11)
        assert ours.at(steps + 5) == ours.at(steps - 1)


KERAS: dict[str, tuple[dl.Schedule, Callable[[Any], Any]]] = {
    "CosineDecay": (dl.CosineDecay(0.1, 100, 0.01), lambda k: k.CosineDecay(0.1, 100, 0.1)),
    "CosineDecay, warm-up": (
        dl.Warmup(dl.CosineDecay(0.1, 70), 30, start=0.02),
        lambda k: k.CosineDecay(0.02, 70, warmup_target=0.1, warmup_steps=30),
    ),
    "CosineDecayRestarts": (
        dl.CosineRestarts(0.1, 11, 0.01, t_mul=3, m_mul=0.5),
        lambda k: k.CosineDecayRestarts(0.1, 11, 3.0, 0.5, 0.1),
    ),
    "ExponentialDecay": (
        dl.ExponentialDecay(0.1, 30, 0.5),
        lambda k: k.ExponentialDecay(0.1, 30, 0.5),
    ),
    "ExponentialDecay, staircase": (
        dl.StepDecay(0.1, 30, 0.5),
        lambda k: k.ExponentialDecay(0.1, 30, 0.5, staircase=True),
    ),
    "PolynomialDecay": (
        dl.PolynomialDecay(0.1, 100, 0.02, 3.0),
        lambda k: k.PolynomialDecay(0.1, 100, 0.02, 3.0),
    ),
    # Keras changes after the boundary, not at it
    "PiecewiseConstantDecay": (
        dl.Piecewise([31, 61], [0.1, 0.02, 0.005]),
        lambda k: k.PiecewiseConstantDecay([30, 60], [0.1, 0.02, 0.005]),
    ),
}


@pytest.mark.parametrize("name", KERAS)
def test_keras_has_the_same(name: str) -> None:
    keras = pytest.importorskip("keras")
    ours, theirs = KERAS[name][0], KERAS[name][1](keras.optimizers.schedules)
    steps = [0, 1, 2, 10, 29, 30, 31, 32, 59, 60, 61, 62, 99, 100, 101, 128]
    found = [float(theirs(step)) for step in steps]  # in float32
    np.testing.assert_allclose([ours.at(s) for s in steps], found, rtol=2e-5, atol=1e-8)


OPTAX: dict[str, tuple[dl.Schedule, Callable[[Any], Any]]] = {
    "constant": (dl.Constant(0.1), lambda o: o.constant_schedule(0.1)),
    "cosine": (dl.CosineDecay(0.1, 100, 0.01), lambda o: o.cosine_decay_schedule(0.1, 100, 0.1)),
    "exponential": (
        dl.ExponentialDecay(0.1, 30, 0.5),
        lambda o: o.exponential_decay(0.1, 30, 0.5),
    ),
    "polynomial": (
        dl.PolynomialDecay(0.1, 100, 0.02, 3.0),
        lambda o: o.polynomial_schedule(0.1, 0.02, 3.0, 100),
    ),
    "piecewise": (
        dl.MultiStepDecay(0.1, [30, 60], 0.5),
        lambda o: o.piecewise_constant_schedule(0.1, {30: 0.5, 60: 0.5}),
    ),
    # whose steps hold those of the warm-up
    "warm-up": (
        dl.Warmup(dl.CosineDecay(0.1, 70, 0.01), 30),
        lambda o: o.warmup_cosine_decay_schedule(0.0, 0.1, 30, 100, 0.01),
    ),
    "joined": (
        dl.Piecewise([30, 60], [dl.Constant(0.1), dl.CosineDecay(0.1, 20), 0.01]),
        lambda o: o.join_schedules(
            [o.constant_schedule(0.1), o.cosine_decay_schedule(0.1, 20), o.constant_schedule(0.01)],
            [30, 60],
        ),
    ),
}


@pytest.mark.parametrize("name", OPTAX)
def test_optax_has_the_same(name: str) -> None:
    optax = pytest.importorskip("optax")
    ours, theirs = OPTAX[name][0], OPTAX[name][1](optax)
    steps = [0, 1, 2, 10, 29, 30, 31, 59, 60, 61, 99, 100, 101, 128]
    found = [float(theirs(step)) for step in steps]  # in float32
    np.testing.assert_allclose([ours.at(s) for s in steps], found, rtol=2e-5, atol=1e-8)


def test_a_restart_is_at_its_very_step() -> None:
    for times in (2, 3, 5, 7):
        schedule, start, length = dl.CosineRestarts(1.0, 7, t_mul=times), 0, 7
        rate = rate_function(schedule)
        while start < 2**30:
            assert rate(start) == 1.0, (times, start)
            if start:
                assert rate(start - 1) < 0.1, (times, start)
            start, length = start + length, length * times


@dataclass
class Sawtooth(dl.Schedule):
    """A schedule of a user's own, around another."""

    inner: dl.Schedule
    period: int = 4

    def __call__(self, step: Any) -> Any:
        share = (step % self.period + 1) / self.period
        rate = self.inner(step)
        return dl.where(step < 2, 0.5, rate * share)


def test_a_users_own() -> None:
    schedule = Sawtooth(dl.Warmup(dl.CosineDecay(0.1, 20), 5))
    assert schedule.at(0) == 0.5
    inner = schedule.inner
    expected = [inner.at(step) * (step % 4 + 1) / 4 for step in range(2, 40)]
    np.testing.assert_allclose(schedule.curve(40)[2:], expected, rtol=1e-15)
    assert schedule_lines(schedule)[2:] == [
        "    if step < 2:",
        "        return 0.5",
        "    share = (step % 4 + 1) / 4",
        "    if step < 5:",
        "        rate = 0.1 * step / 5",
        "    else:",
        "        progress = min((step - 5) / 20, 1.0)",
        "        rate = 0.1 * (1 + math.cos(math.pi * progress)) / 2",
        "    return rate * share",
    ]


@dataclass
class Everything(dl.Schedule):
    """Most of what there is for single numbers, with Python's ints among the floats."""

    def __call__(self, step: Any) -> Any:
        x = step.astype("float")
        whole = ops.floor(x / 3.0) * 2.0 + ops.sign(x - 4.0)
        y = ops.where((step > 3) & (step < 9) | ~(step < 11), whole, ops.maximum(x, 2.0))
        z = ops.exp(-ops.abs(x - 5.0)) + ops.rsqrt(x + 1.0) + ops.square(ops.tanh(x))
        power = 2.0 ** ops.round(x / 2.0) + (x + 1.0) ** ops.trunc(x / 4.0)
        kept = ops.clip(x, 1.0, 6.0) + ops.astype(x / 2.0, "int").astype("float")
        return dl.where(step == 7, x, dl.relu(y) + z * power + kept + dl.sigmoid(x))


def test_all_that_python_can_write() -> None:
    blocks = Everything().trace()
    rate = rate_function(Everything())
    for step in range(30):
        (expected,) = evaluate_block(blocks, [np.asarray(step, np.int32)])
        assert type(rate(step)) is float
        np.testing.assert_allclose(rate(step), float(expected), rtol=3e-15)


@dataclass
class Ints(dl.Schedule):
    """What Python would give ints of."""

    which: int

    def __call__(self, step: Any) -> Any:
        x = step.astype("float")
        return [x, dl.relu(x), x * 2.0, ops.floor(x / 2.0), ops.stop_gradient(ops.round(x / 2.0)),
                ops.maximum(x, 1.0), (step >= 2).astype("float"), dl.where(step > 2, x, 1.0)
               ][self.which]  # fmt: skip


@pytest.mark.parametrize("which", range(8))
def test_a_rate_is_a_float(which: int) -> None:
    blocks = Ints(which).trace()
    for step, rate in enumerate(Ints(which).curve(6)):
        assert type(rate) is float
        assert rate == float(evaluate_block(blocks, [np.asarray(step, np.int32)])[0])


def test_functions_that_are_called_have_names_of_their_own() -> None:
    text = schedule_lines(Ints(1), taken=["relu"])
    assert text[0] == "def relu2(x):"
    assert text[-1] == "    return float(relu2(step))"


def nested() -> dl.Training:
    pieces = [dl.Warmup(dl.CosineDecay(0.1, 90), 10), 0.02, dl.Constant(0.01)]
    return dl.Training(dl.MSE(), dl.SGD(dl.Piecewise([100, 500], pieces)))


def test_json_keeps_nested_schedules() -> None:
    training = nested()
    read = dl.Training.from_json(training.to_json())
    assert read.optimizer.config() == training.optimizer.config()
    ours, theirs = training.optimizer.learning_rate, read.optimizer.learning_rate
    assert isinstance(ours, dl.Schedule)
    assert isinstance(theirs, dl.Schedule)
    assert theirs.curve(600) == ours.curve(600)


def test_json_refuses_a_users_schedule_within_others() -> None:
    schedule = dl.Warmup(Sawtooth(dl.Constant(0.1)), 5)
    training = dl.Training(dl.MSE(), dl.SGD(schedule))
    with pytest.raises(DefinitionError, match="Sawtooth is not one of polydl's own"):
        training.to_json()


def test_json_refuses_another_part_in_a_schedules_place() -> None:
    given = json.loads(nested().to_json())
    given["optimizer"]["learning_rate"]["values"][0]["schedule"] = {"kind": "polydl:MSE@1"}
    with pytest.raises(dl.errors.PolydlError, match="schedule must be a number or a dl"):
        dl.Training.from_json(json.dumps(given))


def test_every_schedule_names_what_frameworks_call_it() -> None:
    for kind, cls in CLASSES.items():
        if issubclass(cls, dl.Schedule):
            text = (cls.__doc__ or "").lower()
            assert any(name in text for name in ("torch", "keras", "optax", "framework")), kind
