"""Flax's own parts for our layers, losses and functions. A row each.

nnx's default epsilon, momentum, padding and pool strides differ from ours, so they are written out,
and use_fast_variance=False, without which the variance of large numbers is noise.
"""

from polydl.discovery import merged

NATIVES = merged(__name__, "NATIVES")
REASONS: dict[str, str] = merged(__name__, "REASONS")
SUPPORT: dict[str, str] = merged(__name__, "SUPPORT")
