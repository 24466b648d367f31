"""dl.compile and dl.load: from a definition, or a file, to a Net."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from polydl import weights as weights_files
from polydl.backend import LAYOUTS, Options, get_backend
from polydl.errors import DefinitionError, ProgramError, nearest
from polydl.net import Net
from polydl.precision import check_dtype, floats_rounded
from polydl.program.passes import remove_dead_code
from polydl.program.types import Program
from polydl.program.verify import verify
from polydl.spec.initializers import initial_weights
from polydl.spec.input import Input
from polydl.spec.module import Function, Module
from polydl.spec.tracing import trace


def compile(
    model: Module | Function | Program,
    inputs: Input | Sequence[Input] | Mapping[str, Input] | None = None,
    *,
    backend: str,
    seed: int = 0,
    dtype: str = "float32",
    device: str = "cpu",
    natives: bool = True,
    layout: str = "channels_last",
) -> Net:
    """Compile a model into a framework's own object.

    model: a dl.Module with its `inputs`, or a Program. A built-in layer that is the whole model
    stands in a class Model, under `layer`; its weights keep the layer's own paths.
    backend: "torch", "keras", "flax", any other that is installed, or "reference" (the numpy oracle).
    seed: of the initial weights, equal on every backend. dtype: "float32", "float64", or for inference
    "bfloat16" or "float16", of which arrays go in and come out as float32. device: "cpu", "cuda",
    "cuda:1". natives=False writes definitions only. layout="channels_first": a torch module that takes
    images as (batch, channels, height, width), and likewise inputs of five axes, and those of three
    that a Conv1D or the like takes; the Net around it takes arrays channels-last, as ever.
    """
    if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
        raise DefinitionError(f"seed must be an integer (0 or more), got {seed!r}")
    program = _program(model, inputs)
    return build(program, _options(dtype, device, natives, layout), backend, seed)


def load(
    path: str | Path,
    *,
    backend: str,
    dtype: str = "float32",
    device: str = "cpu",
    natives: bool = True,
    layout: str = "channels_last",
) -> Net:
    """Read a file that Net.save wrote and compile it. Nothing of the file is executed."""
    import warnings

    from polydl.program.rebuild import untrusted

    options = _options(dtype, device, natives, layout)
    program, weights = weights_files.load(path)
    if program is None:
        raise ProgramError(
            f"{path} holds weights but no polydl Program. Compile the model and use "
            "net.load_weights(path)"
        )
    doubtful = untrusted(program)
    if doubtful:
        warnings.warn(
            f"{path}: {', '.join(sorted(doubtful))} differ from polydl's own parts of that name; "
            "their definitions in the file are used",
            stacklevel=2,
        )
    checked = weights_files.check_weights(program, weights, str(path))
    options = Options(
        options.dtype, options.device, options.natives, options.layout, frozenset(doubtful)
    )
    net = build(program, options, backend, seed=None)
    net.load_weights(checked)
    return net


def _program(model: Module | Function | Program, inputs: Any) -> Program:
    if isinstance(model, Program):
        if inputs is not None:
            raise DefinitionError("a Program brings its own inputs; leave `inputs` out")
        verify(model)
        return model
    if inputs is None:
        raise DefinitionError("dl.compile(model, inputs, ...): inputs, such as dl.Input((None, 8))")
    program = remove_dead_code(trace(model, inputs))
    verify(program)
    return program


def _options(dtype: str, device: str, natives: bool, layout: str) -> Options:
    check_dtype(dtype)
    if layout not in LAYOUTS:
        raise DefinitionError(f"unknown layout {layout!r}. {nearest(str(layout), list(LAYOUTS))}")
    return Options(dtype, device, natives, layout)


def build(program: Program, options: Options, name: str, seed: int | None) -> Net:
    """A Net of a verified Program on the backend `name`. seed: of its weights, None for none yet."""
    backend = get_backend(name)
    backend.check_device(options.device)
    backend.check_options(options)
    with backend.precision(options):
        emitted = backend.emit(program, options)
        module = backend.execute(emitted)
        model = backend.build(program, emitted, module, options)
        if seed is not None:
            model.set_weights(floats_rounded(initial_weights(program, seed), options.dtype))
    return Net(program, backend, options, model)
