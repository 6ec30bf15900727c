# `make demo` and `make test` do everything on a fresh machine; `make help` lists the rest.

PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
CORES ?= 2
INPUTS ?= 20000
RUNS ?= 1
CLUSTER ?= cluster
READY := $(VENV)/.ready
# CPU machines: the first torch and torchvision that pip finds must fit together.
TORCH ?= torch==2.14.1 torchvision==0.29.1

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-paper test-decoding test-networks test-reruns test-studies test-faults test-simulation test-nets test-lowest \
	test-cluster fuzz mutate lint format bench bench-size plan power submissions clean

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

test: setup ## run the tests; the long ones have targets of their own
	$(BIN)/python -m pytest -n $(CORES) --dist loadfile tests

test-networks: setup ## compare every network of torchvision, and timm's families, with the plain model (9 GB of memory)
	$(BIN)/python -m pytest -m networks tests/backbones

test-paper: setup ## run a miniature of the whole paper study (about 5 minutes)
	$(BIN)/python -m pytest -m paper tests/workflow

test-simulation: setup ## count wrong verdicts over 2,000 simulated studies a truth (about 10 minutes)
	$(BIN)/python -m pytest -n $(CORES) -rP -m simulation tests

test-reruns: setup ## plan a change of every key of the config on finished studies (about 4 minutes)
	$(BIN)/python -m pytest -n $(CORES) -m reruns tests/workflow

test-studies: setup ## own models and networks, pre-training and imports through real Snakemake (about 4 minutes)
	$(BIN)/python -m pytest -n $(CORES) --dist loadfile -m studies tests

test-faults: setup ## kill a study, fill its disk, damage its files (about 4 minutes; root mounts small disks)
	$(BIN)/python -m pytest -n $(CORES) --dist loadfile -m faults tests/workflow

# One session for all: the smoke study is run once, and both cores are busy to the end.
NETS := decoding or networks or reruns or studies or simulation
STUDIES ?= 200

test-nets: setup ## the long tests above but faults in one go, with 200 simulated studies a truth and without the largest networks
	STUDIES=$(STUDIES) $(BIN)/python -m pytest -n $(CORES) --dist loadfile -m "($(NETS)) and not large" tests

# The schema on the disk is worded by a later pydantic. Torch's lowest is 2.5.0; where only a later one can be had: LOWEST_TORCH="torch==... torchvision==...".
LOWEST := .venv-lowest
LOWEST_TORCH ?= torch==2.5.0 torchvision==0.20.0

test-lowest: setup ## unit tests and the smoke study with the lowest versions that pyproject.toml admits
	$(PYTHON) -m venv --clear $(LOWEST)
	$(BIN)/python -m tests.lowest | grep -v '^torch' > $(LOWEST)/pins.txt
	$(LOWEST)/bin/python -m pip install --quiet --disable-pip-version-check $(LOWEST_TORCH) -r $(LOWEST)/pins.txt
	$(LOWEST)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	$(LOWEST)/bin/python -m pytest --ignore tests/workflow --ignore tests/results/test_report.py \
		--deselect tests/config/test_json_schema.py::test_the_schema_on_disk_is_current tests
	$(LOWEST)/bin/python -m pytest tests/workflow/test_study.py

test-decoding: setup ## decode 147 small videos as the ffmpeg command does (about 1 minute)
	$(BIN)/python -m pytest -m '' tests/video/test_decoding.py

test-cluster: setup ## run the smoke study through a real Slurm, and break it (about 17 minutes; root installs Slurm)
	$(BIN)/python -m pytest -m "$(CLUSTER)" tests/cluster

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

bench: setup ## measure decoding, extraction and training against a plain baseline (about 40 minutes; BEFORE=a commit beside)
	$(BIN)/python -m tests.benchmarks.speed $(if $(BEFORE),--before $(BEFORE))

bench-size: setup ## measure planning, a job's start, index and trainings at the size of today's datasets (about 6 minutes)
	$(BIN)/python -m tests.benchmarks.size

plan: setup ## time the planning of the paper's study on a fake full-size tree
	$(BIN)/python -m tests.benchmarks.plan

power: setup ## simulate how many seeds a question needs, for the documentation (about 2 minutes)
	mkdir -p build
	$(BIN)/python -m vqa.evaluation.power > build/power.md
	mv build/power.md workflow/documentation/power.md

submissions: setup ## submit the paper's study to a real Slurm in dry form, and count (root installs Slurm)
	$(BIN)/python -m tests.benchmarks.submissions

clean: ## delete the virtual environment and every result
	rm -rf $(VENV) $(LOWEST) .snakemake results results-*
