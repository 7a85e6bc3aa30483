# What a new user needs: `make demo` and `make test`. Everything lives in .venv; nothing is installed elsewhere.
# uv is used where it is there; else Python's own venv and pip. Both read the same locked, hashed requirements.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(shell command -v uv 2>/dev/null)

.PHONY: help demo test quick check site format bench structure soak lock clean

help:
	@echo "make demo    the main job on sample data: mails in var/demo/outbox"
	@echo "make test    the whole test suite"
	@echo "make quick   the tests without servers and databases: a minute or two"
	@echo "make check   ruff, mypy --strict, the import rules, the documentation's links"
	@echo "make site    the documentation as a site, in var/site"
	@echo "make bench   the benchmarks (minutes)"
	@echo "make structure  the code's structure in figures"
	@echo "make soak    the long failure tests (many minutes)"
	@echo "make lock    resolve the dependencies anew (needs uv)"

$(VENV)/.ready: requirements/dev.txt pyproject.toml
ifdef UV
	test -x $(BIN)/python || uv venv --quiet --python $(PYTHON) $(VENV)
	uv pip install --quiet --compile-bytecode --require-hashes --python $(BIN)/python -r requirements/dev.txt
	uv pip install --quiet --no-deps --no-build-isolation --python $(BIN)/python --editable .
else
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
endif
	touch $@

demo: $(VENV)/.ready
	$(BIN)/trialalerts demo

test: $(VENV)/.ready
	$(BIN)/python -m pytest -n auto --dist worksteal --durations=25 --durations-min=1

quick: $(VENV)/.ready
	$(BIN)/python -m pytest -n auto --dist worksteal -m quick -q --hypothesis-profile=quick

check: $(VENV)/.ready
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache --config pyproject.toml
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

site: $(VENV)/.ready
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "var/site/index.html"

format: $(VENV)/.ready
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format

bench: $(VENV)/.ready
	$(BIN)/python -m benchmarks

structure: $(VENV)/.ready
	$(BIN)/python -m benchmarks.structure

soak: $(VENV)/.ready
	TRIALALERTS_TEST_SOAK=1 $(BIN)/python -m pytest -m soak

lock:
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --quiet pyproject.toml -o requirements/runtime.txt
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --quiet --group dev pyproject.toml -o requirements/dev.txt

clean:
	rm -rf $(VENV) var/demo .mypy_cache .ruff_cache .pytest_cache
