"""Losses: a mean over the samples of a batch, defined in primitives like layers."""

from polydl.losses.cross_entropy import CrossEntropy
from polydl.losses.loss import Loss
from polydl.losses.squared_error import MSE

__all__ = ["MSE", "CrossEntropy", "Loss"]
