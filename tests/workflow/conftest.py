"""A finished smoke study, made once by real Snakemake and copied for each scenario."""

import fcntl
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from snakemake.cli import main as snakemake

from tests import forked
from tests.conftest import REPO

SMOKE = REPO / "workflow" / "studies" / "smoke.yaml"


class Project:
    """A folder in which Snakemake runs a study of the repository's workflow."""

    def __init__(self, folder: Path, study: Path | None = SMOKE):
        self.folder = folder
        self.config = folder / "study.yaml"
        folder.mkdir(parents=True, exist_ok=True)
        if study and not self.config.exists():
            shutil.copy(study, self.config)

    @property
    def results(self) -> Path:
        return self.folder / "results-smoke"

    def copy(self, folder: Path) -> "Project":
        shutil.copytree(self.folder, folder, symlinks=True)  # keeps mtimes: nothing looks changed
        return Project(folder)

    def link(self, folder: Path) -> "Project":
        """A copy by hard links, for plans: nothing but the config may be written to."""
        shutil.copytree(self.folder, folder, symlinks=True, copy_function=os.link)
        text = self.config.read_text()
        (folder / self.config.name).unlink()
        (folder / self.config.name).write_text(text)
        return Project(folder)

    def edit(self, **changes: object) -> None:
        """Set config keys; `training__lr=1` sets training.lr, a number stands for an item of a list."""
        raw = yaml.safe_load(self.config.read_text())
        for path, value in changes.items():
            *parents, key = path.split("__")
            place = raw
            for parent in parents:
                place = place[int(parent)] if isinstance(place, list) else place.setdefault(parent, {})
            place[key] = value
        self.config.write_text(yaml.safe_dump(raw, sort_keys=False))

    def command(self, *arguments: object) -> list[str]:
        return [
            sys.executable, "-m", "snakemake", "--snakefile", str(REPO / "Snakefile"), "--directory", str(self.folder),
            "--configfile", str(self.config), "--cores", "2", *map(str, arguments),
        ]  # fmt: skip

    def run(
        self, *arguments: object, check: bool = True, env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        result = subprocess.run(
            self.command(*arguments), capture_output=True, text=True, timeout=850, env={**os.environ, **(env or {})}
        )
        if check:
            assert result.returncode == 0, result.stdout + result.stderr
        return result

    def jobs(self, *arguments: object, env: dict[str, str] | None = None) -> Counter[str]:
        """How many jobs of each rule Snakemake plans; empty when there is nothing to do."""
        if env:
            return planned(self.run("--dry-run", *arguments, env=env))
        result = forked.run(snakemake, ("snakemake", *self.command("--dry-run", *arguments)[3:]))
        assert result.returncode == 0, result.stdout + result.stderr
        return planned(result)

    def snapshot(self) -> dict[str, tuple[int, bytes]]:
        """mtime and bytes of what the study made, logs and benchmarks aside."""
        found = {}
        for path in sorted(self.results.rglob("*")):
            name = path.relative_to(self.results).as_posix()
            if path.is_file() and not name.startswith(("logs/", "benchmarks/")):
                found[name] = (path.stat().st_mtime_ns, path.read_bytes())
        return found


def planned(result: subprocess.CompletedProcess[str]) -> Counter[str]:
    text = result.stdout + result.stderr
    table = re.search(r"Job stats:\njob +count\n[- ]+\n(.*?)\ntotal", text, re.S)
    if table is None:
        assert "Nothing to be done" in text, text
        return Counter()
    counts = Counter({name: int(n) for name, n in re.findall(r"^(\S+) +(\d+)$", table[1], re.M)})
    del counts["all"]
    return counts


@pytest.fixture(scope="session")
def run_once(tmp_path_factory, worker_id) -> Callable[[str, Callable[[Path], Project]], Project]:
    """Run a study in the first of the test processes that asks for it; it is never changed, only copied."""
    folder = tmp_path_factory.getbasetemp()
    folder = folder if worker_id == "master" else folder.parent

    def run(name: str, write: Callable[[Path], Project]) -> Project:
        place = folder / name / "project"
        with open(folder / f"{name}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if (Project(place, study=None).results / "report.html").exists():
                return Project(place, study=None)
            project = write(place)
            project.run()
            return project

    return run


@pytest.fixture(scope="session")
def finished(run_once) -> Project:
    """The smoke study."""
    return run_once("smoke", Project)


@pytest.fixture
def plan(finished, tmp_path) -> Project:
    """A copy of the finished study to plan with."""
    return finished.link(tmp_path / "project")


@pytest.fixture
def project(finished, tmp_path) -> Project:
    """A copy of the finished study to change."""
    return finished.copy(tmp_path / "project")
