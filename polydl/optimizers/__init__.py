"""Optimizers: an update rule for one parameter, defined in primitives."""

from polydl.optimizers.adam import Adam
from polydl.optimizers.optimizer import Optimizer
from polydl.optimizers.sgd import SGD

__all__ = ["SGD", "Adam", "Optimizer"]
