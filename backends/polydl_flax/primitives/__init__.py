"""How JAX writes each primitive.

Integers are int32 throughout. Under 64-bit mode jnp would widen them in sums, argmax and arange, so
those say their dtype. Python numbers are weakly typed in JAX and follow the arrays they meet.
"""

from polydl.discovery import merged

PRIMITIVES = merged(__name__, "PRIMITIVES")
SUPPORT: dict[str, str] = merged(__name__, "SUPPORT")
