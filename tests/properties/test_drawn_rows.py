"""Drawn layers on drawn sizes: every backend against the oracle, values and gradients, in float64.

`make test` runs a few fixed examples of each family; `make conformance` runs POLYDL_EXAMPLES of them,
new ones each time.
"""

from __future__ import annotations

import os

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from strategies import FAMILIES

from polydl.conformance import checks, oracle
from polydl.conformance.nets import Target, gives_gradients

MANY = int(os.environ.get("POLYDL_EXAMPLES", "0"))
FEW = settings(
    max_examples=MANY or 4,
    derandomize=not MANY,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate, Phase.shrink] if MANY else [Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.parametrize("family", FAMILIES)
def test_family(backend: str, family: str) -> None:
    @FEW
    @given(st.data())
    def holds(data: st.DataObject) -> None:
        row = data.draw(FAMILIES[family])
        target = Target(backend)
        checks.forward(row, target).require()
        sizes = [np.size(x) for x in oracle.case(row).inputs]
        if row.gradients and all(sizes) and gives_gradients(backend):
            checks.gradients(row, target).require()

    holds()
