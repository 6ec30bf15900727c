"""What an extraction says of what it found, and of how its worker ended."""

import signal

import pytest

from vqa.config import BackboneSettings, Extraction
from vqa.features import supervise
from vqa.features.bucket import Look
from vqa.features.clips import Clip, Source
from vqa.features.extract import _adopted, _decided, _first, extract
from vqa.features.extraction import _attributes, _report_differences
from vqa.manifest import Video
from vqa.system.errors import RunError
from vqa.video import Decoded, Header

VIDEO = Video("a", "folder/a.mp4", 1.0)


def clip(frames: int, container: int | None, corrupt: int = 0, fps: float | None = 24.0) -> Clip:
    header = Header(64, 48, fps, container, "yuv420p")
    return Clip(VIDEO, header, Decoded(frames=frames, corrupt=corrupt), "pyav 18", Source(5, 7, "sum"))


@pytest.mark.parametrize(
    "found,said",
    [
        (clip(9, 9), []),
        (clip(9, None), []),
        (clip(9, 10), ["folder/a.mp4: 9 frames decoded, the container says 10"]),
        (clip(10, 9), ["folder/a.mp4: 10 frames decoded, the container says 9"]),
        (clip(9, 9, 1), ["folder/a.mp4: 1 frames are corrupt and were concealed"]),
    ],
)
def test_frames_that_are_missing_or_corrupt_are_warned_of(found, said, caplog):
    _report_differences(found)
    assert caplog.messages == said


def test_what_a_container_does_not_say_is_minus_one_in_a_shard():
    made = _attributes(clip(9, None, fps=None), 9, 2)
    assert (made["frames_container"], made["fps"], made["source"]) == (-1, -1.0, "a.mp4")


def test_the_first_of_many_is_named_and_the_others_counted():
    assert _first({"a": "a.mp4: is empty"}, "bad") == "a.mp4: is empty"
    many = {"a": "a.mp4: is empty", "b": "x", "c": "y"}
    assert _first(many, "bad") == "a.mp4: is empty (and 2 more bad videos, see the log)"


def test_videos_out_of_reach_are_counted_and_leave_no_receipt(tmp_path):
    gone = [Video(name, str(tmp_path / f"{name}.mp4"), 1.0) for name in "ab"]
    (tmp_path / "w.pth").write_bytes(b"w")
    with pytest.raises(RunError) as error:
        extract(
            gone, "resnet50", BackboneSettings(), Extraction(), tmp_path / "w.pth", tmp_path, tmp_path / "r.json",
            "exclude",
        )  # fmt: skip
    assert str(error.value) == (
        f"{tmp_path / 'a.mp4'}: No such file or directory (and 1 more out of reach videos, see the log); "
        "its shard is kept, run again when it is there"
    )
    assert not (tmp_path / "r.json").exists()


def test_a_study_decides_its_precision_by_the_config_then_its_record_then_old_shards(tmp_path):
    record, old = tmp_path / "precision.txt", Look(kept={"a": {"precision_used": "float16"}})
    assert _decided(Extraction(precision="float32"), record) == "float32"
    assert _decided(Extraction(), None) is None and _decided(Extraction(), record) is None
    assert _adopted(Look(), record) is None and not record.exists()
    assert _adopted(old, None) == "float16" == _adopted(old, record)
    assert record.read_text() == "float16\n" and _decided(Extraction(), record) == "float16"
    record.write_text("bfloat16\n")
    assert _adopted(old, record) == "bfloat16"


@pytest.mark.parametrize(
    "status,number,kind,words",
    [
        (-signal.SIGSEGV, 0, supervise.Broken, "crashes (SIGSEGV)"),
        (-signal.SIGSEGV, -1, RunError, "the extraction: the extraction was ended by SIGSEGV; try again"),
        (-signal.SIGKILL, 0, RunError, "folder/a.mp4: the extraction was ended by SIGKILL; is memory short? Try again"),
        (-signal.SIGTERM, 0, RunError, "folder/a.mp4: the extraction was ended by SIGTERM; try again"),
        (0, 0, RunError, "folder/a.mp4: the extraction ended without a word (status 0); see above"),
        (3, -1, RunError, "the extraction: the extraction ended without a word (status 3); see above"),
    ],
)
def test_the_end_of_a_worker_is_told_with_the_video_at_hand(status, number, kind, words):
    found = supervise._death(status, [VIDEO] if number == 0 else [])
    assert type(found) is kind and str(found) == words
