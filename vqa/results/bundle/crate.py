"""The metadata of a bundle: an RO-Crate that names every file with its size and SHA-256."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from vqa.system.errors import UserError

NAME = "ro-crate-metadata.json"
_SHA256 = "https://schema.org/sha256"


@dataclass(frozen=True)
class Entry:
    """A file of a bundle. size: bytes."""

    size: int
    sha256: str


@dataclass(frozen=True)
class About:
    """What the crate says of the whole. published: YYYY-MM-DD."""

    name: str
    description: str
    published: str
    licence: str
    citation: str


def require() -> Any:
    """rocrate's `ROCrate`; raises `UserError` where it is not installed."""
    try:
        from rocrate.rocrate import ROCrate
    except ImportError:
        raise UserError("a bundle needs the package rocrate; install it with `pip install 'vqa[bundle]'`") from None
    return ROCrate


def metadata(about: About, entries: dict[str, Entry]) -> str:
    """The text of `ro-crate-metadata.json`."""
    crate = require()(version="1.1")
    root = crate.root_dataset
    told = {"name": about.name, "description": about.description, "datePublished": about.published}
    for key, value in (told | {"license": about.licence, "citation": about.citation}).items():
        root[key] = value
    for name, entry in entries.items():
        crate.add_file(dest_path=name, properties={"contentSize": str(entry.size), "sha256": entry.sha256})
    crate.metadata.extra_terms["sha256"] = _SHA256
    return json.dumps(crate.metadata.generate(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def read(text: bytes, source: str) -> dict[str, Entry]:
    """The files that the metadata name; raises `UserError` where they are no such metadata."""
    try:
        graph: Sequence[dict[str, Any]] = json.loads(text)["@graph"]
        files = [each for each in graph if each["@type"] == "File"]
        return {unquote(each["@id"]): Entry(int(each["contentSize"]), str(each["sha256"])) for each in files}
    except (ValueError, KeyError, TypeError, RecursionError, OverflowError):
        raise UserError(
            f"{source}: its {NAME} cannot be read; get the bundle again from where it is published"
        ) from None
