"""report.html: one self-contained page that opens offline, from the outputs of a finished study."""

import base64
import platform
import shlex
import sys
from functools import reduce
from importlib import metadata
from importlib.resources import files
from pathlib import Path
from typing import get_args

import jinja2
import pandas as pd

from vqa import __version__
from vqa.config import DemoDataset, to_yaml
from vqa.evaluation.statistics import Verdict
from vqa.results import audit, controls, scenes
from vqa.results.controls import without_controls
from vqa.results.figures import FIGURES
from vqa.results.findings import answers, findings
from vqa.results.provenance import backbones
from vqa.results.published import INCONSISTENCIES, dataset_of
from vqa.results.study_data import StudyData
from vqa.results.tables import SYNTHETIC, all_tables
from vqa.results.tables.cells import run_counts
from vqa.results.tables.tests import limits
from vqa.results.tables.writers import to_latex
from vqa.system.errors import UserError, snakemake
from vqa.system.files import write_text

_PACKAGES = ("torch", "torchvision", "snakemake", "av", "decord", "h5py", "numpy", "scipy", "pandas")


def write_report(data: StudyData, output: Path) -> None:
    """Render the page; figures are embedded, nothing is fetched."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("vqa.results", "."), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    assets = files("vqa.results")
    study = data.study
    page = environment.get_template("report.html.j2").render(
        study=study,
        css=assets.joinpath("report.css").read_text(encoding="utf-8"),
        js=assets.joinpath("report.js").read_text(encoding="utf-8"),
        runs=run_counts(study, study.experiments),
        synthetic=SYNTHETIC if any(isinstance(d, DemoDataset) for d in study.datasets.values()) else "",
        summary=[*summary(data), *controls.answer(data), *answers(data), *audit.answer(data), *scenes.answer(data)],
        limits=limits(data),
        tables=[(table, to_latex(table)) for table in all_tables(data)],
        figures=[
            (name, FIGURES[name], _embedded(study.results / "figures" / f"{name}.png"))
            for name in data.contents.figures
        ],
        findings=findings(data),
        inconsistencies=INCONSISTENCIES if any(dataset_of(study, name) for name in study.datasets) else (),
        excluded={name: _without_places(data, data.excluded(name)) for name in study.datasets},
        suspicious={name: suspicious(data, name) for name in study.datasets},
        backbones=backbones(data),
        decoded=data.grid.decoded,
        cost=_cost(data),
        settings=to_yaml(study, place=_place),
        versions=versions(),
        command=_command(data),
    )
    write_text(output, page)


QUESTIONS = {
    "modes": "Does the order of frames matter?",
    "samplers": "Are fewer frames enough?",
    "heads": "Does another temporal model do as well as VSFA's?",
    "means": "Does a temporal model do better than a plain mean?",
    "init": "Does it help to begin from trained heads?",
    "given": "Do predictions that others made differ from this study's?",
    "cross": "Do experiments differ on other datasets than they were trained on?",
}


def summary(data: StudyData) -> list[tuple[str, str, list[str]]]:
    """The verdicts in plain words: (question, answer over all comparisons, a line an experiment)."""
    chosen = without_controls(data.study, data.statistics[data.statistics["metric"] == "srocc"])
    blocks = []
    for family, question in QUESTIONS.items():
        rows = chosen[chosen["family"] == family]
        if rows.empty:
            continue
        lines = [f"{name}: {_counts(group)}" for name, group in rows.groupby("experiment", sort=False)]
        blocks.append((question, f"{_counts(rows)}.", lines if len(lines) > 1 else []))
    return blocks


def _counts(rows: pd.DataFrame) -> str:
    """`12 comparisons: 1 different, 8 equivalent, 3 undecided; mean SROCC differs by -0.059 to +0.000`"""
    found = rows["verdict"].value_counts()
    told = ", ".join(f"{found[word]} {word}" for word in get_args(Verdict) if word in found)
    low, high = rows["difference"].min(), rows["difference"].max()
    span = f"{low:+.3f}" if len(rows) == 1 else f"{low:+.3f} to {high:+.3f}"
    noun = "comparison" if len(rows) == 1 else "comparisons"
    return f"{len(rows)} {noun}: {told}; mean SROCC differs by {span}"


def suspicious(data: StudyData, dataset: str) -> list[str]:
    """Videos whose frame counts disagree or that held corrupt frames, a line each."""
    lines = {}
    for (name, _), receipt in data.receipts.items():
        if name != dataset:
            continue
        for video_id, entry in receipt["shards"].items():
            decoded, container, corrupt = (entry[k] for k in ("frames_decoded", "frames_container", "corrupt_frames"))
            if container > 0 and decoded != container:
                lines[video_id] = f"{video_id}: {decoded} frames decoded, the container says {container}"
            if corrupt:
                lines[video_id] = f"{video_id}: {corrupt} corrupt frames were concealed"
    return [lines[key] for key in sorted(lines)]


def _embedded(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError:
        raise UserError(f"{path}: this figure is missing; run `{snakemake()}`") from None
    return "data:image/png;base64," + base64.b64encode(content).decode()


def _cost(data: StudyData) -> list[dict[str, str]]:
    """Seconds by stage, from Snakemake's benchmark files of the study's own jobs: an earlier one may have had more."""
    rows = []
    root = data.results / "benchmarks"
    for stage, names in _jobs(data).items():
        paths = [root / stage / f"{name}.tsv" if name else root / f"{stage}.tsv" for name in names]
        if found := [pd.read_csv(path, sep="\t") for path in paths if path.is_file()]:
            joined = pd.concat(found)
            seconds, memory = joined["s"].sum(), pd.to_numeric(joined["max_rss"], errors="coerce").max()
            rows.append(
                {"stage": stage, "jobs": str(len(joined)), "seconds": f"{seconds:.0f}", "memory": f"{memory:.0f}"}
            )
    return rows


def _jobs(data: StudyData) -> dict[str, list[str]]:
    """Stage -> its jobs, as their benchmark files are called; a stage of one job is its own."""
    datasets, features = list(data.study.datasets), data.grid.features
    extracted = [each for each in features if not data.grid.backbone_of(each[1]).imported]
    return {
        "demo-data": datasets,
        "probe": data.grid.decoded,
        "extract": [f"{d}/{slug}/{path.stem}" for d, slug in extracted for path in data.receipt_files(d, slug)],
        "import": [f"{dataset}/{slug}" for dataset, slug in features if (dataset, slug) not in extracted],
        "index": [f"{dataset}/{slug}" for dataset, slug in features],
        "train": [run.name for run in data.grid.trained],
        "train-by-scene": [run.name for run in data.grid.by_scene],
        "predictions": [run.name for run in data.grid.given],
        "evaluate": [""],
        "videos": [""],
        "shown": [""],
    }


def versions() -> list[tuple[str, str]]:
    own = [("vqa", __version__), ("Python", platform.python_version()), ("platform", sys.platform)]
    return own + [(name, metadata.version(name)) for name in _PACKAGES]


def _command(data: StudyData) -> str:
    return shlex.join(["snakemake", "--cores", "N", "--configfile", _place(data.layout.study)])


def _place(path: Path) -> str:
    """A path as the page shows it: within the working folder, or the last name alone. Others read the page."""
    inside = path.resolve().is_relative_to(Path.cwd())
    return str(path.resolve().relative_to(Path.cwd())) if inside else f".../{path.name}"


def _without_places(data: StudyData, reasons: dict[str, str]) -> dict[str, str]:
    """Messages that name videos by their full path, without the folders above the dataset."""
    paths = [Path(video.path) for name in data.study.datasets for video in data.manifest(name)]
    folders = sorted({f"{path.parent}/" for path in paths}, key=len, reverse=True)
    return {
        video: reduce(lambda text, folder: text.replace(folder, ""), folders, told) for video, told in reasons.items()
    }
