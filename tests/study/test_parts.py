"""`vqa splits` writes what the trainings of a study use, and a study reads it back."""

from pathlib import Path

import pytest

from tests.conftest import assert_one_line_error, vqa
from tests.datasets.files import touch
from vqa.config import Study, identity, parse
from vqa.manifest import read_manifest
from vqa.protocol.split_files import read_split_file
from vqa.protocol.splits import split
from vqa.study import sources
from vqa.study.grid import Grid
from vqa.study.layout import Layout
from vqa.study.parts import parts_of, split_files, write_parts
from vqa.study.runs import difference
from vqa.study.sources import Sources
from vqa.system.errors import UserError
from vqa.system.files import sha256


@pytest.fixture
def table(tmp_path) -> Path:
    touch(tmp_path / "set", *(f"sub/v{i}.mp4" for i in range(20)))
    path = tmp_path / "set" / "table.csv"
    rows = (f"v{i},sub/v{i}.mp4,{i}.25,{'train' if i < 15 else 'test'}\n" for i in range(20))
    path.write_text("video_id,path,mos,split\n" + "".join(rows))
    return path


def study(table: Path, **splits: str) -> Study:
    return parse(
        {
            "seeds": [4, 7],
            "results": str(table.parents[1] / "results"),
            "datasets": {"d": {"reader": "table", "path": str(table)}},
            "experiments": {"e": {"backbone": "efficientnet_lite0"}},
            "splits": splits or {"method": "random"},
        }
    )


def plan(chosen: Study) -> None:
    grid, layout = Grid(chosen), Layout.of(chosen)
    sources.check(grid, Sources(chosen, layout, grid))


@pytest.mark.parametrize("method", ["random", "official"])
def test_files_that_were_written_give_the_parts_they_were_written_from(tmp_path, table, method):
    (tmp_path / "c.yaml").write_text(
        f"seeds: [4, 7]\ndatasets:\n  d: {{reader: table, path: {table}}}\nsplits: {{method: {method}}}\n"
        "experiments:\n  e: {backbone: efficientnet_lite0}\n"
    )
    result = vqa("splits", "--config", tmp_path / "c.yaml", "--output", tmp_path / "out")
    assert result.returncode == 0 and "2 files" in result.stdout, result.stderr
    again, videos = study(table, method="files", path=str(tmp_path / "out")), read_manifest(table)
    for seed in (4, 7):
        wanted = split(videos, seed, method)
        assert read_split_file(tmp_path / "out" / "d" / f"seed-{seed}.csv") == wanted
        assert parts_of(again, "d", videos, seed) == wanted
    assert "v3,sub/v3.mp4,3.25," in (tmp_path / "out" / "d" / "seed-4.csv").read_text()
    assert split_files(study(table), "d", [4]) == []


def test_split_files_are_missed_before_anything_runs(tmp_path, table):
    chosen = study(table, method="files", path=str(tmp_path / "out"))

    with pytest.raises(UserError, match=r"splits\.path: there is no file .*d/seed-4\.csv; `vqa splits` writes"):
        plan(chosen)
    for seed in (4, 7):
        (tmp_path / "out" / "d").mkdir(parents=True, exist_ok=True)
        (tmp_path / "out" / "d" / f"seed-{seed}.csv").write_text("video_id,split\nv0,train\n")
    with pytest.raises(UserError, match=r"datasets\.d: the split file gives no part to video 'v1'"):
        plan(chosen)
    assert not chosen.results.exists()


def test_several_official_test_sets_keep_their_names_in_split_files(tmp_path, table):
    table.write_text(table.read_text().replace("v19,sub/v19.mp4,19.25,test", "v19,sub/v19.mp4,19.25,test:hard"))
    chosen = study(table, method="official")
    plan(chosen)
    files = write_parts(chosen, tmp_path / "out")
    assert read_split_file(files[0])["v19"] == "test:hard" and "test" in read_split_file(files[0]).values()


def test_the_demo_has_labels_once_it_is_rendered(tmp_path):
    (tmp_path / "c.yaml").write_text(
        f"seeds: 1\nresults: {tmp_path}/r\ndatasets:\n  d: {{reader: demo}}\n"
        "experiments:\n  e: {backbone: efficientnet_lite0}\n"
    )
    result = vqa("splits", "--config", tmp_path / "c.yaml", "--output", tmp_path / "out")
    assert_one_line_error(result, "datasets.d: is not rendered yet", "snakemake")
    assert not (tmp_path / "out").exists()


def test_a_run_of_other_split_files_is_told_without_snakemakes_record(tmp_path, table):
    for folder, part in (("first", "val"), ("second", "train")):
        touch(tmp_path / folder, "d/seed-4.csv")
        (tmp_path / folder / "d/seed-4.csv").write_text(f"video_id,split\nv0,{part}\n")
    first, second = (Grid(study(table, method="files", path=str(tmp_path / name))) for name in ("first", "second"))
    made = {
        "seed": 4,
        "order": "O",
        "run": identity(first.run_settings("e")),
        "inputs": {"split_file": sha256(tmp_path / "first/d/seed-4.csv")},
    }
    assert difference(first, first.runs[0], made) == ""
    assert difference(second, second.runs[0], made).endswith("second/d/seed-4.csv gives")
    (tmp_path / "second/d/seed-4.csv").write_bytes((tmp_path / "first/d/seed-4.csv").read_bytes())
    assert difference(second, second.runs[0], made) == ""
