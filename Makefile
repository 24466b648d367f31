# make test    build .venv and run all tests
# make demo    train the same CNN in three frameworks and write report.html
# make lint    ruff and mypy
# make bench   speed against programs that experts wrote by hand
# make conformance   the support and error table of every backend, and layers drawn at random

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
WORKERS ?= 2

.PHONY: test demo lint bench conformance clean

.venv/installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[all,dev]'
	touch $@

test: .venv/installed
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

demo: .venv/installed
	$(BIN)/polydl compare examples/digits_cnn.py

bench: .venv/installed
	$(BIN)/python -m benchmarks

conformance: .venv/installed
	$(BIN)/polydl conformance
	POLYDL_EXAMPLES=40 $(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup tests/properties

clean:
	rm -rf .venv report.html
