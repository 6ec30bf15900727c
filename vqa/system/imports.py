"""Importing a user's own class."""

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from vqa.system.errors import UserError, one_line


def root(name: str, file: Path) -> Path:
    """The folder that stands first on the import path while the class `name`, written in `file`, is imported."""
    module = name.rpartition(":")[0]
    above = 0 if module.endswith(".py") else module.count(".") + (file.name == "__init__.py")
    return file.resolve().parents[above]


def own_class(told: str, name: str, file: Path) -> type:
    """The class of `file.py:Class` or `package.module:Class`; files beside it may be imported by it.

    told: what it is, for the one line of the `UserError` of code that does not run. file: where it is written.
    """
    module, _, cls = name.rpartition(":")
    file, top = file.resolve(), root(name, file)
    try:
        found: type = getattr(_from_file(file) if module.endswith(".py") else _from_package(module, top), cls)
    except (Exception, SystemExit) as error:  # a user's code may raise anything, or end
        raise UserError(f"{told}: {_where(file, error)}{one_line(error)}") from None
    return found


def _from_file(file: Path) -> ModuleType:
    known = set(sys.modules)
    with _first_on_path(file.parent):
        spec = importlib.util.spec_from_file_location(f"vqa_own_{file.stem}", file)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module  # where dataclasses look their annotations up
        spec.loader.exec_module(module)
    _forget(set(sys.modules) - known, file.parent)
    return module


def _forget(names: set[str], folder: Path) -> None:
    """Modules that lie in `folder`: another user's file may have another of the same name beside it."""
    tops = {name.partition(".")[0] for name in names} & names
    files = {top: Path(getattr(sys.modules[top], "__file__", None) or "").resolve() for top in tops}
    beside = {top for top in tops if files[top] in (folder / f"{top}.py", folder / top / "__init__.py")}
    for name in names:
        if name.partition(".")[0] in beside:
            del sys.modules[name]


def _from_package(module: str, top: Path) -> ModuleType:
    """`package.module`, found below `top`: the folder where a command runs need not be on the import path."""
    with _first_on_path(top):
        return importlib.import_module(module)


@contextmanager
def _first_on_path(folder: Path) -> Iterator[None]:
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))


def _where(file: Path, error: BaseException) -> str:
    """`file line N: ` of the user's own code that raised."""
    trace, line = error.__traceback__, None
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(file):
            line = trace.tb_lineno
        trace = trace.tb_next
    return f"{file.name} line {line}: " if line else f"{file.name}: "
