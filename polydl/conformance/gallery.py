"""Specs beside the texts that they become, as Markdown: `polydl conformance --gallery FILE`."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from polydl import models
from polydl.backend import Options
from polydl.conformance.architectures import ARCHITECTURES
from polydl.conformance.nets import backend
from polydl.models import llama, pre_norm, resnet
from polydl.program.types import Program
from polydl.spec.input import Input
from polydl.spec.tracing import trace

HEAD = """# Gallery

Models of `dl.models` as they are written once, each followed by the source that polydl emits for it.
`polydl conformance --gallery docs/gallery.md` writes this page; the texts of all other
architectures are in [tests/snapshots](../tests/snapshots).

"""


@dataclass(frozen=True)
class Exhibit:
    """A model of the gallery: a key of ARCHITECTURES, and the parts of its spec."""

    name: str
    title: str
    about: str
    parts: tuple[Callable[..., Any], ...]


EXHIBITS = (
    Exhibit(
        "simple_cnn",
        "SimpleCNN",
        "Images come channels-last, as everywhere in a spec. On torch they are permuted once at the "
        "entry and once before they are flattened, and what cancels in between is gone. Batch "
        "normalisation keeps a biased running variance, as Keras and Flax do; torch's is unbiased, so "
        "a subclass stands in the text (with `BatchNorm(unbiased=True)` it is `nn.BatchNorm2d`).",
        (models.SimpleCNN,),
    ),
    Exhibit(
        "resnet18",
        "ResNet-18",
        "One class of block: what varies between blocks is an argument of its constructor, so is "
        "whether there is a projection. In Keras, functions over stock layers, one for each form.",
        (resnet.BasicBlock, resnet.projection, resnet.ResNet, resnet.stage, models.ResNet18),
    ),
    Exhibit(
        "lstm_classifier",
        "LSTM classifier",
        "Only the output of the last step is used. The definition has one bias for each gate; torch's "
        "layer has two, and the subclass keeps the second one at zero.",
        (models.LSTMClassifier,),
    ),
    Exhibit(
        "gpt2",
        "GPT-2",
        "Twelve equal blocks are a loop, the attention is each framework's own, and the logits are the "
        "products with the embedding's own table.",
        (pre_norm.PreNormBlock, models.GPT2),
    ),
    Exhibit(
        "llama",
        "Llama 2 7B",
        "Rotary positions and the gated feed-forward network come from their definitions: no framework "
        "has a part for them.",
        (llama.LlamaBlock, models.Llama),
    ),
    Exhibit(
        "vit",
        "ViT-B/16",
        "Its blocks are GPT-2's, without causality. The class token and the positions are parameters "
        "that the model itself declares.",
        (models.ViT,),
    ),
)


def gallery(names: Iterable[str]) -> str:
    """The page, with the texts of these backends."""
    names = list(names)
    return HEAD + "\n".join(_section(exhibit, names) for exhibit in EXHIBITS)


def _section(exhibit: Exhibit, names: Iterable[str]) -> str:
    model, inputs = ARCHITECTURES[exhibit.name]()
    program = trace(model, inputs)
    lines = [f"## {exhibit.title}", "", textwrap.fill(exhibit.about, 100), "", "The spec:", ""]
    lines += _code("\n\n".join(inspect.getsource(part) for part in exhibit.parts))
    lines += [f"On `{_shown(inputs)}` it becomes:", ""]
    for name in names:
        lines += [f"### {exhibit.title}: {name}", "", *_code(emitted(name, program))]
    return "\n".join(lines)


def emitted(name: str, program: Program) -> str:
    return backend(name).emit(program, Options()).source


def _shown(inputs: Input | tuple[Input, ...]) -> str:
    assert isinstance(inputs, Input)
    dtype = "" if inputs.dtype == "float" else f", dtype={inputs.dtype!r}"
    return f"dl.Input({inputs.shape}{dtype})"


def _code(text: str) -> list[str]:
    return ["```python", text.strip(), "```", ""]
