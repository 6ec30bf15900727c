"""`vqa bundle`: a finished study as one zip."""

import json
from datetime import UTC, datetime
from pathlib import Path

from vqa import __version__
from vqa.config import Study, load, versions
from vqa.results.bundle import archive, crate
from vqa.results.bundle.archive import Member
from vqa.results.bundle.contents import Choice, Contents
from vqa.results.bundle.places import ABOUT, FORMAT, README
from vqa.results.bundle.verify import verify
from vqa.results.report import versions as installed
from vqa.results.study_data import StudyData
from vqa.study.runs import require_own_runs
from vqa.system.errors import UserError, snakemake
from vqa.system.files import atomic

_README = """# {name}

A study of video quality assessment, made by vqa {version}: its config, labels, splits, predictions, metrics,
tests, tables, figures and report. `{crate}` names every file with its SHA-256; `{about}` says what made them.

    vqa verify FILE.zip                       # are the files whole; do the numbers follow from the predictions?
    vqa unpack FILE.zip -o study && cd study
    snakemake -n -s VQA/Snakefile --configfile study.yaml     # a finished study, to add experiments to

Left out: {left_out}.

Licence: {licence}

To cite: {citation}
"""


def write_bundle(results: Path, output: Path, choice: Choice, licence: str, citation: str) -> int:
    """Write the bundle of the study in `results`; returns the number of its files.

    Raises `UserError` where the study is not finished, a run is not the study's, or its numbers are not of its runs.
    """
    crate.require()
    study = _study(results)
    data = StudyData(study)
    require_own_runs(data.grid, [*data.grid.runs, *data.grid.by_scene])
    published = _day(results / "metrics.csv")
    about = crate.About(study.name, f"A vqa study: {', '.join(study.datasets)}", published, licence, citation)
    with atomic(output) as part:
        members = [*Contents(data, choice).members(), *_about(study, choice, about)]
        entries = archive.write(part, members, about)
        if wrong := verify(part).differences:
            more = f" (and {len(wrong) - 1} more such)" if len(wrong) > 1 else ""
            raise UserError(f"{results}: {wrong[0]}{more}; finish the study first: `{snakemake()}`")
    return len(entries) + 1


def _study(results: Path) -> Study:
    path = results / "study.yaml"
    if not path.is_file():
        raise UserError(f"{results}: holds no study.yaml; give the results of a study that `{snakemake()}` finished")
    return load(path).model_copy(update={"results": results})


def _day(metrics: Path) -> str:
    """On which the results were made, in UTC: a bundle of the same results says the same."""
    if not metrics.is_file():
        raise UserError(f"{metrics}: is missing; finish the study first: `{snakemake()}`")
    return datetime.fromtimestamp(metrics.stat().st_mtime, UTC).date().isoformat()


def _about(study: Study, choice: Choice, about: crate.About) -> list[Member]:
    told = {
        "format": FORMAT,
        "vqa": __version__,
        "versions": {key: value for key, value in vars(versions).items() if key.endswith("_VERSION")},
        "packages": dict(installed()),
        "published": about.published,
        "licence": about.licence,
        "citation": about.citation,
        **{f"with_{key}": value for key, value in vars(choice).items()},
    }
    readme = _README.format(
        name=study.name, version=__version__, crate=crate.NAME, about=ABOUT, licence=about.licence,
        citation=about.citation, left_out="; ".join(choice.left_out()) or "nothing",
    )  # fmt: skip
    return [(ABOUT, (json.dumps(told, indent=1, sort_keys=True) + "\n").encode()), (README, readme.encode())]
