"""Which checks there are for a backend, as functions that give Outcomes. Tests and table draw here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from polydl.conformance import (
    checks,
    checks_metrics,
    checks_optimizers,
    checks_roundtrip,
    checks_schedules,
    checks_scores,
    checks_stages,
    checks_training,
)
from polydl.conformance.nets import Target, gives_gradients
from polydl.conformance.outcome import Outcome
from polydl.conformance.row import COMPOSITE, Row
from polydl.conformance.rows import (
    METRICS,
    OPTIMIZERS,
    RANDOM,
    ROWS,
    SCHEDULES,
    SCORES,
    STAGES,
    TIES,
)
from polydl.precision import is_low


@dataclass(frozen=True)
class Check:
    """One check of one row: `run` gives its Outcome. item: what the table lists it under."""

    item: str
    kind: str
    run: Callable[[], Outcome]
    dtype: str = "float64"

    def __str__(self) -> str:
        return f"{self.item}-{self.kind}"


def core_checks() -> Iterator[Check]:
    """The oracle against formulas, and Programs through JSON."""
    for row in ROWS:
        yield Check(row.name, "json", partial(checks_roundtrip.program_json, row))
        if row.expected is not None:
            for mode in row.modes:
                kind = f"formula{_mode(mode)}"
                yield Check(row.name, kind, partial(checks.formula, row, mode))
    for score in SCORES:
        yield Check(score.name, "formula", partial(checks_scores.formula, score))
    for metrics in METRICS:
        yield Check(metrics.name, "formula", partial(checks_metrics.formula, metrics))
    for rule in OPTIMIZERS:
        yield Check(rule.name, "formula", partial(checks_optimizers.formula, rule))
    for stages in STAGES:
        yield Check(stages.name, "formula", partial(checks_stages.formula, stages))
    for schedule in SCHEDULES:
        yield Check(schedule.name, "formula", partial(checks_schedules.formula, schedule))
        yield Check(schedule.name, "emitted", partial(checks_schedules.emitted, schedule))


def backend_checks(target: Target) -> Iterator[Check]:
    """What a backend is held against in one precision: natives, then definitions.

    A whole model's definitions are those of its parts, and only called. In lower precision natives
    are called, which stand for definitions where there are none.
    """
    for row in ROWS:
        whole = COMPOSITE in row.items
        run = partial(_forward, row, target)
        yield Check(row.name, _kind("forward", target), run, target.dtype)
        if target.dtype != "float64":
            continue
        plain = target.definitions()
        yield Check(row.name, _kind("forward", plain), partial(_forward, row, plain))
        for side in (target,) if whole else (target, plain):
            if row.gradients:
                yield Check(row.name, _kind("gradients", side), partial(_gradients, row, side))
            yield Check(row.name, _kind("weights", side), partial(checks.weights, row, side))
    yield from _score_checks(target)
    yield from _metric_checks(target)
    if target.dtype == "float64":
        yield from _double_checks(target)


def _score_checks(target: Target) -> Iterator[Check]:
    for score in SCORES:
        double = target.dtype == "float64"
        for side in (target, target.definitions()) if double else (target,):
            check = checks_scores.called_score if is_low(side.dtype) else checks_scores.score
            yield Check(score.name, _kind("score", side), partial(check, score, side), side.dtype)
            if double:
                run = partial(checks_scores.score_gradient, score, side)
                yield Check(score.name, _kind("gradients", side), run)


def _metric_checks(target: Target) -> Iterator[Check]:
    low = is_low(target.dtype)
    check = checks_metrics.contributions if low else checks_metrics.scores
    for row in METRICS:
        yield Check(row.name, _kind("score", target), partial(check, row, target), target.dtype)


def _double_checks(target: Target) -> Iterator[Check]:
    """What is checked in float64 only."""
    for drawn in RANDOM:
        for side in (target, target.definitions()):
            yield Check(drawn.name, _kind("random", side), partial(checks.random, drawn, side))
    for tie in TIES:
        for side in (target, target.definitions()):
            yield Check(tie.name, _kind("ties", side), partial(checks.ties, tie, side))
    for stages in STAGES:
        run = partial(checks_stages.updates, stages, target)
        yield Check(stages.name, _kind("updates", target), run)
    for rule in OPTIMIZERS:
        for side in (target, target.definitions()):
            run = partial(checks_optimizers.updates, rule, side)
            yield Check(rule.name, _kind("updates", side), run)


def round_trips(target: Target) -> Iterator[Check]:
    """Files, the framework's own formats, and the source alone."""
    for row in checks_roundtrip.ROUND_TRIPS:
        for check in checks_roundtrip.PER_ROW:
            yield Check(row.name, check.__name__, partial(check, row, target))
        for name, transform in checks_roundtrip.transforms(target.backend).items():
            small = row is checks_roundtrip.ROUND_TRIPS[0]
            if not transform.missing and (small or not transform.slow):
                run = partial(checks_roundtrip.transformed, row, target, name)
                yield Check(row.name, name, run)
    yield Check("training program", "alone", partial(checks_roundtrip.fit_alone, target))


def trajectories(first: Target, second: Target) -> Iterator[Check]:
    """Two backends' training runs, step by step."""
    for rule in checks_training.RULES:
        for check in (checks_training.losses, checks_training.final_weights):
            kind = f"{check.__name__}-{first.backend}-{second.backend}"
            yield Check(rule, kind, partial(check, rule, first, second))


def _forward(row: Row, target: Target) -> Outcome:
    """The worst of the row's modes and sizes; of the last mode alone where that says enough.

    Of the first, inference, in precisions that nothing is trained in.
    """
    brief = target.dtype != "float64" or (COMPOSITE in row.items and not target.natives)
    modes = row.modes[:1] if is_low(target.dtype) else row.modes[-1:] if brief else row.modes
    found = [checks.forward(row, target, mode) for mode in modes]
    if row.resized is not None and not brief:
        found.append(checks.forward(row, target, resized=True))
    return max(found, key=_share)


def _gradients(row: Row, target: Target) -> Outcome:
    if not gives_gradients(target.backend):
        raise NotImplementedError(f"the {target.backend} backend gives no gradients")
    modes = row.modes[-1:] if COMPOSITE in row.items else row.modes
    return max((checks.gradients(row, target, mode) for mode in modes), key=_share)


def _share(outcome: Outcome) -> float:
    """How much of its bound an error takes; NaN counts as the most."""
    if outcome.error != outcome.error:
        return float("inf")
    return outcome.error / outcome.bound if outcome.bound else outcome.error


def _mode(training: bool) -> str:
    return "-training" if training else ""


def _kind(name: str, target: Target) -> str:
    return f"{name}-{'native' if target.natives else 'definition'}"
