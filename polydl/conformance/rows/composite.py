"""Rows of whole models. The oracle alone says what they give."""

from __future__ import annotations

from dataclasses import replace

from polydl.conformance import models
from polydl.conformance.row import COMPOSITE, Row
from polydl.conformance.samplers import booleans, integers, normal
from polydl.spec.input import Input

_IMAGE = Input((None, 8, 8, 1))
_BOTH = (False, True)


def _row(name: str, model: object, inputs: object, samples: object, **more: object) -> Row:
    return Row(name, (COMPOSITE,), model, inputs, samples, **more)  # type: ignore[arg-type]


ROWS: tuple[Row, ...] = (
    _row(
        "residual CNN", models.residual_cnn, Input((None, 6, 6, 1)), normal(3, 6, 6, 1),
        modes=_BOTH, portable=True,
    ),
    _row("digits CNN", models.digits_cnn, _IMAGE, normal(4, 8, 8, 1), modes=_BOTH, portable=True),
    _row(
        "tied transformer", models.Encoder, Input((None, None), "int"), integers(2, 5, high=11),
        resized=integers(3, 4, high=11), gradients=False,
    ),
    _row(
        "transformer, training", models.Encoder, Input((None, 4), "int"), integers(2, 4, high=11),
        modes=_BOTH, portable=True, seed=1,
    ),
    _row("module used twice", models.Twice, Input((None, 3, 4)), normal(2, 3, 4)),
    _row("nested Sequential", models.nested, Input((None, 5)), normal(3, 5)),
    _row(
        "dict in and out", models.DictModel,
        {"image": Input((None, 4)), "ids": Input((None, 2), "int"), "mask": Input((None,), "bool")},
        {"image": normal(3, 4), "ids": integers(3, 2), "mask": booleans(3)},
    ),
    _row(
        "tuple in and out", models.TupleModel, (Input((None, 4)), Input((None, 4))),
        (normal(2, 4), normal(2, 4)),
    ),
    _row("own state", models.RunningMaximum, Input((None, 3)), normal(4, 3), modes=_BOTH),
    _row("reserved names", models.Reserved, Input((None, 3)), normal(2, 3)),
    _row("number times tensor", models.scaled, Input((None, 4)), normal(3, 4)),
    _row(
        "any image size", models.convolutional, Input((None, None, None, 2)), normal(2, 6, 5, 2),
        resized=normal(1, 4, 7, 2),
    ),
)  # fmt: skip

# what goes through every round trip: in evaluation mode, without portable randomness
ROUND_TRIPS: tuple[Row, ...] = tuple(
    replace(row, name=f"{row.name}, plain", modes=(False,), portable=False) if row.portable else row
    for row in ROWS
    if row.name != "transformer, training"
)
