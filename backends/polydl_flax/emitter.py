"""A Program as Flax NNX modules."""

from __future__ import annotations

import re

from polydl.emission.body import Body
from polydl.emission.code import INDENT, Code, Literal
from polydl.emission.emitter import Emitter
from polydl.emission.merging import Definition
from polydl.emission.naming import unique
from polydl.emission.units import Unit
from polydl.errors import BackendError
from polydl.program.types import Entry, Node, walk
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
        ("ocp.", "import orbax.checkpoint as ocp"),
        ("nnx.", "from flax import nnx"),
    )
    reserved_attributes = RESERVED
    sequence = "nnx.Sequential"
    identity = "nnx.identity"
    sequence_attribute = "layers"
    reserved_names = frozenset(
        {"jax", "jnp", "nnx", "np", "ocp", "optax", "update_rule", RNGS, *SUPPORT}
    )
    method = "__call__"
    inference_first = True

    def header(self, body: str) -> list[str]:
        x64 = self.dtype == "float64"
        used = [line for name, line in self.imports if re.search(rf"\b{re.escape(name)}", body)]
        lines = ["import jax", *used] if x64 and "import jax" not in used else used
        if x64:
            lines += ["", 'jax.config.update("jax_enable_x64", True)']
        return lines

    def fresh(self) -> str:
        takes_rngs = self._takes_rngs(self.units.root)
        return f"{self.entry_name()}({f'{RNGS}=nnx.Rngs(0)' if takes_rngs else ''})"

    # entries

    def declare(self, entry: Entry, attribute: str, literal: Literal) -> str:
        return f"self.{attribute} = {self._variable(entry)}({initial_text(entry, literal, self.dtype)})"

    def _variable(self, entry: Entry) -> str:
        if entry.role == "parameter":
            return "nnx.Param"
        kind = self.units.owner(entry.path).block.kind
        return "nnx.BatchStat" if kind == "polydl:BatchNorm@1" else "nnx.Variable"

    def read_attribute(self, entry: Entry, place: str) -> Code:
        """In mixed precision, state stays in float32 and so does what meets it."""
        low = self.computes and (entry.role, entry.dtype) == ("parameter", "float")
        return Code(f"{place}[...]{f'.astype(jnp.{self.computes})' if low else ''}")

    def write(self, user: Unit, path: str, value: Code) -> str:
        if self.computes and self.program.entries[path].dtype == "float":
            value = Code(f"{value.atom}.astype(jnp.{self.dtype})")
        return super().write(user, path, value)

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

    # regions that are functions

    def unrolls(self, node: Node) -> bool:
        """A stream of random numbers cannot move on inside jax.lax.scan."""
        return self.effects.draws(node)

    def slices(self, array: Code, axis: int) -> str:
        return f"jnp.unstack({array.text}{f', axis={axis}' if axis else ''})"

    def stacked(self, slices: str, axis: int) -> str:
        return f"jnp.stack({slices}{f', axis={axis}' if axis else ''})"

    def scan_text(self, node: Node, step: str, carry: str, arrays: str, length: str) -> str:
        over = f"length={length}" if length else arrays
        backwards = ", reverse=True" if node.attributes["reverse"] else ""
        return f"jax.lax.scan({step}, {carry}, {over}{backwards})"

    def map_text(self, function: str, arrays: str) -> str:
        return f"jax.lax.map({function}, {arrays})"

    def axis_moved(self, array: Code, axis: int, to: int) -> Code:
        if {axis, to} == {0, 1}:
            return Code(f"{array.atom}.swapaxes(0, 1)")
        return Code(f"jnp.moveaxis({array.text}, {axis}, {to})")

    def counter(self, size: Code) -> str:
        return f"jnp.arange({size.text}, dtype=jnp.int32)"

    def associative_scan_text(self, combine: str, arrays: str, axis: int, reverse: bool) -> str:
        backwards = ", reverse=True" if reverse else ""
        along = f", axis={axis}" if axis else ""
        return f"jax.lax.associative_scan({combine}, {arrays}{backwards}{along})"

    def remat_text(
        self, body: Body, node: Node, block: str, definition: list[str], arguments: list[str]
    ) -> str:
        """With nnx.remat where the module's streams or state move on in it, outside of loops."""
        if not self.effects.draws(node) and not self.effects.writes(node):
            if block.startswith("self."):  # by a function of its own: JAX keeps traces by function
                given = ", ".join(body.names[v.id] for v in node.regions[0].inputs)
                block = f"lambda {given}: {block}({given})"
            return f"jax.checkpoint({block})({', '.join(arguments)})"
        if block.startswith("self."):
            names = [body.names[v.id] for v in node.regions[0].inputs]
            own = "block" if block.endswith("]") else block.rpartition(".")[2]
            own, given = unique(own, {*names}), ", ".join(names)
            called = f"lambda {own}, {given}: {own}({given})"
            return f"nnx.remat({called})({', '.join([block, *arguments])})"
        if any(re.search(r"\bself\b", line) for line in definition):
            head, _, rest = definition[0].partition("(")
            definition[0] = f"{head}(self{'' if rest.startswith(')') else ', '}{rest}"
            return f"nnx.remat({block})({', '.join(['self', *arguments])})"
        return f"jax.checkpoint({block})({', '.join(arguments)})"

    # classes

    def class_text(self, definition: Definition, base: str) -> list[str]:
        arguments = ["self", *definition.signature]
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
