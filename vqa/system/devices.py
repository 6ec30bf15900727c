"""GPUs: which there are, and a lease that gives each job one of its own.

On a workstation nothing tells concurrent jobs which GPU is free, so they lease one by file locks.
The kernel drops a lock with its holder, however that ended: a pool cannot go stale. All users of a
machine share one pool. Inside a Slurm job only the GPUs that the scheduler gave it are looked at.
Imports no torch.
"""

import contextlib
import fcntl
import logging
import os
import re
import resource
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Literal

from vqa.system.errors import RunError, UserError

Device = Literal["auto", "cpu", "cuda"]
# Set to 1 where a cluster or a workstation is tried out without GPUs: leases are taken as usual,
# and the CPU does the work.
STAND_IN = "VQA_CPU_STANDS_IN_FOR_GPU"
# The folder of the locks, where the users of some GPUs see no common /tmp, as containers do.
POOL = "VQA_GPU_POOL"
log = logging.getLogger("vqa")
_POLL_SECONDS = 0.2
_ELSEWHERE = f"set {POOL} to a folder that all users of these GPUs share"
_DRIVER = Path("/proc/driver/nvidia/gpus")


def visible() -> list[str]:
    """The GPUs this process may use, by the names that CUDA_VISIBLE_DEVICES takes."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        names = [name.strip() for name in named.split(",")]
        first_invalid = next((i for i, name in enumerate(names) if name in ("", "-1", "NoDevFiles")), len(names))
        return names[:first_invalid]
    if "SLURM_JOB_ID" in os.environ:
        return []
    minors = sorted(int(path.name.removeprefix("nvidia")) for path in Path("/dev").glob("nvidia[0-9]*"))
    uuids = _uuids()
    # A container given GPU 3 alone finds /dev/nvidia3, which CUDA calls 0: UUIDs say the same everywhere.
    return [uuids[minor] for minor in minors] if uuids.keys() >= set(minors) else [str(i) for i in range(len(minors))]


def _uuids() -> dict[int, str]:
    """Device minor -> UUID, as the driver tells them."""
    found = {}
    for path in _DRIVER.glob("*/information"):
        with contextlib.suppress(OSError):
            facts = {
                key.strip(): value.strip()
                for key, _, value in (s.partition(":") for s in path.read_text().splitlines())
            }
            if facts.get("Device Minor", "").isdigit() and facts.get("GPU UUID", "").startswith("GPU-"):
                found[int(facts["Device Minor"])] = facts["GPU UUID"]
    return found


def resolve(device: Device) -> Literal["cpu", "cuda"]:
    """auto: cuda where a GPU is visible."""
    if device == "auto":
        return "cuda" if visible() else "cpu"
    return device


@contextmanager
def lease(device: Device, sharers: int | None = None) -> Iterator[str]:
    """Yield the name of the torch device to work on, waiting until a GPU is free.

    A lease is exclusive, or with `sharers` one of so many that share a GPU. Sets
    CUDA_VISIBLE_DEVICES, so it must come before CUDA's first use. Where torch cannot use the GPU,
    `auto` falls back to the CPU; `cuda` raises `UserError`, as it does where none is visible.
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
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS repeats itself only with fixed memory
        if os.environ.get(STAND_IN) == "1":
            log.warning("%s is set: the CPU stands in for the GPU", STAND_IN)
            yield "cpu"
        elif _usable():
            yield "cuda"
        elif device == "auto":
            log.warning("GPU %s cannot be used by this torch: working on the CPU", name)
            locks.close()
            yield "cpu"
        else:
            raise UserError(
                "device cuda: this torch cannot use the GPU (built without CUDA, or too new for the driver)"
            )


def peak_memory_mb(device: str) -> int:
    """The most that this process has held so far: on the GPU, or resident, with the files that it maps."""
    import torch

    if device != "cpu":
        return round(torch.cuda.max_memory_allocated() / 1e6)
    unit = 1 if sys.platform == "darwin" else 1024
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6)


def _usable() -> bool:
    import torch

    return torch.cuda.is_available()


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
    file = os.fdopen(_open(_pool() / f"{re.sub('[^A-Za-z0-9.-]', '_', name)}.lock"))
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return False
    held.enter_context(file)
    return True


def _open(path: Path) -> int:
    """A lock that every user may take. What stands there is only read: nobody's link or file is followed or changed."""
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDONLY | os.O_NOFOLLOW, 0o666)
        os.fchmod(descriptor, 0o666)  # whatever the umask
        return descriptor
    except FileExistsError:
        pass  # without O_CREAT: Linux refuses it for another user's file in such a folder
    try:
        return os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise RunError(
            f"{path}: is no lock that this user may take ({error.strerror}); delete it, or {_ELSEWHERE}"
        ) from None


def _pool() -> Path:
    """The folder of the locks: one a machine, or one a Slurm job, which counts its own GPUs from 0."""
    job = os.environ.get("SLURM_JOB_ID")
    folder = Path(os.environ.get(POOL) or "/tmp/vqa-gpus")
    if job:
        folder = folder.with_name(f"{folder.name}-{os.getuid()}-job-{job}")
    try:
        folder.mkdir(parents=True)
        folder.chmod(0o1777)  # whatever the umask: everyone's, as /tmp is
    except FileExistsError:
        pass
    status = folder.lstat()
    mine = status.st_uid == os.getuid()
    if not stat.S_ISDIR(status.st_mode) or not (mine or stat.S_IMODE(status.st_mode) & 0o1007 == 0o1007):
        raise RunError(f"{folder}: is no folder of everyone's (mode 1777); delete it, or {_ELSEWHERE}")
    return folder
