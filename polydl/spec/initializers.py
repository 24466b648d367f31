"""First values of parameters and state, drawn by NumPy: identical on every backend.

fan_in and fan_out of a shape (..., inputs, outputs) are inputs and outputs times the product of the
leading sizes (a convolution's window).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from polydl.errors import DefinitionError, nearest
from polydl.program.types import Entry, Initializer, Program

Sampler = Callable[..., "np.ndarray[Any, Any]"]
SAMPLERS: dict[str, tuple[Sampler, dict[str, float]]] = {}


def _sampler(name: str, **defaults: float) -> Callable[[Sampler], Sampler]:
    def enter(sample: Sampler) -> Sampler:
        SAMPLERS[name] = (sample, defaults)
        return sample

    return enter


@_sampler("zeros")
def _zeros(_: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return np.zeros(shape)


@_sampler("ones")
def _ones(_: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return np.ones(shape)


@_sampler("constant", value=0.0)
def _constant(_: np.random.Generator, shape: tuple[int, ...], value: float) -> np.ndarray:
    return np.full(shape, value, dtype=np.float64)


@_sampler("normal", mean=0.0, stddev=0.05)
def _normal(
    rng: np.random.Generator, shape: tuple[int, ...], mean: float, stddev: float
) -> np.ndarray:
    return rng.normal(mean, stddev, shape)


@_sampler("uniform", low=-0.05, high=0.05)
def _uniform(
    rng: np.random.Generator, shape: tuple[int, ...], low: float, high: float
) -> np.ndarray:
    return rng.uniform(low, high, shape)


@_sampler("truncated_normal", mean=0.0, stddev=0.05)
def _truncated_normal(
    rng: np.random.Generator, shape: tuple[int, ...], mean: float, stddev: float
) -> np.ndarray:
    """Normal, redrawn beyond two standard deviations."""
    values = rng.standard_normal(shape)
    while (outside := np.abs(values) > 2).any():
        values[outside] = rng.standard_normal(int(outside.sum()))
    return mean + stddev * values


@_sampler("orthogonal", gain=1.0)
def _orthogonal(rng: np.random.Generator, shape: tuple[int, ...], gain: float) -> np.ndarray:
    """Rows or columns orthonormal, over the axes before the last (Saxe et al. 2014)."""
    rows, columns = math.prod(shape[:-1]), math.prod(shape[-1:])
    q, r = np.linalg.qr(rng.standard_normal((max(rows, columns), min(rows, columns))))
    q = q * np.sign(np.diag(r))
    return gain * (q if rows >= columns else q.T).reshape(shape)


def fans(shape: tuple[int, ...]) -> tuple[float, float]:
    """(fan_in, fan_out) of a canonical shape."""
    if len(shape) < 2:
        size = float(shape[0]) if shape else 1.0
        return size, size
    window = math.prod(shape[:-2])
    return float(window * shape[-2]), float(window * shape[-1])


_TRUNCATED_STDDEV = 0.87962566103423978  # of a unit normal cut at two standard deviations


def _scaled(fan: Callable[[float, float], float], scale: float, normal: bool) -> Sampler:
    def sample(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        variance = scale / max(fan(*fans(shape)), 1.0)
        if normal:
            return _truncated_normal(rng, shape, 0.0, math.sqrt(variance) / _TRUNCATED_STDDEV)
        limit = math.sqrt(3 * variance)
        return rng.uniform(-limit, limit, shape)

    return sample


for _name, _fan, _scale in (
    ("glorot", lambda fan_in, fan_out: (fan_in + fan_out) / 2, 1.0),  # Glorot & Bengio 2010
    ("he", lambda fan_in, fan_out: fan_in, 2.0),  # He et al. 2015
    ("lecun", lambda fan_in, fan_out: fan_in, 1.0),  # LeCun et al. 1998
):
    SAMPLERS[f"{_name}_uniform"] = (_scaled(_fan, _scale, normal=False), {})
    SAMPLERS[f"{_name}_normal"] = (_scaled(_fan, _scale, normal=True), {})


def initializer(name: str, **arguments: float) -> Initializer:
    """An initializer with arguments, such as `dl.initializer("normal", stddev=0.02)`.

    Names: zeros, ones, constant, normal, uniform, truncated_normal, orthogonal, and glorot, he and
    lecun with _uniform or _normal (normal means truncated at two standard deviations).
    """
    return check(Initializer(name, dict(arguments)))


def resolve(given: str | float | Initializer) -> Initializer:
    if isinstance(given, Initializer):
        return check(given)
    if isinstance(given, str):
        return initializer(given)
    if isinstance(given, bool) or not isinstance(given, (int, float)):
        raise DefinitionError(
            f"an initializer is a name, dl.initializer(...) or a number, got {given!r}"
        )
    return check(Initializer("constant", {"value": float(given)}))


def check(given: Initializer) -> Initializer:
    if given.name not in SAMPLERS:
        raise DefinitionError(
            f"unknown initializer {given.name!r}. {nearest(str(given.name), list(SAMPLERS))}"
        )
    _, defaults = SAMPLERS[given.name]
    for name, value in given.arguments.items():
        if name not in defaults:
            raise DefinitionError(f"initializer {given.name!r} has no argument {name!r}")
        if (
            isinstance(value, bool)
            or not isinstance(value, (int, float))
            or not math.isfinite(value)
        ):
            raise DefinitionError(f"initializer {given.name!r}: {name} must be a finite number")
    return given


def generator(seed: int, *key: str | int) -> np.random.Generator:
    """NumPy's counter-based generator for (seed, key): the same on every machine."""
    text = "\0".join(map(str, (seed, *key))).encode()
    number = int.from_bytes(hashlib.sha256(text).digest()[:16], "little")
    return np.random.Generator(np.random.Philox(key=number))


def initial_value(entry: Entry, seed: int) -> np.ndarray:
    """The first value of an Entry, keyed by (seed, path), as float64 (or int32, or bool)."""
    sample, defaults = SAMPLERS[entry.initializer.name]
    arguments = {**defaults, **entry.initializer.arguments}
    value = sample(generator(seed, "initial", entry.path), entry.shape, **arguments)
    return value.astype({"float": np.float64, "int": np.int32, "bool": np.bool_}[entry.dtype])


def initial_weights(program: Program, seed: int) -> dict[str, np.ndarray]:
    return {path: initial_value(entry, seed) for path, entry in program.entries.items()}
