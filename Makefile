# The commands of this repository. Python 3.11 or newer and make are all that must be there before.
# Environments are made once and then reused; a change of pyproject.toml or of the constraints renews them.

PYTHON ?= python3
VENV ?= .venv
VENV_TEST ?= .venv-test

PIP := -m pip install --quiet --disable-pip-version-check
RUNTIME := $(VENV)/septum-runtime.stamp
DEVELOPMENT := $(VENV_TEST)/septum-development.stamp

.DEFAULT_GOAL := help
.PHONY: help demo test lint fuzz bench tables pictures web docs python

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(RUNTIME) ## segment a synthetic beating heart with the shipped model; results in demo/
	$(VENV)/bin/septum demo -o demo

test: $(DEVELOPMENT) ## run the tests, one process a core with one thread each
	OMP_NUM_THREADS=1 $(VENV_TEST)/bin/python -m pytest --numprocesses auto --dist loadgroup --no-loadscope-reorder

lint: $(DEVELOPMENT) ## style, types, and which room may import which
	$(VENV_TEST)/bin/ruff check .
	$(VENV_TEST)/bin/ruff format --check .
	$(VENV_TEST)/bin/mypy
	$(VENV_TEST)/bin/lint-imports

fuzz: $(DEVELOPMENT) ## damage images and studies of every format for a minute, and report what is neither read nor refused
	$(VENV_TEST)/bin/python tools/fuzz.py --seed 1 --seconds 60

bench: $(RUNTIME) $(DEVELOPMENT) ## measure speed and memory, beside nnU-Net if it is there; results in benchmarks/results/
	$(VENV_TEST)/bin/python benchmarks/frame_time.py
	$(VENV_TEST)/bin/python benchmarks/suite.py --runtime $(VENV)

tables: $(DEVELOPMENT) ## rebuild the documentation's tables from the committed results
	$(VENV_TEST)/bin/python tools/rebuild_tables.py

pictures: $(DEVELOPMENT) ## draw the documentation's pictures of methods again, on phantoms
	$(VENV_TEST)/bin/python tools/draw_report_picture.py
	$(VENV_TEST)/bin/python tools/draw_docs_pictures.py
	$(VENV_TEST)/bin/python tools/draw_viewer_pictures.py

web: ## build the page of septum view from web/ into the package; needs node 20 and npm
	cd web && npm ci --ignore-scripts --no-audit --no-fund
	cd web && npm run check && npm test && npm run build

docs: $(DEVELOPMENT) ## build the documentation into site/
	NO_MKDOCS_2_WARNING=1 $(VENV_TEST)/bin/mkdocs build --strict --quiet

python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	|| { echo "Septum needs Python 3.11 or newer, and $(PYTHON) is not; try: make PYTHON=python3.12" >&2; exit 1; }

# What segmenting needs, and no more.
$(RUNTIME): pyproject.toml | python
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python $(PIP) --editable .
	@touch $@

# The same with everything that training, tests, lint and documentation need. Dependency groups need pip 25.1.
$(DEVELOPMENT): pyproject.toml requirements/constraints.txt | python
	$(PYTHON) -m venv $(VENV_TEST)
	$(VENV_TEST)/bin/python $(PIP) --upgrade 'pip>=25.1'
	$(VENV_TEST)/bin/python $(PIP) --constraint requirements/constraints.txt --editable '.[study,onnx,jpeg,view,node,cohort-slurm]' --group dev
	@touch $@
