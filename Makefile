# Two commands on a fresh machine: `make demo` and `make test`. Only make, pip and Python 3.11+ are assumed.

PYTHON ?= python3
DATA   ?= interactions.parquet
GAMES  ?= games.parquet
REVIEWS ?= reviews.parquet
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

# DATA, GAMES and REVIEWS are the public sets as parquet; five of them need these imported and a model trained. The public
# systems that quality and fit compare with are left out where they are not installed: pip install -e '.[peers]'.
bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks.quality $(DATA) $(GAMES) $(REVIEWS) --out quality
	$(BIN)/python -m benchmarks.cold_games $(DATA) $(GAMES)
	$(BIN)/python -m benchmarks.cold_players $(DATA) $(GAMES)
	$(BIN)/python -m benchmarks.fit $(DATA)
	$(BIN)/python -m benchmarks.learn $(DATA)
	$(BIN)/python -m benchmarks.growth $(DATA) --folder growth
	$(BIN)/python -m benchmarks.serve
	$(BIN)/python -m benchmarks.answer
	$(BIN)/python -m benchmarks.night
	$(BIN)/python -m benchmarks.discord_load
	$(BIN)/python -m benchmarks.slack_load
	$(BIN)/python -m benchmarks.warehouse $(DATA) --gram-up-to 5
	$(BIN)/python -m benchmarks.circle $(DATA) $(GAMES) $(REVIEWS)

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
