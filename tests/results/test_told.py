"""What single runs, shards and videos did, told where their means are shown."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from tests.results.fake_study import evaluated, paper_study, write_fake
from vqa.features import shards
from vqa.features.probe import Probe, write_probes
from vqa.manifest import Video, write_manifest
from vqa.results import figures, style
from vqa.results.provenance import backbones
from vqa.results.study_data import StudyData
from vqa.results.tables import all_tables
from vqa.results.tables.crossed import seen_twice
from vqa.results.tables.datasets import dataset_facts
from vqa.video import Header

DATASETS = {name: {"reader": name, "path": f"/nowhere/{name}", "buckets": 1} for name in ("cvd2014", "live-vqc")}
GROUPS = {
    "frames": {"backbone": "resnet50", "modes": ["OO"]},
    "thin": {"backbone": "resnet50", "sampler": 8, "modes": ["OO"]},
    "small": {"backbone": "efficientnet_lite0", "modes": ["OO"]},
    "small-thin": {"backbone": "efficientnet_lite0", "sampler": 4, "modes": ["OO"]},
    "control": {"backbone": "resnet3d18", "modes": ["OO"]},
}


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> StudyData:
    folder = tmp_path_factory.mktemp("cells") / "results"
    study = paper_study(folder, seeds=3, datasets=DATASETS, experiments=GROUPS, plots={"dpi": 50})
    return evaluated(write_fake(study, epochs=3))


def test_the_cross_table_tells_of_copies_under_other_names(tmp_path):
    study = write_fake(
        paper_study(tmp_path, seeds=1, datasets=DATASETS, experiments=GROUPS, cross_dataset=["thin", "small"])
    )
    data = StudyData(study)
    assert seen_twice(data) == []
    one, other = (data.receipts[name, "resnet50"]["shards"] for name in DATASETS)
    for name, copied in zip(sorted(other)[:3], sorted(one), strict=False):
        other[name] = one[copied]
    (line,) = seen_twice(data)
    assert line.startswith("NOT strangers: 3 videos of cvd2014 stand in live-vqc too")


def test_tables_of_pre_trained_heads_tell_of_copies_under_other_names(tmp_path):
    began = {"backbone": "resnet50", "modes": ["OO"], "init": {"dataset": "cvd2014", "experiment": "frames"}}
    study = paper_study(tmp_path, seeds=1, datasets=DATASETS, experiments={"frames": GROUPS["frames"], "tuned": began})
    data = evaluated(write_fake(study))
    assert "NOT strangers" not in notes(data, "pre-training")
    one, other = (data.receipts[name, "resnet50"]["shards"] for name in DATASETS)
    for name, copied in zip(sorted(other)[:3], sorted(one), strict=False):
        other[name] = one[copied]
    assert "NOT strangers: 3 videos of cvd2014 stand in live-vqc too" in notes(data, "pre-training")


def notes(data: StudyData, name: str) -> str:
    return " ".join(next(table for table in all_tables(data) if table.name == name).notes)


def test_linear_fallbacks_and_undefined_selections_are_counted(data):
    assert "no logistic" not in notes(data, "sampling") and "undefined" not in notes(data, "sampling")
    again = StudyData(data.study)
    again.metrics.loc[again.metrics["experiment"] == "thin", "fit_status"] = "linear"
    path = again.results / "runs/live-vqc/thin/O/seed-1/run.json"
    before = path.read_text()
    path.write_text(json.dumps(json.loads(before) | {"selected_val_srocc": float("nan")}))
    told = notes(again, "sampling")
    path.write_text(before)
    assert "In 6 of 24 results no logistic fitted better than a line" in told
    assert "In 1 of 24 runs the validation SROCC was undefined in every epoch" in told


def test_untrained_weights_are_told_with_the_experiments_that_use_them(data):
    told = notes(data, "verdicts").split("Two questions")[0]
    assert "control: " in told and "untrained" in told
    assert not any(f"{name}: " in told or f"{name}, " in told for name in ("frames", "thin", "small"))


def test_every_sampler_group_is_drawn(data, tmp_path, monkeypatch):
    drawn = {}
    save = style.figure.__wrapped__.__globals__["_save"]

    def keep(figure, folder, name, dpi):
        drawn[name] = [(axis.get_title(), len(axis.lines)) for axis in figure.axes]
        save(figure, folder, name, dpi)

    monkeypatch.setitem(style.figure.__wrapped__.__globals__, "_save", keep)
    for name in ("samplers", "cost", "scatter"):
        figures.FIGURES[name].draw(data, tmp_path)
    groups = [f"{dataset}\n{base}" for base in ("resnet50, vsfa", "efficientnet_lite0, vsfa") for dataset in DATASETS]
    assert [title for title, _ in drawn["samplers"]] == groups == [title for title, _ in drawn["cost"]]
    assert all(lines > 0 for _, lines in drawn["samplers"])
    assert {title.split("\n")[1] for title, _ in drawn["scatter"]} == {f"{name} OO" for name in GROUPS}


def test_every_datasets_precision_and_decoder_are_told(data):
    entry = next(row for row in backbones(data) if row["name"] == "resnet50")
    assert entry["precision"] == "float32" and entry["decoder"] == "pyav 1" and entry["sha256"] == "0" * 64
    path = data.layout.features("live-vqc", "resnet50") / "live-vqc-0000.h5"
    made = {"weights_sha256": "0" * 64, "preprocessing": "RGB", "precision_used": "bfloat16", "decoder": "pyav 1"}
    shards.write(path, [np.zeros((4, 2))], (4, 2), "float32", np.arange(4), made)
    entry = next(row for row in backbones(data) if row["name"] == "resnet50")
    assert entry["precision"] == "float32 (cvd2014), bfloat16 (live-vqc)" and entry["decoder"] == "pyav 1"


def facts(data: StudyData, headers: list[Header | None], mos: list[float], suffixes: list[str], names=None):
    names = names or [f"v{i}" for i in range(len(headers))]
    rows = zip(names, suffixes, mos, strict=True)
    write_manifest(data.layout.manifest("cvd2014"), [Video(name, f"{name}.{suffix}", m) for name, suffix, m in rows])
    write_probes(data.layout.probe("cvd2014"), [Probe(n, h) for n, h in zip(names, headers, strict=True)])
    return dataset_facts(StudyData(data.study), "cvd2014")


def test_table_1_says_what_the_headers_say(data):
    plain = Header(960, 540, 30.0, 240, "yuv420p")
    kinds = [plain, plain, replace(plain, width=640), replace(plain, width=640), replace(plain, width=320)]
    kinds += [replace(plain, width=160, fps=23.976, frames=180), replace(plain, width=80, fps=120.0, frames=1202), None]
    found = facts(data, kinds, [1.0, 4.6404, -6.5, 2, 3, 4, 1, 2], ["mp4"] * 7 + ["AVI"])
    assert found.videos == 8 and found.excluded == 1
    assert re.fullmatch(r"960x540, 640x540, \d+x540 and 2 more", found.resolution)
    assert (found.frames, found.rate) == ("180 to 1202", "23.98 to 120")
    assert (found.format, found.mos) == ("avi, mp4", "-6.500 to 4.640")
    with_a_bad_one = facts(data, [plain] * 3, [1.0, 2.0, 3.0], ["mp4"] * 3, names=["v0", "bad", "v2"])
    assert (with_a_bad_one.videos, with_a_bad_one.excluded) == (2, 1)
    found = facts(data, [plain, plain], [1.0, 2.0], ["mp4"] * 2)
    assert (found.resolution, found.frames, found.rate) == ("960x540", "240", "30")
    found = facts(data, [None, None], [1.0, 2.0], ["mp4"] * 2)
    assert (found.resolution, found.frames, found.rate) == ("unknown",) * 3
