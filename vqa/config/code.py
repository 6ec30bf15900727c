"""A user's own class, `file.py:Class` or `package.module:Class`, read from its source: nothing is imported."""

import ast
import csv
import hashlib
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from vqa.system.imports import root


class CodeError(ValueError):
    """Code that is not there, or is not what it should be: one line."""


def find(module: str) -> Path:
    """The file of `path/to/file.py`, or of `package.module` on the import path. Raises `CodeError`."""
    if module.endswith(".py"):
        file = Path(module).expanduser()
        if not file.is_file():
            raise CodeError(f"there is no file {file.absolute()}")
        return file
    inner = Path(*module.split("."))
    for folder in map(Path, ["", *sys.path]):
        for file in (folder / inner.with_suffix(".py"), folder / inner / "__init__.py"):
            if file.is_file():
                return file
    raise CodeError(f"there is no module '{module}' to import")


def definition(file: Path, cls: str) -> ast.ClassDef:
    """Of a class; raises `CodeError` for a file that is no Python, or has no such class."""
    classes = {node.name: node for node in _tree(file).body if isinstance(node, ast.ClassDef)}
    if cls not in classes:
        known = f"it has {', '.join(classes)}" if classes else "it has none"
        raise CodeError(f"{file} has no class '{cls}'; {known}")
    return classes[cls]


def files(name: str, file: Path) -> tuple[Path, ...]:
    """A file, those of its user that it imports, and what makes their folder a package, in a fixed order."""
    own, top = file.resolve(), root(name, file)
    came_with = next(filter(None, (_distribution(own, folder) for folder in own.parents)), None)
    found: dict[Path, None] = {}
    _add_imported(own, top, came_with, found)
    for folder in own.parents:
        if not (begins := folder / "__init__.py").is_file():
            break
        _add_imported(begins, top, came_with, found)
    return tuple(found)


def digest(name: str, file: Path) -> str:
    """The hash of `files`."""
    hasher = hashlib.sha256()
    for each in files(name, file):
        hasher.update(each.name.encode() + b"\0" + each.read_bytes() + b"\0")
    return hasher.hexdigest()[:16]


def _tree(file: Path) -> ast.Module:
    try:
        return ast.parse(file.read_bytes(), str(file))
    except SyntaxError as error:
        raise CodeError(f"{file} line {error.lineno}: {error.msg}") from None
    except ValueError as error:
        raise CodeError(f"{file}: is not Python ({error})") from None


def _add_imported(file: Path, top: Path, came_with: str | None, seen: dict[Path, None]) -> None:
    """The file and all beside it, or below `top`, that it imports, theirs included, in a fixed order.

    Not what pip installed, unless by the distribution that the class itself `came_with`.
    """
    if file in seen:
        return
    seen[file] = None
    for node in ast.walk(_tree(file)):
        for folder, parts in _modules(node, file, top):
            for depth in range(1, len(parts) + 1):
                inner = folder.joinpath(*parts[:depth])
                for beside in (inner.with_suffix(".py"), inner / "__init__.py"):
                    if beside.is_file() and _distribution(beside, folder) in (None, came_with):
                        _add_imported(beside, top, came_with, seen)


def _modules(node: ast.AST, file: Path, top: Path) -> Iterator[tuple[Path, list[str]]]:
    """What an import statement may mean: a folder, and the names of a module below it. Not vqa, whose versions say
    when it changes a result.
    """
    level, names = 0, list[str]()
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        level, module = node.level, node.module or ""
        names = [f"{module}.{alias.name}".strip(".") for alias in node.names]  # a module or what is in it
    package = next((each for each in file.parents if not (each.parent / "__init__.py").is_file()), file.parent)
    for parts in (name.split(".") for name in names):
        if not level and parts[0] == "vqa":
            continue
        yield file.parents[max(level - 1, 0)], parts
        if not level and (package / "__init__.py").is_file() and parts[0] == package.name:
            yield package.parent, parts
        if not level:
            yield top, parts


def _distribution(file: Path, folder: Path) -> str | None:
    """The one that put a file below `folder`."""
    known = _installed(folder)
    return next((known[each] for each in (file, *file.parents) if each in known), None)


@cache
def _installed(folder: Path) -> dict[Path, str]:
    """The files and packages below a folder that pip or the system put there, and the distribution of each.

    Where no RECORD lists its files, as of Debian's, a distribution has those of its name or of top_level.txt.
    """
    found: dict[Path, str] = {}
    shared = folder.name in ("site-packages", "dist-packages")  # elsewhere an egg-info is of what is developed there
    for info in (*folder.glob("*.dist-info"), *(folder.glob("*.egg-info") if shared else ())):
        record, tops = info / "RECORD", info / "top_level.txt"
        if record.is_file():
            with open(record, newline="", encoding="utf-8", errors="replace") as file:
                found |= {folder / row[0]: info.name for row in csv.reader(file) if row}
        else:
            names = tops.read_text(errors="replace").split() if tops.is_file() else [info.name.partition("-")[0]]
            found |= {folder / each: info.name for name in names for each in (name, f"{name}.py")}
    return found
