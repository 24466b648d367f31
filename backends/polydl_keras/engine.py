"""Keras and the engine under it. Import keras from here: first come, first served.

TensorFlow is the engine unless KERAS_BACKEND says otherwise, or Keras was imported before.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras

ENGINE: str = keras.backend.backend()


def versions() -> dict[str, str]:
    return {name: version(name) for name in ("keras", ENGINE)}


def on_tensorflow() -> bool:
    return ENGINE == "tensorflow"


def devices() -> list[str]:
    """Names that `device=` takes."""
    if not on_tensorflow():
        return ["cpu"]
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    return ["cpu", *(["cuda"] if gpus else []), *(f"cuda:{i}" for i in range(len(gpus)))]


def share_gpus() -> None:
    """Have TensorFlow take GPU memory as it needs it, not all at once; others use it too."""
    if on_tensorflow():
        import tensorflow as tf

        for gpu in tf.config.list_physical_devices("GPU"):
            try:
                tf.config.experimental.set_memory_growth(gpu, True)
            except RuntimeError:  # it is in use already
                return


@contextmanager
def settings(dtype: str, device: str) -> Iterator[None]:
    """Keras' global float type, its policy and layout, and the device; restored after."""
    floatx, policy = keras.config.floatx(), keras.config.dtype_policy()
    layout = keras.config.image_data_format()
    keras.config.set_floatx(dtype)
    keras.config.set_dtype_policy(dtype)
    keras.config.set_image_data_format("channels_last")
    try:
        with keras.device(_keras_device(device)):
            yield
    finally:
        keras.config.set_floatx(floatx)
        keras.config.set_dtype_policy(policy)
        keras.config.set_image_data_format(layout)


def under_policy(policy: str, make: Callable[[], Any]) -> Callable[[], Any]:
    """A function with a policy of its own for the layers that it makes."""

    def made() -> Any:
        before = keras.config.dtype_policy()
        keras.config.set_dtype_policy(policy)
        try:
            return make()
        finally:
            keras.config.set_dtype_policy(before)

    return made


def _keras_device(device: str) -> str:
    if not on_tensorflow():  # torch tells "cpu:0" from "cpu"
        return device
    kind, _, index = device.partition(":")
    return f"{'gpu' if kind == 'cuda' else kind}:{index or 0}"
