"""The Keras backend: emits functional keras.Models."""

from polydl_keras.backend import KerasBackend

__all__ = ["KerasBackend"]
