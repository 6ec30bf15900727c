"""Importing a user's own class."""

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from vqa.system.errors import UserError


def own_class(told: str, name: str, file: Path) -> type:
    """The class of `file.py:Class` or `package.module:Class`; files beside it may be imported by it.

    told: what it is, for the one line of the `UserError` of code that does not run. file: where it is written.
    """
    module, _, cls = name.rpartition(":")
    file = file.resolve()
    try:
        found: type = getattr(_from_file(file) if module.endswith(".py") else importlib.import_module(module), cls)
    except Exception as error:  # a user's code may raise anything
        raise UserError(f"{told}: {_where(file, error)}{type(error).__name__}: {error}") from None
    return found


def _from_file(file: Path) -> ModuleType:
    sys.path.insert(0, str(file.parent))
    try:
        spec = importlib.util.spec_from_file_location(f"vqa_own_{file.stem}", file)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(file.parent))
    return module


def _where(file: Path, error: Exception) -> str:
    """`file line N: ` of the user's own code that raised."""
    trace, line = error.__traceback__, None
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(file):
            line = trace.tb_lineno
        trace = trace.tb_next
    return f"{file.name} line {line}: " if line else f"{file.name}: "
