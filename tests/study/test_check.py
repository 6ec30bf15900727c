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


def test_check_compares_the_four_with_the_papers_table(tmp_path, tiny):
    konvid(tmp_path / "k", tiny, "{}.mp4", "KoNViD_1k_mos.csv", ".")
    result = check(tmp_path, f"{{reader: konvid-1k, path: {tmp_path}/k}}")
    assert result.returncode == 2 and "NOT the paper's (1200 videos, MOS 1.220 to 4.640)" in result.stdout
