"""Checks that a model stays the same on every way out and back in."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from polydl.compile import compile, load
from polydl.conformance import oracle
from polydl.conformance.checks import scaled_error, worst
from polydl.conformance.checks_training import STEPS_PER_EPOCH, digits, recorded, training
from polydl.conformance.kit import Kit, Transform, kit
from polydl.conformance.memo import NETS, memoized
from polydl.conformance.models import digits_cnn
from polydl.conformance.nets import Target, backend, compiled
from polydl.conformance.outcome import ConformanceError, Outcome
from polydl.conformance.row import Array, Row
from polydl.conformance.rows.composite import ROUND_TRIPS
from polydl.conformance.standalone import Job, Ways, prepare, run_alone
from polydl.conformance.tolerances import SCALE, bound
from polydl.net import Net
from polydl.program.structure import flatten_as
from polydl.program.types import Program
from polydl.spec.input import Input

FIT = "fit"  # the job that runs an emitted training program
RULE, FIT_EPOCHS = "adam", 2


def _needed(target: Target) -> Kit:
    found = kit(target.backend)
    assert found is not None, f"the {target.backend} backend has no conformance kit"
    return found


def _outputs(net: Net, row: Row) -> list[Array]:
    known = oracle.case(row)
    return flatten_as(net.program.outputs, net(known.nested(known.inputs)), row.name)


def _compared(check: str, row: Row, where: str, outputs: Sequence[Array]) -> Outcome:
    expected, _ = oracle.run(row, False)
    names = oracle.leaf_names(oracle.case(row).program)
    errors = {n: scaled_error(y, e) for n, y, e in zip(names, outputs, expected, strict=True)}
    error, name = worst(errors)
    return Outcome(check, row.name, where, error, bound("round trip", "float64"), SCALE, name)


def program_json(row: Row) -> Outcome:
    """The Program's JSON form gives the same Program, and the same JSON."""
    program = oracle.case(row).program
    text = program.to_json()
    again = Program.from_json(text)
    same = again == program and str(again) == str(program) and again.to_json() == text
    return Outcome("program JSON", row.name, "the core", float(not same), 0.0, "programs differ")


def same_source(row: Row, target: Target) -> Outcome:
    """A Program read back from JSON emits the same text."""
    net = compiled(row, target)
    again = Program.from_json(oracle.case(row).program.to_json())
    with net._backend.precision(net.options):
        source = backend(target.backend).emit(again, net.options).source
    differ = float(source != net.source)
    return Outcome("source from JSON", row.name, str(target), differ, 0.0, "texts differ")


def _restored(row: Row, target: Target) -> Net:
    net = compiled(row, target)
    net.load_weights(oracle.case(row).weights)
    return net


def saved(row: Row, first: Target, second: Target) -> Outcome:
    """A file that one backend saved, loaded by another: weights bit for bit, outputs alike."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        _restored(row, first).save(path)
        net = load(
            path, backend=second.backend, dtype=second.dtype, device=second.device,
            natives=second.natives,
        )  # fmt: skip
    where = f"{first} to {second}"
    changed = _changed(net, row)
    if changed:
        return Outcome("saved", row.name, where, float("inf"), 0.0, "", f"{changed} differs")
    return _compared("saved", row, where, _outputs(net, row))


def _changed(net: Net, row: Row) -> str:
    """The first entry that is not the row's."""
    after, given = net.weights, oracle.case(row).weights
    wrong = [p for p in given if p not in after or not np.array_equal(after[p], given[p])]
    return wrong[0] if wrong else ""


def imported(row: Row, target: Target) -> Outcome:
    """Weights saved in the framework's own way come back bit for bit; shared ones stay one."""
    net, own = _restored(row, target), _needed(target)
    with tempfile.TemporaryDirectory() as folder, net._backend.precision(net.options):
        given = own.save(net.native, Path(folder))
        zeros = {path: np.zeros_like(w) for path, w in oracle.case(row).weights.items()}
        net.load_weights(zeros)
        net.import_native(given)
    note = _changed(net, row)
    trained = [math.prod(e.shape) for e in net.program.entries.values() if e.role == "parameter"]
    count = own.parameters(net.native)
    if count != sum(trained):
        note = f"{count} trained numbers for {sum(trained)} of the program"
    return Outcome("imported", row.name, str(target), float(bool(note)), 0.0, "", note)


def transformed(row: Row, target: Target, name: str) -> Outcome:
    """Outputs after the framework's own transformation of the native object."""
    net, transform = _restored(row, target), transforms(target.backend)[name]
    with net._backend.precision(net.options):
        outputs = transform.run(net, list(oracle.case(row).inputs))
    return _compared(name, row, str(target), outputs)


def transforms(name: str) -> dict[str, Transform]:
    """What a backend's kit declares, by name."""
    found = kit(name)
    return dict(found.transforms) if found else {}


@memoized(NETS)
def _alone(target: Target) -> dict[str, Ways | str]:
    """Every round-trip row, and one training program, in one process without polydl."""
    own, jobs = _needed(target), []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for number, row in enumerate(ROUND_TRIPS):
            net, inputs = _restored(row, target), oracle.case(row).inputs
            entry, program = net._model.emitted.entry, net.program
            job = Job(f"row{number}", entry, len(inputs), program.inputs, program.outputs)
            place = prepare(root, job, net.source, inputs)
            with net._backend.precision(net.options):
                own.save(net.native, place)
            jobs.append(job)
        jobs.append(_training_job(target, own, root))
        found = run_alone(root, jobs, own.alone)
    named = {row.name: found[f"row{i}"] for i, row in enumerate(ROUND_TRIPS)}
    return {**named, FIT: found[FIT]}


def _training_job(target: Target, own: Kit, root: Path) -> Job:
    net = compile(
        digits_cnn(), Input((None, 8, 8, 1)), backend=target.backend, dtype=target.dtype,
        device=target.device, natives=target.natives, seed=7,
    )  # fmt: skip
    x, labels = digits()
    prepared = net._fitting.prepare(training(RULE, FIT_EPOCHS))
    job = Job(FIT, prepared.emitted.entry, 2, None, None, trains=True)
    place = prepare(root, job, prepared.emitted.source, [x, labels])
    with net._backend.precision(net.options):
        own.save(prepared.model.native, place)
    return job


def _ways(target: Target, name: str) -> Ways:
    found = _alone(target)[name]
    if isinstance(found, str):
        raise ConformanceError(f"emitted source of {name} failed without polydl:\n{found}")
    return found


def alone(row: Row, target: Target) -> Outcome:
    """The emitted source run where polydl cannot be imported: the same outputs in every way."""
    ways = _ways(target, row.name)
    found = [
        _compared("source alone", row, f"{target}, {way}", outputs) for way, outputs in ways.items()
    ]
    return max(found, key=lambda outcome: outcome.error)


def fit_alone(target: Target) -> Outcome:
    """The emitted training program run alone, against the recorded curve."""
    (steps,) = _ways(target, FIT)[FIT]
    expected = np.array(recorded()[RULE][: FIT_EPOCHS * STEPS_PER_EPOCH])
    differs = steps.shape != expected.shape
    error = float("inf") if differs else float(np.max(np.abs(steps - expected) / expected))
    return Outcome("fit alone", RULE, str(target), error, bound("losses", "float64"), "relative")


PER_ROW: tuple[Callable[[Row, Target], Outcome], ...] = (same_source, imported, alone)
