"""`vqa check`: what is found, what is missing, and whether it is the paper's."""

from pathlib import Path

from tests.conftest import assert_one_line_error, vqa
from tests.datasets.files import place
from tests.datasets.test_readers import konvid


def check(tmp_path: Path, dataset: str) -> object:
    (tmp_path / "c.yaml").write_text(
        f"seeds: 1\ndatasets:\n  d: {dataset}\nexperiments:\n  e: {{backbone: efficientnet_lite0}}\n"
    )
    return vqa("check", "--config", tmp_path / "c.yaml")


def test_check_reports_a_ready_table(tmp_path, tiny):
    place(tiny, *(tmp_path / f"{i}.mp4" for i in range(5)))
    rows = "".join(f"v{i},{i}.mp4,{i}.5\n" for i in range(5))
    (tmp_path / "t.csv").write_text("video_id,path,mos\n" + rows)
    result = check(tmp_path, f"{{reader: table, path: {tmp_path}/t.csv}}")
    assert result.returncode == 0, result.stderr
    for words in ("5 of 5 found", "0.500 to 4.500", "5 of 5 open and decode", "ready"):
        assert words in result.stdout
    (tmp_path / "3.mp4").write_bytes(b"broken")
    result = check(tmp_path, f"{{reader: table, path: {tmp_path}/t.csv}}")
    assert_one_line_error(result, "not every dataset is ready")
    assert "4 of 5 open" in result.stdout and "3.mp4" in result.stdout


def demo(videos: int) -> str:
    return f"{{reader: demo, videos: {videos}, scenes: 3}}"


def test_check_warns_of_a_test_part_too_small_for_any_metric(tmp_path):
    few = check(tmp_path, demo(6))
    assert few.returncode == 0 and "parts    train 4, val 1, test 1" in few.stdout
    assert "WARNING: a test part of 1 is too small for any metric, which needs 3 videos" in few.stdout
    for videos, warned in ((12, True), (13, False)):
        assert ("WARNING" in check(tmp_path, demo(videos)).stdout) == warned


def test_check_gives_the_range_of_sizes_where_seeds_differ(tmp_path):
    rows = "".join(f"v{i},{i}.mp4,{i}.5,s{min(i // 2, 3)}\n" for i in range(20))
    (tmp_path / "t.csv").write_text("video_id,path,mos,scene\n" + rows)
    for i in range(20):
        (tmp_path / f"{i}.mp4").touch()
    (tmp_path / "c.yaml").write_text(
        f"seeds: 8\nsplits: {{method: scene}}\ndatasets:\n  d: {{reader: table, path: {tmp_path}/t.csv}}\n"
        "experiments:\n  e: {backbone: efficientnet_lite0}\n"
    )
    result = vqa("check", "--config", tmp_path / "c.yaml", "--no-headers")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "test 2 to 14" in result.stdout and "WARNING: a test part of 2" in result.stdout


def test_check_compares_the_four_with_the_papers_table(tmp_path, tiny):
    konvid(tmp_path / "k", tiny, "{}.mp4", "KoNViD_1k_mos.csv", ".")
    result = check(tmp_path, f"{{reader: konvid-1k, path: {tmp_path}/k}}")
    assert result.returncode == 2 and "NOT the paper's (1200 videos, MOS 1.220 to 4.640)" in result.stdout
