"""What several metrics make of their counts, on the host. The texts stand in training programs."""

from __future__ import annotations

import numpy as np


def ratio(total: np.ndarray) -> np.ndarray:
    """Hits out of counts; 0 where there is nothing to count."""
    hits, counts = total
    return hits / np.maximum(counts, 1)


def mean_ratio(total: np.ndarray) -> float:
    """Mean over classes of hits out of counts; 0 where there is nothing to count."""
    hits, counts = total
    return float(np.mean(hits / np.maximum(counts, 1)))


def weighted_ratio(total: np.ndarray) -> float:
    """Hits out of counts, 0 where there is nothing to count: by how often a class is true."""
    hits, counts, support = total
    shares = hits / np.maximum(counts, 1)
    return float(support @ shares / np.maximum(support.sum(), 1))
