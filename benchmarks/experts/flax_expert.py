"""Flax NNX by hand: split once, one plain jax.jit on donated arrays, raw optax."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import jax
import numpy as np
import optax
from flax import nnx

from benchmarks import sizes
from benchmarks.experts.flax_models import BUILD, build


class TrainingStep:
    def __init__(self, model: nnx.Module, optimizer: optax.GradientTransformation) -> None:
        model.train()
        graphdef, self.params, self.rest = nnx.split(model, nnx.Param, ...)
        self.opt_state = optimizer.init(self.params)

        @partial(jax.jit, donate_argnums=(0, 1, 2))
        def update(params, rest, opt_state, x, y):
            def loss_of(params):
                model = nnx.merge(graphdef, params, rest, copy=True)
                losses = optax.softmax_cross_entropy_with_integer_labels(model(x), y)
                return losses.mean(), nnx.state(model, nnx.Not(nnx.Param))

            (loss, rest), grads = jax.value_and_grad(loss_of, has_aux=True)(params)
            updates, opt_state = optimizer.update(grads, opt_state, params)
            return optax.apply_updates(params, updates), rest, opt_state, loss

        self.update = update

    def __call__(self, x: np.ndarray, y: np.ndarray) -> jax.Array:
        self.params, self.rest, self.opt_state, self.loss = self.update(
            self.params, self.rest, self.opt_state, x, y
        )
        return self.loss

    def wait(self) -> None:
        jax.block_until_ready((self.params, self.loss))


class Forward:
    def __init__(self, model: nnx.Module) -> None:
        model.eval()
        graphdef, self.state = nnx.split(model)
        self.apply = jax.jit(lambda state, x: nnx.merge(graphdef, state)(x))

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return np.asarray(self.apply(self.state, x))


def set_threads(threads: int) -> None:
    """XLA reads its threads from the environment, and from the CPUs that the process may use."""


def steps(
    model_name: str, optimizer: optax.GradientTransformation
) -> dict[str, Callable[[], TrainingStep]]:
    return {f"jax.jit, {way}": lambda way=way: TrainingStep(build(model_name, way), optimizer)
            for way in BUILD[model_name]}  # fmt: skip


def training(model_name: str) -> dict[str, Callable[[], TrainingStep]]:
    return steps(model_name, optax.adam(1e-3, eps=1e-8))


def recipe(model_name: str) -> dict[str, Callable[[], TrainingStep]]:
    schedule = optax.warmup_cosine_decay_schedule(
        0.0, sizes.PEAK_RATE, sizes.WARMUP_STEPS, sizes.WARMUP_STEPS + sizes.DECAY_STEPS
    )
    matrices = partial(jax.tree.map, lambda value: value.ndim > 1)
    adamw = optax.adamw(schedule, weight_decay=sizes.WEIGHT_DECAY, mask=matrices)
    return steps(model_name, optax.chain(optax.clip_by_global_norm(sizes.CLIP_NORM), adamw))


def forward(model_name: str) -> dict[str, Callable[[], Forward]]:
    return {f"jax.jit, {way}": lambda way=way: Forward(build(model_name, way))
            for way in BUILD[model_name]}  # fmt: skip
