"""A Program as nn.Modules."""

from __future__ import annotations

import re

from polydl.emission.body import Body
from polydl.emission.code import INDENT, Code, Literal, Slots, literal_text, tuple_text
from polydl.emission.emitter import Emitter
from polydl.emission.merging import Definition
from polydl.emission.naming import size_hints
from polydl.emission.units import Unit
from polydl.precision import is_low
from polydl.program.types import Block, Entry, Node
from polydl_torch import natives, primitives
from polydl_torch.body import TorchBody
from polydl_torch.primitives.common import DTYPES, transposed

ASSOCIATIVE_SCAN = '''def associative_scan(combine, x, dim, reverse=False):
    """Running combinations along an axis, in logarithmic depth. x: a tensor or a tuple of them."""
    if not isinstance(x, tuple):
        (y,) = associative_scan(lambda a, b: (combine(*a, *b),), (x,), dim, reverse)
        return y
    if reverse:
        flipped = associative_scan(combine, tuple(a.flip(dim) for a in x), dim)
        return tuple(a.flip(dim) for a in flipped)
    size, offset = x[0].shape[dim], 1
    while offset < size:
        earlier = tuple(a.narrow(dim, 0, size - offset) for a in x)
        later = tuple(a.narrow(dim, offset, size - offset) for a in x)
        both = zip(x, combine(earlier, later))
        x = tuple(torch.cat([a.narrow(dim, 0, offset), b], dim) for a, b in both)
        offset *= 2
    return x'''

SAME_STATE = '''class SameState:
    """Within it a module's buffers are what they were when this was made; what changes them is lost.

    For what checkpoint runs again: it has updated them before.
    """

    def __init__(self, module):
        owners = module.modules()
        self.before = [(m, n, b.clone()) for m in owners for n, b in m.named_buffers(recurse=False)]

    def __enter__(self):
        self.now = [getattr(module, name) for module, name, _ in self.before]
        for module, name, buffer in self.before:
            setattr(module, name, buffer.clone())

    def __exit__(self, *error):
        for (module, name, _), buffer in zip(self.before, self.now):
            setattr(module, name, buffer)'''

SUPPORT = {
    **natives.SUPPORT,
    **primitives.SUPPORT,
    "associative_scan": ASSOCIATIVE_SCAN,
    "SameState": SAME_STATE,
}

# attributes of nn.Module that a parameter or submodule must not hide
RESERVED = frozenset(
    """add_module apply bfloat16 buffers call_super_init children compile cpu cuda double dump_patches
    eval extra_repr float forward get_buffer get_extra_state get_parameter get_submodule half ipu
    load_state_dict modules mtia named_buffers named_children named_modules named_parameters
    parameters register_backward_hook register_buffer register_forward_hook
    register_forward_pre_hook register_full_backward_hook register_full_backward_pre_hook
    register_load_state_dict_post_hook register_load_state_dict_pre_hook register_module
    register_parameter register_state_dict_post_hook register_state_dict_pre_hook requires_grad_
    set_extra_state set_submodule share_memory state_dict to to_empty train training type xpu
    zero_grad T_destination

    _apply _backward_hooks _backward_pre_hooks _buffers _call_impl _compiled_call_impl _forward_hooks
    _forward_hooks_always_called _forward_hooks_with_kwargs _forward_pre_hooks
    _forward_pre_hooks_with_kwargs _get_backward_hooks _get_backward_pre_hooks _get_name
    _is_full_backward_hook _load_from_state_dict _load_state_dict_post_hooks
    _load_state_dict_pre_hooks _maybe_warn_non_full_backward_hook _modules _named_members
    _non_persistent_buffers_set _parameters _register_load_state_dict_pre_hook
    _register_state_dict_hook _replicate_for_data_parallel _save_to_state_dict _slow_forward
    _state_dict_hooks _state_dict_pre_hooks _version _wrapped_call_impl""".split()
)

_RANDOM = {
    "uniform": "nn.init.uniform_({0}, {low}, {high})",
    "normal": "nn.init.normal_({0}, {mean}, {stddev})",
    "truncated_normal": "nn.init.trunc_normal_({0}, {mean}, {stddev})",
    "orthogonal": "nn.init.orthogonal_({0}, {gain})",
    "glorot_uniform": "nn.init.xavier_uniform_({0})",
    "glorot_normal": "nn.init.xavier_normal_({0})",
    "he_uniform": 'nn.init.kaiming_uniform_({0}, nonlinearity="relu")',
    "he_normal": 'nn.init.kaiming_normal_({0}, nonlinearity="relu")',
    "lecun_uniform": 'nn.init.kaiming_uniform_({0}, nonlinearity="linear")',
    "lecun_normal": 'nn.init.kaiming_normal_({0}, nonlinearity="linear")',
}


class TorchEmitter(Emitter):
    primitives = primitives.PRIMITIVES
    natives = natives.NATIVES
    support = SUPPORT
    imports = (
        ("nullcontext(", "from contextlib import nullcontext\n"),
        ("np.", "import numpy as np"),
        ("torch.", "import torch"),
        ("F.", "import torch.nn.functional as F"),
        ("nn.", "from torch import nn"),
        ("checkpoint(", "from torch.utils.checkpoint import checkpoint"),
    )
    reserved_attributes = RESERVED
    sequence = "nn.Sequential"
    identity = "nn.Identity()"
    reserved_names = frozenset({"torch", "F", "nn", "np", "checkpoint", "nullcontext", *SUPPORT})

    def header(self, body: str) -> list[str]:
        lines = super().header(body)
        if "import torch" not in lines and self.dtype != "float32":
            lines.insert(0, "import torch")
        if self.dtype != "float32":
            lines += ["", f"torch.set_default_dtype(torch.{self.dtype})"]
        return lines

    def body_of(self, unit: Unit, block: Block, slots: Slots) -> Body:
        return TorchBody(self, unit, block, slots, self._reserved(unit))

    def declare(self, entry: Entry, attribute: str, literal: Literal) -> str:
        value = _initial(entry, literal, self.dtype)
        if entry.role == "state":
            return f'self.register_buffer("{attribute}", {value})'
        return f"self.{attribute} = nn.Parameter({value})"

    def read_attribute(self, entry: Entry, place: str) -> Code:
        return Code(place)

    def write_attribute(self, place: str, value: Code) -> str:
        return f"{place}.copy_({value.text})"

    def transposed(self, code: Code, axes: tuple[int, ...]) -> Code:
        return transposed(code, axes)

    def element_count(self, code: Code) -> Code:
        return Code(f"{code.atom}.numel()")

    def list_text(self, items: str) -> str:
        return f"nn.ModuleList({items})"

    def training_condition(self, body: Body) -> str:
        return "self.training"

    # regions that are functions

    def unrolls(self, node: Node) -> bool:
        return True

    def slices(self, array: Code, axis: int) -> str:
        return f"{array.atom}.unbind({axis or ''})"

    def stacked(self, slices: str, axis: int) -> str:
        return f"torch.stack({slices}{f', {axis}' if axis else ''})"

    def associative_scan_text(self, combine: str, arrays: str, axis: int, reverse: bool) -> str:
        self.use_support("associative_scan")
        backwards = ", reverse=True" if reverse else ""
        return f"associative_scan({combine}, {arrays}, {axis}{backwards})"

    def remat_text(
        self, body: Body, node: Node, block: str, definition: list[str], arguments: list[str]
    ) -> str:
        given = f"{', '.join([block, *arguments])}, use_reentrant=False"
        if self.effects.writes(node):
            self.use_support("SameState")
            module = block if _is_module(node, block) else "self"
            given += f", context_fn=lambda: (nullcontext(), SameState({module}))"
        return f"checkpoint({given})"

    def class_text(self, definition: Definition, base: str) -> list[str]:
        arguments = ", ".join(["self", *definition.signature])
        lines = [f"class {definition.name}(nn.Module):"]
        stored = [f"self.{p} = {p}" for p in definition.stored]
        if definition.init or stored:
            lines += [f"{INDENT}def __init__({arguments}):", f"{INDENT * 2}super().__init__()"]
            lines += [INDENT * 2 + line for line in [*stored, *definition.init]]
            lines.append("")
        for method in definition.methods:
            lines.append(f"{INDENT}def {method.name}({', '.join(['self', *method.arguments])}):")
            lines += [INDENT * 2 + line for line in method.lines]
            lines.append("")
        return lines[:-1]


def _is_module(node: Node, text: str) -> bool:
    """Whether what a remat calls is a module, and no method or function."""
    call = node.regions[0].nodes[-1]
    path = re.sub(r"\[(\d+)\]", r".\1", text.removeprefix("self."))
    return call.op == "call" and path == call.attributes["target"]


def _initial(entry: Entry, literal: Literal, floating: str) -> str:
    dtype = "" if entry.dtype == "float" else f", dtype={DTYPES[entry.dtype]}"
    sizes = [literal(n, hint) for n, hint in zip(entry.shape, size_hints(entry), strict=True)]
    shape = ", ".join(sizes) if sizes else "()"
    sized = tuple_text(sizes) if sizes else shape
    name, arguments = entry.initializer.name, entry.initializer.arguments
    if name in ("zeros", "ones"):
        return f"torch.{name}({shape}{dtype})"
    if name == "constant":
        value = literal_text(float(arguments.get("value", 0.0)))
        return f"torch.full({sized}, {value}{dtype})"
    from polydl.spec.initializers import SAMPLERS

    if len(entry.shape) < 2 and name not in ("uniform", "normal", "truncated_normal"):
        return f"torch.zeros({shape})"
    options = {**SAMPLERS[name][1], **arguments}
    larger = name == "orthogonal" and is_low(floating)  # QR takes no half-size floats
    empty = f"torch.empty({shape}{', dtype=torch.float32' if larger else ''})"
    text = _RANDOM[name].replace("{0}", empty).format(**options)
    return f"{text}.to(torch.{floating})" if larger else text
