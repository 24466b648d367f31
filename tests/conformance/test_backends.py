"""Every row on every backend: natives and definitions against the oracle.

In float64 and float32; of half-size floats a few rows. `make conformance` has all of them.
"""

from __future__ import annotations

import pytest

from polydl.conformance.gaps import gap_of
from polydl.conformance.nets import Target, gives_gradients
from polydl.conformance.suite import backend_checks
from polydl.precision import DTYPES, is_low

# rows that are checked in every precision
SOME = ("dense", "norms", "conv, same", "average pool", "cross-entropy", "residual CNN")

# the checks of one backend are those of any
CASES = [
    pytest.param(dtype, number, id=f"{dtype}-{check}")
    for dtype in DTYPES
    for number, check in enumerate(backend_checks(Target("any", dtype=dtype)))
    if not is_low(dtype) or check.item in SOME
]


@pytest.mark.parametrize(("dtype", "number"), CASES)
def test_check(
    backend: str, device: str, dtype: str, number: int, request: pytest.FixtureRequest
) -> None:
    check = list(backend_checks(Target(backend, True, dtype, device)))[number]
    if check.kind.startswith(("gradients", "ties")) and not gives_gradients(backend):
        pytest.skip("this backend's models give no gradients")
    gap = gap_of(check, backend)
    if gap is not None:
        request.applymarker(pytest.mark.xfail(reason=str(gap), strict=True))
    check.run().require()
