"""First values of parameters and state, as Flax writes them.

A compiled model gets its weights from polydl; these are for a source that is run by itself.
"""

from __future__ import annotations

import math

from polydl.emission.code import Literal, tuple_text
from polydl.emission.naming import size_hints
from polydl.precision import is_low
from polydl.program.types import Entry, Initializer
from polydl.spec.initializers import SAMPLERS

_SCALES = {"glorot": 1.0, "he": 2.0, "lecun": 1.0}
_UNIT_STDDEV = 0.87962566103423978  # of a unit normal cut at two standard deviations


def arguments_of(initializer: Initializer) -> dict[str, float]:
    return {**SAMPLERS[initializer.name][1], **initializer.arguments}


def initializer_text(initializer: Initializer) -> str:
    """An initialiser in nnx's sense: a function of (key, shape, dtype)."""
    name, options = initializer.name, arguments_of(initializer)
    match name:
        case "zeros" | "ones":
            return f"nnx.initializers.{name}"
        case "constant":
            return f"nnx.initializers.constant({options['value']!r})"
        case "orthogonal":
            return f"nnx.initializers.orthogonal({options['gain']!r})"
        case "normal" | "truncated_normal" if options["mean"] == 0:
            return f"nnx.initializers.{name}({options['stddev']!r})"
        case "normal" | "truncated_normal" | "uniform":
            return f"lambda key, shape, dtype: {_from_key(name, options)}"
    return f"nnx.initializers.{name}()"


def _from_key(name: str, options: dict[str, float]) -> str:
    """A draw from `key` in a `shape` and `dtype`."""
    match name:
        case "uniform":
            low, high = options["low"], options["high"]
            return f"jax.random.uniform(key, shape, dtype, {low!r}, {high!r})"
        case "normal":
            return _scaled("jax.random.normal(key, shape, dtype)", options)
    return _scaled("jax.random.truncated_normal(key, -2.0, 2.0, shape, dtype)", options)


def _from_stream(name: str, options: dict[str, float], shape: str, dtype: str) -> str:
    """A draw from the module's stream of random keys."""
    match name:
        case "uniform":
            low, high = options["low"], options["high"]
            return f"rngs.params.uniform({shape}{dtype}, minval={low!r}, maxval={high!r})"
        case "normal":
            return _scaled(f"rngs.params.normal({shape}{dtype})", options)
    return _scaled(f"rngs.params.truncated_normal(-2.0, 2.0, {shape}{dtype})", options)


def _scaled(drawn: str, options: dict[str, float]) -> str:
    return f"{options['mean']!r} + {options['stddev']!r} * {drawn}"


def initial_text(entry: Entry, literal: Literal, floating: str = "float32") -> str:
    """The expression of an Entry's first value, where `rngs` is at hand if `is_random`.

    JAX has float32 or float64 as its default; smaller ones are named.
    """
    sizes = [literal(n, hint) for n, hint in zip(entry.shape, size_hints(entry), strict=True)]
    shape = tuple_text(sizes) if len(sizes) != 1 else sizes[0]
    name, options = entry.initializer.name, arguments_of(entry.initializer)
    dtype = {
        "float": f", jnp.{floating}" if is_low(floating) else "",
        "int": ", jnp.int32",
        "bool": ", jnp.bool_",
    }[entry.dtype]
    if name in ("zeros", "ones"):
        return f"jnp.{name}({shape}{dtype})"
    if name == "constant":
        return f"jnp.full({shape}, {options['value']!r}{dtype})"
    shape = tuple_text(sizes)
    fan = name.partition("_")[0] in _SCALES
    if fan and len(sizes) < 2:  # JAX takes fans of matrices only
        name, options = _without_fans(name, entry.shape)
    if name == "uniform" or options.get("mean"):
        return _from_stream(name, options, shape, dtype)
    text = initializer_text(Initializer(name, options if not fan or len(sizes) < 2 else {}))
    if name == "orthogonal" and dtype:  # QR takes no half-size floats
        return f"{text}(rngs.params(), {shape}).astype({dtype.removeprefix(', ')})"
    return f"{text}(rngs.params(), {shape}{dtype})"


def _without_fans(name: str, shape: tuple[int, ...]) -> tuple[str, dict[str, float]]:
    """Glorot's and its kin for a vector, whose fans are both its size."""
    kin, _, distribution = name.partition("_")
    variance = _SCALES[kin] / max(math.prod(shape), 1)
    if distribution == "uniform":
        limit = math.sqrt(3 * variance)
        return "uniform", {"low": -limit, "high": limit}
    return "truncated_normal", {"mean": 0.0, "stddev": math.sqrt(variance) / _UNIT_STDDEV}


def is_random(entry: Entry) -> bool:
    return entry.initializer.name not in ("zeros", "ones", "constant")
