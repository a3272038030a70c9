# Everything a reader or a developer runs, one word each. `make` alone lists them.
# Needs: a POSIX shell, python3 (3.11 or newer) with venv, make.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
OUT ?= runs/demo

# Torch's own threads slow down small operations many times as soon as two processes run side by side.
export OMP_NUM_THREADS := 1

.PHONY: help demo test lint check format bench constraints clean

help:
	@echo "make demo    install into $(VENV), run the demo into $(OUT), say where its report is"
	@echo "make test    install what tests need, run all tests and docstring examples"
	@echo "make lint    formatting, lint, types, import contract"
	@echo "make check   lint and test: what has to pass before a change goes in"
	@echo "make format  rewrite the code in the house format"
	@echo "make bench   measure the speed tables of benchmarks/README.md"
	@echo "make clean   remove $(VENV)"

# A stamp is newer than what it was installed from, or the installation is repeated.
# The tools include the demo, so that they set both stamps.
$(VENV)/.demo: pyproject.toml constraints.txt tools/setup.sh
	@PYTHON=$(PYTHON) VENV=$(VENV) sh tools/setup.sh demo
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt tools/setup.sh
	@PYTHON=$(PYTHON) VENV=$(VENV) sh tools/setup.sh dev
	@touch $(VENV)/.demo $@

demo: $(VENV)/.demo
	$(BIN)/layerlore demo --out $(OUT)
	@test -f $(OUT)/report.html || { echo "the demo left no report at $(OUT)/report.html" >&2; exit 1; }
	@echo "report: $(abspath $(OUT)/report.html)"

test: $(VENV)/.dev
	$(BIN)/python -m pytest -n 2 $(PYTEST_ARGS)

lint: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(BIN)/lint-imports

check: lint test

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.dev
	$(BIN)/python benchmarks/transforms.py
	$(BIN)/python benchmarks/sparsest.py speed growth --steps 400
	$(BIN)/python benchmarks/explain.py throughput
	$(BIN)/python benchmarks/explain.py memory
	$(BIN)/python benchmarks/change.py
	$(BIN)/python benchmarks/tracker.py time
	$(BIN)/python benchmarks/series.py

# After trying newer versions in $(VENV): write down the ones that the tests passed with.
constraints: $(VENV)/.dev
	@{ sed '/^[^#]/,$$d' constraints.txt; \
	   $(BIN)/python -m pip freeze --exclude-editable | sed 's/+cpu$$//'; } > $(VENV)/constraints.txt
	@mv $(VENV)/constraints.txt constraints.txt
	@touch $(VENV)/.demo $(VENV)/.dev

clean:
	rm -rf $(VENV)
