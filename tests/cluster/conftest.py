"""A real Slurm of three nodes on this machine, and the smoke study submitted to it."""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.conftest import REPO
from tests.workflow.conftest import Project, finished, run_once  # noqa: F401 - fixtures

VQA = Path(sys.executable).with_name("vqa")
SCRIPT = REPO / "tests" / "cluster" / "slurm-cluster.sh"


class Cluster:
    """The cluster in `folder`; its client commands are found by `environment`."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.up()
        self.environment = {**os.environ, "PATH": f"{folder / 'bin'}:{os.environ['PATH']}"}

    def up(self) -> None:
        self._script("up")

    def down(self) -> None:
        self._script("down")

    def kill_node(self, name: str) -> None:
        self._script("kill-node", name)

    def _script(self, action: str, *arguments: str) -> None:
        command = ["bash", SCRIPT, action, self.folder, *arguments]
        result = subprocess.run(command, capture_output=True, text=True, timeout=300)
        assert result.returncode == 0, result.stdout + result.stderr

    def client(self, *command: str) -> str:
        return subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=60, check=True
        ).stdout

    def jobs(self, *states: str) -> list[dict[str, str]]:
        """The jobs in these states (default: all that Slurm remembers)."""
        fields = {"id": "%i", "state": "%T", "node": "%N", "what": "%k", "start": "%S", "end": "%e"}
        chosen = ",".join(states) or "all"
        lines = self.client("squeue", "-h", "-t", chosen, "-o", "|".join(fields.values())).splitlines()
        return [dict(zip(fields, line.split("|"), strict=True)) for line in lines]


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    folder = Path(tempfile.mkdtemp(prefix="vqa-slurm-", dir="/tmp"))  # Slurm's sockets need a short path
    made = Cluster(folder)
    yield made
    made.down()
    shutil.rmtree(folder)


class ClusterProject(Project):
    """A project whose Snakemake submits to the cluster. Its nodes have two CPUs (`--cores 2`) and 4000 MB."""

    cluster: Cluster

    def command(self, *arguments: object) -> list[str]:
        # The first look at a job comes after 6 s here; the profile's 20 s suit real clusters.
        profile = ["--profile", REPO / "profiles" / "slurm", "--slurm-init-seconds-before-status-checks", 6]
        return super().command(*profile, "--resources", "mem_mb=3900", *arguments)

    def start(self, log: Path, *arguments: object) -> subprocess.Popen:
        with open(log, "ab") as file:
            return subprocess.Popen(
                self.command(*arguments), stdout=file, stderr=subprocess.STDOUT, start_new_session=True,
                env=self.cluster.environment,
            )  # fmt: skip

    def processes(self, command: str) -> list[psutil.Process]:
        """What runs `vqa COMMAND` for this project, on any node."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                words = process.cmdline()
                if words[1:3] == [str(VQA), command] and process.cwd() == str(self.folder):
                    found.append(process)
        return found


@pytest.fixture
def project(cluster, tmp_path) -> ClusterProject:
    made = ClusterProject(tmp_path / "project")
    made.cluster = cluster
    return made


@pytest.fixture
def untrained(cluster, finished, tmp_path) -> ClusterProject:  # noqa: F811
    """The finished study without its trainings and results."""
    copied = finished.copy(tmp_path / "project")
    shutil.rmtree(copied.results / "runs")
    made = ClusterProject(copied.folder)
    made.cluster = cluster
    return made
