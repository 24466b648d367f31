"""The Flax backend: emits NNX modules."""

from polydl_flax.backend import FlaxBackend

__all__ = ["FlaxBackend"]
