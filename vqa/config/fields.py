"""What text may stand where a file name, a path or a command line is made of it."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=100)]
BackboneName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_./-]*$", max_length=100)]
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
