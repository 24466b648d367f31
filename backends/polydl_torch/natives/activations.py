"""Activation functions, softmax among them."""

from __future__ import annotations

from polydl.emission.emitter import Emitter
from polydl.emission.native import Native, function_native
from polydl.program.types import Block
from polydl_torch.natives.common import (
    Literal,
    Row,
    function_row,
    with_axis,
)


def gelu(emitter: Emitter, block: Block, literal: Literal) -> Native | None:
    options = 'approximate="tanh"' if block.config["approximate"] else ""
    joint = ", " if options else ""
    return function_native(f"F.gelu({{0}}{joint}{options})", module=f"nn.GELU({options})")


NATIVES: dict[str, Row] = {
    "polydl:relu@1": function_row("F.relu({0})", "nn.ReLU()"),
    "polydl:gelu@1": gelu,
    "polydl:sigmoid@1": function_row("torch.sigmoid({0})", "nn.Sigmoid()"),
    "polydl:tanh@1": function_row("torch.tanh({0})", "nn.Tanh()"),
    "polydl:softmax@1": with_axis("F.softmax"),
    "polydl:log_softmax@1": with_axis("F.log_softmax"),
}
