"""Which shards are still right: of version 0.1, of other libraries or precisions, or another one of the name."""

import builtins
import errno
import json
import os
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from vqa.backbones import checkpoints
from vqa.config import BackboneSettings, Extraction
from vqa.config.versions import FEATURE_VERSION
from vqa.features import bucket as buckets
from vqa.features import shards
from vqa.features.bucket import Bucket, write_receipt
from vqa.features.extract import extract
from vqa.features.identity import fingerprint, same_libraries, settings_of
from vqa.features.index import open_features, read_index, read_receipt, write_index
from vqa.features.sources import Seen, State, Task, read_seen, read_task, write_seen, write_task
from vqa.manifest import Video
from vqa.study.stamps import ABSENT, Stamps
from vqa.system.errors import RunError, UserError
from vqa.system.files import create_once, digest, sha256
from vqa.video.versions import libraries

NOW = "libavcodec 62.28.102, libswscale 9.5.102"
DEPENDS = settings_of("resnet50", BackboneSettings(), Extraction())


def shard_of(folder: Path, video: Video, **more: object) -> dict[str, object]:
    """A shard as version 0.1 wrote it, but for what is given."""
    status = Path(video.path).stat()
    content = sha256(video.path)
    attributes = {
        "fingerprint": fingerprint(DEPENDS | {"weights": "w"}, video, content, {}), "rows": 3, "dim": 2,
        "source_size": status.st_size, "source_mtime_ns": status.st_mtime_ns, "source_sha256": content,
        "decoder": "pyav 18.1.0, libavcodec 62.28.102", "precision_used": "bfloat16", "frames_decoded": 3,
        "frames_container": 3, "corrupt_frames": 0, "fps": 24.0, **more,
    }  # fmt: skip
    rows = np.full((3, 2), len(video.video_id), np.float16)
    checksum = shards.write(folder / f"{video.video_id}.h5", [rows], (3, 2), "float16", range(3), attributes)
    return attributes | {"checksum": checksum}


@pytest.fixture
def video(tmp_path, monkeypatch) -> Video:
    for look, nothing in (("causes", {}), ("other_rate", False)):  # the bytes are no video: nothing to look up
        monkeypatch.setattr(buckets, look, lambda *_, nothing=nothing: nothing)
    (tmp_path / "a.mp4").write_bytes(b"bytes of a video")
    return Video("a", str(tmp_path / "a.mp4"), 1.0)


def kept(folder: Path, video: Video, libraries: str = NOW, precision: str | None = None) -> bool:
    return "a" in Bucket(folder, [video], DEPENDS, "w", libraries, precision).look().kept


def test_the_fingerprint_of_an_ordinary_video_is_that_of_version_0_1(video):
    expected = {
        "depends": {
            "version": 1, "backbone": "resnet50", "cube_input": "crop112", "node": None, "decoder": "pyav",
            "precision": "auto", "storage": "float16", "weights": "w",
        },
        "source": {"video_id": "a", "width": None, "height": None, "pixel_format": None},
        "content": "c",
    }  # fmt: skip
    assert fingerprint(DEPENDS | {"weights": "w"}, video, "c", {}) == digest(expected)
    assert fingerprint(DEPENDS | {"weights": "w"}, video, "c", {"rotation": 90}) != digest(expected)


@pytest.mark.parametrize(
    "decoder,right",
    [
        ("pyav 18.1.0, libavcodec 62.28.102", True),
        ("pyav 17.0.0, libavcodec 62.28.102", True),
        ("pyav 16.0.1, libavcodec 62.28.102", False),
        ("pyav 18.1.0, libavcodec 62.28.10", False),
        ("pyav 17.0.0, libavcodec 62.11.100", False),
        ("raw swscale 9.5.102", True),
        ("raw swscale 9.5.1", False),
        ("decord 0.6.0", False),
        ("", False),
    ],
)
def test_a_shard_of_version_0_1_is_kept_if_the_same_libraries_made_it(tmp_path, video, decoder, right):
    shard_of(tmp_path, video, decoder=decoder)
    assert kept(tmp_path, video) is right


def test_a_shard_made_by_other_libraries_is_not_current(tmp_path, video):
    shard_of(tmp_path, video, libraries=NOW, feature_version=FEATURE_VERSION, causes="{}")
    assert kept(tmp_path, video)
    assert not kept(tmp_path, video, "libavcodec 63.0.0, libswscale 9.5.102")
    assert same_libraries({"decoder": "decord 0.6.0"}, "decord 0.6.0")


def test_a_video_with_a_cause_is_extracted_again_once(tmp_path, video, monkeypatch):
    shard_of(tmp_path, video)
    monkeypatch.setattr(buckets, "causes", lambda video: {"rotation": 90})
    assert not kept(tmp_path, video)
    content = sha256(video.path)
    shard_of(
        tmp_path, video, fingerprint=fingerprint(DEPENDS | {"weights": "w"}, video, content, {"rotation": 90}),
        feature_version=FEATURE_VERSION, causes='{"rotation":90}',
    )  # fmt: skip
    monkeypatch.setattr(buckets, "causes", lambda video: pytest.fail("a shard of this version opens no video"))
    assert kept(tmp_path, video)


def test_a_touched_video_keeps_its_shard_and_a_replaced_one_does_not(tmp_path, video):
    shard_of(tmp_path, video)
    os.utime(video.path, (1, 1))
    assert kept(tmp_path, video)
    Path(video.path).write_bytes(b"other bytes of v")
    os.utime(video.path, (1, 1))
    assert not kept(tmp_path, video)


def test_a_damaged_or_missing_shard_is_not_current(tmp_path, video):
    assert not kept(tmp_path, video)
    (tmp_path / "a.h5").write_bytes(b"no shard")
    assert not kept(tmp_path, video)


@pytest.mark.parametrize("damage", [np.arange(3), "{", ""], ids=["an array", "text", "nothing"])
def test_a_shard_with_damaged_attributes_ends_in_no_traceback(tmp_path, video, damage):
    made = {"feature_version": FEATURE_VERSION, "causes": "{}", "libraries": NOW}
    for name in ("causes", "libraries", "precision_used", "source_mtime_ns", "checksum"):
        shard_of(tmp_path, video, **made)
        assert kept(tmp_path, video)
        with h5py.File(tmp_path / "a.h5", "r+") as file:
            del file.attrs[name]
            file.attrs[name] = damage
        assert not kept(tmp_path, video) or name != "causes"
    with pytest.raises(UserError, match="do not match their checksum"):
        shards.memory_map(tmp_path / "a.h5")


def test_the_precision_of_the_study_is_decided_once(tmp_path, video):
    decided = tmp_path / "features" / "precision.txt"
    assert [create_once(decided, f"{name}\n").strip() for name in ("bfloat16", "float16")] == ["bfloat16", "bfloat16"]
    shard_of(tmp_path, video)
    assert kept(tmp_path, video, precision="bfloat16") and not kept(tmp_path, video, precision="float16")


def test_shards_made_before_the_precision_was_recorded_decide_it(tmp_path, video):
    shard_of(tmp_path, video)
    weights, receipt, record = tmp_path / "w.pth", tmp_path / "receipt.json", tmp_path / "precision.txt"
    weights.write_bytes(b"w")
    shard_of(
        tmp_path, video, libraries=libraries("pyav"),
        fingerprint=fingerprint(DEPENDS | {"weights": sha256(weights)}, video, sha256(video.path), {}),
    )  # fmt: skip
    extract([video], "resnet50", BackboneSettings(), Extraction(), weights, tmp_path, receipt, "fail", record)
    assert record.read_text() == "bfloat16\n" and list(json.loads(receipt.read_text())["shards"]) == ["a"]


def indexed(folder: Path, **second: object) -> Path:
    videos = []
    for name in ("a", "bb"):
        (folder / f"{name}.mp4").write_bytes(name.encode())
        videos.append(Video(name, str(folder / f"{name}.mp4"), 1.0))
    entries = {"a": shard_of(folder, videos[0]), "bb": shard_of(folder, videos[1], **second)}
    write_receipt(folder / "receipt.json", entries, {})
    write_index(folder / "index.csv", folder, videos, [folder / "receipt.json"])
    return folder / "index.csv"


def test_an_index_refuses_to_mix_precisions(tmp_path):
    with pytest.raises(UserError, match=r"bfloat16 \(1, as a\) and float16 \(1, as bb\); set extraction.precision"):
        indexed(tmp_path, precision_used="float16")


def test_training_refuses_another_shard_of_the_same_shape(tmp_path):
    entries = list(read_index(indexed(tmp_path)).values())
    assert [rows.features.rows()[0, 0] for rows in open_features(entries)] == [1, 2]
    (tmp_path / "a.h5").write_bytes((tmp_path / "bb.h5").read_bytes())
    with pytest.raises(UserError, match=r"a\.h5: is not the shard that was indexed"):
        open_features(entries)
    with pytest.raises(UserError, match="not the shard that was indexed"):
        open_features([replace(entries[1], rows=4)])


def stamp(folder: Path, path: Path, seen: Seen | None) -> str:
    return next(Stamps(folder / "hashes.json").of([(str(path), seen)]))


def test_a_stamp_follows_the_content(tmp_path):
    path = tmp_path / "v.mp4"
    assert stamp(tmp_path, path, None) == ABSENT
    path.write_bytes(b"one")
    os.utime(path, ns=(5, 5))
    first = stamp(tmp_path, path, None)
    seen = Seen(first, State(3, 5), sha256(path))
    os.utime(path, ns=(9, 9))
    assert stamp(tmp_path, path, seen) == first
    path.write_bytes(b"two")
    os.utime(path, ns=(4, 4))
    second = stamp(tmp_path, path, seen)
    assert second != first
    # Planned as `one`, replaced before it was read, and put back since: not what was read.
    path.write_bytes(b"one")
    os.utime(path, ns=(5, 5))
    assert stamp(tmp_path, path, Seen(first, State(3, 4), sha256_of(b"two", tmp_path))) not in (first, second)


def sha256_of(data: bytes, folder: Path) -> str:
    (folder / "data").write_bytes(data)
    return sha256(folder / "data")


def test_a_touched_file_is_read_once(tmp_path, monkeypatch):
    path = tmp_path / "v.mp4"
    path.write_bytes(b"one")
    seen = Seen("s", State(3, 1), sha256(path))
    assert stamp(tmp_path, path, seen) == "s"
    monkeypatch.setattr("vqa.system.files.sha256", lambda path: pytest.fail("it was read before"))
    assert stamp(tmp_path, path, seen) == "s"


def test_tasks_and_what_was_seen_come_back_as_written(tmp_path):
    task = Task([Video("a", "a b.mp4", 1.5, width=4, scene="s")], {"a b.mp4": "3 5"})
    write_task(tmp_path / "t.json", task)
    assert read_task(tmp_path / "t.json") == task
    seen = {"a b.mp4": Seen("3 5", State(3, 5), "00")}
    write_seen(tmp_path / "s.json", seen)
    assert read_seen(tmp_path / "s.json") == seen
    for damaged in ("", "[]", '{"a": 1}', json.dumps({"a": {"stamp": "s"}})):
        (tmp_path / "s.json").write_text(damaged)
        assert read_seen(tmp_path / "s.json") == {}
        (tmp_path / "t.json").write_text(damaged)
        with pytest.raises(UserError, match="is no task of an extraction"):
            read_task(tmp_path / "t.json")


def test_what_was_read_is_told_under_the_stamp_it_was_planned_with(tmp_path):
    """Of a current shard the source as it was looked at, of a new one as it was decoded, of others what lay there:
    a bad video that was repaired meanwhile is another.
    """
    paths = {name: tmp_path / f"{name}.mp4" for name in ("kept", "made", "bad", "repaired")}
    videos = [Video(name, str(path), 1.0) for name, path in paths.items()]
    for path in (*paths.values(), tmp_path / "w.pth"):
        path.write_bytes(path.name.encode())
        os.utime(path, ns=(7, 7))
    touched, decoded = State(8, 9), {"source_sha256": "c2", "source_size": 3, "source_mtime_ns": 4}
    kept = {"source_sha256": "c1", "source_size": 1, "source_mtime_ns": 1}
    states = {"kept": touched, "made": State(5, 5), "bad": State(7, 7), "repaired": State(12, 6)}
    look = buckets.Look(states, {"kept": kept})
    stamps = {str(path): f"stamp of {name}" for name, path in paths.items() if name != "bad"}
    bucket = Bucket(tmp_path, videos, DEPENDS, "weights' own", NOW)
    entries, weights = {"kept": kept, "made": decoded}, str(tmp_path / "w.pth")
    checkpoint = Path(weights), State(6, 7)
    assert buckets.seen(bucket, look, entries, stamps | {weights: "s"}, checkpoint) == {
        str(paths["kept"]): Seen("stamp of kept", touched, "c1"),
        str(paths["made"]): Seen("stamp of made", State(3, 4), "c2"),
        str(paths["bad"]): Seen("", State(7, 7), sha256(paths["bad"])),
        str(paths["repaired"]): Seen("stamp of repaired", State(12, 6), ""),
        weights: Seen("s", State(6, 7), "weights' own"),
    }
    assert buckets.seen(bucket, look, entries, stamps, checkpoint)[weights].stamp == ""


@pytest.mark.parametrize(
    "place,name,read",
    [
        (builtins, "open", lambda folder: read_index(folder / "index.csv")),
        (Path, "read_text", lambda folder: read_receipt(folder / "receipt.json")),
        (np, "memmap", lambda folder: shards.memory_map(folder / "a.h5")),
        (torch, "load", lambda folder: checkpoints.read(folder / "w.pth")),
    ],
)
def test_a_disk_that_fails_damages_no_file(tmp_path, monkeypatch, place, name, read):
    def fail(*arguments, **named):
        raise OSError(errno.ESTALE, "Stale file handle")

    indexed(tmp_path)
    monkeypatch.setattr(place, name, fail)
    with pytest.raises(RunError, match=r"cannot be reached \(Stale file handle\); try again"):
        read(tmp_path)


def test_a_receipt_is_sorted_and_holds_what_the_index_needs(tmp_path, video):
    entries = {name: shard_of(tmp_path, replace(video, video_id=name)) for name in ("b", "a")}
    write_receipt(tmp_path / "r.json", entries, {"d": "why d", "c": "why c"})
    written = json.loads((tmp_path / "r.json").read_text())
    assert list(written["shards"]) == ["a", "b"] and list(written["excluded"].items()) == [
        ("c", "why c"), ("d", "why d"),
    ]  # fmt: skip
    keys = ("fingerprint", "rows", "dim", "checksum", "frames_decoded", "frames_container", "corrupt_frames",
            "precision_used", "decoder", "fps")  # fmt: skip
    assert written["shards"]["a"] == {key: entries["a"][key] for key in keys}
