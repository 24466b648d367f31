"""The command line: compare, train, lr-find, emit, backends, conformance."""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable, Sequence
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from polydl.errors import DivergenceError, PolydlError

if TYPE_CHECKING:
    from polydl.experiment import Experiment
    from polydl.net import Net
    from polydl.training.history import History

app = typer.Typer(
    help="Define a deep-learning model once; get the PyTorch, Keras and Flax you would have "
    "written by hand, proven equal.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


class _Settings:
    debug = False


def _set_debug(value: bool) -> None:
    _Settings.debug = _Settings.debug or value


def _version(value: bool) -> None:
    if value:
        from polydl import __version__

        typer.echo(f"polydl {__version__}")
        raise typer.Exit


File = Annotated[Path, typer.Argument(help="A Python file with `experiment = dl.Experiment(...)`.")]
Backend = Annotated[str, typer.Option(help="torch, keras, flax, or another installed backend.")]
Device = Annotated[str, typer.Option(help="cpu, cuda, cuda:1, ...")]
DType = Annotated[
    str, typer.Option(help="float32 or float64; to emit a model, bfloat16 or float16 too.")
]
Debug = Annotated[
    bool, typer.Option("--debug", callback=_set_debug, help="Show the traceback of an error.")
]


@app.callback()
def polydl(
    debug: Debug = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Options of all commands."""


@app.command()
def compare(
    file: File,
    backends: Annotated[
        str, typer.Option(help="Comma-separated; losses are compared with those of the first.")
    ] = "torch,keras,flax",
    device: Device = "cpu",
    threads: Annotated[
        int | None, typer.Option(help="For each backend; all cores by default.", min=1)
    ] = None,
    dtype: DType = "float32",
    report: Annotated[Path, typer.Option(help="The page to write.")] = Path("report.html"),
    timeout: Annotated[
        float, typer.Option(help="Seconds that a backend may say nothing before it is given up.")
    ] = 600.0,
    debug: Debug = False,
) -> None:
    """Check, train and time an experiment on several backends, and write a report."""
    from rich.console import Console

    from polydl.compare import compare as run
    from polydl.experiment import load_experiment

    names = [name.strip() for name in backends.split(",") if name.strip()]
    comparison = run(
        load_experiment(file),
        names,
        device=device,
        threads=threads,
        dtype=dtype,
        report=report,
        timeout=timeout,
    )
    console = Console()
    if console.is_terminal:
        console.print(comparison.table())
    else:
        typer.echo(str(comparison))
    if comparison.caution:
        typer.secho(comparison.caution, fg=typer.colors.YELLOW, err=True)
    typer.echo(f"The report is in {report}")


@app.command()
def train(
    file: File,
    backend: Backend,
    out: Annotated[Path, typer.Option(help="The folder to write to; made if it is not there.")],
    device: Device = "cpu",
    dtype: DType = "float32",
    resume: Annotated[
        Path | None,
        typer.Option(help="A checkpoint, or a folder of them, to go on from; of any backend."),
    ] = None,
    debug: Debug = False,
) -> None:
    """Train an experiment on one backend; keep its model, weights, history and source.

    Writes model.safetensors (for dl.load, on any backend), history.json, model.py, and training.py: a
    script that runs alone, with the data and the initial weights that it loads beside it.
    """
    experiment, net = _compiled(file, backend, device, dtype)
    _make_folder(out)
    net.save_training(
        out / "training.py", experiment.training, experiment.data, experiment.validation
    )
    diverged = None
    try:
        history = net.fit(
            experiment.training,
            experiment.data,
            experiment.validation,
            after_epoch=_epoch_line(experiment.training.epochs),
            resume=resume or False,
        )
    except DivergenceError as error:  # the net holds what is good
        diverged, history = error, error.history
    net.save(out / "model.safetensors")
    net.save_source(out / "model.py")
    (out / "history.json").write_text(_history_json(history), encoding="utf-8")
    typer.echo(f"model.safetensors, model.py, training.py and history.json are in {out}")
    if diverged is not None:
        raise diverged
    if history.interrupted:
        typer.echo("Interrupted: what was learnt until then has been kept.", err=True)
        raise typer.Exit(130)


@app.command(name="lr-find")
def lr_find(
    file: File,
    backend: Backend,
    lowest: Annotated[float, typer.Option(help="The rate of the first update.")] = 1e-7,
    highest: Annotated[float, typer.Option(help="The rate of the last one.")] = 10.0,
    steps: Annotated[int, typer.Option(help="How many updates.")] = 100,
    plot: Annotated[
        Path | None, typer.Option(help="Draw the curve there: a .png, .svg or .pdf file.")
    ] = None,
    device: Device = "cpu",
    dtype: DType = "float32",
    debug: Debug = False,
) -> None:
    """Raise the learning rate update by update, and suggest one from what the loss does."""
    from polydl.diagnostics.learning_rate import find_lr
    from polydl.diagnostics.plot import check_plot

    if plot is not None:
        check_plot(plot)
    experiment, net = _compiled(file, backend, device, dtype)
    found = find_lr(
        net, experiment.training, experiment.data, lowest=lowest, highest=highest, steps=steps
    )
    typer.echo(str(found))
    if plot is not None:
        _make_folder(plot.resolve().parent)
        found.plot(plot)
        typer.echo(f"The plot is in {plot}")


@app.command()
def emit(
    file: File,
    backend: Backend,
    out: Annotated[Path | None, typer.Option(help="A file, instead of the screen.")] = None,
    training: Annotated[
        bool,
        typer.Option(
            "--training", help="The training program; with --out, and what it loads, to run alone."
        ),
    ] = False,
    dtype: DType = "float32",
    debug: Debug = False,
) -> None:
    """Write an experiment's model, or its training program, as one backend's source."""
    from polydl.compile import compile
    from polydl.experiment import load_experiment
    from polydl.training.script import check_stem

    experiment = load_experiment(file)
    net = compile(experiment.program, backend=backend, seed=experiment.training.seed, dtype=dtype)
    run = (experiment.training, experiment.data, experiment.validation)
    if training and out is not None:
        _make_folder(out.resolve().parent)
        net.save_training(out, *run)
        return
    text = net.emit_script(*run) if training else net.source
    text = text.rstrip("\n") + "\n"
    if out is None:
        typer.echo(text, nl=False)
        return
    check_stem(out.stem, text)
    _make_folder(out.resolve().parent)
    out.write_text(text, encoding="utf-8")


@app.command()
def backends(debug: Debug = False) -> None:
    """What is installed: versions and devices, and what to install for what is missing."""
    from rich.console import Console
    from rich.table import Table

    from polydl.backend_info import query_backends

    table = Table("backend", "state", "versions", "devices", box=None, pad_edge=False)
    found = query_backends()
    for info in found:
        state = "missing" if info.install else "broken" if info.problem else "installed"
        versions = ", ".join(f"{name} {version}" for name, version in info.versions.items())
        table.add_row(info.name, state, versions, ", ".join(info.devices))
    Console(width=None if sys.stdout.isatty() else 120, highlight=False).print(table)
    for info in found:
        if info.install:
            typer.echo(f"\n{info.name}: {info.install}")
        if info.problem:
            typer.echo(f"\n{info.name}: {info.problem}")


@app.command()
def conformance(
    backend: Annotated[
        list[str] | None, typer.Option(help="May be given several times; all by default.")
    ] = None,
    device: Device = "cpu",
    dtype: Annotated[
        str | None, typer.Option(help="float64, float32, bfloat16 or float16; all by default.")
    ] = None,
    row: Annotated[
        list[str] | None,
        typer.Option(help="Only rows with this in their name or about it (LSTM); several times."),
    ] = None,
    natives: Annotated[
        Path | None, typer.Option(help="Write the table of natives there, and check nothing.")
    ] = None,
    gallery: Annotated[
        Path | None, typer.Option(help="Write models and their texts there, and check nothing.")
    ] = None,
    debug: Debug = False,
) -> None:
    """The support table, and the measured errors against the reference."""
    from polydl.backend import get_backend, installed_backends
    from polydl.conformance.cli import run
    from polydl.conformance.gallery import gallery as gallery_page
    from polydl.conformance.natives_table import natives_table
    from polydl.precision import check_dtype

    usable = [f.name for f in installed_backends() if not (f.missing or f.problem)]
    names = backend or usable
    for name in names:
        get_backend(name)
    if dtype is not None:
        check_dtype(dtype)
    for path, page in ((natives, natives_table), (gallery, gallery_page)):
        if path is not None:
            _make_folder(path.resolve().parent)
            path.write_text(page(names), encoding="utf-8")
    if natives is None and gallery is None:
        raise typer.Exit(run(names, device, dtype, row))


def _compiled(file: Path, backend: str, device: str, dtype: str) -> tuple[Experiment, Net]:
    """An experiment that can be trained, and its net."""
    from polydl.compile import compile
    from polydl.experiment import load_experiment

    experiment = load_experiment(file)
    experiment.check(dtype)
    seed = experiment.training.seed
    return experiment, compile(
        experiment.program, backend=backend, seed=seed, dtype=dtype, device=device
    )


def _epoch_line(epochs: int) -> Callable[[int, dict[str, float]], None]:
    from polydl.training.history import scores_text

    def say(epoch: int, scores: dict[str, Any]) -> None:
        typer.echo(f"epoch {epoch:>{len(str(epochs))}} of {epochs}  {scores_text(scores)}")

    return say


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PolydlError(f"the folder {path} cannot be made: {error.strerror}") from error


def _history_json(history: History) -> str:
    content: dict[str, Any] = {
        "epochs": history.epochs,
        "steps": [loss if isfinite(loss) else None for loss in history.steps.tolist()],
        "interrupted": history.interrupted,
    }
    return json.dumps(content, indent=1)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command `polydl`. An error of polydl's is a line on stderr and exit code 1."""
    try:
        app(args=None if arguments is None else list(arguments), prog_name="polydl")
    except PolydlError as error:
        if _Settings.debug:
            traceback.print_exc()
        typer.secho(f"error: {error}", fg=typer.colors.RED, err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        typer.secho("interrupted", fg=typer.colors.RED, err=True)
        sys.exit(130)
