"""What `vqa clean` deletes: shards that neither a study, nor an index, nor a receipt needs; and whom it asks."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from vqa.config import Study
from vqa.study.grid import Grid
from vqa.study.layout import Layout
from vqa.study.orphans import orphans
from vqa.study.sources import Sources
from vqa.system.files import write_json
from vqa.system.locks import FolderLock

SHARDS = Path("store/features/d/efficientnet_lite0")


@pytest.fixture(autouse=True)
def store(tmp_path, monkeypatch) -> Path:
    """A store with shards of videos a to e, of which the index names a."""
    monkeypatch.chdir(tmp_path)
    SHARDS.mkdir(parents=True)
    for name in "abcde":
        (SHARDS / f"{name}.h5").write_bytes(b"x" * 500)
    (SHARDS / "index.csv").write_text("video_id,rows,dim,checksum\na,1,1,c\n")
    return tmp_path


def study(results: str, videos: str, **changes: object) -> Study:
    """A study whose dataset d has these videos."""
    Path(f"{results}.csv").write_text("video_id,path,mos\n" + "".join(f"{v},{v}.mp4,{ord(v)}\n" for v in videos))
    for video in videos:
        Path(f"{video}.mp4").touch()
    settings = {
        "results": results,
        "shared": "store",
        "seeds": 1,
        "datasets": {"d": {"reader": "table", "path": f"{results}.csv"}},
        "experiments": {"e": {"backbone": "efficientnet_lite0", "modes": ["OO"]}},
        **changes,
    }
    Path(f"{results}.yaml").write_text(yaml.safe_dump(settings))
    return Study.model_validate(settings)


def start(chosen: Study) -> None:
    """As Snakemake does before it runs anything."""
    grid = Grid(chosen)
    Sources(chosen, Layout.of(chosen), grid).write()


def clean(results: str, *arguments: str, answer: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "vqa", "clean", "--config", f"{results}.yaml", *arguments]
    return subprocess.run(command, input=answer, capture_output=True, text=True, env=os.environ)


def left() -> str:
    return "".join(sorted(path.stem for path in SHARDS.glob("*.h5")))


def test_only_what_nobody_uses_is_deleted_and_only_after_a_yes():
    start(study("mine", "ab"))
    start(study("other", "c"))
    write_json(SHARDS / "receipts" / "0.json", {"shards": {"d": {}}, "excluded": {}})
    told = f"{SHARDS}: 1 shards, 0.0 MB: e\nDelete these 1 shards? [y/N]: "
    for answer in ("", "\n", "n\n"):
        assert clean("mine", answer=answer).stdout.startswith(told) and left() == "abcde"
    assert clean("mine", answer="y\n").stdout == told and left() == "abcd"
    assert clean("mine", "--yes").stdout == "store: every shard is in use\n"


def test_what_the_config_says_now_counts_for_the_study_itself():
    start(study("mine", "abcde"))
    study("mine", "bc")
    assert clean("mine", "--yes").stdout.startswith(f"{SHARDS}: 2 shards, 0.0 MB: d, e") and left() == "abc"


def test_a_backbone_of_no_study_keeps_what_its_index_names():
    start(study("mine", "a", experiments={"e": {"backbone": "resnet50", "modes": ["OO"]}}))
    clean("mine", "--yes")
    assert left() == "a"


def test_nothing_is_deleted_while_a_snakemake_works_on_the_store():
    start(study("mine", "a"))
    lock = FolderLock(Path("store"))
    try:
        result = clean("mine", "--yes")
    finally:
        lock.release()
    assert result.returncode == 2 and "has been working on it since" in result.stderr and left() == "abcde"


@pytest.mark.parametrize("damage", ["{", "[]", json.dumps({"datasets": {}})])
def test_a_note_that_cannot_be_read_deletes_nothing(damage):
    start(study("mine", "a"))
    Path("store/studies/x.json").write_text(damage)
    result = clean("mine", "--yes")
    assert result.returncode == 2 and "x.json: does not say what a study uses" in result.stderr and left() == "abcde"


def test_a_folder_of_the_same_name_on_another_machine_claims_for_itself(store):
    start(study("results", "ab"))
    Path("results").rename("elsewhere")  # as another machine sees the path: its own folder
    start(study("results", "cd"))
    left = {path.name for each in orphans(study("results", "cd")) for path in each.shards}
    assert left == {"e.h5"}
