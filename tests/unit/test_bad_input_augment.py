"""Impossible augmentations and batches are refused, with what, where and what instead."""

from __future__ import annotations

import numpy as np
import pytest

import polydl as dl
from polydl.augment import generator
from polydl.errors import DataError, DefinitionError

IMAGES, LABELS = np.zeros((4, 6, 6, 1)), np.array([0, 1, 2, 3])
SETTINGS = [
    (lambda: dl.RandomFlip(axes=()), "axes must be different axes of the batch"),
    (lambda: dl.RandomFlip(axes=(0,)), r"axes .* from 1 on, got \(0,\)"),
    (lambda: dl.RandomFlip(rate=1.5), "RandomFlip: rate must be from 0 to 1, got 1.5"),
    (lambda: dl.RandomCrop(0), "padding must be a positive integer"),
    (lambda: dl.RandomCrop(4, "mirror"), "no border 'mirror'. Known: constant, edge, reflect"),
    (lambda: dl.RandomRotate(0.0), "degrees must be above 0, up to 180"),
    (lambda: dl.RandomRotate(9.0, "egde"), "Did you mean 'edge'"),
    (lambda: dl.ColorJitter(brightness=2.0), "brightness must be from 0 to 1, got 2.0"),
    (lambda: dl.ColorJitter(hue=0.7), "hue must be from 0 to 0.5"),
    (lambda: dl.ColorJitter(bounds=(1, 0)), r"bounds must be \(low, high\)"),
    (lambda: dl.Cutout(0), "size must be a positive integer"),
    (lambda: dl.Mixup(0.0), "alpha must be a number above 0"),
    (lambda: dl.CutMix(classes=1), "classes must be an integer above 1"),
    (lambda: dl.Compose(dl.RandomFlip()), "must be in a list, got RandomFlip"),
    (lambda: dl.Compose([dl.RandomFlip]), "the class RandomFlip: call it"),
    (lambda: dl.Compose([dl.RandomFlip()], seed=-1), "seed must be an integer of 0 or more"),
]


@pytest.mark.parametrize(("make", "text"), SETTINGS)
def test_impossible_settings(make, text):
    with pytest.raises(DefinitionError, match=text):
        make()


BATCHES = [
    (dl.RandomCrop(), IMAGES.astype(np.uint8), LABELS, r"images of floats, got uint8. Convert"),
    (dl.RandomCrop(), IMAGES[0], LABELS, r"height, width, channels\), got the shape \(6, 6, 1\)"),
    (dl.RandomCrop(6, "reflect"), IMAGES, LABELS, "cannot be mirrored by 6"),
    (dl.RandomCrop(masks=True), IMAGES, LABELS, r"masks of the shape \(4,\) for images"),
    (dl.RandomFlip((4,)), IMAGES, LABELS, r"axes \(4,\) of images of the shape"),
    (dl.RandomFlip(masks=True), IMAGES, LABELS, r"axes \(2,\) of targets of the shape \(4,\)"),
    (dl.ColorJitter(hue=0.1), IMAGES, LABELS, "images of three channels"),
    (dl.Cutout(), IMAGES, LABELS[:3], "4 images, but 3 targets"),
    (dl.Mixup(), IMAGES, LABELS, r'Mixup\(classes=...\).*dl.CrossEntropy\("probabilities"\)'),
    (dl.Mixup(classes=4), IMAGES, LABELS > 2, "cannot mix targets of bool"),
    (dl.CutMix(classes=3), IMAGES, LABELS, "labels run from 0 to 3, of the classes 0 to 2"),
    (dl.CutMix(), IMAGES, None, "CutMix mixes targets, and there are none"),
]  # fmt: skip


@pytest.mark.parametrize(("augmentation", "images", "targets", "text"), BATCHES)
def test_impossible_batches(augmentation, images, targets, text):
    with pytest.raises((DataError, DefinitionError), match=text):
        augmentation(generator(0, 0, 0), images, targets)
