"""What may stand where a file name, a path or a command line is made of it, and the seeds of a study."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from vqa.config.base import require_number

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=100)]
_OWN = r"[A-Za-z0-9_./~][A-Za-z0-9_./~-]*:[A-Za-z_][A-Za-z0-9_]*"  # file.py:Class, package.module:Class
_ONE = rf"([A-Za-z0-9][A-Za-z0-9_./-]*|{_OWN})"
BackboneName = Annotated[str, Field(pattern=rf"^{_ONE}$", max_length=200)]
JOINT = "+"
_JOINED = rf"^{_ONE}(\+{_ONE})*$"
_TEXT = {"type": "string", "pattern": _JOINED}


def _joined(names: Any) -> Any:
    """A list of backbones as one text; equal texts are equal experiments."""
    if isinstance(names, list | tuple):
        if not names or not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
            raise ValueError("give a backbone, or a list of different ones")
        return JOINT.join(names)
    return names


Backbones = Annotated[
    str,
    BeforeValidator(_joined),
    Field(pattern=_JOINED, max_length=600),
    WithJsonSchema({"anyOf": [_TEXT, {"type": "array", "items": _TEXT, "minItems": 1, "uniqueItems": True}]}),
]
NODE = r"^[A-Za-z0-9_.]+$"


def _usable(path: Path) -> Path:
    """`~` expanded. Snakemake reads braces in a path as wildcards, and no escape holds everywhere."""
    if any(character in "{}" or not character.isprintable() for character in str(path)):
        raise ValueError("may hold no braces and no control characters; rename the file or folder, or link to it")
    try:
        return path.expanduser()
    except RuntimeError:
        raise ValueError("its ~ names no home folder; write the path out") from None


FilePath = Annotated[Path, AfterValidator(_usable)]


def filled(pattern: Path, dataset: str, seed: int | str) -> Path:
    """A `FilePattern` of one dataset and run seed."""
    return Path(str(pattern).replace("{dataset}", dataset).replace("{seed}", str(seed)))


def _files(pattern: Path) -> Path:
    _usable(filled(pattern, "", ""))
    return pattern.expanduser()


# In which {dataset} and {seed} stand for a dataset and a run seed.
FilePattern = Annotated[Path, AfterValidator(_files)]


def _count_to_list(seeds: Any) -> Any:
    if isinstance(seeds, int):
        if isinstance(seeds, bool) or seeds < 1:
            raise ValueError("give a count of at least one, or a list")
        return tuple(range(seeds))
    for seed in seeds if isinstance(seeds, list | tuple) else ():
        require_number("a seed", seed)
    return seeds


def _distinct(seeds: tuple[int, ...]) -> tuple[int, ...]:
    if not seeds or len(set(seeds)) < len(seeds) or min(seeds) < 0:
        raise ValueError("give a count, or a list of distinct seeds >= 0")
    return seeds


_SEED_LIST = {"type": "array", "items": {"type": "integer", "minimum": 0}, "minItems": 1, "uniqueItems": True}
Seeds = Annotated[
    tuple[int, ...],
    BeforeValidator(_count_to_list),
    AfterValidator(_distinct),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 1}, _SEED_LIST]}),
]
