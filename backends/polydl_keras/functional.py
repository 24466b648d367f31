"""Blocks as functions that extend a functional model, and the function that makes the model."""

from __future__ import annotations

import re
from collections.abc import Sequence

from polydl.emission.body import Body
from polydl.emission.code import INDENT, Code, Slots
from polydl.emission.constructors import construct
from polydl.emission.merging import Definition, Draft, Method
from polydl.emission.naming import singular, snake_case, unique
from polydl.emission.nesting import nested
from polydl.emission.units import Unit
from polydl.emission.wrap import wrap
from polydl.program.sizes import Size
from polydl.program.types import Block, Node, Value
from polydl_keras.bodies import BuilderBody, RootBody, input_variable, nested_layers
from polydl_keras.layer_class import LayerEmitter, named

BUILDER, NAMED = "builder", "named"  # marks of definitions

# what Keras calls the operations of a functional model (add, add_1, ...): no layer may be called so
_OPERATIONS = """absolute add all any arccos arccosh arcsin arcsinh arctan arctan2 arctanh argmax argmin
    argsort associative_scan average_pool bitwise_and bitwise_not bitwise_or bitwise_xor
    broadcast_to cast ceil clip concatenate conv conv_transpose cos cosh cumprod cumsum diag
    diagonal divide einsum equal erf erfc erfinv exp exp2 expand_dims expm1 fft flip floor
    floor_divide gelu get_item greater greater_equal irfft isfinite isinf isnan left_shift
    less less_equal log log10 log1p log2 log_softmax logaddexp logical_and logical_not
    logical_or logical_xor logsumexp matmul max max_pool maximum mean min minimum mod multiply
    nan_to_num negative not_equal one_hot pad power prod ravel relu repeat reshape rfft
    right_shift roll round rsqrt segment_sum sigmoid sign sin sinh softmax sort split sqrt
    square squeeze stack std stop_gradient subtract sum take take_along_axis tan tanh tile
    top_k transpose tril triu true_divide trunc unstack var where""".split()
_OPERATION = re.compile(rf"({'|'.join(_OPERATIONS)})(_\d+)?")


class FunctionalEmitter(LayerEmitter):
    """Builder functions, the model's function, and the names of layers."""

    # names

    def layer_name(self, unit: Unit) -> str:
        """The name of a layer of the functional model: its canonical path, where that is free."""
        if unit.parent is None:
            return unique(self.model_name, {v.name for v in self.program.root.inputs})
        inputs = {value.name for value in self.program.root.inputs}
        taken = unit.path in inputs or _OPERATION.fullmatch(unit.path)
        return unique(f"{unit.path}_layer", self.units.modules) if taken else unit.path

    @property
    def model_name(self) -> str:
        """Keras takes no name that begins with an underscore."""
        return snake_case(self.class_name(self.units.root)).lstrip("_") or "model"

    def name_text(self, body: BuilderBody, unit: Unit) -> str:
        """The name of a layer as an argument in the text of a builder."""
        if body.unit.parent is None:
            is_layer = not self.placement.is_builder(unit)
            return f'"{self.layer_name(unit) if is_layer else unit.path}"'
        return f'f"{{name}}.{unit.path.removeprefix(f"{body.unit.path}.")}"'

    def _item_name(self, body: BuilderBody, unit: Unit) -> str:
        """The same for an item of a list, in a loop over i."""
        head, _, _ = unit.path.rpartition(".")
        if body.unit.parent is None:
            return f'f"{head}.{{i}}"'
        return f'f"{{name}}.{head.removeprefix(f"{body.unit.path}.")}.{{i}}"'

    def held_names(self, unit: Unit, reserved: set[str]) -> dict[Unit, str]:
        """Variables for the layers that a builder calls more than once."""
        names: dict[Unit, str] = {}
        for child in unit.children.values():
            if self.placement.is_held(child):
                number = "" if child.position is None else str(child.position + 1)
                wanted = f"{singular(child.attribute)}{number}" if number else child.attribute
                names[child] = unique(wanted, {*reserved, *names.values()})
        return names

    # builders

    def builder_draft(self, unit: Unit) -> Draft:
        slots = Slots()
        body = self.body_of(unit, unit.block, slots)
        needs, name, arguments = {BUILDER}, snake_case(self.class_name(unit)), body.arguments
        if unit.parent is None:
            name, arguments = f"build_{name}", []
        elif self.placement.makes_layers(unit):
            needs.add(NAMED)
        return Draft(
            unit,
            name,
            slots,
            [],
            [Method(name, arguments, body.lines)],
            attributes=[child.attribute for child in unit.children.values()],
            local_names=body.local_names | body.reserved,
            needs=frozenset(needs),
            plain=True,
        )

    def kept_values(self, unit: Unit, block: Block) -> set[int]:
        """Layers called on layers are not nested, and what the model returns has a name."""
        repeated = super().kept_values(unit, block)
        if not unit.is_module or not self.placement.is_builder(unit):
            return repeated
        kept = repeated | nested_layers(
            block, {id(node): self._makes_layer(node) for node in block.nodes}
        )
        if unit.parent is None:
            kept |= {value.id for value in block.outputs if isinstance(value, Value)}
        return kept

    def _makes_layer(self, node: Node) -> bool:
        if node.op != "call":
            return False
        called = self.program.blocks[node.attributes["block"]]
        return called.is_module and self.placement.makes_layers(self.units.modules[called.path])

    def layer_text(self, body: BuilderBody, unit: Unit, name: str = "") -> str:
        """A layer where it is made, with its name."""
        return named(construct(self, unit, body.slots), name or self.name_text(body, unit))

    def builder_call(
        self, body: BuilderBody, unit: Unit, arguments: Sequence[Code], name: str = ""
    ) -> Code:
        definition = unit.definition
        assert definition is not None
        values = [body.literal(value, hint) for value, hint in unit.arguments]  # type: ignore[arg-type]
        if len(values) > 2:
            values = [f"{p}={v}" for p, v in zip(definition.parameters, values, strict=True)]
        texts = [*(a.text for a in arguments), *values]
        if NAMED in definition.needs:
            texts.append(f"name={name or self.name_text(body, unit)}")
        return Code(f"{definition.name}({', '.join(texts)})")

    def builder_text(self, definition: Definition) -> list[str]:
        (method,) = definition.methods
        name = ["name"] if NAMED in definition.needs else []
        arguments = ", ".join([*method.arguments, *definition.parameters, *name])
        return [f"def {definition.name}({arguments}):", *(INDENT + x for x in method.lines)]

    def builder_loop(
        self, body: BuilderBody, unit: Unit, called: Block, count: int, arguments: list[Code]
    ) -> tuple[str, Code]:
        """`for i in range(3): x = block(x, name=f"blocks.{i}")`."""
        number = body.literal(count, f"{singular(unit.attribute)}_count")
        name = self._item_name(body, unit)
        header = f"for i in range({number}):"
        if self.placement.is_builder(unit):
            return header, self.builder_call(body, unit, arguments, name)
        text = self.layer_text(body, unit, name)
        if unit.native is None:
            return header, Code(f"{text}({', '.join(a.text for a in arguments)})")
        native = self.native_with(called, body.literal)
        assert native is not None
        return header, native.call(text, arguments)

    # the model

    def input_lines(self, variables: Sequence[str]) -> list[str]:
        """`x = keras.Input((8, 8, 1), name="x")`."""
        lines = []
        for variable, value in zip(variables, self.program.root.inputs, strict=True):
            sizes = [None if isinstance(size, Size) else size for size in value.shape]
            if sizes and sizes[0] is None:
                text = str(tuple(sizes[1:]))
            else:
                text = f"batch_shape={tuple(sizes)}"
            dtype = {"int": ', dtype="int32"', "bool": ', dtype="bool"'}.get(value.dtype, "")
            lines.append(f'{variable} = keras.Input({text}{dtype}, name="{value.name or "x"}")')
        return lines

    def model_text(self, inputs: Sequence[str], outputs: str) -> str:
        given = nested(self.program.inputs, inputs, "[]")
        return f'keras.Model({given}, {outputs}, name="{self.model_name}")'

    def returns(self, body: Body, results: list[Code]) -> list[str]:
        if not isinstance(body, RootBody):
            return super().returns(body, results)
        inputs = [body.names[value.id] for value in self.program.root.inputs]
        outputs = nested(self.program.outputs, [code.text for code in results], "()")
        return [f"return {self.model_text(inputs, outputs)}"]

    def around_layer(self, name: str) -> list[str]:
        """The function that makes the model where the model itself is one layer."""
        root = self.units.root
        reserved = set(self.reserved_names)
        inputs = [input_variable(value, reserved) for value in root.block.inputs]
        layer = named(self.plain_construct(root), f'"{self.layer_name(root)}"')
        arguments = [Code(variable) for variable in inputs]
        if root.native is not None:
            call = root.native.call(layer, arguments).text
        else:
            call = f"{layer}({', '.join(inputs)})"
        outputs = unique("outputs", inputs)
        lines = [*self.input_lines(inputs), f"{outputs} = {call}"]
        lines.append(f"return {self.model_text(inputs, outputs)}")
        body = [part for line in lines for part in wrap(INDENT + line)]
        return [f"def {name}():", *body]
