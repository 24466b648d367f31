"""The portable random bits: bit for bit an independent hash's, uniform and independent."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
from reference_helpers import INT_MAX, INT_MIN, INTS, evaluate

from polydl import random as portable


def mix32(x):
    """Wellons' lowbias32 on uint32 arrays."""
    x = x ^ (x >> np.uint32(16))
    x = x * np.uint32(0x7FEB352D)
    x = x ^ (x >> np.uint32(15))
    x = x * np.uint32(0x846CA68B)
    return x ^ (x >> np.uint32(16))


def hash32(positions, step, site):
    step = mix32(np.array([step], np.int64).astype(np.uint32))
    site = np.array([site], np.int64).astype(np.uint32)
    return mix32(mix32(positions.astype(np.uint32) ^ site) ^ mix32(step + site))


def mix_of_python_int(x):
    x ^= x >> 16
    x = x * 0x7FEB352D % 2**32
    x ^= x >> 15
    x = x * 0x846CA68B % 2**32
    return x ^ x >> 16


def hashed(positions, step, site):
    f = lambda position, step: portable.hash_bits(position, step, site=site)
    return evaluate(f, positions, np.asarray(step, np.int32))


@pytest.mark.parametrize("site", [0, 1, -1, 123456789, INT_MAX, INT_MIN])
@pytest.mark.parametrize("step", [0, 1, 1000, INT_MAX])
def test_hash_equals_an_independent_one_bit_for_bit(site, step):
    positions = np.concatenate([np.arange(5000, dtype=np.int32), INTS])
    actual = hashed(positions, step, site)
    assert actual.dtype == np.int32
    np.testing.assert_array_equal(actual.view(np.uint32), hash32(positions, step, site))


def test_mix_equals_python_integers():
    actual = evaluate(portable.mix, INTS).view(np.uint32)
    assert actual.tolist() == [mix_of_python_int(x % 2**32) for x in INTS.tolist()]


COUNT = 2**20
POSITIONS = np.arange(COUNT, dtype=np.int32)
SITE = 0x3C6EF372


@pytest.fixture(scope="module")
def stream():
    return hashed(POSITIONS, 3, SITE).view(np.uint32)


def chi_square(counts, expected):
    """p-value of counts against a uniform expectation."""
    statistic = np.sum((counts - expected) ** 2 / expected)
    return scipy.stats.chi2.sf(statistic, counts.size - 1)


def plausible(p):
    return 1e-4 < p < 1 - 1e-4


def test_hash_is_uniform(stream):
    for byte in range(4):
        counts = np.bincount((stream >> np.uint32(8 * byte)) & np.uint32(255), minlength=256)
        assert plausible(chi_square(counts, COUNT / 256))
    uniform = stream / 2.0**32
    assert abs(uniform.mean() - 0.5) < 4 * math.sqrt(1 / 12 / COUNT)
    assert plausible(scipy.stats.kstest(uniform, "uniform").pvalue)


STREAMS = {
    "next position": (1, 3, SITE),
    "next row": (64, 3, SITE),
    "next step": (0, 4, SITE),
    "far step": (0, 100_000, SITE),
    "next site": (0, 3, SITE + 1),
    "site one bit off": (0, 3, SITE ^ 0x40000000),
    "step and site swapped": (0, SITE, 3),
}


@pytest.mark.parametrize(("shift", "step", "site"), STREAMS.values(), ids=STREAMS)
def test_hash_is_independent_across(stream, shift, step, site):
    other = hashed(POSITIONS + np.int32(shift), step, site).view(np.uint32)
    assert abs(np.corrcoef(stream, other)[0, 1]) < 4 / math.sqrt(COUNT)
    high = (stream >> np.uint32(25) << np.uint32(7)) | (other >> np.uint32(25))  # 7 bits of each
    assert plausible(chi_square(np.bincount(high, minlength=2**14), COUNT / 2**14))

    # Each bit of one against each bit of the other: 32 x 32 correlations, normal if independent.
    a, b = (signs(x[: 2**17]) for x in (stream, other))
    z = (a.T @ b).astype(np.float64) / math.sqrt(2**17)
    assert np.abs(z).max() < 5.5
    assert plausible(scipy.stats.chi2.sf(np.sum(z**2), z.size))


def signs(words):
    bits = (words[:, None] >> np.arange(32, dtype=np.uint32)) & np.uint32(1)
    return bits.astype(np.float32) * 2 - 1
