"""Compiled nets, each made once a process and shared by all checks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

from polydl.backend import Backend, NativeModel, Options, get_backend, installed_backends
from polydl.compile import compile
from polydl.conformance.memo import NETS, memoized
from polydl.conformance.oracle import case
from polydl.conformance.row import Row, TieRow
from polydl.net import Net


@dataclass(frozen=True)
class Target:
    """What is checked: a backend with the choices that compiling takes."""

    backend: str
    natives: bool = True
    dtype: str = "float64"
    device: str = "cpu"

    def __str__(self) -> str:
        device = "" if self.device == "cpu" else f" on {self.device}"
        kind = "natives" if self.natives else "definitions"
        return f"{self.backend} {kind} {self.dtype}{device}"

    def definitions(self) -> Target:
        return replace(self, natives=False)


@cache
def backend(name: str) -> Backend:
    return get_backend(name)


def available() -> list[str]:
    """Backends that are installed with all they need."""
    return [found.name for found in installed_backends() if not found.missing and not found.problem]


def gives_gradients(name: str) -> bool:
    """Whether a backend's models implement `gradients`."""
    from polydl.conformance.rows import ROWS

    small = next(row for row in ROWS if row.name == "dense")
    model = type(compiled(small, Target(name))._model)
    return model.gradients is not NativeModel.gradients


@memoized(NETS)
def compiled(row: Row | TieRow, target: Target) -> Net:
    """The row's net. Weights are whatever the last check left: set them first.

    Where natives make no difference to the text, the net of the definitions stands for both.
    """
    if target.natives and not is_native(row, target):
        return compiled(row, target.definitions())
    return compile(
        case(row).program,
        backend=target.backend,
        dtype=target.dtype,
        device=target.device,
        natives=target.natives,
    )


@memoized(NETS)
def source(row: Row | TieRow, target: Target) -> str:
    """The text that a backend writes for a row."""
    own = backend(target.backend)
    options = Options(target.dtype, target.device, target.natives)
    with own.precision(options):
        return own.emit(case(row).program, options).source


def is_native(row: Row | TieRow, target: Target) -> bool:
    """Whether the backend has natives in this row: whether they change the text."""
    return source(row, target) != source(row, target.definitions())
