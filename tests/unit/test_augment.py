"""Augmentations: what happens to pixels and targets, and that a key draws the same again."""

from __future__ import annotations

import numpy as np
import pytest

import polydl as dl
from polydl.augment import generator

RNG = np.random.default_rng(0)
IMAGES = RNG.random((64, 6, 7, 3))
LABELS = RNG.integers(0, 4, 64)
EVERY = [
    dl.RandomFlip((1, 2)),
    dl.RandomCrop(2),
    dl.RandomCrop(2, "reflect"),
    dl.RandomRotate(20.0),
    dl.RandomRotate(20.0, "edge"),
    dl.ColorJitter(0.3, 0.3, 0.3, 0.1),
    dl.Cutout(3, rate=0.8),
    dl.Mixup(classes=4),
    dl.CutMix(classes=4),
]
every = pytest.mark.parametrize("augmentation", EVERY, ids=lambda a: type(a).__name__)


def run(augmentation, images=IMAGES, targets=LABELS, key=(0, 0, 0)):
    return augmentation(generator(*key), images, targets)


@every
def test_a_key_draws_the_same_again_and_another_key_differs(augmentation):
    before = IMAGES.copy(), LABELS.copy()
    first, again = run(augmentation), run(augmentation)
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])
    for key in ((1, 0, 0), (0, 1, 0), (0, 0, 1)):
        assert (run(augmentation, key=key)[0] != first[0]).any()
    np.testing.assert_array_equal(IMAGES, before[0])  # what came in stays
    np.testing.assert_array_equal(LABELS, before[1])


@every
def test_shape_and_precision_stay(augmentation):
    images, _ = run(augmentation, IMAGES.astype(np.float32))
    assert images.dtype == np.float32
    assert images.shape == IMAGES.shape
    np.testing.assert_allclose(images, run(augmentation)[0], atol=1e-5)
    # some samples change, and not all alike
    changes = np.abs(images - IMAGES).reshape(64, -1).max(1)
    assert len(np.unique(changes.round(6))) > 2


def test_flip_reverses_some_samples_with_their_masks():
    images, masks = run(dl.RandomFlip((2,), 0.5, masks=True), targets=IMAGES[..., 0])
    same = (images == IMAGES).all((1, 2, 3))
    assert 16 < same.sum() < 48
    np.testing.assert_array_equal(images[~same], IMAGES[~same, :, ::-1])
    np.testing.assert_array_equal(masks, images[..., 0])
    np.testing.assert_array_equal(run(dl.RandomFlip((1,), 1.0))[0], IMAGES[:, ::-1])


def test_crop_moves_the_image_and_fills_what_comes_in():
    images, masks = run(
        dl.RandomCrop(2, fill=-1.0, masks=True), targets=LABELS[:, None, None] + IMAGES[..., 0]
    )
    padded = np.pad(IMAGES, ((0, 0), (2, 2), (2, 2), (0, 0)), constant_values=-1.0)
    places = set()
    for i in range(64):
        found = [
            (r, c) for r in range(5) for c in range(5)
            if (padded[i, r : r + 6, c : c + 7] == images[i]).all()
        ]  # fmt: skip
        assert len(found) == 1
        places.add(found[0])
        shown = masks[i] != 0
        np.testing.assert_allclose(masks[i][shown], (images[i, ..., 0] + LABELS[i])[shown])
    assert [{place[axis] for place in places} for axis in (0, 1)] == [set(range(5))] * 2


def test_crop_borders():
    for border in ("edge", "reflect"):
        padded = np.pad(IMAGES, ((0, 0), (1, 1), (1, 1), (0, 0)), border)
        images, _ = run(dl.RandomCrop(1, border))
        for i in range(64):
            assert any(
                (padded[i, r : r + 6, c : c + 7] == images[i]).all()
                for r in range(3)
                for c in range(3)
            )


def test_rotation_of_a_linear_image_is_exact():
    """Between pixels bilinearly: an image that is linear in its place stays so, inside."""
    size, center = 9, 4.0
    y, x = np.mgrid[:size, :size] - center
    images = np.broadcast_to((2 * x + 3 * y)[..., None], (5, size, size, 1))
    turned, _ = run(dl.RandomRotate(30.0), images, LABELS[:5])
    inside = np.hypot(x, y) <= 4.0
    for image in turned[..., 0]:
        design = np.stack([x[inside], y[inside]], 1)
        (a, b), residual, *_ = np.linalg.lstsq(design, image[inside], rcond=None)
        assert residual < 1e-20
        assert np.hypot(a, b) == pytest.approx(np.hypot(2, 3))
        angle = np.arctan2(b, a) - np.arctan2(3, 2)
        assert 0 < abs(angle) < np.deg2rad(30)


def test_rotation_fills_from_outside():
    ones = np.ones((8, 9, 9, 1))
    turned, _ = run(dl.RandomRotate(45.0, fill=7.0), ones, None)
    assert turned.min() > 1 - 1e-12
    assert turned[:, 0, 0].max() == pytest.approx(7.0)
    np.testing.assert_allclose(run(dl.RandomRotate(45.0, "edge"), ones, None)[0], 1.0)


def test_brightness_and_contrast_are_affine_in_each_image():
    images, _ = run(dl.ColorJitter(0.5, 0.0))
    factors = (images / IMAGES).reshape(64, -1)
    np.testing.assert_allclose(factors, factors[:, :1] * np.ones_like(factors))
    assert 0.5 <= factors.min() < 0.7 < 1.3 < factors.max() <= 1.5
    gray = IMAGES[..., :1]
    images, _ = run(dl.ColorJitter(0.0, 0.5), gray)
    np.testing.assert_allclose(images.mean((1, 2, 3)), gray.mean((1, 2, 3)))
    ratio = images.std((1, 2, 3)) / gray.std((1, 2, 3))
    assert 0.5 <= ratio.min() < 0.7 < 1.3 < ratio.max() <= 1.5


def test_saturation_and_hue_keep_the_gray():
    luminance = np.array([0.299, 0.587, 0.114])
    for settings in ({"saturation": 0.9}, {"hue": 0.5}):
        images, _ = run(dl.ColorJitter(0.0, 0.0, **settings))
        np.testing.assert_allclose(images @ luminance, IMAGES @ luminance, atol=1e-12)
        assert np.abs(images - IMAGES).max() > 0.1
    neutral = np.broadcast_to(IMAGES[..., :1], IMAGES.shape)
    np.testing.assert_allclose(run(dl.ColorJitter(0, 0, 0.9, 0.5), neutral)[0], neutral, atol=2e-3)
    assert run(dl.ColorJitter(0.9, 0.9, bounds=(0, 1)))[0].max() == 1.0


def test_cutout_squares():
    images, _ = run(dl.Cutout(3, fill=9.0, rate=0.5))
    cut = (images == 9.0).all(-1)
    np.testing.assert_array_equal(images[~cut], IMAGES[~cut])
    areas = cut.sum((1, 2))
    assert set(areas) <= {0, 4, 6, 9}  # whole, or cut off at an edge or a corner
    assert 16 < (areas > 0).sum() < 48


@pytest.mark.parametrize(
    "augmentation", [dl.Mixup(1.0, 4), dl.CutMix(1.0, 4)], ids=["Mixup", "CutMix"]
)
def test_mixed_targets_are_those_of_the_mixed_images(augmentation):
    """Images that show their own label's distribution: what is mixed shows the mixed target."""
    targets = np.eye(4)[LABELS]
    images = np.broadcast_to(targets[:, None, None], (64, 6, 7, 4))
    mixed, soft = run(augmentation, images, LABELS)
    np.testing.assert_allclose(soft.sum(-1), 1.0)
    np.testing.assert_allclose(mixed.mean((1, 2)), soft)
    assert ((soft > 0.05) & (soft < 0.95)).any(-1).sum() > 20
    again, given = run(augmentation, images, targets)
    np.testing.assert_array_equal(again, mixed)
    np.testing.assert_array_equal(given, soft)


def test_mixup_takes_targets_of_regression():
    x, y = RNG.normal(size=(10, 4)), RNG.normal(size=(10, 2))
    mixed, targets = run(dl.Mixup(1.0), np.concatenate([x, y], 1), y)
    np.testing.assert_allclose(mixed[:, 4:], targets)


def test_compose_is_one_after_the_other():
    flip, crop = dl.RandomFlip(), dl.RandomCrop(1)
    rng = generator(3, 2, 1)
    expected = crop(rng, *flip(rng, IMAGES, LABELS))
    composed = dl.Compose([flip, crop], seed=3)(2, 1, IMAGES, LABELS)
    np.testing.assert_array_equal(composed[0], expected[0])


def test_streams_differ_from_that_of_the_order():
    order = np.random.Generator(np.random.Philox(key=[0, 0])).random(4)
    assert not np.isin(generator(0, 0, 0).random(1000), order).any()
