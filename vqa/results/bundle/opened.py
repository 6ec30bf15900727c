"""The study in a bundle, which may come from anyone: what may be believed of it before it is used."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from vqa.config import Study, parse, read
from vqa.results.bundle import archive
from vqa.results.bundle.archive import Bundle
from vqa.results.bundle.places import ABOUT, FORMAT, README, RESULTS, STUDY, paths
from vqa.system.errors import UserError

# Else Snakemake would take a profile, say, from the folder where the study was unpacked.
_FILES, _FOLDERS = {STUDY, ABOUT, README}, {"code", "data", "predictions", "results", "splits"}


@contextmanager
def opened(path: Path) -> Iterator[tuple[Bundle, dict[str, Any]]]:
    """A bundle and what it says of itself. Raises `UserError` for one that a later vqa wrote, or with other files."""
    with archive.opened(path) as bundle:
        for name in sorted(bundle.entries):
            if name not in _FILES and name.partition("/")[0] not in _FOLDERS and not name.endswith(".py"):
                raise UserError(f"{path}: {name} is no file of a study; refused")
        try:
            about: dict[str, Any] = json.loads(bundle.read(ABOUT))
            version = about["format"]
        except (ValueError, KeyError, TypeError, RecursionError):
            raise UserError(f"{path}: {ABOUT} cannot be read; get the bundle again") from None
        if version != FORMAT:
            raise UserError(
                f"{path}: is a bundle of format {version!r}, this vqa knows format {FORMAT}; "
                f"install the vqa that wrote it, {about.get('vqa', 'a later one')}"
            )
        yield bundle, about


def extract(bundle: Bundle, folder: Path, kept: Callable[[str], bool] = lambda name: True) -> None:
    """All files into `folder`, each checked; those that `kept(name)` refuses are checked alone."""
    for name in bundle.entries:
        if not kept(name):
            for _ in bundle.stream(name):
                pass
            continue
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        with open(place, "xb") as file:
            bundle.write(name, file)


def load_study(folder: Path, source: Path) -> Study:
    """The study of an extracted bundle; raises `UserError` where it reaches out of its folder. Run within `folder`."""
    file = folder / STUDY
    if not file.is_file():
        raise UserError(f"{source}: has no {STUDY}, it is no bundle of a study; `vqa bundle` writes one")
    try:
        aliased = any(isinstance(token, yaml.AliasToken) for token in yaml.scan(file.read_text(encoding="utf-8")))
        raw = {} if aliased else read(file)
    except (yaml.YAMLError, ValueError, RecursionError):
        raise UserError(f"{source}: {STUDY} is not valid YAML; get the bundle again") from None
    except UserError as error:
        raise UserError(str(error).replace(str(file), f"{source}: {STUDY}")) from None
    if aliased:
        raise UserError(f"{source}: {STUDY} has aliases, which no bundle has; refused")
    experiments = raw.get("experiments")
    given = [raw, *(experiments.values() if isinstance(experiments, dict) else ())]
    if any(isinstance(each, dict) and isinstance(each.get("seeds"), int) for each in given):
        raise UserError(f"{source}: {STUDY} does not list its seeds, as every bundle does; refused")
    study = parse(raw, f"{source}: {STUDY}")
    if study.results != RESULTS or study.shared is not None:
        raise UserError(f"{source}: {STUDY} has its results elsewhere than in {RESULTS}; refused")
    for path in paths(study.model_dump()):
        if path.is_absolute() or ".." in path.parts:
            raise UserError(f"{source}: {STUDY} names {path}, which is out of the bundle; refused")
    return study
