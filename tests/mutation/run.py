"""Mutation tests: would the unit tests notice, if one thing in the code were wrong?

`make mutate` makes thousands of small changes (an operator, a constant, an argument left out) in the packages
below, one at a time and in a copy under build/mutation, and runs on each change the unit tests of its own
package that reach the changed function. `make mutate SAMPLE=300 SEED=1` draws so many of them, the same ones
for the same seed; `PACKAGES="protocol datasets"` tries these alone.

A run that was stopped goes on where it was. A verdict stands until its function changes; what survived is
tried again when any code or test of its package has changed. Survivors that may live stand in survivors.toml
with the reason; all others are printed as they would change the code.
"""

import argparse
import contextlib
import hashlib
import io
import os
import random
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from mutmut import __main__ as mutmut
from mutmut.configuration import reset_config

from tests.mutation import hits
from tests.mutation.survivors import UNEXPLAINED, Survivor, explained, stubs

REPO = Path(__file__).parents[2]
BUILD = REPO / "build" / "mutation"
GOAL = 0.9
# package -> (what is changed, which tests must notice)
PACKAGES = {
    "manifest": ("vqa/manifest.py", "tests/test_manifest.py"),
    "protocol": ("vqa/protocol/*", "tests/protocol"),
    "datasets": ("vqa/datasets/*", "tests/datasets"),
    "training": ("vqa/training/*", "tests/training"),
    "evaluation": ("vqa/evaluation/*", "tests/evaluation"),
    "features": ("vqa/features/*", "tests/features"),
    "comparisons": ("vqa/results/comparisons.py", "tests/results"),
}
LINKED = ("tests", "workflow", "Snakefile", "config.yaml", "README.md")
# Every process that runs changed code imports it first; a sitecustomize would give way to those of the tests.
INSTALL = '\n__import__("tests.mutation.hits").mutation.hits.install()\n'
STATUS = {None: "not tried", 0: "survived", 1: "killed", 3: "killed", 5: "no tests", 33: "no tests", -24: "timeout",
          24: "timeout", 36: "timeout", 152: "timeout", 255: "timeout", -9: "timeout"}  # fmt: skip
KILLED = ("killed", "timeout", "crash")


@contextlib.contextmanager
def inside(folder: Path) -> Iterator[None]:
    """mutmut looks for its settings, and keeps its files, in the working directory."""
    with contextlib.chdir(folder):
        reset_config()
        yield
    reset_config()


def prepare(package: str) -> Path:
    """The package's folder: links to the repository, a copy of vqa, and a pyproject.toml that names what is tried."""
    folder = BUILD / package
    folder.mkdir(parents=True, exist_ok=True)
    for name in LINKED:
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(REPO / name)
    changed, tests = PACKAGES[package]
    settings = f"only_mutate = {[changed]}\npytest_add_cli_args_test_selection = {[tests]}\n"
    common = (REPO / "pyproject.toml").read_text()
    (folder / "pyproject.toml").write_text(common.replace("[tool.mutmut]\n", f"[tool.mutmut]\n{settings}"))
    copy_package(folder / "vqa")
    forget_outdated(folder, tests)
    return folder


def copy_package(folder: Path) -> None:
    """vqa with `INSTALL`, which mutmut changes and copies on."""
    folder.unlink() if folder.is_symlink() else shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(REPO / "vqa", folder, ignore=shutil.ignore_patterns("__pycache__"))
    with open(folder / "__init__.py", "a") as file:
        file.write(INSTALL)


def forget_outdated(folder: Path, tests: str) -> None:
    """Make the changed code anew; where code or tests differ from the last run, survivors are tried again."""
    files = [*(REPO / "vqa").rglob("*.py"), REPO / "tests/conftest.py"]
    files += [REPO / tests] if tests.endswith(".py") else (REPO / tests).rglob("*.py")
    digest = hashlib.sha256(b"\0".join(path.read_bytes() for path in sorted(files))).hexdigest()
    outdated = not (folder / "digest").exists() or (folder / "digest").read_text() != digest
    copy = folder / "mutants"
    shutil.rmtree(copy / "tests", ignore_errors=True)
    for path in (copy / "vqa").rglob("*"):
        original = REPO / path.relative_to(copy)
        if path.is_file() and not original.exists() and path.suffix not in (".meta", ".spans"):
            path.unlink()
    with inside(folder), contextlib.redirect_stdout(io.StringIO()):
        (folder / "mutants").mkdir(exist_ok=True)
        mutmut.copy_src_dir()
        mutmut.copy_also_copy_files()
        mutmut.create_mutants(1)
        if outdated:
            (copy / "mutmut-stats.json").unlink(missing_ok=True)
            mutmut._reset_mutant_results(lambda _, code: status(code) not in KILLED)
    (folder / "digest").write_text(digest)


def status(code: int | None) -> str:
    return STATUS.get(code, "crash")


def verdicts(folder: Path) -> dict[str, str]:
    """mutant -> status"""
    with inside(folder):
        mutants, _ = mutmut.collect_source_file_mutation_data(mutant_names=())
    return {name: status(code) for _, name, code in mutants}


def try_mutants(folder: Path, names: list[str], jobs: int) -> None:
    command = [str(Path(sys.executable).with_name("mutmut")), "run", "--max-children", str(jobs), *names]
    variables = {"PYTHONPATH": str(folder / "mutants"), hits.FILE: str(folder / "hits"), "OMP_NUM_THREADS": "1"}
    if subprocess.run(command, cwd=folder, env=os.environ | variables).returncode:
        tests = PACKAGES[folder.name][1]
        sys.exit(f"{folder.name}: stopped, or its tests fail without any change: `python -m pytest {tests}` says how")


def survivor(folder: Path, name: str) -> Survivor:
    with inside(folder):
        return Survivor.of(name, mutmut.get_diff_for_mutant(name))


def table(found: dict[str, str]) -> str:
    """Counts by module, and the share that was noticed."""
    counts: dict[str, Counter[str]] = {}
    for name, verdict in found.items():
        module = ".".join(part for part in name.split(".")[:-1])
        for row in (module, "all"):
            counts.setdefault(row, Counter())[verdict] += 1
    columns = ("killed", "survived", "no tests", "timeout", "crash", "not tried")
    lines = [f"{'module':36}" + "".join(f"{column:>10}" for column in columns) + f"{'noticed':>10}"]
    for row, count in sorted(counts.items(), key=lambda item: (item[0] == "all", item[0])):
        cells = "".join(f"{count[column]:>10}" for column in columns)
        lines.append(f"{row:36}{cells}{share(count):>10.1%}")
    return "\n".join(lines)


def share(count: Counter[str]) -> float:
    tried = count.total() - count["not tried"]
    return sum(count[verdict] for verdict in KILLED) / tried if tried else 0.0


def report(folders: dict[str, Path], chosen: set[str]) -> int:
    found = {
        name: verdict for folder in folders.values() for name, verdict in verdicts(folder).items() if name in chosen
    }
    living = [survivor(folder, name) for folder in folders.values() for name, verdict in verdicts(folder).items()
              if name in chosen and verdict in ("survived", "no tests")]  # fmt: skip
    reasons = explained(living)
    print("\nSurvivors that may live:")
    for why, members in reasons.items():
        if why != UNEXPLAINED:
            print(f"\n{why}", *(f"  {each.line}" for each in members), sep="\n")
    open_ones = reasons.get(UNEXPLAINED, [])
    print(f"\nSurvivors without a reason: {len(open_ones)}", *(f"  {each.line}" for each in open_ones), sep="\n")
    (BUILD / "unexplained.toml").write_text(stubs(open_ones))
    print(f"\n{table(found)}")
    return 0 if share(Counter(found.values())) >= GOAL else 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("packages", nargs="*", metavar="PACKAGE", help=f"of {', '.join(PACKAGES)}; default: all")
    parser.add_argument("--sample", type=int, help="so many mutants, drawn at random; default: all")
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    parser.add_argument("--jobs", type=int, default=2, help="mutants tried at a time")
    options = parser.parse_args()
    if unknown := set(options.packages) - PACKAGES.keys():
        parser.error(f"no such package: {', '.join(sorted(unknown))}")
    folders = {package: prepare(package) for package in options.packages or PACKAGES}
    known = {package: verdicts(folder) for package, folder in folders.items()}
    every = sorted(name for names in known.values() for name in names)
    sample = min(options.sample or len(every), len(every))
    chosen = set(random.Random(options.seed).sample(every, sample))
    print(f"{sample} of {len(every)} mutants" + (f", seed {options.seed}" if options.sample else ""), flush=True)
    for package, folder in folders.items():
        if names := [n for n, verdict in known[package].items() if n in chosen and verdict == "not tried"]:
            print(f"\n{package}: {len(names)} mutants to try", flush=True)
            try_mutants(folder, names, options.jobs)
    return report(folders, chosen)


if __name__ == "__main__":
    sys.exit(main())
