"""A native: a framework's own part that stands for a built-in's definition."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from polydl.emission.code import Code
from polydl.program.types import Block, Node

Call = Callable[[str, list[Code]], Code]


def plain_call(callee: str, arguments: list[Code]) -> Code:
    return Code(f"{callee}({', '.join(a.text for a in arguments)})")


@dataclass(frozen=True)
class Native:
    """How one built-in is written with a framework's own part.

    construct: the constructor's text, such as "nn.Linear(64, 10)"; empty for a plain function.
    call: from the name of what was constructed and the arguments to the call's text.
    weights: for each entry of the built-in, by its path from there, what a Binding is made of: the
        part's attribute, the order of axes that turns the canonical layout into the part's (None: the
        same), and more where it lies there in another way.
    support: names of helper texts that must stand in the module.
    layout: what the part does with images; see the backend that uses it.
    module: what stands for it in the framework's own sequence of modules, where it is not constructed:
        "nn.ReLU()" for F.relu.
    named: whether the call's text holds an argument several times, which must then have a name.
    """

    construct: str = ""
    call: Call = plain_call
    weights: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    support: tuple[str, ...] = ()
    layout: str = ""
    module: str = ""
    named: bool = False


WINDOWED = ("conv", "conv_transpose", "window_max", "window_sum")


def window_attributes(block: Block) -> Mapping[str, Any]:
    """Window, strides, padding and the like as a definition resolved them for all axes."""
    return window_node(block).attributes


def window_node(block: Block) -> Node:
    """The first that convolves or pools; its input is channels-last in any layout of the Block."""
    return next(node for node in block.nodes if node.op in WINDOWED)


def function_native(template: str, precedence: int | None = None, **options: Any) -> Native:
    """A native that is an expression: "F.relu({0})"; write "{0!a}" where an atom is needed."""
    found = re.findall(r"\{\d+", template)

    def call(_: str, arguments: list[Code]) -> Code:
        text = template
        for i, argument in enumerate(arguments):
            text = text.replace(f"{{{i}!a}}", argument.atom).replace(f"{{{i}}}", argument.text)
        return Code(text) if precedence is None else Code(text, precedence)

    named = len(set(found)) < len(found)
    return Native(call=call, named=named, **options)
