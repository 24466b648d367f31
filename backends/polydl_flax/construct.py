"""Making the emitted module without running its initialisers.

polydl brings every weight itself, and JAX would compile the initialisers for seconds. So the
constructor runs on shapes only, and random streams get their keys here.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx


def construct(
    make: Callable[..., nnx.Module], device: jax.Device | None = None, seed: int = 0
) -> nnx.Module:
    """What `make(rngs=nnx.Rngs(seed))` gives, with zeros for weights."""
    takes_rngs = "rngs" in inspect.signature(make.__init__).parameters  # type: ignore[misc]
    module: nnx.Module = nnx.eval_shape(lambda: make(rngs=nnx.Rngs(seed)) if takes_rngs else make())
    key = jax.random.key(seed)
    streams = 0
    for _, variable in nnx.to_flat_state(nnx.state(module)):
        shape: Any = variable.get_value()
        if isinstance(variable, nnx.RngKey):
            variable.set_value(placed(jax.random.fold_in(key, streams), device))
            streams += 1
        else:
            variable.set_value(placed(np.zeros(shape.shape, shape.dtype), device))
    return module


def placed(value: Any, device: jax.Device | None) -> jax.Array:
    """A copy on a device; on JAX's own default device where that is None.

    An array that is bound to a device and one that merely lies there are different arguments to
    jax.jit. Mixing them compiles everything twice, so the default device is never bound.
    """
    return jnp.array(value) if device is None else jax.device_put(jnp.array(value), device)
