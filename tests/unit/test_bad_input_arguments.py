"""Misspelt arguments are answered with the nearest that there is."""

from __future__ import annotations

import pytest

import polydl as dl
from polydl.errors import DefinitionError


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: dl.ParameterGroup("head.*", learning_rate=0.1),
         "ParameterGroup takes no 'learning_rate'. Give rate, a factor of the run's learning rate"),
        (lambda: dl.ParameterGroup("head.*", weight_decay=0.0), 'Give settings={"weight_decay"'),
        (lambda: dl.ParameterGroup("head.*", frozn=True), "Did you mean 'frozen'"),
        (lambda: dl.Training(dl.MSE(), dl.SGD(0.1), batchsize=8),
         "Training takes no 'batchsize'. Did you mean 'batch_size'"),
        (lambda: dl.Training(dl.MSE(), dl.SGD(0.1), lr=0.1), "Give it to the optimizer"),
        (lambda: dl.Checkpoint("runs", every_epoch=2), "Did you mean 'every_epochs'"),
        (lambda: dl.LossScale(grow=2.0), "Did you mean 'growth'"),
        (lambda: dl.EarlyStopping(min_deltas=0.1), "EarlyStopping takes no 'min_deltas'"),
        (lambda: dl.Dense(3, bias=False), "Dense takes no 'bias'. Did you mean 'use_bias'"),
    ],
)  # fmt: skip
def test_misspelt_arguments(make, text):
    with pytest.raises(DefinitionError) as caught:
        make()
    assert text in str(caught.value)
