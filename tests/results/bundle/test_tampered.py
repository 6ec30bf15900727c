"""What was changed in a bundle is named, also where the hashes were mended."""

import csv
import io
import re
import shutil
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.results.bundle.study import DATASET, Edit, rewritten
from vqa.results.bundle import crate
from vqa.results.bundle.unpack import unpack
from vqa.results.bundle.verify import verify
from vqa.system.errors import UserError


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


def add(path: Path, name: str, text: bytes = b"more", **changes: int) -> None:
    """A member more."""
    info = zipfile.ZipInfo(name)
    for key, value in changes.items():
        setattr(info, key, value)
    with zipfile.ZipFile(path, "a") as zipped:
        zipped.writestr(info, text)


def without(path: Path, name: str) -> None:
    with zipfile.ZipFile(path) as old:
        kept = [(info, old.read(info)) for info in old.infolist() if info.filename != name]
    with zipfile.ZipFile(path, "w") as new:
        for info, text in kept:
            new.writestr(info, text)


def patched(path: Path, old: bytes, new: bytes, last: bool = False) -> None:
    raw = path.read_bytes()
    place = raw.rindex(old) if last else raw.index(old)
    path.write_bytes(raw[:place] + new + raw[place + len(old) :])


def edit(name: str, change: Edit, mended: bool = True) -> Callable[[Path], None]:
    def apply(path: Path) -> None:
        shutil.copy(path, path.with_suffix(".old"))
        rewritten(path.with_suffix(".old"), path, {name: change}, mended)

    return apply


def declared(path: Path, size: int) -> None:
    """The directory claims another size of a stored shard."""
    raw = bytearray(path.read_bytes())
    at = raw.rindex(b"PK\x01\x02", 0, raw.rindex(b"-0000.h5"))
    raw[at + 24 : at + 28] = struct.pack("<I", size)
    path.write_bytes(raw)


def overlapping(path: Path) -> None:
    """Every shard is said to be as long as the archive."""
    raw = bytearray(path.read_bytes())
    at = raw.index(b"PK\x01\x02")
    while at >= 0:
        if raw[at + 10 : at + 12] == b"\0\0":
            raw[at + 20 : at + 28] = struct.pack("<II", len(raw), len(raw))
        at = raw.find(b"PK\x01\x02", at + 4)
    path.write_bytes(raw)


METRICS = "results/metrics.csv"
TAMPERED: dict[str, tuple[Callable[[Path], object], str]] = {
    "not a zip": (lambda path: path.write_text("study"), "is no zip file"),
    "cut off": (lambda path: path.write_bytes(path.read_bytes()[:-1000]), "is no zip file, or is cut off"),
    "a file was changed": (edit(METRICS, lambda text: text[::-1], mended=False), rf"{METRICS} was changed"),
    "a file grew": (edit(METRICS, lambda text: text + "x", mended=False), rf"{METRICS} was changed, .* not as long"),
    "a byte is damaged": (
        lambda path: patched(path, b"figure scatter", b"figure Scatter"),
        r"scatter\.\w+ was changed, or the file is damaged",
    ),
    "a file is missing": (lambda path: without(path, METRICS), rf"{METRICS} is missing"),
    "a file was added": (lambda path: add(path, "results/more.csv"), r"results/more\.csv was added"),
    "a path climbs out": (lambda path: add(path, "../out.csv"), r"'\.\./out\.csv' is no plain path"),
    "a path climbs out behind a folder": (lambda path: add(path, "results/../../out"), "is no plain path"),
    "an absolute path": (lambda path: add(path, "/tmp/out.csv"), r"'/tmp/out\.csv' is no plain path"),
    "a Windows path": (lambda path: add(path, "results\\out.csv"), "is no plain path"),
    "a drive": (lambda path: add(path, "C:out.csv"), "is no plain path"),
    "a name without end": (lambda path: add(path, "a" * 300), "is longer than file names may be"),
    "a folder": (lambda path: add(path, "results/empty/", b""), "is no plain path"),
    "a link": (
        lambda path: add(path, "results/link", b"/etc/passwd", external_attr=(stat.S_IFLNK | 0o777) << 16),
        "'results/link' is a link",
    ),
    "a zip bomb": (
        lambda path: add(path, "results/zeros.csv", b"\0" * (8 << 20), compress_type=zipfile.ZIP_DEFLATED),
        r"'results/zeros\.csv' would unpack to 8 MB, as a zip bomb does",
    ),
    "a size that is not true": (lambda path: declared(path, 1 << 30), "is not as long as it claims"),
    "files that overlap": (overlapping, "overlap, as in a zip bomb"),
    "a file twice": (lambda path: add(path, METRICS), rf"{METRICS} stands twice"),
    "a file twice, in other letters": (lambda path: add(path, METRICS.upper()), "stands twice"),
    "a file that is a folder, too": (lambda path: add(path, f"{METRICS}/more"), rf"{METRICS} is a file and a folder"),
    "another compression": (
        lambda path: add(path, "results/a.csv", compress_type=zipfile.ZIP_LZMA),
        "packed in another way",
    ),
    "no metadata": (lambda path: without(path, crate.NAME), f"has no {crate.NAME}"),
    "metadata that are none": (edit(crate.NAME, lambda text: "[" * 10**5, mended=False), "cannot be read"),
    "a later format": (
        edit("bundle.json", lambda text: text.replace('"format": 1', '"format": 2')),
        "format 2, this vqa knows format 1",
    ),
    "a profile that Snakemake would take": (
        edit("profiles/default/config.yaml", lambda text: "cores: 1"),
        r"profiles/default/config\.yaml is no file of a study",
    ),
    "a study that nests without end": (edit("study.yaml", lambda text: "a: " + "[" * 5000), "is not valid YAML"),
    "a size without end": (
        edit(crate.NAME, lambda text: re.sub(r'"contentSize": "\d+"', '"contentSize": 1e999', text, count=1), False),
        "cannot be read",
    ),
    "results elsewhere": (
        edit("study.yaml", lambda text: text.replace("results: results", "results: /tmp")),
        "has its results elsewhere",
    ),
    "labels elsewhere": (
        edit("study.yaml", lambda text: text.replace("manifest: data/", "manifest: ../data/")),
        r"names \.\./data/cvd2014\.csv, which is out of the bundle",
    ),
    "a YAML bomb": (edit("study.yaml", lambda text: f"x: &a [1]\ny: [*a, *a]\n{text}"), "has aliases"),
    "seeds without end": (
        edit("study.yaml", lambda text: re.sub(r"seeds:\n(- \d+\n)+", "seeds: 10000000000\n", text)),
        "does not list its seeds",
    ),
    "no study": (edit("study.yaml", lambda text: "a: ["), "not valid YAML"),
}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("what", TAMPERED)
def test_a_tampered_bundle_is_refused_in_one_line_and_nothing_is_written(what, bundle, tmp_path):
    tamper, told = TAMPERED[what]
    path = Path(shutil.copy(bundle, tmp_path / "study.zip"))
    tamper(path)
    before = sorted(tmp_path.iterdir())
    for refuse in (verify, lambda path: unpack(path, tmp_path / "unpacked")):
        with pytest.raises(UserError, match=told) as error:
            refuse(path)
        assert "\n" not in str(error.value)
        assert sorted(tmp_path.iterdir()) == before


def test_a_full_folder_is_not_written_to(bundle, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="is there already"):
        unpack(bundle, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
