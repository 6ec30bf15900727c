import json
import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from tests.conftest import assert_one_line_error, vqa
from vqa.backbones import create
from vqa.backbones.extractor import Extractor
from vqa.backbones.weights import place
from vqa.config import BackboneSettings, Extraction
from vqa.config.versions import FEATURE_VERSION
from vqa.features import clips, shards
from vqa.features.clips import cubes
from vqa.features.extract import extract as extract_videos
from vqa.features.identity import bucket_of, fingerprint, settings_of
from vqa.features.index import read_index
from vqa.features.network import Network
from vqa.features.stream import Features, load_extractor, resolve_precision, stored, stream
from vqa.manifest import Video, write_manifest
from vqa.system.errors import RunError, UserError
from vqa.system.files import sha256
from vqa.video import open_video
from vqa.video.versions import libraries


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    for name in ("efficientnet_lite0", "resnet3d18"):
        place(name, folder / f"{name}.pth")
    return folder


@pytest.fixture
def dataset(tmp_path, make_clip) -> list[Video]:
    lengths = {"a": 20, "b": 33, "c": 9, "d": 16}
    videos = [
        Video(name, str(make_clip(tmp_path / "videos" / f"{name}.mp4", frames=n, seed=n)), 1.0 + n)
        for name, n in lengths.items()
    ]
    write_manifest(tmp_path / "manifest.csv", videos)
    return videos


def extract(folder: Path, weights: Path, backbone: str = "efficientnet_lite0", *more: str):
    files = {"manifest": "manifest.csv", "output": "shards", "receipt": "receipt.json"}
    places = [word for option, name in files.items() for word in (f"--{option}", folder / name)]
    checkpoint = weights / f"{backbone}.pth"
    return vqa("extract", *places, "--weights", checkpoint, "--backbone", backbone, "--precision", "float32", *more)


def test_shards_hold_the_features_of_every_frame_and_say_what_made_them(tmp_path, dataset, weights):
    result = extract(tmp_path, weights, "efficientnet_lite0", "--storage", "float32", "--memory-mb", "100")
    assert result.returncode == 0, result.stderr
    extractor = create("efficientnet_lite0", weights / "efficientnet_lite0.pth")
    chosen = Extraction(precision="float32", storage="float32")
    settings = settings_of("efficientnet_lite0", BackboneSettings(), chosen)
    for video in dataset:
        frames = np.stack(list(open_video(video).frames()))
        expected = extractor(torch.from_numpy(frames)).numpy()
        found, attributes = shards.read(tmp_path / "shards" / f"{video.video_id}.h5")
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3 * np.abs(expected).max())
        status, content = Path(video.path).stat(), sha256(video.path)
        depends = settings | {"weights": sha256(weights / "efficientnet_lite0.pth")}
        assert attributes["decoder"].startswith("pyav") and attributes.pop("preprocessing")
        assert abs(datetime.fromisoformat(attributes.pop("created")) - datetime.now(UTC)).total_seconds() < 300
        assert json.loads(attributes.pop("settings")) == depends and attributes.pop("checksum")
        assert attributes == {key: "" if value is None else value for key, value in depends.items()} | {
            "weights_sha256": depends["weights"], "weights_trained": True, "clip_length": 1, "clip_stride": 1,
            "precision_used": "float32", "libraries": libraries("pyav"), "feature_version": FEATURE_VERSION,
            "video_id": video.video_id, "rows": len(frames), "dim": expected.shape[1], "frames_decoded": len(frames),
            "frames_container": len(frames), "corrupt_frames": 0, "width": 64, "height": 48, "fps": 24.0,
            "pixel_format": "yuv420p", "source": f"{video.video_id}.mp4", "source_size": status.st_size,
            "source_mtime_ns": status.st_mtime_ns, "source_sha256": content, "causes": "{}",
            "fingerprint": fingerprint(depends, video, content, {}), "decoder": attributes["decoder"],
        }  # fmt: skip
    receipt = json.loads((tmp_path / "receipt.json").read_text())
    assert sorted(receipt["shards"]) == ["a", "b", "c", "d"] and receipt["excluded"] == {}
    assert not [p for p in (tmp_path / "shards").iterdir() if p.suffix != ".h5"]


@pytest.mark.parametrize(
    "value,key", [(70000.0, "extraction.storage: float32"), (np.nan, "extraction.precision: float32")]
)
def test_features_that_are_not_finite_are_refused_by_name(value, key):
    features = Features()
    features.append(np.ones((3, 4), np.float32), [0, 1, 2])
    features.append(np.full((1, 4), value, np.float32), [3])
    with pytest.raises(UserError, match=rf"a\.mp4: .*{key}"):
        list(stored(features, Video("a", "a.mp4", 1.0), "float16"))
    if np.isfinite(value):
        rows = np.concatenate(list(stored(features, Video("a", "a.mp4", 1.0), "float32")))
        assert rows.dtype == np.float32 and rows[-1, 0] == value


def test_a_bucket_writes_no_shard_that_overflows(tmp_path, dataset, weights, monkeypatch):
    forward = Extractor.forward
    monkeypatch.setattr(Extractor, "forward", lambda self, frames: forward(self, frames) * 1e6)
    checkpoint = weights / "efficientnet_lite0.pth"
    # One thread: those that earlier tests' torch started do not survive the fork, and a computation waits for them.
    settings = BackboneSettings(), Extraction(precision="float32", device="cpu", threads=1)
    with pytest.raises(UserError, match=r"a\.mp4: .*do not fit float16.*storage: float32"):
        extract_videos(
            dataset,
            "efficientnet_lite0",
            *settings,
            checkpoint,
            tmp_path / "shards",
            tmp_path / "receipt.json",
            "exclude",
        )
    assert not list((tmp_path / "shards").glob("*.h5")) and not (tmp_path / "receipt.json").exists()


def test_a_video_too_small_for_the_network_is_refused_by_name(weights, make_clip, tmp_path):
    extractor = create("efficientnet_lite0", weights / "efficientnet_lite0.pth")
    extractor.smallest = 75
    (failed,) = stream([Video("a", str(make_clip(tmp_path / "a.mp4")), 1.0)], Network(extractor, 100), "pyav")
    assert "a.mp4: its frames of 64x48 are too small" in str(failed.error) and "75 pixels" in str(failed.error)


def test_automatic_precision_asks_for_native_bfloat16_and_float32_is_not_tf32(weights, monkeypatch):
    asked = []
    monkeypatch.setattr(
        torch.cuda, "is_bf16_supported", lambda including_emulation=True: asked.append(including_emulation)
    )
    assert resolve_precision("auto", "cuda") == torch.float16 and asked == [False]
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = True
    extraction = Extraction(precision="float32")
    load_extractor("efficientnet_lite0", weights / "efficientnet_lite0.pth", BackboneSettings(), extraction, "cpu")
    assert not torch.backends.cudnn.allow_tf32 and not torch.backends.cuda.matmul.allow_tf32


def test_cube_rows_start_where_they_should(tmp_path, dataset, weights):
    assert extract(tmp_path, weights, "resnet3d18").returncode == 0
    starts = {}
    for video in dataset:
        with h5py.File(tmp_path / "shards" / f"{video.video_id}.h5") as file:
            starts[video.video_id] = file["start"][()].tolist()
            assert file["features"].shape == (len(starts[video.video_id]), 1024)
            assert file["features"].dtype == np.float16
    assert starts == {"a": [0, 4], "b": [0, 16, 17], "c": [0], "d": [0]}


@pytest.mark.parametrize("n", [1, 5, 15, 16, 17, 31, 32, 33, 100])
def test_cubes_are_consecutive_and_the_tail_is_the_last_frames(n):
    frames = [np.full((2, 2, 3), t, np.uint8) for t in range(n)]
    found = list(cubes(iter(frames), 16))
    assert len(found) == -(-n // 16)
    for start, cube in found:
        expected = [min(start + i, n - 1) for i in range(16)]
        assert cube[:, 0, 0, 0].tolist() == expected
    assert found[-1][0] == (max(0, n - 16))


def test_a_second_run_extracts_nothing_and_gives_the_same_receipt(tmp_path, dataset, weights):
    extract(tmp_path, weights)
    receipt = (tmp_path / "receipt.json").read_bytes()
    written = {p: p.stat().st_mtime_ns for p in (tmp_path / "shards").iterdir()}
    again = extract(tmp_path, weights)
    assert "4 shards are current, 0 to extract" in again.stderr
    assert {p: p.stat().st_mtime_ns for p in (tmp_path / "shards").iterdir()} == written
    assert (tmp_path / "receipt.json").read_bytes() == receipt


def test_only_what_changed_is_extracted_again(tmp_path, dataset, weights, make_clip):
    extract(tmp_path, weights)
    written = {p.stem: p.stat().st_mtime_ns for p in (tmp_path / "shards").iterdir()}
    make_clip(Path(dataset[1].path), frames=21, seed=99)  # replaced
    os.utime(dataset[2].path)  # touched only
    (tmp_path / "shards" / "d.h5").unlink()  # lost
    with open(tmp_path / "shards" / "a.h5", "r+b") as file:  # a crash of the file system
        file.truncate(500)
    assert extract(tmp_path, weights).returncode == 0
    changed = {p.stem for p in (tmp_path / "shards").iterdir() if p.stat().st_mtime_ns != written.get(p.stem)}
    assert changed == {"a", "b", "d"}
    for setting in (("--storage", "float32"), ("--decoder", "decord")):
        assert "0 shards are current, 4 to extract" in extract(tmp_path, weights, "efficientnet_lite0", *setting).stderr


def test_performance_settings_change_no_shard(tmp_path, dataset, weights):
    extract(tmp_path, weights)
    again = extract(tmp_path, weights, "efficientnet_lite0", "--threads", "1", "--memory-mb", "300")
    assert "4 shards are current, 0 to extract" in again.stderr


def test_a_bad_video_stops_no_other(tmp_path, dataset, weights):
    Path(dataset[0].path).write_bytes(b"no video")
    result = extract(tmp_path, weights)
    assert_one_line_error(result, "a.mp4", "cannot be decoded")
    assert sorted(p.stem for p in (tmp_path / "shards").iterdir()) == ["b", "c", "d"]
    assert not (tmp_path / "receipt.json").exists()
    result = extract(tmp_path, weights, "efficientnet_lite0", "--on-bad-video", "exclude")
    assert result.returncode == 0 and "3 shards are current" in result.stderr
    receipt = json.loads((tmp_path / "receipt.json").read_text())
    assert list(receipt["excluded"]) == ["a"] and sorted(receipt["shards"]) == ["b", "c", "d"]


def test_a_truncated_stream_is_an_error_and_not_a_shorter_video(tmp_path, dataset, weights):
    import av

    path = Path(dataset[1].path)
    moved = tmp_path / "fast.mp4"  # the index in front, so that the cut file still opens
    with av.open(str(path)) as source, av.open(str(moved), "w", options={"movflags": "faststart"}) as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    path.write_bytes(moved.read_bytes()[: moved.stat().st_size // 2])
    assert_one_line_error(extract(tmp_path, weights), "b.mp4")
    assert not (tmp_path / "shards" / "b.h5").exists()


def test_a_video_replaced_while_it_is_read_fails_the_run_and_not_the_video(tmp_path, weights, make_clip, monkeypatch):
    clip, other = (make_clip(tmp_path / f"{n}.mp4", frames=20, seed=n) for n in (1, 2))
    status = clip.stat()

    def open_and_replace(*arguments):
        reader = open_video(*arguments)
        os.replace(other, clip)  # as `rsync -t` would: the same mtime
        os.utime(clip, ns=(status.st_mtime_ns, status.st_mtime_ns))
        return reader

    monkeypatch.setattr(clips, "open_video", open_and_replace)
    extractor = create("efficientnet_lite0", weights / "efficientnet_lite0.pth")
    (failed,) = stream([Video("a", str(clip), 1.0)], Network(extractor, 100), "pyav")
    assert isinstance(failed.error, RunError) and "was replaced while it was read; run again" in str(failed.error)


def test_buckets_part_the_videos_and_never_move_one():
    ids = [f"video-{i}" for i in range(500)]
    buckets = [bucket_of(video_id, 8) for video_id in ids]
    assert set(buckets) == set(range(8))
    # sha1("12345") = 8cb2237d0679ca88..., whose first 8 bytes end in 0x88: 8 modulo 16.
    assert bucket_of("12345", 16) == 8


def test_index_notices_missing_foreign_and_orphaned_shards(tmp_path, dataset, weights):
    extract(tmp_path, weights)
    arguments = ["index", "--manifest", tmp_path / "manifest.csv", "--features", tmp_path / "shards",
                 "--output", tmp_path / "index.csv", tmp_path / "receipt.json"]  # fmt: skip
    assert vqa(*arguments).returncode == 0
    assert {k: v.rows for k, v in read_index(tmp_path / "index.csv").items()} == {"a": 20, "b": 33, "c": 9, "d": 16}
    (tmp_path / "shards" / "a.h5").rename(tmp_path / "shards" / "z.h5")
    assert_one_line_error(vqa(*arguments), "a.h5", "missing", "--forcerun extract import_features --until index")
    write_manifest(tmp_path / "manifest.csv", [replace(v) for v in dataset if v.video_id != "a"])
    result = vqa(*arguments)
    assert result.returncode == 0 and "1 shards belong to no video any more (`vqa clean`): z" in result.stderr


def test_a_flipped_bit_is_noticed(tmp_path):
    rows = np.random.default_rng(0).normal(size=(10, 8)).astype(np.float16)
    path = tmp_path / "a.h5"
    shards.write(path, [rows[:6], rows[6:]], (10, 8), "float16", np.arange(10), {"video_id": "a"})
    assert np.array_equal(shards.read(path)[0], rows)
    with h5py.File(path) as file:
        offset = file["features"].id.get_offset()
    data = bytearray(path.read_bytes())
    data[offset + 5] ^= 1
    path.write_bytes(data)
    with pytest.raises(UserError, match=r"a\.h5.*checksum"):
        shards.memory_map(path)
    path.write_bytes(path.read_bytes()[: offset + 20])
    with pytest.raises(UserError, match=r"a\.h5"):
        shards.memory_map(path)
