# `make demo` and `make test` do everything on a fresh machine; `make help` lists the rest.

PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
CORES ?= 2
INPUTS ?= 20000
RUNS ?= 1
READY := $(VENV)/.ready
# CPU machines: the first torch and torchvision that pip finds must fit together.
TORCH ?= torch==2.14.1 torchvision==0.29.1

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-paper test-cluster fuzz mutate lint format bench plan submissions clean

help: ## list what one can do
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

setup: $(READY) ## make .venv and install vqa with its tools

$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(TORCH)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test,lint,cluster]'
	touch $@

demo: setup ## run the whole demo study, ending at results/report.html
	$(BIN)/snakemake --cores $(CORES)
	@echo "The report: results/report.html"

test: setup ## run all tests
	$(BIN)/python -m pytest -n $(CORES) --dist loadfile tests

test-paper: setup ## run a miniature of the whole paper study (about 5 minutes)
	$(BIN)/python -m pytest -m paper tests/workflow

test-cluster: setup ## run the smoke study through a real Slurm, and break it (about 17 minutes; root installs Slurm)
	$(BIN)/python -m pytest -m cluster tests/cluster

fuzz: setup ## read 20,000 mutated files drawn anew (about 3 minutes; RUNS=10 for as many seeds, SEED= to repeat one)
	$(BIN)/python -m tests.fuzzing.readers --inputs $(INPUTS) --runs $(RUNS) $(if $(SEED),--seed $(SEED))

mutate: setup ## break the code in thousands of small ways: do the tests notice? (hours; SAMPLE=300 SEED=1, PACKAGES=protocol)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[mutation]'
	$(BIN)/python -m tests.mutation.run $(PACKAGES) --jobs $(CORES) $(if $(SAMPLE),--sample $(SAMPLE)) $(if $(SEED),--seed $(SEED))

lint: setup ## check style, types, layers, and the workflow
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/snakefmt --check Snakefile workflow/rules
	$(BIN)/snakemake --lint

format: setup ## put all code into the project's format
	$(BIN)/ruff check --fix --quiet .
	$(BIN)/ruff format .
	$(BIN)/snakefmt Snakefile workflow/rules

bench: setup ## measure extraction and training against a plain baseline (about 33 minutes)
	$(BIN)/python -m tests.benchmarks.speed

plan: setup ## time the planning of the paper's study on a fake full-size tree
	$(BIN)/python -m tests.benchmarks.plan

submissions: setup ## submit the paper's study to a real Slurm in dry form, and count (root installs Slurm)
	$(BIN)/python -m tests.benchmarks.submissions

clean: ## delete the virtual environment and every result
	rm -rf $(VENV) .snakemake results results-*
