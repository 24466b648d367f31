"""Rows of losses: several to a model, as modules; those of training programs stand in training.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from polydl import losses
from polydl.conformance import expectations_losses as e
from polydl.conformance.row import Array, Row, TieRow, Weights
from polydl.conformance.samplers import Rng, Sampler, fixed, integers, normal, spread, uniform
from polydl.losses.loss import Loss
from polydl.spec.input import Input
from polydl.spec.module import Module
from polydl.spec.tensor import Tensor


@dataclass(frozen=True)
class Case:
    """A loss of (outputs, targets), and of the weights at a place among the row's, with its formula.

    values: of outputs, or of outputs and targets. counts: of targets, what each counts in a mean.
    """

    loss: Callable[[], Loss]
    values: Callable[..., Array]
    weights: int | None = None
    counts: Callable[[Array], Any] | None = None


class Losses(Module):
    """Several losses of the same outputs, targets and weights."""

    def __init__(self, parts: Mapping[str, Loss], weights: Mapping[str, int | None], targets: bool):
        self.parts, self.weights, self.targets = dict(parts), dict(weights), targets

    def __call__(self, *given: Tensor) -> dict[str, Tensor]:
        outputs, *others = given
        targets = others.pop(0) if self.targets else None
        found = {}
        for name, loss in self.parts.items():
            place = self.weights[name]
            weights = () if place is None else (others[place],)
            found[name] = loss(outputs, targets, *weights)
        return found


def row_of(
    name: str, items: str, inputs: Sequence[Any], samples: Sequence[Sampler], /, *,
    targets: bool = True, gradients: bool = True, **cases: Case,
) -> Row:  # fmt: skip
    """A Row of several losses. items: names of losses."""

    def model() -> Module:
        parts = {key: case.loss() for key, case in cases.items()}
        return Losses(parts, {key: case.weights for key, case in cases.items()}, targets)

    def expected(_: Weights, given: list[Array], training: bool) -> tuple[list[Array], Any]:
        outputs, *others = given
        known = [others.pop(0)] if targets else []
        found = []
        for case in cases.values():
            weights = None if case.weights is None else others[case.weights]
            counts = 1.0 if case.counts is None else case.counts(known[0])
            reduction = case.loss().reduction
            values = case.values(outputs, *known)
            found.append(e.reduced(values, reduction, weights, counts))
        return found, {}

    kinds = tuple(f"polydl:{item}@1" for item in items.split())
    return Row(name, kinds, model, tuple(inputs), tuple(samples), expected, gradients=gradients)


def one_of(values: Sequence[float], *shape: int) -> Sampler:
    return lambda rng: rng.choice(np.array(values), shape)


def distributions(*shape: int) -> Sampler:
    """Probabilities along the last axis, none of them small."""

    def sample(rng: Rng) -> Array:
        p = rng.uniform(0.2, 1.0, shape)
        return p / p.sum(-1, keepdims=True)

    return sample


_mse = e.each(lambda o, t: (o - t) ** 2)
_mae = e.each(lambda o, t: abs(o - t))
_hinge = e.each(lambda o, t: max(0.0, 1 - o * t))
_weights3 = (0.5, 2.0, 1.25)
_weights4 = (0.5, 2.0, 1.25, 3.0)
_cosine, _kl = e.by_vector(e.cosine), e.by_vector(e.kl_divergence)
_crammer = e.by_vector(e.categorical_hinge)


def _kept(labels: Array) -> Array:
    return (labels != -1) * 1.0


ROWS: tuple[Row | TieRow, ...] = (
    row_of(
        "losses of numbers", "MSE MAE Huber SmoothL1 LogCosh",
        (Input((None, 3, 4)), Input((None, 3, 4)), Input((None,)), Input((None, 3, 4))),
        (spread(2, 3, 4), normal(2, 3, 4), uniform(2, low=0.5, high=2.0),
         uniform(2, 3, 4, low=0.5, high=2.0)),
        mse=Case(losses.MSE, _mse),
        mse_sum=Case(lambda: losses.MSE(reduction="sum"), _mse),
        mse_none=Case(lambda: losses.MSE(reduction="none"), _mse),
        mse_weighted=Case(losses.MSE, _mse, 0),
        mse_of_elements=Case(lambda: losses.MSE(reduction="weighted_mean"), _mse, 1),
        mae=Case(losses.MAE, _mae),
        mae_weighted=Case(lambda: losses.MAE(reduction="none"), _mae, 0),
        huber=Case(losses.Huber, e.huber(1.0)),
        huber_small=Case(lambda: losses.Huber(0.4, reduction="weighted_mean"), e.huber(0.4), 0),
        huber_sum=Case(lambda: losses.Huber(2.0, reduction="sum"), e.huber(2.0), 1),
        smooth_l1=Case(losses.SmoothL1, e.huber(1.0)),
        smooth_l1_small=Case(
            lambda: losses.SmoothL1(0.4), lambda o, t: e.huber(0.4)(o, t) / 0.4, 0
        ),
        smooth_l1_of_0=Case(lambda: losses.SmoothL1(0.0, reduction="sum"), _mae),
        log_cosh=Case(losses.LogCosh, e.each(e.log_cosh)),
        log_cosh_none=Case(lambda: losses.LogCosh(reduction="none"), e.each(e.log_cosh), 0),
    ),
    row_of(
        "losses of labels", "CrossEntropy NLL Focal CategoricalHinge",
        (Input((None, 4)), Input((None,), "int"), Input((None,))),
        (spread(7, 4, low=-3.0, high=2.5), fixed([0, 3, -1, 2, 1, -1, 3], np.int32),
         uniform(7, low=0.5, high=2.0)),
        ignored=Case(
            lambda: losses.CrossEntropy(ignore_index=-1), e.cross_entropy(ignored=-1), None, _kept
        ),
        ignored_weighted=Case(
            lambda: losses.CrossEntropy(ignore_index=-1, label_smoothing=0.2),
            e.cross_entropy(0.2, ignored=-1), 0, _kept,
        ),
        ignored_sum=Case(
            lambda: losses.CrossEntropy(ignore_index=-1, reduction="sum"),
            e.cross_entropy(ignored=-1),
        ),
        classes=Case(
            lambda: losses.CrossEntropy(
                class_weights=_weights4, ignore_index=-1, label_smoothing=0.1,
                reduction="weighted_mean",
            ),
            e.cross_entropy(0.1, _weights4, -1), 0, e.weight_of_label(_weights4, -1),
        ),
        classes_mean=Case(
            lambda: losses.CrossEntropy(class_weights=_weights4, ignore_index=-1),
            e.cross_entropy(0.0, _weights4, -1), None, _kept,
        ),
        nll=Case(
            lambda: losses.NLL(ignore_index=-1, reduction="none"), e.nll(ignored=-1), 0
        ),
        nll_mean=Case(
            lambda: losses.NLL(_weights4, ignore_index=-1), e.nll(_weights4, -1), None, _kept
        ),
    ),
    row_of(
        "losses of labels, rank 3", "CrossEntropy NLL Focal CategoricalHinge",
        (Input((None, 2, 3)), Input((None, 2), "int"), Input((None,)), Input((None, 2))),
        (spread(5, 2, 3, low=-3.0, high=2.5), integers(5, 2, high=3),
         uniform(5, low=0.5, high=2.0), uniform(5, 2, low=0.5, high=2.0)),
        plain=Case(losses.CrossEntropy, e.cross_entropy()),
        smooth=Case(lambda: losses.CrossEntropy(label_smoothing=0.1), e.cross_entropy(0.1)),
        sum=Case(lambda: losses.CrossEntropy(reduction="sum"), e.cross_entropy()),
        none=Case(lambda: losses.CrossEntropy(reduction="none"), e.cross_entropy()),
        weighted=Case(losses.CrossEntropy, e.cross_entropy(), 0),
        weighted_mean=Case(
            lambda: losses.CrossEntropy(reduction="weighted_mean"), e.cross_entropy(), 0
        ),
        of_elements=Case(
            lambda: losses.CrossEntropy(label_smoothing=0.2, reduction="weighted_mean"),
            e.cross_entropy(0.2), 1,
        ),
        classes=Case(
            lambda: losses.CrossEntropy(class_weights=_weights3, reduction="weighted_mean"),
            e.cross_entropy(0.0, _weights3), None, e.weight_of_label(_weights3),
        ),
        classes_mean=Case(
            lambda: losses.CrossEntropy(class_weights=_weights3), e.cross_entropy(0.0, _weights3), 1
        ),
        nll=Case(losses.NLL, e.nll()),
        nll_classes=Case(
            lambda: losses.NLL(_weights3, reduction="weighted_mean"), e.nll(_weights3), None,
            e.weight_of_label(_weights3),
        ),
        nll_none=Case(lambda: losses.NLL(reduction="none"), e.nll(), 0),
        focal=Case(lambda: losses.Focal(targets="labels"), e.label_focal(0.25, 2.0)),
        focal_classes=Case(
            lambda: losses.Focal(_weights3, 0.5, "labels"), e.label_focal(_weights3, 0.5), 0
        ),
        focal_plain=Case(
            lambda: losses.Focal(None, 0.0, "labels", reduction="none"), e.label_focal(None, 0.0)
        ),
        hinge=Case(losses.CategoricalHinge, _crammer),
        hinge_none=Case(lambda: losses.CategoricalHinge(reduction="none"), _crammer, 1),
    ),
    row_of(
        "losses of distributions",
        "CrossEntropy KLDivergence BinaryCrossEntropy CosineSimilarity Dice Poisson",
        (Input((None, 2, 3)), Input((None, 2, 3)), Input((None,))),
        (uniform(4, 2, 3, low=0.2, high=1.5), distributions(4, 2, 3), uniform(4, low=0.5, high=2.0)),
        soft=Case(lambda: losses.CrossEntropy("probabilities"), e.cross_entropy()),
        soft_smooth=Case(
            lambda: losses.CrossEntropy("probabilities", 0.1, reduction="none"),
            e.cross_entropy(0.1), 0,
        ),
        soft_classes=Case(
            lambda: losses.CrossEntropy("probabilities", 0.0, _weights3),
            e.cross_entropy(0.0, _weights3),
        ),
        soft_classes_mean=Case(
            lambda: losses.CrossEntropy(
                "probabilities", class_weights=_weights3, reduction="weighted_mean"
            ),
            e.cross_entropy(0.0, _weights3), None, lambda p: p @ np.array(_weights3),
        ),
        kl=Case(losses.KLDivergence, _kl),
        kl_weighted=Case(lambda: losses.KLDivergence(reduction="sum"), _kl, 0),
        kl_log=Case(
            lambda: losses.KLDivergence(log_targets=True), lambda o, t: _kl(o, np.exp(t))
        ),
        bce=Case(losses.BinaryCrossEntropy, e.binary_cross_entropy()),
        bce_sum=Case(
            lambda: losses.BinaryCrossEntropy(reduction="sum"), e.binary_cross_entropy(), 0
        ),
        bce_positive=Case(
            lambda: losses.BinaryCrossEntropy(2.5), e.binary_cross_entropy(2.5)
        ),
        bce_positive_none=Case(
            lambda: losses.BinaryCrossEntropy(0.5, reduction="none"), e.binary_cross_entropy(0.5), 0
        ),
        cosine=Case(losses.CosineSimilarity, _cosine),
        cosine_weighted=Case(losses.CosineSimilarity, _cosine, 0),
        cosine_none=Case(lambda: losses.CosineSimilarity(reduction="none"), _cosine),
        dice=Case(losses.Dice, e.dice("sigmoid", 1.0)),
        dice_softmax=Case(
            lambda: losses.Dice(0.0, "softmax", reduction="none"), e.dice("softmax", 0.0)
        ),
        dice_squared=Case(
            lambda: losses.Dice(0.5, None, True), e.dice(None, 0.5, True), 0
        ),
        poisson=Case(losses.Poisson, e.each(lambda o, t: np.exp(o) - t * o)),
        poisson_rates=Case(
            lambda: losses.Poisson(False, 1e-3), e.each(lambda o, t: o - t * np.log(o + 1e-3)), 0
        ),
    ),
    row_of(
        "losses of a matrix", "CrossEntropy KLDivergence BinaryCrossEntropy CosineSimilarity Dice",
        (Input((None, 4)), Input((None, 4)), Input((None,))),
        (normal(3, 4), distributions(3, 4), uniform(3, low=0.5, high=2.0)),
        soft=Case(lambda: losses.CrossEntropy("probabilities", 0.2), e.cross_entropy(0.2)),
        soft_sum=Case(
            lambda: losses.CrossEntropy("probabilities", reduction="sum"), e.cross_entropy()
        ),
        kl=Case(losses.KLDivergence, _kl),
        kl_none=Case(lambda: losses.KLDivergence(reduction="none"), _kl),
        bce=Case(losses.BinaryCrossEntropy, e.binary_cross_entropy(), 0),
        cosine=Case(lambda: losses.CosineSimilarity(reduction="weighted_mean"), _cosine, 0),
        dice=Case(losses.Dice, e.dice("sigmoid", 1.0)),
    ),
    row_of(
        "losses of two classes", "Focal Hinge SquaredHinge BinaryCrossEntropy",
        (Input((None, 6)), Input((None, 6))),
        (spread(4, 6, low=-3.0, high=3.2), one_of([0.0, 1.0], 4, 6)),
        focal=Case(losses.Focal, e.binary_focal(0.25, 2.0)),
        focal_plain=Case(lambda: losses.Focal(None, 0.5), e.binary_focal(None, 0.5)),
        focal_none=Case(
            lambda: losses.Focal(0.9, 0.0, reduction="none"), e.binary_focal(0.9, 0.0)
        ),
        hinge=Case(losses.Hinge, _hinge),
        hinge_sum=Case(lambda: losses.Hinge(reduction="sum"), _hinge),
        squared_hinge=Case(losses.SquaredHinge, lambda o, t: _hinge(o, t) ** 2),
    ),
    row_of(
        "hinges of signs", "Hinge SquaredHinge", (Input((None, 6)), Input((None, 6))),
        (spread(4, 6, low=-3.0, high=3.2), one_of([-1.0, 1.0], 4, 6)),
        hinge=Case(lambda: losses.Hinge(reduction="none"), _hinge),
        squared=Case(lambda: losses.SquaredHinge(reduction="none"), lambda o, t: _hinge(o, t) ** 2),
    ),
    row_of(
        "losses of triplets", "TripletMargin", (Input((None, 3, 4)), Input((None,))),
        (normal(6, 3, 4), uniform(6, low=0.5, high=2.0)), targets=False,
        plain=Case(losses.TripletMargin, e.triplet_margin()),
        of_p=Case(
            lambda: losses.TripletMargin(0.5, 1.0, reduction="none"), e.triplet_margin(0.5, 1.0)
        ),
        of_p_3=Case(lambda: losses.TripletMargin(2.0, 3.0, 0.01), e.triplet_margin(2.0, 3.0, 0.01)),
        swap=Case(
            lambda: losses.TripletMargin(swap=True, reduction="sum"), e.triplet_margin(swap=True)
        ),
        weighted=Case(losses.TripletMargin, e.triplet_margin(), 0),
    ),
    row_of(
        "losses of pairs", "Contrastive", (Input((None, 2, 4)), Input((None,))),
        (normal(5, 2, 4), uniform(5, low=0.5, high=2.0)), targets=False,
        other=Case(lambda: losses.Contrastive(0.5), e.contrastive(0.5)),
        forth=Case(
            lambda: losses.Contrastive(0.07, symmetric=False, reduction="none"),
            e.contrastive(0.07, symmetric=False),
        ),
        both=Case(
            lambda: losses.Contrastive(0.5, "both", reduction="none"), e.contrastive(0.5, both=True)
        ),
        weighted=Case(lambda: losses.Contrastive(0.5), e.contrastive(0.5), 0),
    ),
    row_of(
        "loss of alignments", "CTC",
        (Input((None, 4, 4)), Input((None, None), "int"), Input((None,))),
        (normal(5, 4, 4, stddev=2.0),
         fixed([[1, 2], [2, 2], [1, -1], [-1, -1], [2, 1]], np.int32), uniform(5, low=0.5, high=2.0)),
        plain=Case(losses.CTC, e.ctc()),
        none=Case(lambda: losses.CTC(reduction="none"), e.ctc()),
        weighted=Case(lambda: losses.CTC(reduction="sum"), e.ctc(), 0),
        per_label=Case(lambda: losses.CTC(per_label=True), e.ctc(per_label=True)),
        blank_last=Case(
            lambda: losses.CTC(3, per_label=True, reduction="none"), e.ctc(3, True), 0
        ),
    ),
)  # fmt: skip
