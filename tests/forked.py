"""Python in processes forked from one that has all modules at hand: as apart as new ones, without their imports."""

import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

_SERVER = multiprocessing.get_context("forkserver")
_MODULES = ["h5py", "pandas", "scipy.stats", "snakemake.cli", "torch"]
_SERVER.set_forkserver_preload([*_MODULES, "vqa.cli", "vqa.features.extraction", "vqa.training.job"])
_TIMEOUT = 300


def run(
    call: Callable[[], None], arguments: tuple[str, ...], cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """What `call`, a function of a module, prints and how it ends; it finds the arguments in `sys.argv`."""
    with tempfile.TemporaryDirectory() as folder:
        told = [Path(folder) / name for name in ("stdout", "stderr")]
        child = _SERVER.Process(target=_child, args=(call, arguments, cwd or Path.cwd(), dict(os.environ), told))
        child.start()
        child.join(_TIMEOUT)
        if child.is_alive():
            child.kill()
            child.join()
            raise subprocess.TimeoutExpired(arguments, _TIMEOUT)
        assert child.exitcode is not None
        return subprocess.CompletedProcess(arguments, child.exitcode, *(path.read_text() for path in told))


def _child(
    call: Callable[[], None], arguments: tuple[str, ...], cwd: Path, environment: Mapping[str, str], told: list[Path]
) -> None:
    for descriptor, path in enumerate(told, start=1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), descriptor)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = list(arguments)
    call()
