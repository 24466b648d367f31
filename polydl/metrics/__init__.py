"""Metrics: a mean over samples, measured with the loss."""

from polydl.metrics.accuracy import Accuracy
from polydl.metrics.metric import Metric

__all__ = ["Accuracy", "Metric"]
