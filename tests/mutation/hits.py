"""Which functions a test reaches, in whatever process it reaches them.

mutmut notes calls in the process of the tests alone. Commands are tested as commands, and damaged files are read in
forks: what is called there would count as tested by nothing. So every process appends the names to one file, and
plugin.py hands them to mutmut.
"""

import os
from pathlib import Path

FILE = "VQA_MUTATION_HITS"  # the file's path; set by run.py
_written: set[str] = set()


def collecting() -> bool:
    return FILE in os.environ and os.environ.get("MUTANT_UNDER_TEST") == "stats"


def install() -> None:
    """Put `record` in place of mutmut's; in other Pythons than the tests' own, the changed package calls this."""
    if collecting():
        from mutmut.mutation import trampoline

        trampoline.record_trampoline_hit = record


def record(name: str, caller: str | None = None) -> None:
    if name not in _written:
        _written.add(name)
        with open(os.environ[FILE], "a") as file:
            file.write(f"{name}\n")


def noted() -> set[str]:
    path = Path(os.environ[FILE])
    return set(path.read_text().split()) if path.exists() else set()


def forget() -> None:
    _written.clear()
    Path(os.environ[FILE]).unlink(missing_ok=True)
