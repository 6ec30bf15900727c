"""GPUs: which there are, and a lease that gives each job one of its own.

On a workstation nothing tells concurrent jobs which GPU is free, so they lease one by file locks.
The kernel drops a lock with its holder, however that ended: a pool cannot go stale. Inside a Slurm
job only the GPUs that the scheduler gave it are looked at. Imports no torch.
"""

import fcntl
import logging
import os
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Literal

from vqa.system.errors import UserError

Device = Literal["auto", "cpu", "cuda"]
# Set to 1 where a cluster or a workstation is tried out without GPUs: leases are taken as usual,
# and the CPU does the work.
STAND_IN = "VQA_CPU_STANDS_IN_FOR_GPU"
log = logging.getLogger("vqa")
_POLL_SECONDS = 0.2


def visible() -> list[str]:
    """The GPUs this process may use, by the names that CUDA_VISIBLE_DEVICES takes."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        names = [name.strip() for name in named.split(",")]
        first_invalid = next((i for i, name in enumerate(names) if name in ("", "-1", "NoDevFiles")), len(names))
        return names[:first_invalid]
    if "SLURM_JOB_ID" in os.environ:
        return []
    return sorted((path.name.removeprefix("nvidia") for path in Path("/dev").glob("nvidia[0-9]*")), key=int)


def resolve(device: Device) -> Literal["cpu", "cuda"]:
    """auto: cuda where a GPU is visible."""
    if device == "auto":
        return "cuda" if visible() else "cpu"
    return device


@contextmanager
def lease(device: Device, sharers: int | None = None) -> Iterator[str]:
    """Yield the name of the torch device to work on, waiting until a GPU is free.

    A lease is exclusive, or with `sharers` one of so many that share a GPU. Sets
    CUDA_VISIBLE_DEVICES, so it must come before CUDA's first use. Raises `UserError` if no GPU
    is visible.
    """
    if resolve(device) == "cpu":
        yield "cpu"
        return
    names = visible()
    if not names:
        raise UserError("device cuda: no GPU is visible to this job; use cpu, or request one of the scheduler")
    with ExitStack() as locks:
        name = _wait(names, sharers, locks)
        log.info("GPU %s of %s", name, ",".join(names))
        os.environ["CUDA_VISIBLE_DEVICES"] = name
        if os.environ.get(STAND_IN) == "1":
            log.warning("%s is set: the CPU stands in for the GPU", STAND_IN)
            yield "cpu"
        else:
            _require_cuda()
            yield "cuda"


def _require_cuda() -> None:
    import torch

    if not torch.cuda.is_available():
        raise UserError("device cuda: this torch cannot use the GPU (built without CUDA, or too new for the driver)")


def _wait(names: list[str], sharers: int | None, locks: ExitStack) -> str:
    said = False
    while True:
        for name in names:
            if _take(name, sharers, locks):
                return name
        if not said:
            log.info("waiting for one of the GPUs %s", ",".join(names))
            said = True
        time.sleep(_POLL_SECONDS)


def _take(name: str, sharers: int | None, locks: ExitStack) -> bool:
    """Lock GPU `name` if it is free: alone, or beside others on one of its `sharers` seats."""
    with ExitStack() as attempt:
        if not _lock(name, fcntl.LOCK_EX if sharers is None else fcntl.LOCK_SH, attempt):
            return False
        seats = [f"{name}.{seat}" for seat in range(sharers or 0)]
        if seats and not any(_lock(seat, fcntl.LOCK_EX, attempt) for seat in seats):
            return False
        locks.push(attempt.pop_all())
        return True


def _lock(name: str, kind: int, held: ExitStack) -> bool:
    file = open(_pool() / f"{re.sub('[^A-Za-z0-9.-]', '_', name)}.lock", "a")
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return False
    held.enter_context(file)
    return True


def _pool() -> Path:
    """The folder of the locks: one a user and machine, or one a Slurm job, which counts its own GPUs from 0."""
    job = os.environ.get("SLURM_JOB_ID")
    folder = Path(tempfile.gettempdir()) / f"vqa-gpus-{os.getuid()}{f'-job-{job}' if job else ''}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder
