"""Rows of optimizers: settings away from the defaults, and weight decay, in most."""

from __future__ import annotations

from typing import Any

from polydl import optimizers as o
from polydl.conformance import expectations_optimizers as e
from polydl.conformance.row import OptimizerRow
from polydl.training.groups import ParameterGroup


def _row(
    name: str, kind: str, optimizer: Any, formula: e.Formula, rate: float, scheduled: bool = True,
    head: float = 0.5,
) -> OptimizerRow:  # fmt: skip
    """head: a factor of the learning rate of the last layer."""
    parts = (kind, "newton_schulz") if kind == "Muon" else (kind,)
    items = tuple(f"polydl:{part}@1" for part in parts)
    groups = () if head == 1.0 else (ParameterGroup("4.*", rate=head),)
    formula = e.grouped(formula, {"4.": (formula, head)})
    return OptimizerRow(name, items, optimizer, formula, rate, scheduled, groups)


_GROUPED: tuple[OptimizerRow, ...] = (
    OptimizerRow(
        "sgd, groups", ("polydl:SGD@1",),
        lambda r: o.SGD(r, momentum=0.9, nesterov=True, weight_decay=0.05),
        e.grouped(e.sgd(0.9, True, weight_decay=0.05),
                  {"0.": (None, 1.0), "4.": (e.sgd(0.9, weight_decay=0.05), 0.5)}),
        0.05,
        groups=(ParameterGroup("0.*", frozen=True),
                ParameterGroup("4.*", rate=0.5, settings={"nesterov": False})),
    ),
    OptimizerRow(
        "lion, groups", ("polydl:Lion@1",), lambda r: o.Lion(r, weight_decay=0.1),
        e.grouped(e.lion(0.1), {"0.": (None, 1.0), "2.kernel": (e.lion(0.2, 0.5), 1.0),
                                "4.": (e.lion(0.1), 0.5)}),
        0.005,
        scheduled=False,
        groups=(ParameterGroup("0.*", frozen=True), ParameterGroup("4.*", rate=0.5),
                ParameterGroup("2.kernel", settings={"beta1": 0.5, "weight_decay": 0.2})),
    ),
)  # fmt: skip

OPTIMIZER_ROWS: tuple[OptimizerRow, ...] = (
    _row("sgd", "SGD", lambda r: o.SGD(r), e.sgd(), 0.1, False, 1.0),
    _row("sgd, momentum", "SGD", lambda r: o.SGD(r, momentum=0.8), e.sgd(0.8), 0.05, True, 1.0),
    _row("sgd, nesterov", "SGD", lambda r: o.SGD(r, momentum=0.9, nesterov=True, weight_decay=0.05),
         e.sgd(0.9, True, weight_decay=0.05), 0.05, True, 1.0),
    _row("sgd, dampening", "SGD", lambda r: o.SGD(r, momentum=0.9, dampening=0.3, weight_decay=0.05),
         e.sgd(0.9, dampening=0.3, weight_decay=0.05), 0.05, False),
    _row("sgd, decoupled", "SGD", lambda r: o.SGD(r, 0.9, weight_decay=0.05, decoupled=True),
         e.sgd(0.9, weight_decay=0.05, decoupled=True), 0.05),
    _row("adam", "Adam", lambda r: o.Adam(r), e.adam(), 0.02, False),
    _row("adam, amsgrad, decay", "Adam", lambda r: o.Adam(r, weight_decay=0.05, amsgrad=True),
         e.adam(weight_decay=0.05, amsgrad=True), 0.02, False),
    _row("adam, large epsilon", "Adam", lambda r: o.Adam(r, beta1=0.8, beta2=0.95, epsilon=0.05),
         e.adam(0.8, 0.95, 0.05), 0.02),
    _row("adamw", "AdamW", lambda r: o.AdamW(r, weight_decay=0.1),
         e.adam(weight_decay=0.1, decoupled=True), 0.02),
    _row("adamw, constant rate", "AdamW", lambda r: o.AdamW(r, weight_decay=0.1),
         e.adam(weight_decay=0.1, decoupled=True), 0.02, False),
    _row("nadam", "NAdam", lambda r: o.NAdam(r, weight_decay=0.05),
         e.nadam(0.004, weight_decay=0.05), 0.02, False),
    _row("nadam, decoupled", "NAdam",
         lambda r: o.NAdam(r, momentum_decay=1.0, weight_decay=0.05, decoupled=True),
         e.nadam(1.0, weight_decay=0.05, decoupled=True), 0.02),
    _row("radam", "RAdam", lambda r: o.RAdam(r, weight_decay=0.05),
         e.radam(0.999, weight_decay=0.05), 0.02, False),
    _row("radam, decoupled", "RAdam",
         lambda r: o.RAdam(r, beta2=0.9, weight_decay=0.05, decoupled=True),
         e.radam(0.9, weight_decay=0.05, decoupled=True), 0.02),
    _row("adamax", "Adamax", lambda r: o.Adamax(r, beta2=0.99, weight_decay=0.05),
         e.adamax(weight_decay=0.05), 0.02),
    _row("adamax, constant rate", "Adamax", lambda r: o.Adamax(r, beta2=0.99), e.adamax(), 0.02, False),
    _row("rmsprop", "RMSprop", lambda r: o.RMSprop(r, rho=0.95, weight_decay=0.05),
         e.rmsprop(0.0, False, False, weight_decay=0.05), 0.005, False),
    _row("rmsprop, centered, momentum", "RMSprop",
         lambda r: o.RMSprop(r, rho=0.95, momentum=0.7, centered=True),
         e.rmsprop(0.7, True, False), 0.002),
    _row("rmsprop, epsilon inside", "RMSprop",
         lambda r: o.RMSprop(r, rho=0.95, epsilon=1e-3, epsilon_inside=True),
         e.rmsprop(0.0, False, True, 1e-3), 0.005, False),
    _row("rmsprop, all of it", "RMSprop",
         lambda r: o.RMSprop(r, 0.95, 1e-4, 0.7, True, True, weight_decay=0.05, decoupled=True),
         e.rmsprop(0.7, True, True, 1e-4, weight_decay=0.05, decoupled=True), 0.002),
    _row("adagrad", "Adagrad", lambda r: o.Adagrad(r, weight_decay=0.05),
         e.adagrad(0.0, False, 1e-10, weight_decay=0.05), 0.1, False),
    _row("adagrad, epsilon inside", "Adagrad",
         lambda r: o.Adagrad(r, epsilon=1e-7, initial_sum=0.25, epsilon_inside=True),
         e.adagrad(0.25, True, 1e-7), 0.1),
    _row("adadelta", "Adadelta", lambda r: o.Adadelta(r), e.adadelta(), 1.0, False),
    _row("adadelta, decay", "Adadelta", lambda r: o.Adadelta(r, weight_decay=0.05),
         e.adadelta(weight_decay=0.05), 1.0),
    _row("lion", "Lion", lambda r: o.Lion(r, weight_decay=0.1), e.lion(0.1), 0.005),
    _row("lamb", "LAMB", lambda r: o.LAMB(r, weight_decay=0.05), e.lamb(0.05), 0.02),
    _row("lamb, constant rate", "LAMB", lambda r: o.LAMB(r), e.lamb(0.0), 0.02, False),
    _row("adafactor", "Adafactor", lambda r: o.Adafactor(r, weight_decay=0.05),
         e.adafactor(0.05), 0.1, False),
    _row("adafactor, absolute", "Adafactor",
         lambda r: o.Adafactor(r, scale_parameter=False, relative_step=False),
         e.adafactor(0.0, scaled=False), 0.02),
    _row("muon", "Muon", lambda r: o.Muon(r, weight_decay=0.1), e.muon("original", True, 0.1), 0.02),
    _row("muon, like adamw", "Muon",
         lambda r: o.Muon(r, nesterov=False, adjustment="match_rms_adamw", adamw_rate=0.5),
         e.muon("match_rms_adamw", False, 0.0, 0.5), 0.02, False),
    *_GROUPED,
)  # fmt: skip
