"""Results without Snakemake's record of them: moved, opened from another working copy, or `.snakemake` deleted.

Snakemake then compares time stamps alone and would take what other settings made for this study's. A token,
kept beside its record and in the results, tells whether the two belong together. Where they do not, what lies
there is compared with the study at every start, by every folder: a record that begins later never tells of it all.
"""

import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vqa.config import Study, identity, load
from vqa.config.base import PERFORMANCE
from vqa.study import belonging
from vqa.study.grid import Grid, RunId
from vqa.study.layout import Layout
from vqa.study.runs import difference, mending_rules, read_run
from vqa.study.sources import Sources
from vqa.system.errors import UserError, snakemake
from vqa.system.files import digest, write_text

_TOKEN = ".record"
_FORCED = ("-R", "--forcerun")
_EVERYTHING = ("-F", "--forceall")
_SHOWN = ["evaluate", "videos", "shown", "tables", "figures", "report"]


def require_record(grid: Grid, sources: Sources, arguments: Sequence[str]) -> None:
    """Raise `UserError` where Snakemake would pass over a change of settings.

    arguments: Snakemake's own; a forced rerun of all that differs is the way out, so it passes.
    """
    layout = Layout.of(grid.study)
    if any(word in _EVERYTHING for word in arguments) or all(map(_kept, _folders(layout))):
        return
    foreign = [(run, found) for run in (*grid.runs, *grid.by_scene) if (found := _difference(grid, layout, run))]
    files = list(belonging.foreign(grid, layout, sources))
    rules = _outdated(load(layout.study), grid.study) if layout.study.is_file() else []
    rules += [rule for rule, _, _ in files]
    if foreign:
        rules = [*(rule for rule in rules if rule not in _SHOWN), *mending_rules(grid, foreign)]  # and all that follows
    if set(rules) <= _forced(arguments):
        return
    where, what = layout.results, "was made with other settings"
    if foreign:
        run, what = foreign[0]
        where = layout.run_folder(run)
        what += f" (and {len(foreign) - 1} more runs)" if len(foreign) > 1 else ""
    elif files:
        _, where, what = files[0]
    own = f"; or give this study another `shared:` than {layout.store}" if layout.store != layout.results else ""
    raise UserError(
        f"{where}: {what}, and Snakemake's record of it is not in this folder; "
        f"run `{snakemake('--forcerun', *dict.fromkeys(rules))}`{own}"
    )


def keep_record(layout: Layout) -> None:
    """This working folder's record is that of results which it begins; of others none is, from now on."""
    for folder in _folders(layout):
        kept = _kept(folder)
        if not ((folder / _TOKEN).is_file() and kept):
            token = secrets.token_hex(8)
            write_text(folder / _TOKEN, token)
            if kept:
                write_text(_beside_record(folder), token)


def begin_elsewhere(results: Path) -> None:
    """These results came without a record, and no working folder's will tell of them all."""
    write_text(results / _TOKEN, secrets.token_hex(8))


def _forced(arguments: Sequence[str]) -> set[str]:
    """The rules that follow --forcerun."""
    found: set[str] = set()
    inside = False
    for word in arguments:
        inside = word in _FORCED or (inside and not word.startswith("-"))
        found |= {word} if inside else set()
    return found


def _folders(layout: Layout) -> list[Path]:
    return list(dict.fromkeys([layout.results, layout.store]))


def _kept(folder: Path) -> bool:
    try:
        token = (folder / _TOKEN).read_text()
    except OSError:  # nothing is made yet, or the token was left behind
        return not any((folder / made).exists() for made in ("manifests", "features", "runs"))
    record = _beside_record(folder)
    return record.is_file() and record.read_text() == token


def _beside_record(folder: Path) -> Path:
    return Path(".snakemake") / "vqa" / digest(str(folder))


def _difference(grid: Grid, layout: Layout, run: RunId) -> str:
    folder = layout.run_folder(run)
    return difference(grid, layout, run, read_run(folder)) if (folder / "predictions.csv").is_file() else ""


def _outdated(old: Study, new: Study) -> list[str]:
    """The rules whose settings differ; what they make is compared as it is read."""
    rules = []
    if any(_part(old, key) != _part(new, key) for key in ("datasets", "backbones", "extraction")):
        imported = any(backbone.imported for backbone in new.backbones.values())
        rules += ["manifest", "extract"] + ["import_features"] * imported
    if any(_part(old, key) != _part(new, key) for key in set(Study.model_fields) - {"results", "shared"}):
        rules += _SHOWN
    return rules


def _part(study: Study, key: str) -> Any:
    value = identity(study, include={key}).get(key)
    return {k: v for k, v in value.items() if k not in PERFORMANCE} if isinstance(value, dict) else value
