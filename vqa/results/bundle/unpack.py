"""`vqa unpack`: a bundle as a study that Snakemake finds finished."""

import contextlib
import os
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

from vqa.results.bundle.opened import extract, load_study, opened
from vqa.results.bundle.places import RESULTS, STUDY
from vqa.study.grid import Grid
from vqa.study.layout import Layout
from vqa.study.record import begin_elsewhere
from vqa.system.errors import UserError


def unpack(path: Path, output: Path) -> dict[str, Any]:
    """Write the bundle's files to the new folder `output`; returns what the bundle says of itself.

    Raises `UserError`, and writes nothing, where a file is not what the bundle says.
    """
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise UserError(f"{output}: is there already; give a new folder")
    part = output.absolute().with_name(f".{output.name}.{os.getpid()}.part")
    try:
        with opened(path) as (bundle, about):
            part.mkdir(parents=True)
            extract(bundle, part)
            with contextlib.chdir(part):
                _finish(part, path)
            _date(part, about)
        if output.is_dir():
            output.rmdir()
        part.rename(output)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return about


def _finish(folder: Path, source: Path) -> None:
    """What a bundle need not hold: the study as it ran, and that the user's own models were checked."""
    study = load_study(folder, source)
    shutil.copyfile(folder / STUDY, folder / RESULTS / STUDY)
    begin_elsewhere(folder / RESULTS)
    grid, layout = Grid(study), Layout.of(study)
    for model in (*grid.own_models, *grid.own_backbones):
        layout.checked(model).parent.mkdir(parents=True, exist_ok=True)
        layout.checked(model).touch()


def _date(folder: Path, about: dict[str, Any]) -> None:
    """All files are of one time, so that none is newer than what was made from it."""
    try:
        then = datetime.fromisoformat(f"{about['published']}T00:00:00+00:00").timestamp()
    except (ValueError, KeyError):
        then = 0.0
    for path in folder.rglob("*"):
        if path.is_file():
            os.utime(path, (then, then))
