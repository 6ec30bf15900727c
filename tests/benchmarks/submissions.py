"""The paper's study submitted to a real Slurm in dry form: `make submissions`.

Snakemake plans the study on the tree of `plan.py` and submits through `profiles/slurm`. In front of
Slurm's own `sbatch` stands one that passes on every request as it is, resources included, but with
`true` in place of the command, and makes empty outputs. Prints how many submissions each way takes.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from tests.benchmarks.plan import REPO, build_tree, write_study
from vqa.config import parse
from vqa.results.contents import Contents
from vqa.study.grid import Grid
from vqa.study.layout import Layout

CLUSTER = REPO / "tests" / "cluster" / "slurm-cluster.sh"


def dry_sbatch() -> None:
    """Runs as `sbatch`: note the rules asked for, make their outputs, submit `true`."""
    plan = json.loads(Path(os.environ["DRY_PLAN"]).read_text())
    words = sys.argv[2:]
    command = next(word for word in words if word.startswith("--wrap="))
    targets = list(targets_of(command))
    for rule, wildcards in targets:
        for pattern in plan["outputs"][rule]:
            path = Path(pattern.format(**wildcards))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    with open(plan["log"], "a") as log:
        log.write(json.dumps([rule for rule, _ in targets]) + "\n")
    dry = ["--wrap=true" if word is command else word for word in words]
    os.execv(plan["sbatch"], [plan["sbatch"], *dry])


def targets_of(command: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The jobs of a submitted Snakemake: `--target-jobs 'train:dataset=a,seed=0' 'train:...'`."""
    listed = re.search(r"--target-jobs (.*?) --", command)[1]
    for target in listed.replace("'", "").replace('"', "").split():
        rule, _, wildcards = target.partition(":")
        yield rule, dict(pair.split("=", 1) for pair in wildcards.split(",") if pair)


def outputs(grid: Grid) -> dict[str, list[str]]:
    """What each submitted rule makes, benchmarks included, with its wildcards in braces."""
    paths, results, contents = Layout.of(grid.study), grid.study.results, Contents(grid.study)
    run = paths.run("{dataset}", "{experiment}", "{order}", "{seed}")
    cell = "{dataset}/{experiment}/{order}/seed-{seed}.tsv"
    made = {
        "probe": [paths.probe("{dataset}"), results / "benchmarks/probe/{dataset}.tsv"],
        "extract": [
            paths.receipt("{dataset}", "{backbone}", "{bucket}"),
            results / "benchmarks/extract/{dataset}/{backbone}/{bucket}.tsv",
        ],
        "train": [*(run / name for name in ("head.pt", "history.csv", "run.json", "predictions.csv")),
                  results / "benchmarks/train" / cell],
        "cross": [run / "cross.csv", results / "benchmarks/cross" / cell],
        "evaluate": [results / "metrics.csv", results / "statistics.csv"],
        "videos": [results / "videos.csv", results / "sensitivity.csv"],
        "shown": [results / "shown.json"],
        "tables": [results / f"tables/{name}.{suffix}" for name in contents.tables for suffix in ("csv", "md", "tex")],
        "figures": [results / f"figures/{name}.{suffix}" for name in contents.figures for suffix in ("png", "pdf")],
        "report": [results / "report.html"],
    }  # fmt: skip
    for rule in ("evaluate", "videos", "shown", "tables", "figures", "report"):
        made[rule].append(results / f"benchmarks/{rule}.tsv")
    return {rule: [str(path) for path in files] for rule, files in made.items()}


@contextmanager
def cluster(folder: Path) -> Iterator[None]:
    """Three nodes that say they have 16 CPUs and 64 GB each; its commands come first in PATH."""
    settings = {"CLUSTER_CPUS": "16", "CLUSTER_MEM_MB": "64000", "CLUSTER_PORT": "26900"}
    subprocess.run(["bash", CLUSTER, "up", folder], check=True, env=os.environ | settings, stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        subprocess.run(["bash", CLUSTER, "down", folder], check=True, stdout=subprocess.DEVNULL)
        shutil.rmtree(folder)


class DryStudy:
    """The paper's study on a fake tree, and the `sbatch` that submits `true`."""

    def __init__(self, root: Path, slurm: Path):
        self.root = root
        build_tree(root, 1)
        self.config = write_study(root, 1)
        raw = yaml.safe_load(self.config.read_text())
        for name in raw["backbones"] | {"resnet50": {}}:
            (root / f"{name}.pth").touch()
            raw["backbones"].setdefault(name, {})["weights"] = str(root / f"{name}.pth")
        self.config.write_text(yaml.safe_dump(raw))
        self.grid = Grid(parse(raw, "config"))
        self.log = root / "submissions"
        plan = {"outputs": outputs(self.grid), "log": str(self.log), "sbatch": str(slurm / "bin" / "sbatch")}
        (root / "dry.json").write_text(json.dumps(plan))
        (root / "bin").mkdir()
        wrapper = root / "bin" / "sbatch"
        dry = f"PYTHONPATH={REPO} exec {sys.executable} -m tests.benchmarks.submissions dry-sbatch"
        wrapper.write_text(f'#!/bin/sh\n{dry} "$@"\n')
        wrapper.chmod(0o755)
        path = f"{root / 'bin'}:{slurm / 'bin'}:{os.environ['PATH']}"
        self.environment = os.environ | {"PATH": path, "DRY_PLAN": str(root / "dry.json")}

    def profile(self, grouped: bool) -> Path:
        """`profiles/slurm`, or a copy that submits trainings by themselves."""
        if grouped:
            return REPO / "profiles" / "slurm"
        profile = yaml.safe_load((REPO / "profiles" / "slurm" / "config.yaml").read_text())
        del profile["groups"]["train"], profile["group-components"]
        (self.root / "single").mkdir(exist_ok=True)
        (self.root / "single" / "config.yaml").write_text(yaml.safe_dump(profile))
        return self.root / "single"

    def submit(self, *options: str, grouped: bool = True) -> tuple[Counter[str], int, float]:
        """Submissions by their first rule, jobs of the workflow in them, seconds."""
        self.log.write_text("")
        command = [
            sys.executable, "-m", "snakemake", "--snakefile", REPO / "Snakefile", "--directory", self.root,
            "--configfile", self.config, "--profile", self.profile(grouped), "--jobs", "1000", "--quiet", "host",
            "--rerun-triggers", "mtime", "--slurm-init-seconds-before-status-checks", "5", *options,
        ]  # fmt: skip
        started = time.perf_counter()
        result = subprocess.run(list(map(str, command)), env=self.environment, capture_output=True, text=True)
        if result.returncode:
            sys.exit(result.stdout[-3000:] + result.stderr[-3000:])
        lines = [json.loads(line) for line in self.log.read_text().splitlines()]
        return Counter(rules[0] for rules in lines), sum(map(len, lines)), time.perf_counter() - started

    def fake_indexes(self) -> None:
        """What the rules on the login node make of the outputs so far."""
        for dataset in self.grid.study.datasets:
            for slug in self.grid.slugs:
                index = Layout.of(self.grid.study).index(dataset, slug)
                (self.root / index).write_text("video_id,fingerprint,shard,rows,dim,checksum\n")

    def forget_trainings(self) -> None:
        shutil.rmtree(self.root / self.grid.study.results / "runs", ignore_errors=True)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        slurm = Path(tempfile.mkdtemp(prefix="vqa-slurm-", dir="/tmp"))
        with cluster(slurm):
            study = DryStudy(Path(folder), slurm)
            counts, jobs, seconds = study.submit("--until", "extract", "probe")
            print(f"stage 1: {jobs} jobs in {counts.total()} submissions {dict(counts)}, {seconds:.0f} s", flush=True)
            for grouped, way in ((False, "one by one"), (True, "in groups of 20")):
                study.fake_indexes()
                study.forget_trainings()
                counts, jobs, seconds = study.submit("--until", "train", grouped=grouped)
                print(f"trainings {way}: {jobs} jobs in {counts.total()} submissions, {seconds:.0f} s", flush=True)
            counts, jobs, seconds = study.submit()
            print(f"the rest: {jobs} jobs in {counts.total()} submissions {dict(counts)}, {seconds:.0f} s")


if __name__ == "__main__":
    dry_sbatch() if sys.argv[1:2] == ["dry-sbatch"] else main()
