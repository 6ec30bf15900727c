"""The index: receipts and manifest joined, every shard held against them, what is wrong named."""

import logging
from pathlib import Path

import numpy as np
import pytest

from vqa.features import shards
from vqa.features.index import Entry, feature_origin, read_index, read_receipt, write_index
from vqa.manifest import Video
from vqa.system.errors import UserError
from vqa.system.files import write_json


def shard(folder: Path, name: str, rows: int = 3, dim: int = 2, **made: object) -> dict[str, object]:
    """A shard of these sizes; returns its line in a receipt."""
    given = {"fingerprint": f"f-{name}", "precision_used": "float32", **made}
    attributes = {key: value for key, value in given.items() if value is not None}
    data = np.arange(rows * dim, dtype=np.float32).reshape(rows, dim)
    checksum = shards.write(folder / f"{name}.h5", [data], (rows, dim), "float32", range(rows), attributes)
    return {"fingerprint": f"f-{name}", "rows": rows, "dim": dim, "checksum": checksum}


def receipt(path: Path, entries: dict[str, object], excluded: dict[str, str] | None = None) -> Path:
    write_json(path, {"shards": entries, "excluded": excluded or {}})
    return path


def videos(names: str) -> list[Video]:
    return [Video(name, f"{name}.mp4", 1.0) for name in names]


def test_the_receipts_of_all_buckets_make_one_index_by_id(tmp_path, caplog):
    made = {name: shard(tmp_path, name, rows) for rows, name in enumerate("abc", 3)}
    first = receipt(tmp_path / "1.json", {"c": made["c"]}, {"e": "e.mp4: is empty"})
    second = receipt(tmp_path / "2.json", {"b": made["b"], "a": made["a"]}, {"d": "d.mp4: is empty"})
    with caplog.at_level(logging.INFO, "vqa"):
        write_index(tmp_path / "index.csv", tmp_path, videos("cedab"), [first, second])
    sums = {name: entry["checksum"] for name, entry in made.items()}
    text = f"video_id,rows,dim,checksum,fps\na,3,2,{sums['a']},\nb,4,2,{sums['b']},\nc,5,2,{sums['c']},\n"
    assert (tmp_path / "index.csv").read_bytes() == text.encode()
    assert read_index(tmp_path / "index.csv") == {
        name: Entry(name, rows, 2, sums[name], tmp_path / f"{name}.h5") for rows, name in enumerate("abc", 3)
    }
    said = ["excluded d: d.mp4: is empty", "excluded e: e.mp4: is empty", "indexed 3 shards, 2 excluded"]
    assert caplog.messages == said


def test_another_frame_rate_is_another_index(tmp_path):
    """No checksum of features covers it, and heads that pool in seconds are trained by it."""
    texts = []
    for fps in (30.0, 9.8):
        entry = shard(tmp_path, "a") | {"fps": fps}
        write_index(tmp_path / "index.csv", tmp_path, videos("a"), [receipt(tmp_path / "1.json", {"a": entry})])
        texts.append((tmp_path / "index.csv").read_text())
    assert texts[0] != texts[1] and read_index(tmp_path / "index.csv")["a"].rows == 3


def test_five_shards_of_no_video_are_named_and_all_are_counted(tmp_path, caplog):
    found = receipt(tmp_path / "1.json", {name: shard(tmp_path, name) for name in "abcdefg"})
    write_index(tmp_path / "index.csv", tmp_path, videos("a"), [found])
    assert caplog.messages == [f"{tmp_path}: 6 shards belong to no video any more (`vqa clean`): b, c, d, e, f"]


def test_a_video_without_a_line_or_a_shard_of_another_line_is_refused(tmp_path):
    made = shard(tmp_path, "a")
    found = receipt(tmp_path / "1.json", {"a": made})
    with pytest.raises(UserError, match="no receipt names video 'b'; run `"):
        write_index(tmp_path / "index.csv", tmp_path, videos("ab"), [found])
    for key in ("fingerprint", "checksum"):
        receipt(found, {"a": made | {key: "other"}})
        with pytest.raises(UserError, match=r"a\.h5: is not the shard its receipt names; run `"):
            write_index(tmp_path / "index.csv", tmp_path, videos("a"), [found])
    receipt(found, {}, {"a": "is empty"})
    with pytest.raises(UserError, match="every video is excluded; mend the videos first"):
        write_index(tmp_path / "index.csv", tmp_path, videos("a"), [found])
    assert not (tmp_path / "index.csv").exists()


def test_a_shard_that_does_not_say_its_precision_mixes_with_none_that_does(tmp_path):
    made = {"a": shard(tmp_path, "a", precision_used=None), "b": shard(tmp_path, "b")}
    found = receipt(tmp_path / "1.json", made)
    with pytest.raises(UserError, match=r"mixes precisions, .*\(1, as a\) and float32 \(1, as b\)"):
        write_index(tmp_path / "index.csv", tmp_path, videos("ab"), [found])


@pytest.mark.parametrize("text", [None, "", "[]", "{}", '{"shards": {}}', '{"excluded": {}}'])
def test_what_is_no_receipt_is_refused_by_name(tmp_path, text):
    if text is not None:
        (tmp_path / "r.json").write_text(text)
    with pytest.raises(UserError, match=r"r\.json: is no receipt; delete it and run"):
        read_receipt(tmp_path / "r.json")


@pytest.mark.parametrize(
    "lines,words",
    [
        (None, "is no feature index; delete it"),
        (["video_id,rows,dim", "a,3,2"], "is no feature index; delete it"),
        (["video_id,rows,dim,checksum", "a,three,2,c"], "is no feature index; delete it"),
        (["video_id,rows,dim,checksum", "a,3"], "is no feature index; delete it"),
        (["video_id,rows,dim,checksum"], "names no shards; run `"),
        (["video_id,rows,dim,checksum", "a,3,2,c", "b,3,4,c"], "mixes feature sizes; run `"),
    ],
)
def test_what_is_no_index_is_refused_by_name(tmp_path, lines, words):
    if lines is not None:
        (tmp_path / "i.csv").write_text("\n".join(lines) + "\n")
    with pytest.raises(UserError, match=rf"i\.csv: {words}"):
        read_index(tmp_path / "i.csv")


def test_the_origin_of_features_is_read_off_a_shard(tmp_path):
    settings = '{"backbone":"resnet50","cube_input":"crop112","node":null,"decoder":"pyav","storage":"float16","x":1}'
    told = {"settings": settings, "weights_sha256": "w"}
    entries = {name: Entry(name, 3, 2, "", tmp_path / f"{name}.h5") for name in "ab"}
    shard(tmp_path, "a", **told)
    assert feature_origin(entries) == {
        "backbone": "resnet50", "cube_input": "crop112", "decoder": "pyav", "storage": "float16",
        "precision": "float32", "weights_sha256": "w",
    }  # fmt: skip
    shard(tmp_path, "a")
    assert feature_origin(entries) == {}
