# `make demo` and `make test` do everything on a fresh machine; `make help` lists the rest.

PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
CORES ?= 2
READY := $(VENV)/.ready
# CPU machines: the first torch and torchvision that pip finds must fit together.
TORCH ?= torch==2.14.1 torchvision==0.29.1

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-paper test-simulation test-cluster fuzz lint format bench plan power submissions clean

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

test-simulation: setup ## count wrong verdicts over 2,000 simulated studies a truth (about 2 minutes)
	$(BIN)/python -m pytest -s -m simulation tests/evaluation

test-cluster: setup ## run the smoke study through a real Slurm, and break it (about 17 minutes; root installs Slurm)
	$(BIN)/python -m pytest -m cluster tests/cluster

fuzz: setup ## read 20,000 mutated files (about 3 minutes)
	$(BIN)/python -m tests.fuzzing.readers --inputs 20000 --seed 0

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

power: setup ## simulate how many seeds a question needs, for the documentation (about 2 minutes)
	mkdir -p build
	$(BIN)/python -m vqa.evaluation.power > build/power.md
	mv build/power.md workflow/documentation/power.md

submissions: setup ## submit the paper's study to a real Slurm in dry form, and count (root installs Slurm)
	$(BIN)/python -m tests.benchmarks.submissions

clean: ## delete the virtual environment and every result
	rm -rf $(VENV) .snakemake results results-*
