"""Options and grouping shared by all tests."""

from __future__ import annotations

import os

# two workers on two cores: threads of each other's would only wait for one another
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import pytest

from polydl.backend import installed_backends


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--backend", action="append", help="a backend to check; all by default")
    parser.addoption("--device", default="cpu", help="where nets are put: cpu, cuda, cuda:1")


def backends(config: pytest.Config) -> list[str]:
    """Those asked for, or all that are installed."""
    found = [b.name for b in installed_backends() if not b.missing and not b.problem]
    return config.getoption("--backend") or found


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "backend" in metafunc.fixturenames and "backend" not in _given(metafunc):
        metafunc.parametrize("backend", backends(metafunc.config))


def _given(metafunc: pytest.Metafunc) -> set[str]:
    """Arguments that a test's own parametrize marks give."""
    marks = metafunc.definition.iter_markers("parametrize")
    names = (mark.args[0] for mark in marks)
    return {n.strip() for name in names
            for n in (name.split(",") if isinstance(name, str) else name)}  # fmt: skip


@pytest.fixture
def device(request: pytest.FixtureRequest) -> str:
    return request.config.getoption("--device")


def pytest_itemcollected(item: pytest.Item) -> None:
    """Workers share compiled nets: a file's tests of one backend run in one process.

    Here, for xdist reads the marks before pytest_collection_modifyitems gets to this file.
    """
    callspec = getattr(item, "callspec", None)
    backend = callspec.params.get("backend", "") if callspec else ""
    item.add_marker(pytest.mark.xdist_group(f"{item.path.stem}-{backend}"))
