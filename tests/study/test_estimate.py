"""What a study will take: counted frames, given rates, and the rates of what is done already."""

import pytest

from tests.conftest import vqa
from vqa.config import Study, parse
from vqa.features.probe import Probe
from vqa.study.estimate import Clip, Rates, estimate, estimate_study, known_clips, work
from vqa.study.grid import Grid
from vqa.study.layout import Layout
from vqa.system.files import write_json, write_text
from vqa.video import Header

CLIPS = {"a": [Clip(240, 960 * 540), Clip(100, 960 * 540)]}


@pytest.fixture
def study(tmp_path, monkeypatch) -> Study:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    return parse(
        {
            "seeds": 2,
            "datasets": {"a": {"reader": "table", "path": "a.csv", "buckets": 1}},
            "experiments": {
                "frames": {"backbone": "resnet50", "modes": ["OO"]},
                "thinned": {"backbone": "resnet50", "modes": ["OO"], "sampler": 16},
                "cubes": {"backbone": "resnet3d18", "modes": ["OO", "SS"]},
            },
            "extraction": {"device": "cpu", "threads": 2},
            "training": {"epochs": 100},
        }
    )


def rates(**given: object) -> Rates:
    return Rates(**{"pixels": {}, "rows": {}, "frames": None, "dims": {}} | given)  # type: ignore[arg-type]


def test_a_given_rate_divides_the_frames(study):
    told = estimate(study, CLIPS, rates(frames=34.0))
    assert "340 in 2 videos" in told and "resnet50: 10 s at 34 frames/s" in told


def test_a_networks_work_is_what_it_sees_of_a_video(study):
    frames, cubes = (Grid(study).backbone_of(slug) for slug in ("resnet50", "resnet3d18"))
    assert work(frames, Clip(100, 5000)) == 100 * 5000
    assert work(cubes, Clip(100, 5000)) == 7 * 16 * 112 * 112  # the last cube is filled up


def test_extraction_takes_pixels_over_the_rate(study):
    told = estimate(study, CLIPS, rates(pixels={"resnet50": 340 * 960 * 540 / 7200}, dims={"resnet50": 4096}))
    assert "resnet50: 2.0 h" in told
    assert f"{340 * 4096 * 2 / 1e9:.2g} GB" in told
    assert "resnet3d18: time not known, give --measure" in told


def test_trainings_take_their_rows_over_the_rate_side_by_side(study):
    per_second = {"frames": 340.0, "thinned": 22.0, "cubes": 22.0}
    told = estimate(study, CLIPS, rates(rows=per_second))
    # 80 % of the rows, 100 epochs; rows: 340, 15 + 7 and 15 + 7; 2, 2 and 4 trainings; 4 at a time
    assert "8 trainings, 3 min, 4 at a time" in told  # 80 * 8 / 4 = 160 s


def test_what_is_not_known_is_said(study):
    assert "time of cubes, frames, thinned not known" in estimate(study, CLIPS, rates())
    assert "frames of a are not known; leave out --no-headers" in estimate(study, {}, rates())


def test_what_is_extracted_already_gives_the_rate(study):
    """Two jobs of two threads fit on four cores: twice the pixels a second of one."""
    layout = Layout.of(study)
    receipt = {"shards": {"v0": {}, "v1": {}}, "excluded": {}}
    write_json(layout.receipt("a", "resnet50", 0), receipt)
    write_text(study.results / "benchmarks/extract/a/resnet50/0.tsv", "s\tmax_rss\n20\t1\n")
    probes = [Probe(f"v{i}", Header(960, 540, 30.0, frames, "yuv420p")) for i, frames in enumerate((240, 100))]
    assert "resnet50: 10 s at 34 frames/s" in estimate_study(study, {"a": probes}, None, False)


def test_a_video_without_a_count_has_as_many_frames_as_the_others(study):
    probes = [Probe(f"v{i}", Header(8, 4, None, frames, "yuv420p")) for i, frames in enumerate((10, 20, None))]
    probes.append(Probe("bad", None, "bad.mp4: is empty"))
    assert known_clips(study, {"a": probes})["a"] == {
        "v0": Clip(10, 32), "v1": Clip(20, 32), "v2": Clip(15, 32)
    }  # fmt: skip


def test_check_prints_the_estimate_of_the_demo(tmp_path):
    config = tmp_path / "c.yaml"
    config.write_text(
        "seeds: 1\ndatasets:\n  d: {reader: demo, videos: 20, scenes: 3}\nexperiments:\n  e: {backbone: resnet3d18}\n"
    )
    told = vqa("check", "--config", config, "--frames-per-second", 96).stdout
    assert "960 in 20 videos" in told and "resnet3d18: 10 s at 96 frames/s" in told
