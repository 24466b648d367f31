"""Keras' part of the conformance suite's round trips."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from polydl.conformance.kit import Kit, Transform
from polydl.net import Net
from polydl.program.structure import flatten_as, unflatten
from polydl_keras.engine import keras

ALONE = '''
import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras


def restore(module, entry, folder):
    model = getattr(module, entry)()
    model.load_weights(folder / "model.weights.h5")
    return model


def call(model, arrays, nested):
    return model(nested, training=False)


def others(source, entry, folder):
    """The saved model: by itself if its layers are all Keras' own, else after its source."""
    if "register_keras_serializable" not in source:
        floatx, policy = keras.config.floatx(), keras.config.dtype_policy()
        keras.config.set_floatx("float32")
        keras.config.set_dtype_policy("float32")
        yield "plain .keras", keras.saving.load_model(folder / "model.keras")
        keras.config.set_floatx(floatx)
        keras.config.set_dtype_policy(policy)
        return
    executed(source, f"{folder.name}_saved")
    yield ".keras after its source", keras.saving.load_model(folder / "model.keras")
'''


def save(native: Any, folder: Path) -> Path:
    path = folder / "model.weights.h5"
    native.save_weights(path)
    native.save(folder / "model.keras")
    return path


def _leaves(net: Net, outputs: Any) -> list[np.ndarray]:
    return [np.array(y) for y in flatten_as(net.program.outputs, outputs, "outputs")]


def _as_function(net: Net, inputs: list[np.ndarray]) -> list[np.ndarray]:
    import tensorflow as tf

    tensors = unflatten(net.program.inputs, [tf.convert_to_tensor(x) for x in inputs])
    call = tf.function(lambda x: net.native(x, training=False), autograph=False)
    return _leaves(net, call(tensors))


def _predicted(net: Net, inputs: list[np.ndarray]) -> list[np.ndarray]:
    given = unflatten(net.program.inputs, inputs)
    return _leaves(net, net.native.predict(given, verbose=0))


def _cloned(net: Net, inputs: list[np.ndarray]) -> list[np.ndarray]:
    clone = keras.models.clone_model(net.native)
    clone.set_weights(net.native.get_weights())
    return _leaves(net, clone(unflatten(net.program.inputs, inputs), training=False))


def _exported(net: Net, inputs: list[np.ndarray]) -> list[np.ndarray]:
    """As a TensorFlow SavedModel."""
    import tensorflow as tf

    with tempfile.TemporaryDirectory() as folder:
        net.native.export(folder, verbose=False)
        served = tf.saved_model.load(folder)
        tensors = [tf.convert_to_tensor(x) for x in inputs]
        return _leaves(net, served.serve(unflatten(net.program.inputs, tensors)))


KIT = Kit(
    save=save,
    parameters=lambda native: sum(int(np.prod(v.shape)) for v in native.trainable_variables),
    alone=ALONE,
    transforms={
        "tf.function": Transform(_as_function),
        "predict": Transform(_predicted),
        "clone_model": Transform(_cloned),
        "export": Transform(_exported, slow=True),
    },
)
