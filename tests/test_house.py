"""The house holds: small rooms, arrows down, no torch at parse time, files only where they belong.

The layers themselves are import-linter's contract in pyproject.toml (`make lint`).
"""

import ast
import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import REPO

CODE = sorted([*(REPO / "vqa").rglob("*.py"), *(REPO / "tests").rglob("*.py")])
FILES = {"open", "Path", "os", "io", "atomic", "write_text", "read_text", "save", "load"}
LONGEST = {ast.FunctionDef: 40, ast.ClassDef: 120}


def definitions(path: Path) -> Iterator[ast.FunctionDef | ast.ClassDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, tuple(LONGEST)):
            yield node


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(REPO)))
def test_no_room_is_too_large(path):
    assert len(path.read_text().splitlines()) <= 300
    for node in definitions(path):
        lines = node.end_lineno - node.lineno + 1
        assert lines <= LONGEST[type(node)], f"{node.name} has {lines} lines"


def imported_by(statement: str) -> set[str]:
    """The packages that are loaded after a statement in a fresh process."""
    code = f"{statement}\nimport sys; print(*{{name.split('.')[0] for name in sys.modules}})"
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())


def snakefile_imports() -> str:
    """The import statements of the workflow's helpers."""
    lines = (REPO / "workflow/rules/common.smk").read_text().splitlines()
    return "\n".join(line for line in lines if line.startswith(("import ", "from ")))


@pytest.mark.parametrize("statement", [snakefile_imports(), "import vqa.study.check", "import vqa.results.contents"])
def test_planning_loads_no_torch(statement):
    assert imported_by(statement).isdisjoint({"torch", "torchvision", "pandas", "scipy", "matplotlib"})


def test_importing_the_package_loads_nothing_but_the_standard_library():
    outside = imported_by("import vqa") - imported_by("pass") - set(sys.stdlib_module_names)
    assert outside == {"vqa"}


def names_used(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    names |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    return names | {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)
                    for alias in node.names}  # fmt: skip


@pytest.mark.parametrize("room", ["temporal", "evaluation"])
def test_models_and_metrics_know_nothing_of_files(room):
    for path in (REPO / "vqa" / room).glob("*.py"):
        if path.name not in ("checkpoint.py", "registry.py"):  # the latter imports a user's own file
            assert names_used(path).isdisjoint({"open", "Path", "os", "io", "atomic", "write_text", "save", "load"}), (
                path
            )


@pytest.mark.parametrize("path", sorted((REPO / "tests/benchmarks").glob("*.py")), ids=lambda path: path.stem)
def test_benchmarks_still_import(path):
    """They are run by hand, and a name that moves would be noticed then."""
    importlib.import_module(f"tests.benchmarks.{path.stem}")
