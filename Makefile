# Two commands: `make run` shows the whole chain, `make test` checks everything. `make docs` writes the documentation.
# Needs python3 >= 3.11 with pip (or uv), make and git; no administrator rights.

PYTHON ?= python3
VENV   ?= .venv
OUT    ?= out
STUDY  ?= models/studies/nanoled_like.toml
# parallel test processes; tests of one file stay together, files in the order of tests/conftest.py
PYTEST ?= -n 2 --dist loadfile --no-loadscope-reorder

BIN   := $(VENV)/bin
STAMP := $(VENV)/.perovsim-ready
UV    := $(shell command -v uv 2>/dev/null)
# the interpreter below an active virtual environment, which may lack pip
BASE  := $(shell $(PYTHON) -c 'import sys; print(sys._base_executable)' 2>/dev/null)

export OMP_NUM_THREADS ?= 1
export MPLBACKEND ?= Agg

.PHONY: run test lint docs setup picture clean

run: $(STAMP)
	@$(BIN)/perovsim run $(STUDY) --out $(OUT)/

test: $(STAMP)
	@$(MAKE) --no-print-directory lint
	$(BIN)/python -m pytest $(PYTEST)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

# the documentation, warnings are errors; open out/docs/index.html
docs: $(STAMP)
	$(BIN)/python -m sphinx -q -W --keep-going -b html -d $(OUT)/docs-cache docs $(OUT)/docs

setup: $(STAMP)

# the picture of the README, from a run of the shipped study
picture: run
	cp $(OUT)/chain.png docs/images/chain.png

# An environment that is already there is filled up, not made anew.
$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "perovsim needs python3 >= 3.11; name one with: make PYTHON=python3.12"; exit 1; }
ifneq ($(UV),)
	@test -x $(BIN)/python || $(UV) venv --quiet --python $(PYTHON) $(VENV)
	@echo "installing perovsim and what it needs into $(VENV) …"
	@$(UV) pip install --quiet --python $(BIN)/python --editable ".[dev]"
else
	@test -x $(BIN)/python || $(BASE) -m venv --without-pip $(VENV)
	@echo "installing perovsim and what it needs into $(VENV) …"
	@$(BASE) -m pip --python $(BIN)/python install --quiet --disable-pip-version-check \
	  --editable ".[dev]"
endif
	@touch $@

clean:
	rm -rf $(OUT) build dist .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find perovsim tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
