# Everything a newcomer needs; only Python 3.11 and make have to be there. On Windows: the same commands with .venv\Scripts.
PYTHON ?= python3.11
ifeq (, $(shell command -v $(PYTHON) 2>/dev/null))
PYTHON := python3
endif
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: setup demo test check bench chaos coverage plots lock clean

setup: $(READY)

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or later is needed; name it with make PYTHON=..."; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(READY)

demo: setup
	$(BIN)/station run eol --serial BALI48-000001 --bench simulated

test: setup
	@tests/need-debian-packages
	$(BIN)/python -m pytest -n 2 --dist loadgroup

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	MYPYPATH=tests $(BIN)/mypy tests/benchmarks tests/chaos tests/guard/stop_bench.py
	$(BIN)/mypy --platform win32 --cache-dir .mypy_cache/win32
	$(BIN)/lint-imports
	$(BIN)/station check

bench: setup
	@for benchmark in tests/benchmarks/[a-z]*.py; do echo "== $$benchmark"; $(BIN)/python $$benchmark || exit 1; done

# Kills the run at every line that its journal flushed; lets connections, and anything else of bench and pack, fail at random;
# tests a pack again whose run was ended at any moment.
chaos: setup
	$(BIN)/python tests/chaos/kills.py
	$(BIN)/python tests/chaos/cuts.py
	$(BIN)/python tests/chaos/strays.py
	$(BIN)/python tests/chaos/pack_strays.py
	$(BIN)/python tests/chaos/retests.py

# Every fault there is, and 200 good packs, against the end-of-line test.
coverage: setup
	$(BIN)/station coverage eol

# The pictures of docs/explanation, drawn by the twin itself.
plots: setup
	$(BIN)/python docs/make_plots.py

# The exact versions and hashes of everything that is installed, without the address of any index.
lock: setup
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	    --no-annotate --no-header --quiet --output-file requirements.lock

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
