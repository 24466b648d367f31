"""Rows of schedules."""

from __future__ import annotations

from collections.abc import Callable

from polydl import schedules as s
from polydl.conformance import expectations_schedules as e
from polydl.conformance.row import ScheduleRow
from polydl.schedules.schedule import Schedule


def _row(name: str, make: Callable[[], Schedule], formula: e.Rate) -> ScheduleRow:
    return ScheduleRow(name, (make().kind,), make, formula)


_PIECES = (
    e.warmup(e.cosine(0.1, 40), 10),
    e.constant(0.02),
    e.restarts(0.05, 7, 0.001, 2, 0.9),
)

SCHEDULE_ROWS: tuple[ScheduleRow, ...] = (
    _row("constant", lambda: s.Constant(0.1), e.constant(0.1)),
    _row("step decay", lambda: s.StepDecay(0.1, 30, 0.5), e.step_decay(0.1, 30, 0.5)),
    _row(
        "multi-step decay",
        lambda: s.MultiStepDecay(0.1, (1, 60, 61, 100), 0.3),
        e.multi_step(0.1, (1, 60, 61, 100), 0.3),
    ),
    _row(
        "multi-step decay, many",
        lambda: s.MultiStepDecay(0.1, tuple(range(7, 200, 9)), 0.8),
        e.multi_step(0.1, range(7, 200, 9), 0.8),
    ),
    _row(
        "exponential decay",
        lambda: s.ExponentialDecay(0.1, 30, 0.96),
        e.exponential(0.1, 30, 0.96),
    ),
    _row(
        "polynomial decay, a line up",
        lambda: s.PolynomialDecay(0.01, 100, 0.1),
        e.polynomial(0.01, 100, 0.1, 1.0),
    ),
    _row(
        "polynomial decay, to 0",
        lambda: s.PolynomialDecay(0.1, 100, power=0.5),
        e.polynomial(0.1, 100, 0.0, 0.5),
    ),
    _row(
        "polynomial decay",
        lambda: s.PolynomialDecay(0.1, 90, 0.01, 2.0),
        e.polynomial(0.1, 90, 0.01, 2.0),
    ),
    _row("cosine decay", lambda: s.CosineDecay(0.1, 100), e.cosine(0.1, 100)),
    _row("cosine decay, to 0.01", lambda: s.CosineDecay(0.1, 77, 0.01), e.cosine(0.1, 77, 0.01)),
    _row(
        "cosine restarts",
        lambda: s.CosineRestarts(0.1, 40, 0.01),
        e.restarts(0.1, 40, 0.01, 1, 1.0),
    ),
    _row(
        "cosine restarts, doubled",
        lambda: s.CosineRestarts(0.1, 10, t_mul=2, m_mul=0.7),
        e.restarts(0.1, 10, 0.0, 2, 0.7),
    ),
    _row(
        "cosine restarts, tripled",
        lambda: s.CosineRestarts(0.1, 3, 0.001, t_mul=3),
        e.restarts(0.1, 3, 0.001, 3, 1.0),
    ),
    _row("warm-up, flat", lambda: s.Warmup(0.1, 20), e.warmup(e.constant(0.1), 20)),
    _row(
        "warm-up, cosine",
        lambda: s.Warmup(s.CosineDecay(0.1, 100, 0.001), 20, 0.02),
        e.warmup(e.cosine(0.1, 100, 0.001), 20, 0.02),
    ),
    _row(
        "one cycle",
        lambda: s.OneCycle(0.1, 200),
        e.one_cycle([(0, 0.004), (59, 0.1), (199, 4e-7)], True),
    ),
    _row(
        "one cycle, three phases",
        lambda: s.OneCycle(0.1, 101, 0.25, 10.0, 100.0, True, "linear"),
        e.one_cycle([(0, 0.01), (24.25, 0.1), (48.5, 0.01), (100, 1e-4)], False),
    ),
    _row("inverse root", lambda: s.InverseSqrt.noam(512, 40), e.noam(512, 40)),
    _row(
        "piecewise constant",
        lambda: s.Piecewise((30, 31, 60), (0.1, 0.2, 0.0, 0.01)),
        e.piecewise((30, 31, 60), [e.constant(r) for r in (0.1, 0.2, 0.0, 0.01)]),
    ),
    _row(
        "piecewise, of schedules",
        lambda: s.Piecewise(
            (50, 80),
            (s.Warmup(s.CosineDecay(0.1, 40), 10), 0.02, s.CosineRestarts(0.05, 7, 0.001, 2, 0.9)),
        ),
        e.piecewise((50, 80), _PIECES),
    ),
)
