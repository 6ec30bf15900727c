"""Pictures and curves beside the numbers of single videos, and what is said where there are none."""

import base64
import io

import numpy as np
from PIL import Image

from tests.results.fake_study import evaluated, paper_study, write_fake
from vqa.demo.render import encode
from vqa.manifest import Video, write_manifest
from vqa.results import ranking, shown
from vqa.results.sketch import sketch
from vqa.results.thumbnails import HEIGHT, strip


def picture(uri: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))))


def test_a_strip_is_six_small_frames_from_first_to_last(tmp_path):
    path = tmp_path / "grey.mp4"
    encode(path, [np.full((96, 128, 3), 8 * number, np.uint8) for number in range(30)], (128, 96), 24, crf=10)
    found = picture(strip(Video("a", str(path), 1.0), "pyav"))
    assert found.shape == (HEIGHT, 6 * 96 + 5 * 3, 3)
    middles = [found[HEIGHT // 2, 99 * number + 48].mean() for number in range(6)]
    assert np.allclose(middles, [8 * 5 * number for number in range(6)], atol=6)


def test_a_video_that_is_gone_and_a_head_that_is_gone_are_a_line_and_no_failure(tmp_path):
    names = {"konvid-1k": {"reader": "konvid-1k", "path": "/nowhere"}}
    experiments = {"frame-level": {"backbone": "resnet50", "batch_size": 128, "modes": ["OO", "OS"]}}
    extra = {"datasets": names, "experiments": experiments, "plots": {"thumbnails": True}}
    data = evaluated(write_fake(paper_study(tmp_path, seeds=2, **extra), {("frame-level", "OS"): 0.4}))
    wanted = ranking.shown(data.videos, data.sensitivity, "konvid-1k")
    write_manifest(data.layout.manifest("konvid-1k"), [Video(name, "/nowhere/a.mp4", 1.0) for name in sorted(wanted)])
    found = shown.show(data.study, data.videos, data.sensitivity)["konvid-1k"]
    assert set(found) == set(wanted) and 10 <= len(found) <= 20
    for told in found.values():
        assert (told["curve"], told["strip"]) == (None, "")
        assert told["note"].startswith("No curve:") and told["note"].endswith("No pictures: the video cannot be read.")


def test_a_curve_keeps_names_out_of_its_markup_and_a_flat_one_within_its_frame():
    curve = {"place": [0, 1], "in_order": [2.0, 2.0], "shuffled": [2.0, 2.0], "rate": None}
    drawn = sketch(curve, 'a"><script>')
    assert "<script>" not in drawn and "frame 1" in drawn and "nan" not in drawn
