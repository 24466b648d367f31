"""Keras on TensorFlow by hand, in the ways that an expert would try; the fastest counts.

Which one wins depends on the model. XLA fuses Adam and wins on the MLP. On the CNN it takes three to
four times as long, all of it in keras.layers.Dropout: the generator that TensorFlow picks under XLA
on a CPU takes 75 ms for 128x4x4x64 masks, where it takes 2 ms without XLA.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from keras import layers


def build(model_name: str) -> keras.Model:
    if model_name == "mlp":
        inputs = keras.Input((784,))
        x = layers.Dense(512, activation="relu")(inputs)
        x = layers.Dense(256, activation="relu")(x)
        return keras.Model(inputs, layers.Dense(10)(x))
    x = inputs = keras.Input((8, 8, 1))
    for filters in (32, 64):
        x = layers.Conv2D(filters, 3, padding="same")(x)
        x = layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(x)
        x = layers.ReLU()(x)
    x = layers.Dropout(0.25)(layers.MaxPooling2D(2)(x))
    return keras.Model(inputs, layers.Dense(10)(layers.Flatten()(x)))


class StepClock(keras.callbacks.Callback):
    """When each batch began. Batch ends are reported from another thread, beginnings are not."""

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__()
        self.clock, self.began = clock, {}

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        self.began[batch] = self.clock()


class Fit:
    """`model.fit`: what one step costs in the middle of it."""

    def __init__(self, model: keras.Model, batch: int = 128, skip: int = 10, **options) -> None:
        self.model, self.batch, self.skip = model, batch, skip
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(optimizer=keras.optimizers.Adam(1e-3), loss=loss, **options)

    def seconds_per_step(self, x: np.ndarray, y: np.ndarray, clock: Callable[[], float]) -> float:
        steps = StepClock(clock)
        self.model.fit(x, y, batch_size=self.batch, verbose=0, callbacks=[steps])
        first, last = self.skip, max(steps.began)
        return (steps.began[last] - steps.began[first]) / (last - first)


class TrainingStep:
    """A tf.function of one's own, traced once: calling the concrete function skips the dispatch."""

    def __init__(self, model: keras.Model, jit_compile: bool) -> None:
        optimizer = keras.optimizers.Adam(1e-3)
        optimizer.build(model.trainable_variables)

        @tf.function(jit_compile=jit_compile, autograph=False)
        def update(x, y):
            with tf.GradientTape() as tape:
                logits = model(x, training=True)
                losses = tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits)
                loss = tf.reduce_mean(losses)
            variables = model.trainable_variables
            grads = tape.gradient(loss, [v.value for v in variables])
            optimizer.apply(grads, variables)
            return loss

        self.update = update.get_concrete_function(
            tf.TensorSpec(model.input_shape, tf.float32), tf.TensorSpec((None,), tf.int32)
        )

    def __call__(self, x: np.ndarray, y: np.ndarray) -> tf.Tensor:
        self.loss = self.update(tf.convert_to_tensor(x), tf.convert_to_tensor(y))
        return self.loss

    def wait(self) -> None:
        self.loss.numpy()


def make_fit(model_name: str, **options) -> Fit:
    return Fit(build(model_name), **options)


def make_training_step(model_name: str, jit_compile: bool = False) -> TrainingStep:
    return TrainingStep(build(model_name), jit_compile)


def make_forward(model_name: str, jit_compile: bool = False) -> Callable[[np.ndarray], np.ndarray]:
    model = build(model_name)

    @tf.function(jit_compile=jit_compile, autograph=False)
    def call(x):
        return model(x, training=False)

    apply = call.get_concrete_function(tf.TensorSpec(model.input_shape, tf.float32))
    return lambda x: apply(tf.convert_to_tensor(x)).numpy()


def make_predict(model_name: str) -> Callable[[np.ndarray], np.ndarray]:
    return build(model_name).predict_on_batch


def set_threads(threads: int) -> None:
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)


TRAINING = {
    "fit": partial(make_fit, jit_compile=False),
    "fit, 10 steps an execution": partial(make_fit, jit_compile=False, steps_per_execution=10),
    "fit, XLA, 10 steps an execution": partial(make_fit, jit_compile=True, steps_per_execution=10),
    "tf.function": make_training_step,
    "tf.function, XLA": partial(make_training_step, jit_compile=True),
}
FORWARD = {
    "tf.function": make_forward,
    "tf.function, XLA": partial(make_forward, jit_compile=True),
    "predict_on_batch": make_predict,
}
