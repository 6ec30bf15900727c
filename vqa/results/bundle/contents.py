"""The files of a finished study that a bundle holds."""

import csv
import hashlib
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from vqa import manifest as manifests
from vqa.config.fields import filled
from vqa.features.sources import read_seen
from vqa.protocol import split_files
from vqa.protocol.split_files import split_file
from vqa.results.bundle.archive import Member
from vqa.results.bundle.neutral import Neutral, without_columns, without_pictures
from vqa.results.bundle.places import RESULTS, SPLITS, STUDY, Places, labels, permutations, scores
from vqa.results.leftovers import WRITTEN
from vqa.results.study_data import StudyData
from vqa.study.grid import RunId
from vqa.study.layout import Layout
from vqa.study.parts import parts_of, scores_of
from vqa.system.errors import UserError, snakemake
from vqa.system.files import sha256

_LABELS = ("mos", "mos_std")
_TEXTS = (".csv", ".json", ".md", ".tex", ".html", ".tsv", ".txt", ".yaml", ".py")


@dataclass(frozen=True)
class Choice:
    """What is passed on beside the rest."""

    features: bool = False
    mos: bool = True
    thumbnails: bool = True

    def left_out(self) -> list[str]:
        """In words, for whoever opens the bundle."""
        told = {
            "features": "features: trainings cannot be run again from this bundle",
            "mos": "MOS, with the residuals, the scatter plot and the report that show them: nothing can be computed "
            "again from the predictions until the labels are filled in",
            "thumbnails": "thumbnails of videos",
        }
        return [told[field.name] for field in fields(self) if not getattr(self, field.name)]


class Contents:
    """members() gives every file, under the name that it has in the bundle."""

    def __init__(self, data: StudyData, choice: Choice):
        self.data, self.choice, self.study = data, choice, data.study
        self.places = Places(data.study)
        self._new = Layout(RESULTS, RESULTS)
        self._digests: dict[str, str] = {}  # SHA-256 of an input as it is here -> as it is in the bundle

    def members(self) -> Iterator[Member]:
        yield STUDY, self.places.study_yaml().encode()
        for name, file in self.places.code.items():
            yield name, _code(_there(file), self.places.neutral)
        for dataset in self.study.datasets:
            yield from self._dataset(dataset)
        for dataset, slug in self.data.grid.features:
            yield from self._features(dataset, slug)
        if (precision := self.data.layout.precision).is_file():
            yield self._name(precision), precision.read_bytes()
        yield from (self._known(source, text, name) for source, name, text in given_scores(self.data))
        for run in (*self.data.grid.runs, *self.data.grid.by_scene):
            yield from self._run(run)
        yield from self._shown()

    def _dataset(self, dataset: str) -> Iterator[Member]:
        layout, videos = self.data.layout, self.places.videos[dataset]
        text = self._labelled(manifests.to_csv(videos))
        yield str(labels(dataset)), text.encode()
        yield self._known(layout.manifest(dataset), text)
        if dataset in self.data.grid.decoded:
            yield self._file(layout.probe(dataset))
        given = self.study.datasets[dataset].permutations
        if given and self.study.splits.method == "stored" and self.choice.mos:
            yield str(permutations(dataset)), _there(given)
        for seed in self.study.seeds_on(dataset):
            parts = parts_of(self.study, dataset, videos, seed)
            text = self._labelled(split_files.to_csv(videos, parts, Path()))
            name = split_file(SPLITS, dataset, seed)
            if self.study.splits.path:
                self._note(split_file(self.study.splits.path, dataset, seed), text)
            yield str(name), text.encode()

    def _features(self, dataset: str, slug: str) -> Iterator[Member]:
        layout = self.data.layout
        yield self._file(layout.index(dataset, slug))
        for receipt in self.data.receipt_files(dataset, slug):
            yield self._file(receipt)
            seen = layout.seen(dataset, slug, receipt.stem)
            if seen.is_file():
                read = {self.places.source(path): _plain(each) for path, each in read_seen(seen).items()}
                yield self._name(seen), _json(read)
        if self.choice.features:
            shards = layout.features(dataset, slug)
            for video_id in self.data.receipts[dataset, slug]["shards"]:
                yield self._name(shards / f"{video_id}.h5"), _there(shards / f"{video_id}.h5")

    def _run(self, run: RunId) -> Iterator[Member]:
        folder = self.data.layout.run_folder(run)
        needed = ["predictions.csv", *["history.csv"] * (not self.data.grid.is_given(run))]
        for path in sorted({*folder.glob("*.csv"), *(folder / name for name in needed)}):
            yield self._file(path)
        made = json.loads(self._text(_there(folder / "run.json")))
        if "inputs" in made:
            made["inputs"] = {name: self._digests.get(digest, digest) for name, digest in made["inputs"].items()}
        if not self.choice.mos:
            made.pop("label_scale", None)  # the largest of them
        yield self._name(folder / "run.json"), _json(made)
        crossed = run in self.data.grid.crossed
        cross = self.data.layout.cross(run.dataset, run.experiment, run.order, run.seed)
        if crossed and cross.parent != folder:
            yield self._file(cross)
        if crossed or run in {first for each in self.data.grid.runs if (first := self.data.grid.first_of(each))}:
            yield self._name(folder / "head.pt"), _there(folder / "head.pt")

    def _shown(self) -> Iterator[Member]:
        results, contents = self.study.results, self.data.contents
        telling = set() if self.choice.mos else {"videos", "scatter"}  # residuals, and MOS against score
        for path in sorted({*results.glob("*.csv"), results / "metrics.csv", results / "statistics.csv"}):
            if path.stem not in telling:
                yield self._file(path)
        for path in sorted([*results.glob("benchmarks/**/*.tsv"), *results.glob(f"*/{WRITTEN}")]):
            yield self._file(path)
        for name in contents.table_files:
            if Path(name).stem not in telling:
                yield self._file(results / "tables" / name)
        for name in contents.figures:
            if name not in telling or name == "videos":
                for suffix in ("png", "pdf"):
                    yield self._file(results / "figures" / f"{name}.{suffix}")
        for name in ("report.html", "shown.json") if self.choice.mos else ():
            text = self._text(_there(results / name))
            yield self._name(results / name), (text if self.choice.thumbnails else without_pictures(text)).encode()

    def _file(self, path: Path) -> Member:
        """As it is, but for what tells of this machine and, where they are left out, the labels."""
        if path.suffix not in _TEXTS:
            return self._name(path), _there(path)
        text = self._text(_there(path))
        return self._name(path), (self._labelled(text) if path.suffix == ".csv" else text).encode()

    def _known(self, path: Path, text: str, name: str = "") -> Member:
        """A file that trainings name by its SHA-256, as it is in the bundle."""
        self._note(_there(path), text)
        return name or self._name(path), text.encode()

    def _note(self, path: Path, text: str) -> None:
        self._digests[sha256(path)] = hashlib.sha256(text.encode()).hexdigest()

    def _name(self, path: Path) -> str:
        """Within the bundle."""
        for folder in (self.data.layout.results, self.data.layout.store):
            if path.is_relative_to(folder):
                return (RESULTS / path.relative_to(folder)).as_posix()
        raise ValueError(path)

    def _text(self, path: Path) -> str:
        return self.places.neutral.text(path.read_text(encoding="utf-8"))

    def _labelled(self, text: str) -> str:
        return text if self.choice.mos else without_columns(text, _LABELS)


def _code(path: Path, neutral: Neutral) -> bytes:
    """As it is: a run knows it by its hash. Raises `UserError` where it tells of this machine."""
    text = path.read_text(encoding="utf-8")
    if neutral.text(text) != text:
        raise UserError(f"{path}: names a folder or a user of this machine, which a bundle would tell; take it out")
    return text.encode()


def given_scores(data: StudyData) -> Iterator[tuple[Path, str, str]]:
    """Each file of scores that others made, its name in the bundle, and its text there: video_ids and scores alone."""
    written: set[Path] = set()
    for run in data.grid.given:
        given = scores_of(data.study, run.experiment, run.dataset, run.seed)
        name = filled(scores(run.experiment, given.same), run.dataset, run.seed)
        if name not in written:
            found = given.of(data.manifest(run.dataset))
            buffer = io.StringIO()
            writer = csv.writer(buffer, lineterminator="\n")
            writer.writerow(given.columns.get(key, key) for key in ("video_id", "score"))
            writer.writerows([video_id, repr(score)] for video_id, score in sorted(found.items()))
            yield _there(given.path), name.as_posix(), buffer.getvalue()
        written.add(name)


def _there(path: Path) -> Path:
    if not path.is_file():
        raise UserError(f"{path}: is missing; finish the study first: `{snakemake()}`")
    return path


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=1, sort_keys=True) + "\n").encode()


def _plain(seen: Any) -> dict[str, Any]:
    return {"stamp": seen.stamp, "state": vars(seen.state), "sha256": seen.sha256}
