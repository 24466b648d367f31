"""A Program as Flax NNX modules."""

from __future__ import annotations

import re

from polydl.emission.body import INDENT, Body
from polydl.emission.code import Code, Literal
from polydl.emission.emitter import Emitter
from polydl.emission.merging import Definition
from polydl.emission.units import Unit
from polydl.errors import BackendError
from polydl.program.types import Entry, walk
from polydl_flax import natives, primitives
from polydl_flax.initial import initial_text, is_random
from polydl_flax.primitives.common import transposed

SUPPORT = {**natives.SUPPORT, **primitives.SUPPORT}

RNGS = "rngs"

# attributes that nnx.Module has, or that its train() and eval() set
RESERVED = frozenset(
    """deterministic eval iter_children iter_modules perturb rngs set_attributes set_view sow train
    use_running_average""".split()
)


class FlaxEmitter(Emitter):
    primitives = primitives.PRIMITIVES
    natives = natives.NATIVES
    support = SUPPORT
    imports = (
        ("jax.", "import jax"),
        ("jnp.", "import jax.numpy as jnp"),
        ("np.", "import numpy as np"),
        ("optax.", "import optax"),
        ("nnx.", "from flax import nnx"),
    )
    reserved_attributes = RESERVED
    sequence = "nnx.Sequential"
    sequence_attribute = "layers"
    reserved_names = frozenset({"jax", "jnp", "nnx", "np", "optax", "update_rule", RNGS, *SUPPORT})
    method = "__call__"
    inference_first = True

    def header(self, body: str) -> list[str]:
        x64 = self.dtype == "float64"
        used = [line for name, line in self.imports if re.search(rf"\b{re.escape(name)}", body)]
        lines = ["import jax", *used] if x64 and "import jax" not in used else used
        if x64:
            lines += ["", 'jax.config.update("jax_enable_x64", True)']
        return lines

    # entries

    def declare(self, entry: Entry, attribute: str, literal: Literal) -> str:
        return f"self.{attribute} = {self._variable(entry)}({initial_text(entry, literal, self.dtype)})"

    def _variable(self, entry: Entry) -> str:
        if entry.role == "parameter":
            return "nnx.Param"
        kind = self.units.owner(entry.path).block.kind
        return "nnx.BatchStat" if kind == "polydl:BatchNorm@1" else "nnx.Variable"

    def read_attribute(self, entry: Entry, place: str) -> Code:
        return Code(f"{place}[...]")

    def write_attribute(self, place: str, value: Code) -> str:
        return f"{place}[...] = {value.text}"

    def transposed(self, code: Code, axes: tuple[int, ...]) -> Code:
        return transposed(code, axes)

    def list_text(self, items: str) -> str:
        return f"nnx.List({items if items.startswith('[') else f'[{items}]'})"

    # mode and randomness

    def training_condition(self, body: Body) -> str:
        return f"not {self.inference_condition(body)}"

    def inference_condition(self, body: Body) -> str:
        if not body.unit.is_module:
            name = body.block.class_name
            raise BackendError(f"{name} depends on the mode: on Flax only a Module can")
        return "self.deterministic"

    def mode_lines(self, unit: Unit) -> list[str]:
        """A stream of random numbers, and the flag that nnx's train() and eval() set."""
        lines = []
        if self._has(unit, "random_bits"):
            lines.append(f"self.{RNGS} = {RNGS}.dropout.fork()")
        if self._has(unit, "when_training"):
            lines.append("self.deterministic = False")
        return lines

    def _has(self, unit: Unit, op: str) -> bool:
        return any(node.op == op for block in unit.blocks for node in walk(block.nodes))

    def needs(self, unit: Unit) -> frozenset[str]:
        """Whether the constructor takes `rngs`: for itself, or to pass on."""
        below = any(map(self._takes_rngs, unit.children.values()))
        own = any(map(is_random, self.units.own_entries(unit)))
        needed = below or own or self._has(unit, "random_bits")
        return frozenset({RNGS}) if needed else frozenset()

    def _takes_rngs(self, unit: Unit) -> bool:
        if unit.native is not None:
            return f"{RNGS}={RNGS}" in unit.native.construct
        if unit.sequence:
            return any(map(self._takes_rngs, unit.children.values()))
        return unit.definition is not None and RNGS in unit.definition.needs

    def constructor_arguments(self, definition: Definition) -> list[str]:
        return [f"{RNGS}={RNGS}"] if RNGS in definition.needs else []

    # classes

    def class_text(self, definition: Definition, base: str) -> list[str]:
        arguments = ["self", *definition.parameters]
        if RNGS in definition.needs:
            arguments += ["*", f"{RNGS}: nnx.Rngs"]
        lines = [f"class {definition.name}(nnx.Module):"]
        stored = [f"self.{p} = {p}" for p in definition.stored]
        if definition.init or stored:
            lines.append(f"{INDENT}def __init__({', '.join(arguments)}):")
            lines += [INDENT * 2 + line for line in [*stored, *definition.init]]
            lines.append("")
        for method in definition.methods:
            lines.append(f"{INDENT}def {method.name}({', '.join(['self', *method.arguments])}):")
            lines += [INDENT * 2 + line for line in method.lines]
            lines.append("")
        return lines[:-1]
