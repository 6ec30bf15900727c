"""A bundle that is not what its own list says, or would reach out of its folder, is refused in one line."""

import re
import shutil
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.results.bundle.study import Edit, rewritten
from vqa.results.bundle import crate
from vqa.results.bundle.unpack import unpack
from vqa.results.bundle.verify import verify
from vqa.system.errors import UserError


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
