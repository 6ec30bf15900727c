"""A small finished study whose files agree with each other, on a machine with a name and a user that tell."""

import hashlib
import json
import zipfile
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from tests.results.fake_study import evaluated, write_fake
from vqa.config import Study, parse, to_yaml
from vqa.evaluation.metrics import srocc
from vqa.features import shards
from vqa.manifest import Video, read_manifest, write_manifest
from vqa.protocol import predictions
from vqa.protocol.predictions import Prediction
from vqa.protocol.splits import kind
from vqa.results.bundle import crate
from vqa.results.bundle.contents import Choice
from vqa.results.bundle.pack import write_bundle
from vqa.results.tables import write_tables
from vqa.study.grid import Grid, RunId
from vqa.study.layout import Layout
from vqa.study.parts import parts_of, scores_of
from vqa.system.files import sha256, write_json, write_text
from vqa.training.given import write_run

USER = "zaphodbeeblebrox"
DATASET = "cvd2014"
VIDEOS = 30


def small_study(home: Path, **extra: object) -> Study:
    """Two experiments, three seeds; its videos and checkpoint lie in the user's home."""
    raw = {
        "name": "Small study",
        "results": str(home / "work" / "results"),
        "seeds": 3,
        "datasets": {DATASET: {"reader": DATASET, "path": str(home / "CVD2014"), "buckets": 2}},
        "backbones": {"resnet50": {"weights": str(home / "checkpoints" / "r50.pth")}},
        "experiments": {
            "frame-level": {"backbone": "resnet50", "batch_size": 4},
            "fc-mean": {"backbone": "resnet50", "head": "fc-mean", "batch_size": 4, "modes": ["OO"]},
        },
        "training": {"epochs": 3},
        "splits": {"scenes": [DATASET]},
    }
    return parse(raw | extra)


def write_small(study: Study, home: Path) -> Study:
    """All files of the finished study, with predictions of the study's own splits."""
    data = write_fake(study, epochs=3)
    layout, grid = Layout.of(data), Grid(data)
    for dataset in study.datasets:
        listed = read_manifest(layout.manifest(dataset))
        folder = home / "CVD2014" / "Test1"
        videos = [Video(v.video_id, str(folder / f"{v.video_id}.avi"), v.mos, scene=v.scene) for v in listed]
        write_manifest(layout.manifest(dataset), videos)
        for slug in (slug for name, slug in grid.features if name == dataset):
            _features(layout, dataset, slug, videos)
        for run in (run for run in (*grid.trained, *grid.by_scene) if run.dataset == dataset):
            _run(study, layout, run, videos)
        for run in (run for run in grid.given if run.dataset == dataset):
            _given(study, layout, run, videos)
    _shown(study)
    return study


def _features(layout: Layout, dataset: str, slug: str, videos: list[Video]) -> None:
    folder = layout.features(dataset, slug)
    made = {"weights_sha256": "0" * 64, "preprocessing": "RGB", "precision_used": "float32", "decoder": "pyav 1"}
    for video in videos:
        shards.write(folder / f"{video.video_id}.h5", [np.zeros((4, 2))], (4, 2), "float32", np.arange(4), made)
    rows = [f"{video.video_id},4,2,of {video.video_id}" for video in videos]
    write_text(folder / "index.csv", "\n".join(["video_id,rows,dim,checksum", *rows]) + "\n")
    seen = {video.path: {"stamp": "1 2", "state": {"size": 1, "mtime_ns": 2}, "sha256": "0" * 64} for video in videos}
    write_json(layout.seen(dataset, slug, 0), seen)


def _run(study: Study, layout: Layout, run: RunId, videos: list[Video]) -> None:
    folder = layout.run_folder(run)
    parts = parts_of(study, run.dataset, videos, run.seed, run.by_scene)
    rng = np.random.default_rng([run.seed, len(run.experiment), ord(run.order)])
    rows = []
    for part, order in (("val", run.order), ("test", "O"), ("test", "S")):
        chosen = [video for video in videos if kind(parts[video.video_id]) == part]
        rows += [
            Prediction(v.video_id, parts[v.video_id], order, v.mos, float(v.mos + rng.normal(0, 20))) for v in chosen
        ]
    write_text(folder / "predictions.csv", predictions.to_csv(rows))
    made = json.loads((folder / "run.json").read_text())
    reached = srocc(*(np.array([getattr(row, key) for row in rows if row.split == "val"]) for key in ("score", "mos")))
    told = [f"{epoch},{epoch},0.1,0.1,{reached - 0.1 * (3 - epoch):.8g}" for epoch in (1, 2, 3)]
    write_text(folder / "history.csv", "\n".join(["epoch,step,train_loss,val_loss,val_srocc", *told]) + "\n")
    counted = Counter(map(kind, parts.values()))
    made |= {"selected_val_srocc": reached, "videos": {part: counted[part] for part in ("train", "val", "test")}}
    slug = Grid(study).variants_of(run.experiment)[0].slug
    inputs = {"manifest": layout.manifest(run.dataset), "index": layout.index(run.dataset, slug)}
    write_json(folder / "run.json", made | {"inputs": {name: sha256(path) for name, path in inputs.items()}})


def _given(study: Study, layout: Layout, run: RunId, videos: list[Video]) -> None:
    """Scores that others made, in a file that says more than the names and scores."""
    given = scores_of(study, run.experiment, run.dataset, run.seed)
    rng = np.random.default_rng(0 if given.same else run.seed)
    lines = [f"{Path(video.path).name},{video.mos},{video.mos + rng.normal(0, 9)}" for video in videos]
    write_text(given.path, "\n".join([f"{given.columns['video_id']},mos,score", *lines]) + "\n")
    inputs = {"manifest": layout.manifest(run.dataset), "predictions": given.path}
    made = {"split": study.splits.method, "inputs": {name: sha256(path) for name, path in inputs.items()}}
    parts = parts_of(study, run.dataset, videos, run.seed)
    write_run(given, run.seed, videos, parts, layout.run_folder(run), made)


def _shown(study: Study) -> None:
    """Metrics, tests and tables as they are computed; figures and the report need only be there."""
    data = evaluated(study)
    write_tables(data, study.results / "tables")
    for name in data.contents.figures:
        for end in ("png", "pdf"):
            write_text(study.results / "figures" / f"{name}.{end}", f"figure {name}")
    write_text(study.results / "report.html", f"<p>results of {study.results}, {study.results.parent}</p>")
    write_text(study.results / "study.yaml", to_yaml(study))
    write_text(study.results / "benchmarks" / "evaluate.tsv", "s\tmax_rss\n1\t2\n")


ALL = Choice()


def pack(results: Path, output: Path, choice: Choice = ALL) -> Path:
    write_bundle(results, output, choice, "CC-BY-4.0", "Beeblebrox (2026)")
    return output


def names(bundle: Path) -> list[str]:
    with zipfile.ZipFile(bundle) as zipped:
        return zipped.namelist()


def content(bundle: Path, name: str) -> str:
    with zipfile.ZipFile(bundle) as zipped:
        return zipped.read(name).decode()


Edit = Callable[[str], str]


def rewritten(bundle: Path, output: Path, edits: Mapping[str, Edit], mended: bool = True) -> Path:
    """A copy of the bundle with members changed; mended: the metadata name their new hashes."""
    with zipfile.ZipFile(bundle) as old:
        members = {info.filename: (info, old.read(info)) for info in old.infolist()}
    for name, edit in edits.items():
        info, text = members.get(name, (zipfile.ZipInfo(name), b""))
        members[name] = info, edit(text.decode()).encode()
    if mended:
        graph = json.loads(members[crate.NAME][1])
        named = {each["@id"] for each in graph["@graph"]}
        graph["@graph"] += [{"@id": name, "@type": "File"} for name in edits if name not in named]
        for entity in (each for each in graph["@graph"] if each["@id"] in edits):
            text = members[entity["@id"]][1]
            entity |= {"sha256": hashlib.sha256(text).hexdigest(), "contentSize": str(len(text))}
        members[crate.NAME] = members[crate.NAME][0], json.dumps(graph).encode()
    with zipfile.ZipFile(output, "w") as new:
        for info, text in members.values():
            new.writestr(info, text)
    return output
