"""Who may import whom, what `import polydl` loads, and that the public names are there."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import polydl as dl

ROOT = Path(__file__).parents[2]
STDLIB = sys.stdlib_module_names
FRAMEWORKS = {"torch", "tensorflow", "keras", "jax", "jaxlib", "flax", "optax"}
SHOWN = {"rich", "typer", "jinja2", "markupsafe", "matplotlib"}  # what people look at

# by folder or file of polydl/, the longest prefix decides: (on top, inside functions)
CORE: dict[str, tuple[set[str], set[str]]] = {
    "": ({"numpy"}, set()),
    "weights": ({"numpy", "safetensors"}, set()),
    "callbacks/progress_bar.py": (set(), {"rich"}),
    "compare": ({"numpy"}, SHOWN),
    "diagnostics/plot.py": ({"numpy"}, {"matplotlib"}),
    "compare/highlight.py": ({"markupsafe"}, set()),  # which the report imports
    # run from the command line only
    "cli.py": ({"numpy", "typer"}, SHOWN),
    "conformance": ({"numpy"}, SHOWN),
    "conformance/cli.py": ({"numpy", "rich"}, SHOWN),
    "conformance/table.py": ({"numpy", "rich"}, SHOWN),
}
OWN = {
    "polydl_torch": {"torch"},
    "polydl_keras": {"keras", "tensorflow", "jax", "torch"},  # the engines under Keras
    "polydl_flax": {"jax", "flax", "optax"},
}


def imports(path: Path) -> Iterator[tuple[str, bool, int]]:
    """(top-level package, whether inside a function, line); for type checkers only: left out."""

    def visit(node: ast.AST, inside: bool) -> Iterator[tuple[str, bool, int]]:
        if isinstance(node, ast.Import):
            yield from ((alias.name.split(".")[0], inside, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}:{node.lineno}: a relative import"
            yield (node.module or "").split(".")[0], inside, node.lineno
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            return
        function = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        for child in ast.iter_child_nodes(node):
            yield from visit(child, inside or function)

    yield from visit(ast.parse(path.read_text(encoding="utf-8")), False)


def sources(folder: str) -> list[Path]:
    found = sorted((ROOT / folder).rglob("*.py"))
    assert found, folder
    return found


def allowed(path: Path) -> tuple[set[str], set[str]]:
    name = path.relative_to(ROOT / "polydl").as_posix()
    fitting = [p for p in CORE if p in ("", name) or name.startswith(f"{p}/")]
    return CORE[max(fitting, key=len)]


def test_the_core_imports_numpy_and_little_else():
    wrong = []
    for path in sources("polydl"):
        top, inner = allowed(path)
        for package, inside, line in imports(path):
            if package == "polydl" or package in STDLIB or package in top:
                continue
            if not (inside and package in inner):
                wrong.append(f"{path.relative_to(ROOT)}:{line}: {package}")
    assert not wrong, "\n".join(wrong)


def test_no_framework_in_the_core():
    found = {
        f"{path.relative_to(ROOT)}:{line}"
        for path in sources("polydl")
        for package, _, line in imports(path)
        if package in FRAMEWORKS or package.startswith("polydl_")
    }
    assert not found


@pytest.mark.parametrize("backend", OWN)
def test_a_backend_imports_the_core_and_its_framework(backend):
    wrong = []
    known = {"polydl", "numpy", backend, *OWN[backend]}
    for path in sources(f"backends/{backend}"):
        wrong += [
            f"{path.relative_to(ROOT)}:{line}: {package}"
            for package, _, line in imports(path)
            if package not in known and package not in STDLIB
        ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("backend", OWN)
def test_requirements_import_nothing(backend):
    found = [p for p, _, _ in imports(ROOT / "backends" / backend / "requirements.py")]
    assert set(found) <= STDLIB | {"__future__"}


def test_reference_shares_nothing_with_emission():
    """The oracle must not be wrong in the same way. Its adapter to `compile` may know Emitted."""
    for path in sources("polydl/reference"):
        if path.name == "backend.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                parts = (node.module or "").split(".")
                assert parts[:2] != ["polydl", "emission"], f"{path}: {node.module}"


def test_the_core_asks_for_no_backend_by_name():
    """Capabilities are asked for. A name in a comparison would tie the core to a framework."""
    names = {"torch", "keras", "flax", "jax", "tensorflow", "pytorch"}

    def texts(node: ast.AST) -> Iterator[str]:
        for inner in ast.walk(node):
            if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
                yield inner.value

    wrong = []
    for path in sources("polydl"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            tested: list[ast.AST] = []
            if isinstance(node, ast.Compare):
                tested = [node.left, *node.comparators]
            elif isinstance(node, ast.match_case):
                tested = [node.pattern]
            elif isinstance(node, ast.Dict):
                tested = [key for key in node.keys if key is not None]
            if any(text in names for part in tested for text in texts(part)):
                wrong.append(
                    f"{path.relative_to(ROOT)}:{node.lineno if hasattr(node, 'lineno') else 0}"
                )
    assert not wrong, wrong


IMPORT = """
import sys
import polydl as dl
print(sorted({name.split(".")[0] for name in sys.modules}))
model = dl.Sequential(dl.Conv2D(4, 3), dl.BatchNorm(), dl.relu, dl.Dropout(0.5), dl.Dense(3))
program = dl.trace(model, dl.Input((None, 8, 8, 1)))
dl.Program.from_json(program.to_json())
dl.Training(dl.CrossEntropy(), dl.Adam())
dl.compile(program, backend="reference")
str(program), dir(dl), dl.Net, dl.compile, dl.load
print(sorted({name.split(".")[0] for name in sys.modules}))
"""


def test_importing_and_tracing_loads_no_framework():
    done = subprocess.run([sys.executable, "-c", IMPORT], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    imported, used = map(ast.literal_eval, done.stdout.splitlines())
    assert not (FRAMEWORKS | SHOWN | {"numpy", "safetensors"}) & set(imported)
    assert not (FRAMEWORKS | SHOWN) & set(used)


def test_public_names_resolve():
    assert len(set(dl.__all__)) == len(dl.__all__)
    for name in dl.__all__:
        assert getattr(dl, name) is not None, name
        assert name in dir(dl)
    with pytest.raises(AttributeError, match="no attribute 'dense'"):
        _ = dl.dense
    # modules of the same name do not take a function's place
    for name in ("compile", "compare"):
        __import__(f"polydl.{name}")
        assert inspect.isfunction(getattr(dl, name)), name


def public_members(name: str, value: object) -> Iterator[tuple[str, object]]:
    yield name, value
    if inspect.isclass(value):
        for attribute, member in vars(value).items():
            if attribute.startswith("_"):
                continue
            if inspect.isfunction(member) or isinstance(member, staticmethod):
                inherited = any(getattr(base, attribute, None) and getattr(base, attribute).__doc__
                                for base in value.__mro__[1:])  # fmt: skip
                if not inherited and attribute != "definition":
                    yield f"{name}.{attribute}", member


def test_every_public_name_is_documented():
    missing = []
    for name in dl.__all__:
        value = getattr(dl, name)
        if inspect.ismodule(value) or inspect.isclass(value) or inspect.isfunction(value):
            for where, member in public_members(name, value):
                text = member.__doc__ or ""
                generated = inspect.isclass(member) and text.startswith(f"{member.__name__}(")
                if not text.strip() or generated:
                    missing.append(where)
    assert not missing, missing


def test_every_operation_is_documented():
    for module in (
        dl.ops,
        dl.errors,
        dl.functions,
        dl.losses,
        dl.metrics,
        dl.optimizers,
        dl.schedules,
        dl.layers,
    ):
        for name, value in vars(module).items():
            own = getattr(value, "__module__", "").startswith(module.__name__)
            if own and not name.startswith("_") and callable(value):
                assert (value.__doc__ or "").strip(), f"{module.__name__}.{name}"
