"""MATLAB v5 files with errors a user can act on."""

from pathlib import Path
from typing import Any

from vqa.system.errors import UserError
from vqa.system.isolation import guarded


def load(path: Path, variables: tuple[str, ...]) -> dict[str, Any]:
    """The named variables; structs become objects with attributes."""
    return guarded(_load, path, variables, hint="download it again")


def _load(path: Path, variables: tuple[str, ...]) -> dict[str, Any]:
    import scipy.io

    try:
        data = scipy.io.loadmat(path, squeeze_me=True, struct_as_record=False)
    except Exception as error:  # scipy raises whatever its parser stumbles over
        raise UserError(f"{path}: not a readable MATLAB v5 file ({type(error).__name__}); download it again") from None
    for name in variables:
        if name not in data:
            raise UserError(f"{path}: holds no variable '{name}'; compare it with the original")
    return {name: data[name] for name in variables}


def member(struct: Any, name: str, path: Path) -> Any:
    try:
        return getattr(struct, name)
    except AttributeError:
        raise UserError(f"{path}: its struct has no field '{name}'; compare it with the original") from None
