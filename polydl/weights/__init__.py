"""Weights by canonical path: checked against a Program, and kept in safetensors files."""

from polydl.weights.check import check_weights
from polydl.weights.files import load, read_weights, save

__all__ = ["check_weights", "load", "read_weights", "save"]
