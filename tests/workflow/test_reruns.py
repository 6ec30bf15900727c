"""What a change makes Snakemake do again, and leave as it was. Which jobs each key plans: test_rerun_matrix.py."""

import os
from collections import Counter

import pandas as pd
import pytest
import yaml

from vqa.demo.render import encode

pytestmark = pytest.mark.reruns

RESULTS = {"evaluate": 1, "videos": 1, "shown": 1, "tables": 1, "figures": 1, "report": 1}


def changed_version(folder, name: str) -> dict[str, str]:
    """An environment in which one version constant is higher."""
    return customised(folder, f"import vqa.config.versions\nvqa.config.versions.{name} += 1\n")


def customised(folder, code: str) -> dict[str, str]:
    """An environment in which every Python runs `code` first."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(code)
    return {"PYTHONPATH": os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")]))}


def test_one_more_seed_trains_only_that_seed(project):
    project.edit(seeds=3)
    before = project.snapshot()
    assert project.jobs() == Counter(RESULTS | {"train": 4})
    project.run()
    after = project.snapshot()
    assert {
        name for name in before if name.startswith(("runs/", "features/", "data/")) and after[name] != before[name]
    } == set()
    assert set(pd.read_csv(project.results / "metrics.csv")["seed"]) == {0, 1, 2}


def test_a_touched_or_reordered_config_changes_nothing(project):
    raw = yaml.safe_load(project.config.read_text())
    project.config.write_text(yaml.safe_dump(dict(reversed(raw.items())), sort_keys=False))
    assert project.jobs() == {}


@pytest.mark.parametrize(
    "constant,jobs",
    [
        ("FEATURE_VERSION", {"extract": 4, "index": 2, "train": 8} | RESULTS),
        ("TRAINING_VERSION", {"train": 8} | RESULTS),
        ("EVALUATION_VERSION", RESULTS),
    ],
)
def test_version_constants_rerun_their_stage(project, tmp_path, constant, jobs):
    assert project.jobs(env=changed_version(tmp_path / "site", constant)) == Counter(jobs)


def replace_clip(path) -> None:
    from tests.conftest import moving_picture

    encode(path, moving_picture(18, 64, 96, seed=5), (96, 64), 24, crf=20)


def test_a_replaced_clip_extracts_itself_alone(project):
    before = project.snapshot()
    replace_clip(project.results / "data" / "demo" / "clip-003.mp4")
    planned = project.jobs()
    assert planned == Counter({"extract": 2, "probe": 1, "index": 2, "train": 8} | RESULTS)
    project.run("--until", "index")
    after = project.snapshot()
    shards = {name for name in after if name.endswith(".h5") and after[name] != before[name]}
    assert shards == {f"features/demo/{backbone}/clip-003.h5" for backbone in ("efficientnet_lite0", "resnet3d18")}
    assert project.jobs() == Counter({"probe": 1, "train": 8} | RESULTS)


def test_a_touched_clip_extracts_nothing(project):
    before = project.snapshot()
    os.utime(project.results / "data" / "demo" / "clip-003.mp4")
    project.run()
    after = project.snapshot()
    same = {name for name in after if name.startswith(("features/", "runs/")) and after[name][1] == before[name][1]}
    assert same == {name for name in before if name.startswith(("features/", "runs/"))}
    assert all(after[n][0] == before[n][0] for n in before if n.endswith((".h5", "head.pt")))


def test_an_added_clip_extracts_itself_alone(project):
    before = project.snapshot()
    project.edit(datasets__demo__videos=16)
    project.run("--until", "index")
    after = project.snapshot()
    changed = {name for name in after if name.endswith(".h5") and after[name] != before.get(name)}
    assert changed == {f"features/demo/{backbone}/clip-015.h5" for backbone in ("efficientnet_lite0", "resnet3d18")}


def test_a_deleted_shard_is_noticed_and_mended_as_told(project):
    before = project.snapshot()
    lost = project.results / "features/demo/efficientnet_lite0/clip-004.h5"
    lost.unlink()
    told = project.run().stderr
    assert "1 shards are missing" in told and "clip-004.h5" in told
    assert "--forcerun extract import_features --until index" in told
    project.run("--forcerun", "extract", "--until", "index")
    assert lost.exists() and project.jobs() == {}
    after = project.snapshot()
    assert all(
        after[n][0] == before[n][0]
        for n in before
        if n.endswith("head.pt") or (n.endswith(".h5") and "clip-004" not in n)
    )


def test_a_changed_label_retrains_and_extracts_nothing(project):
    table = project.results / "data" / "demo" / "table.csv"
    frame = pd.read_csv(table)
    frame.loc[0, "mos"] = 3.25
    frame.to_csv(table, index=False)
    assert project.jobs() == Counter({"manifest": 1, "probe": 1, "index": 2, "train": 8} | RESULTS)
    before = project.snapshot()
    project.run("--until", "index")
    after = project.snapshot()
    assert all(after[name] == before[name] for name in before if name.endswith((".h5", ".json")))
