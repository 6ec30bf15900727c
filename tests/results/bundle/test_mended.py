"""What was changed in a bundle is named, though its hashes were mended: numbers follow from predictions, or not."""

import csv
import io
import re

import pytest

from tests.results.bundle.study import DATASET, Edit, rewritten
from vqa.results.bundle.verify import verify


def edited(column: str, value: str, **where: str) -> Edit:
    """A CSV whose first row of these values has another one in a column."""

    def edit(text: str) -> str:
        rows = list(csv.DictReader(io.StringIO(text)))
        next(row for row in rows if all(row[key] == each for key, each in where.items()))[column] = value
        buffer = io.StringIO()
        writer = csv.DictWriter(buffer, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        return buffer.getvalue()

    return edit


RUN = f"results/runs/{DATASET}/frame-level/O/seed-1"
CELL = {"experiment": "frame-level", "mode": "OS", "seed": "1"}
MENDED = {
    "a metric": (
        "results/metrics.csv",
        edited("krocc", "0.987", **CELL),
        rf"metrics\.csv, dataset {DATASET}, experiment frame-level, mode OS, seed 1: krocc is 0\.987, computed [\d.-]+",
    ),
    "a test": (
        "results/statistics.csv",
        edited("p_holm", "0.001", metric="plcc", mode="SS"),
        rf"statistics\.csv, family modes, dataset {DATASET}, experiment frame-level, mode SS, .*plcc: p_holm is 0\.001",
    ),
    "a verdict": (
        "results/statistics.csv",
        edited("verdict", "equivalent", metric="srocc", mode="SS"),
        r"statistics\.csv, .*mode SS, .*srocc: verdict is equivalent, computed \w+",
    ),
    "a table": (
        "results/tables/frame-level.md",
        lambda text: text.replace("(0.", "(1.", 1),
        r"tables/frame-level\.md, line \d+: is not what follows",
    ),
    "a score": (
        f"{RUN}/predictions.csv",
        edited("score", "55.5", split="test", test_order="S"),
        rf"metrics\.csv, dataset {DATASET}, experiment frame-level, mode OS, seed 1: srocc",
    ),
    "a label of a prediction": (
        f"{RUN}/predictions.csv",
        edited("mos", "55.5", split="test", test_order="S"),
        rf"predictions of {DATASET}, frame-level, train order O, seed 1: MOS of '{DATASET}-\d+' is 55\.5",
    ),
    "a test video moved to validation": (
        f"{RUN}/predictions.csv",
        edited("split", "val", split="test", test_order="S"),
        r"seed 1: '\S+' is in part val, its seed puts it in test",
    ),
    "a split": (
        f"splits/{DATASET}/seed-2.csv",
        edited("split", "val", split="test"),
        r"seed-2\.csv: is not the split that seed 2 gives",
    ),
    "a score by scene": (
        f"results/runs-by-scene/{DATASET}/frame-level/O/seed-1/predictions.csv",
        edited("score", "-999", split="test", test_order="O"),
        r"tables/scenes\.csv, row \d: p is",
    ),
    "a test video by scene moved to validation": (
        f"results/runs-by-scene/{DATASET}/fc-mean/O/seed-2/predictions.csv",
        edited("split", "val", split="test"),
        r"fc-mean, train order O, seed 2, by scene: '\S+' is in part val, its seed puts it in test",
    ),
    "a study without the splits by scene that the bundle holds": (
        "study.yaml",
        lambda text: text.replace("scenes:\n  - cvd2014", "scenes: []"),
        r"results/runs-by-scene/cvd2014/\S+: is no file of this study",
    ),
    "a study without an experiment that the bundle holds": (
        "study.yaml",
        lambda text: re.sub(r"  fc-mean:\n(    .*\n)+", "", text),
        r"results/figures/models\.png: is no file of this study",
    ),
    "sizes by which tests allow for overlap": (
        f"{RUN}/run.json",
        lambda text: text.replace('"train": 18', '"train": 18000'),
        r"seed 1: run\.json says 18000 train videos, the split 18",
    ),
    "another selected epoch": (
        f"{RUN}/run.json",
        lambda text: text.replace('"selected_epoch": 3', '"selected_epoch": 1'),
        r"seed 1: validation SROCC of its scores is \S+, of the selected epoch ",
    ),
    "a selected epoch that there is not": (
        f"{RUN}/run.json",
        lambda text: text.replace('"selected_epoch": 3', '"selected_epoch": 9'),
        r"seed 1: history\.csv has no epoch 9",
    ),
    "a better epoch that was not selected": (
        f"{RUN}/history.csv",
        lambda text: re.sub(r"(2,2,0\.1,0\.1),.*", r"\1,0.99", text),
        r"seed 1: epoch 3 was selected at validation SROCC \S+, another has 0\.99",
    ),
    "validation scores": (
        f"{RUN}/predictions.csv",
        edited("score", "9999", split="val"),
        r"seed 1: validation SROCC of its scores is ",
    ),
    "no validation scores": (
        f"{RUN}/predictions.csv",
        lambda text: "".join(line for line in text.splitlines(True) if ",val," not in line),
        r"seed 1: '\S+' is a val video without a score in order O",
    ),
    "labels that the unpacked study reads": (
        f"data/{DATASET}.csv",
        edited("mos", "1.5"),
        rf"data/{DATASET}\.csv: has other videos or labels than results/manifests",
    ),
    "a run that is none": (f"{RUN}/run.json", lambda text: "[" * 10**5, r"cannot be (read|computed)"),
    "a run that is a list": (f"{RUN}/run.json", lambda text: "[]", r"cannot be (read|computed)"),
    "a run without inputs": (
        f"{RUN}/run.json",
        lambda text: re.sub(r'"inputs": \{[^}]*\}', '"inputs": null', text),
        r"cannot be (read|computed)",
    ),
    "a training's settings": (
        f"{RUN}/run.json",
        lambda text: text.replace('"lr": 1e-05', '"lr": 0.1'),
        r"runs/cvd2014/frame-level/O/seed-1: was made with lr 0\.1",
    ),
}


def test_the_words_of_a_table_are_compared_though_a_digit_of_its_numbers_differs(bundle, tmp_path):
    table = "results/tables/frame-level"
    csv_off = lambda text: re.sub(r"(0\.\d{8})\d", r"\g<1>0", text, count=1)  # noqa: E731
    forged = lambda text: re.sub(r"0\.\d{3} ", "0.990 ", text)  # noqa: E731
    found = verify(rewritten(bundle, tmp_path / "study.zip", {f"{table}.csv": csv_off, f"{table}.md": forged}))
    assert any("frame-level.md, line " in line for line in found.differences)
    assert verify(rewritten(bundle, tmp_path / "again.zip", {f"{table}.csv": csv_off})).differences == []


@pytest.mark.parametrize("what", MENDED)
def test_a_change_is_named_though_the_hashes_were_mended(what, bundle, tmp_path):
    name, edit, told = MENDED[what]
    found = verify(rewritten(bundle, tmp_path / "study.zip", {name: edit}))
    assert [line for line in found.differences if re.search(told, line)], found.differences
