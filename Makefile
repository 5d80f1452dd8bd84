# Two commands on a fresh machine: `make demo` and `make test`. Only make, pip and Python 3.11+ are assumed.

PYTHON ?= python3
DATA   ?= interactions.parquet
VENV   := .venv
BIN    := $(VENV)/bin

.PHONY: demo test bench lock clean

demo: $(VENV)/.runtime
	@$(BIN)/indiean demo

test: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest

# DATA is the interactions as parquet; the second and third one need them imported and a model trained.
bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks.fit $(DATA)
	$(BIN)/python -m benchmarks.answer
	$(BIN)/python -m benchmarks.discord_load
	$(BIN)/python -m benchmarks.slack_load
	$(BIN)/python -m benchmarks.warehouse $(DATA) --gram-up-to 5
	$(BIN)/python -m benchmarks.circle $(DATA)

# The lock is what pip resolved for this pyproject.toml, without this project itself and without local version tags.
lock:
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --upgrade pip
	$(BIN)/python -m pip install --upgrade-strategy eager -e '.[dev]' 'torch==2.13.0'
	$(BIN)/python -m pip freeze --exclude-editable --exclude pip | sed 's/+[a-z0-9.]*$$//' | grep -v '^-e' > constraints.txt

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
	touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $@ $(VENV)/.runtime
