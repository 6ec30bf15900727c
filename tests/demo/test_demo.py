import hashlib
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr

from tests.conftest import assert_one_line_error, vqa
from vqa.config import DemoDataset
from vqa.demo import distortions, raters
from vqa.demo.render import _clip
from vqa.demo.scenes import Scene, pink_noise
from vqa.manifest import Video, read_manifest
from vqa.video import open_video

SMALL = ["--videos", 8, "--scenes", 3, "--width", 96, "--height", 64, "--seconds", 0.5, "--fps", 24]


def hashes(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.iterdir()}


def test_same_seed_same_bytes_whatever_the_workers(tmp_path):
    assert vqa("demo-data", "--output", tmp_path / "a", *SMALL).returncode == 0
    assert vqa("demo-data", "--output", tmp_path / "b", *SMALL, "--workers", 2).returncode == 0
    assert vqa("demo-data", "--output", tmp_path / "c", *SMALL, "--seed", 1).returncode == 0
    assert hashes(tmp_path / "a") == hashes(tmp_path / "b") and len(hashes(tmp_path / "a")) == 9
    assert not set(hashes(tmp_path / "a").values()) & set(hashes(tmp_path / "c").values())


@pytest.mark.parametrize("control", ["none", "positive"])
def test_strengths_are_plain_numbers(tmp_path, monkeypatch, control):
    """NumPy's own would compute single-precision pictures in double: five of the demo's clips moved by a rounding."""
    apply, given = distortions.apply, []

    def watched(picture, parts, *more):
        given.extend(map(type, parts.values()))
        return apply(picture, parts, *more)

    monkeypatch.setattr(distortions, "apply", watched)
    small = DemoDataset(reader="demo", control=control, width=96, height=64, seconds=0.25)
    for number in range(4):
        _clip(small, tmp_path, number)
    assert set(given) == {float}


def test_more_clips_leave_the_others_as_they_are(tmp_path):
    vqa("demo-data", "--output", tmp_path / "a", *SMALL)
    vqa("demo-data", "--output", tmp_path / "b", *SMALL, "--videos", 9)
    few, more = hashes(tmp_path / "a"), hashes(tmp_path / "b")
    assert {k: v for k, v in more.items() if k in few and k != "table.csv"} == {
        k: v for k, v in few.items() if k != "table.csv"
    }


def test_table_describes_the_clips(tmp_path):
    vqa("demo-data", "--output", tmp_path / "a", *SMALL)
    videos = read_manifest(tmp_path / "a" / "table.csv", root=tmp_path / "a")
    assert len({v.scene for v in videos}) == 3
    for video in videos:
        reader = open_video(video)
        assert len(list(reader.frames())) == video.frames == 12
        assert (reader.header.width, reader.header.height) == (96, 64) == (video.width, video.height)
        assert 1 <= video.mos <= 5 and video.mos_std > 0


def test_a_bad_option_is_one_line(tmp_path):
    assert_one_line_error(vqa("demo-data", "--output", tmp_path / "a", "--width", 65), "width", "65")


def test_textures_have_a_1_over_f_spectrum():
    power = np.mean(
        [np.abs(np.fft.fft2(pink_noise(np.random.default_rng(s), 128, 128, 1.0))) ** 2 for s in range(8)], 0
    )
    fy, fx = np.meshgrid(np.fft.fftfreq(128), np.fft.fftfreq(128), indexing="ij")
    radius = np.hypot(fy, fx)
    inside = (radius > 0.03) & (radius < 0.3)
    slope = np.polyfit(np.log(radius[inside]), np.log(power[inside]), 1)[0]
    assert slope == pytest.approx(-2, abs=0.15)  # amplitude 1/f is power 1/f^2


def test_scenes_move_and_have_hard_edges():
    scene = Scene(0, 0, 96, 128)
    first, later = scene.frame(0, np.zeros(2)), scene.frame(0.5, np.zeros(2))
    assert np.abs(first - later).mean() > 0.02
    assert np.abs(np.diff(first, axis=1)).max() > 0.25


def test_mos_falls_with_strength():
    plans = [distortions.plan(0, n) for n in range(60)]
    mos = [raters.opinion(0, n, plan.strength)[0] for n, plan in enumerate(plans)]
    assert spearmanr([plan.strength for plan in plans], mos).statistic < -0.95
    assert {plan.kind for plan in plans} == set(distortions.KINDS)
    assert min(mos) < 1.7 and max(mos) > 4.3


@pytest.mark.parametrize("kind", ["defocus", "noise", "under-exposure", "shake"])
def test_stronger_distortions_change_a_frame_more(kind):
    view = Scene(0, 1, 64, 96).frame(0, np.zeros(2))
    motion = np.array([4.0, 4.0])
    changes = [
        np.abs(distortions.apply(view, {kind: s}, motion * s, np.random.default_rng(0)) - view).mean()
        for s in (0.1, 0.5, 1.0)
    ]
    assert changes[0] < changes[1] < changes[2]


def test_judder_holds_frames_and_exposes_longer():
    instants, hold = distortions.clock({"judder": 1.0}, 30)
    assert hold == 10 and instants.tolist() == [0] * 10 + [10] * 10 + [20] * 10
    assert distortions.clock({}, 5)[0].tolist() == [0, 1, 2, 3, 4]


def test_video_rows_start_with_what_the_manifest_needs():
    assert Video("a", "a.mp4", 1.0).source() == {
        "video_id": "a", "path": "a.mp4", "width": None, "height": None, "pixel_format": None,
    }  # fmt: skip


@pytest.mark.parametrize("control,most", [("positive", 16), ("negative", 24)])
def test_the_light_of_a_control_fails_as_it_says(control, most):
    shares = [distortions.failures(0, number, 48, control)[1] for number in range(400)]
    assert {float(value) for share in shares for value in share} == {0.0, 1.0}
    counts = {int(share.sum()) for share in shares}
    assert counts == ({16} if control == "positive" else set(range(8, 25))) and max(counts) == most
    runs = [int((np.diff(share, prepend=0) == 1).sum()) for share in shares]
    assert set(runs) == {1} if control == "positive" else np.mean(runs) > 5
    assert np.mean(shares, axis=0)[[8, 24, 40]] == pytest.approx(np.mean(shares), abs=0.2)


def test_a_positive_control_is_rated_by_when_and_a_negative_one_is_not():
    damage = np.zeros(48)
    damage[5:21] = 0.8
    later = np.roll(damage, 20)
    early, late = (raters.remembered(each, 16, "positive") for each in (damage, later))
    assert late > 2 * early > 0 and raters.remembered(np.roll(damage, 27), 16, "positive") == pytest.approx(0.8)
    shuffled = np.random.default_rng(0).permutation(damage)
    assert raters.remembered(damage, 24, "negative") == pytest.approx(raters.remembered(shuffled, 24, "negative"))
    assert raters.remembered(damage, 24, "negative") == pytest.approx(0.8 * 16 / 24)


def test_the_frames_of_a_control_are_dark_where_it_says(tmp_path):
    given = [*SMALL, "--seconds", 2, "--control", "positive"]
    assert vqa("demo-data", "--output", tmp_path / "a", *given).returncode == 0
    for number, video in enumerate(read_manifest(tmp_path / "a" / "table.csv", root=tmp_path / "a")):
        light = np.array([frame.mean() for frame in open_video(video).frames()])
        share = distortions.failures(0, number, 48, "positive")[1]
        assert light[share == 1].max() < light[share == 0].min()
