"""`vqa splits` writes what the trainings of a study use, and a study reads it back."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import assert_one_line_error, vqa
from tests.datasets.files import touch
from vqa.config import DemoDataset, Run, Study, identity, parse
from vqa.manifest import read_manifest, write_manifest
from vqa.protocol.split_files import read_split_file
from vqa.protocol.splits import split
from vqa.study import sources
from vqa.study.check import check_datasets
from vqa.study.depends import manifest_depends
from vqa.study.grid import Grid
from vqa.study.layout import Layout
from vqa.study.parts import parts_of, split_files, write_parts
from vqa.study.runs import difference
from vqa.study.sources import Sources
from vqa.system.errors import UserError
from vqa.system.files import sha256
from vqa.training.job import _code as code_of


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


def test_the_split_file_of_every_seed_is_read_before_anything_runs(tmp_path, table):
    for seed in (4, 7):
        path = touch(tmp_path / "out", f"d/seed-{seed}.csv") / f"d/seed-{seed}.csv"
        parts = (f"v{i},{'train' if i < 15 else 'test'}\n" for i in range(20 if seed == 4 else 19))
        path.write_text("video_id,split\n" + "".join(parts))
    with pytest.raises(UserError, match=r"datasets\.d: the split file gives no part to video 'v19'"):
        plan(study(table, method="files", path=str(tmp_path / "out")))


def test_split_files_of_unlike_test_sets_are_refused_before_anything_runs(tmp_path, table):
    """Tables and tests would have a test set that some seeds lack."""
    chosen = study(table, method="files", path=str(tmp_path / "out"))
    write_parts(study(table, method="official"), tmp_path / "out")
    file = tmp_path / "out/d/seed-7.csv"
    plan(chosen)
    file.write_text(file.read_text().replace(",test\n", ",test:hard\n", 1))
    message = "datasets.d: the split file of seed 7 names the test sets test and test:hard, that of seed 4 test; every"
    with pytest.raises(UserError, match=message):
        plan(chosen)


def test_scenes_that_cannot_be_split_are_told_before_anything_runs(table):
    chosen = study(table, method="scene")
    with pytest.raises(UserError, match=r"^datasets\.d: video 'v0' has no scene in the manifest"):
        plan(chosen)
    demo = {scenes: DemoDataset(reader="demo", videos=12, scenes=scenes) for scenes in (2, 3)}
    with pytest.raises(UserError, match=r"^datasets\.d: 2 scenes cannot be split"):
        plan(chosen.model_copy(update={"datasets": {"d": demo[2]}}))
    plan(chosen.model_copy(update={"datasets": {"d": demo[3]}}))


def crossed(table: Path, **second: object) -> Study:
    """Two tables over one folder of videos; the second names v15 to v19, the first all twenty."""
    lines = table.read_text().splitlines()
    (table.parents[1] / "linked").symlink_to(table.parent)
    (table.parents[1] / "hard.csv").write_text("\n".join([lines[0], *lines[16:]]).replace("sub/", "linked/sub/") + "\n")
    raw = study(table).model_dump(mode="json", exclude_none=True)
    raw["datasets"]["hard"] = {"reader": "table", "path": str(table.parents[1] / "hard.csv"), **second}
    return parse(raw | {"cross_dataset": ["e"]})


def test_crossing_datasets_that_share_videos_is_refused_before_anything_runs(table, tmp_path):
    chosen = crossed(table)
    with pytest.raises(
        UserError, match=r"^cross_dataset: .*sub/v15\.mp4 is a video of 'd' and of 'hard', 5 such in all"
    ):
        plan(chosen)
    told, ready = check_datasets(chosen, headers=False, workers=1)
    assert not ready and told.count("PROBLEM") == 1 and "PROBLEM: cross_dataset: " in told
    plan(chosen.model_copy(update={"cross_dataset": ()}))
    first = chosen.datasets["d"].model_copy(update={"exclude": tuple(f"v{i}" for i in range(15, 20))})
    apart = chosen.model_copy(update={"datasets": {**chosen.datasets, "d": first}})
    plan(apart)
    assert check_datasets(apart, headers=False, workers=1)[1]


@pytest.mark.parametrize("own", [{}, {"epochs": 0, "datasets": ["hard"]}])
def test_heads_that_began_from_the_files_they_are_tested_on_are_refused(table, own):
    """A chain too: `last` begins from heads that began from those of `e`."""
    chosen = crossed(table)
    begin = {"backbone": "efficientnet_lite0", **own, "init": {"dataset": "d", "experiment": "e"}}
    raw = chosen.model_dump(mode="json", exclude_none=True) | {"cross_dataset": []}
    raw["experiments"] = {"e": {"backbone": "efficientnet_lite0", "datasets": ["d"]}, "next": begin}
    with pytest.raises(UserError, match=r"^experiments\.next\.init: .*v15\.mp4 is a video of 'd' and of 'hard', 5 "):
        plan(parse(raw))
    assert "PROBLEM: experiments.next.init: " in check_datasets(parse(raw), headers=False, workers=1)[0]
    (table.parent / "mid").mkdir()
    touch(table.parent / "mid", *(f"m{i}.mp4" for i in range(6)))
    (table.parents[1] / "mid.csv").write_text(
        "video_id,path,mos\n" + "".join(f"m{i},{table.parent}/mid/m{i}.mp4,{i}\n" for i in range(6))
    )
    raw["datasets"]["mid"] = {"reader": "table", "path": str(table.parents[1] / "mid.csv")}
    raw["experiments"]["next"] = begin | {"datasets": ["mid"]}
    raw["experiments"]["anew"] = {"backbone": "efficientnet_lite0", "datasets": ["hard"]}
    plan(parse(raw))
    last = begin | {"datasets": ["hard"], "init": {"dataset": "mid", "experiment": "next"}}
    with pytest.raises(UserError, match=r"^experiments\.last\.init: .*v15\.mp4 is a video of 'd' and of 'hard', 5 "):
        plan(parse(raw | {"experiments": raw["experiments"] | {"last": last}}))
    crossing = {"cross_dataset": ["next"]}  # heads that saw `d` before, tested on `hard`
    with pytest.raises(UserError, match=r"^cross_dataset: .*v15\.mp4 is a video of 'd' and of 'hard', 5 "):
        plan(parse(raw | crossing))


def test_datasets_of_labels_alone_may_name_their_videos_alike(table, tmp_path):
    chosen = crossed(table)
    raw = chosen.model_dump(mode="json", exclude_none=True)
    for name, ids in (("d", range(20)), ("hard", range(15, 20))):
        (tmp_path / f"{name}.features").mkdir()
        for i in ids:
            np.save(tmp_path / f"{name}.features" / f"v{i}.npy", np.zeros((2, 3)))
    given = {name: {"path": str(tmp_path / f"{name}.features")} for name in ("d", "hard")}
    raw |= {"backbones": {"own": {"import": given}}, "experiments": {"e": {"backbone": "own"}}}
    plan(parse(raw))
    assert check_datasets(parse(raw), headers=False, workers=1)[1]


def test_labels_in_another_order_are_the_same_labels(table):
    """No manifest is made again for them: all trainings would follow it."""

    def depends() -> str:
        chosen = study(table)
        grid, layout = Grid(chosen), Layout.of(chosen)
        found = Sources(chosen, layout, grid).rows("d")
        if not layout.manifest("d").exists():
            write_manifest(layout.manifest("d"), found)
        return manifest_depends(chosen.datasets["d"], found)

    lines = table.read_text().splitlines()
    kept, begun = depends(), manifest_depends(study(table).datasets["d"], read_manifest(table, table.parent))
    assert kept == begun  # as it has always been for an order that did not change
    table.write_text("\n".join([lines[0], *reversed(lines[1:])]) + "\n")
    assert depends() == kept
    table.write_text("\n".join([lines[0], *reversed(lines[2:])]) + "\n")
    assert depends() != kept
    table.write_text("\n".join([lines[0], lines[1].replace("0.25", "0.5"), *lines[2:]]) + "\n")
    assert depends() != kept


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
    assert difference(first, Layout.of(first.study), first.runs[0], made) == ""
    assert difference(second, Layout.of(second.study), second.runs[0], made).endswith("second/d/seed-4.csv gives")
    (tmp_path / "second/d/seed-4.csv").write_bytes((tmp_path / "first/d/seed-4.csv").read_bytes())
    assert difference(second, Layout.of(second.study), second.runs[0], made) == ""


def test_a_run_of_other_permutations_is_told_without_snakemakes_record(tmp_path, table):
    stored = tmp_path / "info.mat"
    stored.write_bytes(b"first")
    raw = study(table).model_dump(mode="json", exclude_none=True) | {"splits": {"method": "stored"}}
    raw["datasets"] = {"d": raw["datasets"]["d"] | {"permutations": str(stored)}}
    grid = Grid(parse(raw))
    made = {
        "seed": 4,
        "order": "O",
        "run": identity(grid.run_settings("e")),
        "inputs": {"permutations": sha256(stored)},
    }
    assert difference(grid, Layout.of(grid.study), grid.runs[0], made) == ""
    stored.write_bytes(b"another")
    assert difference(grid, Layout.of(grid.study), grid.runs[0], made).endswith("info.mat gives")
    assert difference(grid, Layout.of(grid.study), grid.runs[0], made | {"inputs": {}}) == ""


def test_a_run_of_another_version_or_source_of_the_users_head_is_told(tmp_path, table):
    own = tmp_path / "my_head.py"
    own.write_text("class MyHead:\n    def __init__(self, input_size):\n        pass\n")
    raw = study(table).model_dump(mode="json", exclude_none=True)
    raw["experiments"] = {"e": {"backbone": "efficientnet_lite0", "head": f"{own}:MyHead"}}
    grid = Grid(parse(raw))
    run = grid.run_settings("e")
    made = {"seed": 4, "order": "O", "run": identity(run), **code_of(run)}
    told = partial(difference, grid, Layout.of(grid.study), grid.runs[0])
    assert told(made) == "" and "source" in made and "source" not in code_of(Run())
    assert "trained by version 0 of" in told(made | {"version": 0})
    assert "trained with another" in told(made | {"source": "0"})
    assert told({key: made[key] for key in ("seed", "order", "run")}) == ""
