"""dl.find_lr: its run against NumPy, its end, what it suggests, and that the net stays as it is."""

from __future__ import annotations

import numpy as np
import pytest

import polydl as dl
from polydl.diagnostics.learning_rate import LearningRateCurve, end, smooth
from polydl.errors import DefinitionError, PolydlError

pytest.importorskip("torch")
RNG = np.random.default_rng(0)
x = RNG.normal(size=(80, 4))
targets = x @ RNG.normal(size=(4, 1)) + 3
labels = (x[:, 0] > 0).astype(np.int32)
X = dl.Input((None, 4))


def regression(backend="torch"):
    return dl.compile(dl.Sequential(dl.Dense(1)), X, backend=backend, dtype="float64")


def training(loss=None, optimizer=None, **options):
    settings = {"batch_size": 16, "seed": 3, **options}
    return dl.Training(loss or dl.MSE(), optimizer or dl.SGD(0.1), **settings)


def by_hand(kernel, lowest, highest, steps):
    """Gradient descent on the mean square in the order of a fit, by its formula."""
    bias, losses, epoch = np.zeros(1), [], 0
    while len(losses) < steps:
        order = np.random.Generator(np.random.Philox(key=[3, epoch])).permutation(80)
        for start in range(0, 80, 16):
            a, b = x[order[start : start + 16]], targets[order[start : start + 16]]
            rate = np.exp(np.linspace(np.log(lowest), np.log(highest), steps))[len(losses)]
            gap = a @ kernel + bias - b
            losses.append(np.mean(gap**2))
            slope = 2 * gap / gap.size
            kernel, bias = kernel - rate * a.T @ slope, bias - rate * slope.sum(0)
            if len(losses) == steps:
                break
        epoch += 1
    return np.array(losses)


def test_the_run_is_gradient_descent_at_rising_rates(backend):
    net = regression(backend)
    before = net.weights
    found = dl.find_lr(net, training(), (x, targets), lowest=1e-4, highest=0.5, steps=33)
    assert not found.diverged
    np.testing.assert_allclose(found.rates, np.geomspace(1e-4, 0.5, 33), rtol=1e-12)
    expected = by_hand(before["0.kernel"], 1e-4, 0.5, 33)
    np.testing.assert_allclose(found.losses, expected, rtol=1e-10)
    for path, value in net.weights.items():
        np.testing.assert_array_equal(value, before[path])


def test_batches_of_an_iterable_are_gone_through_again():
    settings = training(shuffle=False)
    batches = [(x[i : i + 16], targets[i : i + 16]) for i in range(0, 80, 16)]
    found, other = (dl.find_lr(regression(), settings, d) for d in ((x, targets), batches))
    np.testing.assert_array_equal(found.losses, other.losses)


def test_labels_that_an_augmentation_mixes():
    mixing = training(dl.CrossEntropy("probabilities"), augment=[dl.Mixup(0.2, classes=2)])
    net = dl.compile(dl.Sequential(dl.Dense(2)), X, backend="torch")
    losses = dl.find_lr(net, mixing, (x, labels), steps=20).losses
    batches = [(x[:40], labels[:40]), (x[40:], labels[40:])]
    assert len(losses) == len(dl.find_lr(net, mixing, batches, steps=20).losses) == 20
    assert dl.check_gradients(net, mixing, (x, labels)).ok


def test_the_optimizer_stays_as_it_is():
    settings = training(dl.CrossEntropy(), dl.Adam(1e-2), epochs=2)
    one, other = (
        dl.compile(dl.Sequential(dl.Dense(8), dl.relu, dl.Dropout(0.5), dl.Dense(2)), X,
                   backend="torch", dtype="float64")
        for _ in range(2)
    )  # fmt: skip
    for net in (one, other):
        net.fit(settings, (x, labels))
    dl.find_lr(one, settings, (x, labels), steps=40)
    a, b = (net.fit(settings, (x, labels)).steps for net in (one, other))
    np.testing.assert_array_equal(a, b)


def test_it_stops_where_the_loss_diverges_and_suggests_less():
    found = dl.find_lr(regression(), training(), (x, targets), lowest=1e-5, highest=100.0)
    assert found.diverged
    assert len(found.rates) == len(found.losses) < 100
    assert np.isfinite(found.losses).all()
    largest = np.linalg.eigvalsh(2 * x.T @ x / len(x)).max()
    assert found.suggestion < 2 / largest  # beyond which gradient descent diverges
    assert found.rates[0] < found.suggestion
    text = str(found)
    assert "the loss diverged at" in text
    assert f"suggestion: {found.suggestion:.2g}" in text
    trained = regression()
    steps = trained.fit(training(optimizer=dl.SGD(found.suggestion), epochs=20), (x, targets)).steps
    assert steps[-1] < 0.1 * steps[0]


def curve(losses, rates=None):
    values = np.asarray(losses, float)
    return LearningRateCurve(
        np.geomspace(1e-5, 1, len(values)) if rates is None else rates, values, values, False
    )


def test_the_steepest_and_the_lowest_of_a_known_curve():
    rates = np.geomspace(1e-5, 1, 101)
    place = np.log10(rates)
    found = curve(1 / (1 + np.exp(4 * (place + 3))) + 0.2 * np.maximum(place + 1, 0), rates)
    assert found.steepest == pytest.approx(1e-3, rel=0.05)
    assert found.tenth_of_lowest == pytest.approx(1e-2, rel=0.15)
    assert found.suggestion == found.steepest


def test_a_loss_that_never_falls_has_no_suggestion():
    found = curve(np.linspace(1, 2, 50))
    assert found.suggestion is None
    assert "the loss falls at no rate by more than its noise" in str(found)


def noisy(level, seed):
    """What find_lr sees of a loss of this level, whose batches differ by 0.2."""
    losses = level + 0.2 * np.random.default_rng(seed).normal(size=len(level))
    rates = np.geomspace(1e-7, 10, len(level))
    return LearningRateCurve(rates, losses, smooth(losses, 0.9), False, 0.9)


def test_noise_is_no_fall():
    found = [noisy(np.full(100, 1.1), seed).suggestion for seed in range(200)]
    assert sum(rate is not None for rate in found) <= 10


def test_nothing_is_suggested_from_before_the_loss_falls():
    """It does between the rates 1e-3 and 1e-1, and rises at 1 again."""
    place = np.linspace(-7, 1, 100)
    level = 1.1 - 0.4 * np.clip(place + 3, 0, 2) + np.maximum(place, 0)
    for seed in range(200):
        found = noisy(level, seed)
        assert 3e-4 < found.suggestion < 0.3
        assert 3e-4 < found.steepest < 1


def test_smoothing_has_no_bias_at_first():
    np.testing.assert_allclose(smooth(np.full(5, 3.0), 0.9), 3.0)
    values = RNG.normal(size=6)
    weights = 0.5 ** np.arange(6)[::-1]
    assert smooth(values, 0.5)[-1] == pytest.approx(np.average(values, weights=weights))


def test_the_end_is_found_for_losses_of_any_sign():
    falling = np.linspace(1.0, 0.1, 20)
    assert end(falling, 0.0) is None
    assert end(np.append(falling, [0.5, 1.2, 5.0]), 0.0) == 21
    assert end(np.append(falling, [0.5, np.nan]), 0.0) == 21
    assert end(np.append(falling - 1, [-0.8, 0.3, 3.0]), 0.0) == 22
    assert end(np.array([np.inf, 1.0]), 0.0) == 0


def test_a_plot_is_drawn(tmp_path):
    pytest.importorskip("matplotlib")
    found = curve(np.linspace(2, 1, 50))
    for name in ("curve.png", "curve.svg"):
        found.plot(tmp_path / name)
        assert (tmp_path / name).stat().st_size > 1000
    assert "steepest descent" in (tmp_path / "curve.svg").read_text()
    with pytest.raises(PolydlError, match=r"ends in \.png, \.svg, \.pdf"):
        found.plot(tmp_path / "curve.gif")


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"lowest": 0.0}, "rates go from `lowest`, above 0, up to `highest`; got 0.0 and 10.0"),
        ({"lowest": 1.0, "highest": 0.1}, "got 1.0 and 0.1"),
        ({"highest": float("nan")}, "got 1e-07 and nan"),
        ({"steps": 5}, "steps must be an integer of 20 or more, got 5"),
        ({"smoothing": 1.0}, r"smoothing must be in \[0, 1\), got 1.0"),
    ],
)
def test_impossible_settings(options, text):
    with pytest.raises(DefinitionError, match=text):
        dl.find_lr(regression(), training(), (x, targets), **options)
