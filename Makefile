# Two commands for everyone: `make demo` and `make test`. All else is for those who work on modelkeep.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Where pip has no group support yet, the venv's own pip is brought up to date first.
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input -q

.PHONY: demo test check lint types layers tests fuzz kill zoo oldest memory bench bench-quick bench-registry bench-seal clean

demo: $(VENV)/.demo
	$(BIN)/modelkeep demo

test: $(VENV)/.test
	$(MAKE) --no-print-directory check

check: lint types layers tests

lint:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types:
	$(BIN)/mypy

layers:
	$(BIN)/lint-imports --no-cache

tests:
	$(BIN)/python -m pytest -q -n 2 --dist worksteal

# The long versions of what `make test` does in short.
fuzz:
	MODELKEEP_FULL=1 $(BIN)/python -m pytest -q -s tests/test_fuzz.py tests/test_hostile.py tests/test_checks.py tests/test_audit.py tests/test_boosters.py

kill:
	MODELKEEP_FULL=1 $(BIN)/python -m pytest -q -s tests/test_kill.py tests/test_registry_race.py tests/test_registry_crash.py tests/test_registry_storage.py

# Every model of the zoo as ONNX and as PMML, each file asked in a process of its own; trees at 20,000 rows and more.
zoo:
	MODELKEEP_FULL=1 $(BIN)/python -m pytest -q -s tests/test_onnx_zoo.py tests/test_onnx_trees.py tests/test_pmml_zoo.py

# The oldest versions of the libraries that pyproject.toml allows, in an environment of their own.
oldest: .venv-oldest/.ready
	MODELKEEP_OLDEST=1 .venv-oldest/bin/python -m pytest -q -n 2 tests/test_zoo.py tests/test_onnx_zoo.py \
	  tests/test_onnx_read.py tests/test_savedmodel.py tests/test_joblib_formats.py

.venv-oldest/.ready: pyproject.toml tests/oldest.txt
	$(PYTHON) -m venv .venv-oldest
	.venv-oldest/bin/python -m pip install -q -U pip
	.venv-oldest/bin/python -m pip install -q -r tests/oldest.txt pytest pytest-xdist hypothesis joblib cloudpickle \
	  packaging lz4 matplotlib pyarrow onnxmltools
	.venv-oldest/bin/python -m pip install -q --no-deps -e .
	@touch $@

memory:
	MODELKEEP_FULL=1 $(BIN)/python -m pytest -q -s tests/test_memory.py

bench: $(VENV)/.test
	$(BIN)/python -m benchmarks

bench-quick: $(VENV)/.test
	$(BIN)/python -m benchmarks --quick

# MLflow has an environment of its own: it would move the versions of others.
bench-registry: $(VENV)/.test .venv-mlflow/.ready
	$(BIN)/python -m benchmarks.registry

.venv-mlflow/.ready: pyproject.toml
	$(PYTHON) -m venv .venv-mlflow
	.venv-mlflow/bin/python -m pip install -q -U pip
	.venv-mlflow/bin/python -m pip install -q mlflow -e '.[sklearn]'
	@touch $@

bench-seal: $(VENV)/.test
	$(BIN)/python -m benchmarks.sealing

clean:
	rm -rf $(VENV) .venv-mlflow .venv-oldest .mypy_cache .ruff_cache .pytest_cache .hypothesis dist

$(VENV)/bin/python:
	@command -v $(PYTHON) >/dev/null || { echo "modelkeep needs Python 3.11 or newer: apt-get install python3 python3-venv"; exit 1; }
	@# Debian keeps the means to make environments in a package of its own.
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	  { [ "$$(id -u)" = 0 ] && apt-get update -q && apt-get install -q -y python3-venv && $(PYTHON) -m venv $(VENV); } || \
	  { rm -rf $(VENV); echo "install the package python3-venv first: sudo apt-get install python3-venv"; exit 1; }; }

$(VENV)/.demo: $(VENV)/bin/python pyproject.toml
	$(PIP) install -U pip
	$(PIP) install -e '.[sklearn]'
	@touch $@

$(VENV)/.test: $(VENV)/bin/python pyproject.toml
	$(PIP) install -U pip
	$(PIP) install -e '.[all]' --group test
	@touch $@
