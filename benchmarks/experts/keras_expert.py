"""Keras on TensorFlow by hand, in the ways that an expert would try; the fastest counts.

Which one wins depends on the model. XLA fuses Adam and wins on the MLP. On the CNN it takes three to
four times as long, all of it in keras.layers.Dropout: the generator that TensorFlow picks under XLA
on a CPU takes 75 ms for 128x4x4x64 masks, where it takes 2 ms without XLA.
"""

from __future__ import annotations

import os
from collections.abc import Callable

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

from benchmarks import sizes
from benchmarks.experts.keras_models import build


class StepClock(keras.callbacks.Callback):
    """When each batch began. Batch ends are reported from another thread, beginnings are not."""

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__()
        self.clock, self.began = clock, {}

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        self.began[batch] = self.clock()


class Fit:
    """`model.fit`: what one step costs in the middle of it."""

    def __init__(
        self,
        model: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        batch: int,
        skip: int = 10,
        **options,
    ) -> None:
        self.model, self.batch, self.skip = model, batch, skip
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(optimizer=optimizer, loss=loss, **options)

    def seconds_per_step(self, x: np.ndarray, y: np.ndarray, clock: Callable[[], float]) -> float:
        steps = StepClock(clock)
        self.model.fit(x, y, batch_size=self.batch, verbose=0, callbacks=[steps])
        first, last = self.skip, max(steps.began)
        return (steps.began[last] - steps.began[first]) / (last - first)


class TrainingStep:
    """A tf.function of one's own, traced once: calling the concrete function skips the dispatch."""

    def __init__(
        self, model: keras.Model, optimizer: keras.optimizers.Optimizer, jit_compile: bool
    ) -> None:
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
            input_spec(model), tf.TensorSpec(model.output_shape[:-1], tf.int32)
        )

    def __call__(self, x: np.ndarray, y: np.ndarray) -> tf.Tensor:
        self.loss = self.update(tf.convert_to_tensor(x), tf.convert_to_tensor(y))
        return self.loss

    def wait(self) -> None:
        self.loss.numpy()


def input_spec(model: keras.Model) -> tf.TensorSpec:
    return tf.TensorSpec(model.input_shape, model.inputs[0].dtype)


def compiled_forward(
    model: keras.Model, jit_compile: bool = False
) -> Callable[[np.ndarray], np.ndarray]:
    @tf.function(jit_compile=jit_compile, autograph=False)
    def call(x):
        return model(x, training=False)

    apply = call.get_concrete_function(input_spec(model))
    return lambda x: apply(tf.convert_to_tensor(x)).numpy()


def set_threads(threads: int) -> None:
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)


def adam() -> keras.optimizers.Optimizer:
    return keras.optimizers.Adam(1e-3)


def adamw() -> keras.optimizers.Optimizer:
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, sizes.DECAY_STEPS, warmup_target=sizes.PEAK_RATE, warmup_steps=sizes.WARMUP_STEPS
    )
    optimizer = keras.optimizers.AdamW(
        schedule, weight_decay=sizes.WEIGHT_DECAY, global_clipnorm=sizes.CLIP_NORM
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "beta", "gamma"])
    return optimizer


def training(
    model_name: str, optimizer: Callable[[], keras.optimizers.Optimizer] = adam
) -> dict[str, Callable[[], Fit | TrainingStep]]:
    def fit(**options) -> Callable[[], Fit]:
        batch = sizes.BATCHES[model_name]
        return lambda: Fit(build(model_name), optimizer(), batch, **options)

    return {
        "fit": fit(jit_compile=False),
        "fit, 10 steps an execution": fit(jit_compile=False, steps_per_execution=10),
        "fit, XLA, 10 steps an execution": fit(jit_compile=True, steps_per_execution=10),
        "tf.function": lambda: TrainingStep(build(model_name), optimizer(), False),
        "tf.function, XLA": lambda: TrainingStep(build(model_name), optimizer(), True),
    }


def recipe(model_name: str) -> dict[str, Callable[[], Fit | TrainingStep]]:
    return training(model_name, adamw)


def forward(model_name: str) -> dict[str, Callable[[], Callable[[np.ndarray], np.ndarray]]]:
    return {
        "tf.function": lambda: compiled_forward(build(model_name)),
        "tf.function, XLA": lambda: compiled_forward(build(model_name), True),
        "predict_on_batch": lambda: build(model_name).predict_on_batch,
    }
