"""What counts as another source, what does not, and who looks: on real files over 1 MB, with real Snakemake.

Snakemake compares the content of files up to 1 MB, of larger ones the time stamp: it is not the one to judge.
"""

import json
import os
import shutil
from collections import Counter
from pathlib import Path

import pytest
import yaml

from tests.conftest import REPO, encode_clip
from tests.workflow.conftest import Project
from tests.workflow.test_reruns import RESULTS, changed_version, customised
from vqa.features import shards
from vqa.features.identity import bucket_of

pytestmark = pytest.mark.reruns

BACKBONE = "efficientnet_lite0"
OLD = 1_000_000_000  # 2001: before everything else
TRAINED = Counter({"train": 1} | RESULTS)


def enlarge(clip: Path, size: int = 2_200_000) -> None:
    """A box that players skip, after the last one of an mp4."""
    data = clip.read_bytes()
    clip.write_bytes(data + (size - len(data)).to_bytes(4, "big") + b"free" + bytes(size - len(data) - 8))


def write_study(folder: Path, weights: Path, videos: int) -> None:
    lines = ["video_id,path,mos", *(f"v{n},v{n}.mp4,{n + 1}" for n in range(videos))]
    (folder / "set").mkdir(parents=True)
    (folder / "set" / "table.csv").write_text("\n".join(lines) + "\n")
    study = {
        "results": "results-smoke",
        "seeds": 1,
        "datasets": {"d": {"reader": "table", "path": "set/table.csv", "buckets": 2, "on_bad_video": "exclude"}},
        "backbones": {BACKBONE: {"weights": str(weights)}},
        "experiments": {"e": {"backbone": BACKBONE, "modes": ["OO"], "batch_size": 4}},
        "training": {"epochs": 1},
        "extraction": {"precision": "float32"},
    }
    (folder / "study.yaml").write_text(yaml.safe_dump(study, sort_keys=False))


@pytest.fixture(scope="module")
def large(finished, tmp_path_factory) -> Project:
    """A finished study of the user's own files: clips of 2.2 MB, v9 damaged and so excluded; a checkpoint of 14 MB."""
    folder = tmp_path_factory.mktemp("large") / "project"
    write_study(folder, Path("own.pth"), videos=10)
    for number in range(10):
        encode_clip(folder / "set" / f"v{number}.mp4", frames=4, seed=number)
        enlarge(folder / "set" / f"v{number}.mp4")
    (folder / "set" / "v9.mp4").write_bytes(b"damaged")
    shutil.copy(finished.results / "weights" / f"{BACKBONE}.pth", folder / "own.pth")
    assert (folder / "own.pth").stat().st_size > 2_000_000
    project = Project(folder)
    project.run()
    assert project.jobs() == {}
    return project


@pytest.fixture
def own(large, tmp_path) -> Project:
    return large.copy(tmp_path / "own")


def bucket_with(project: Project, name: str) -> str:
    tasks = (project.results / "features" / "d" / BACKBONE / "tasks").glob("*.json")
    return next(path.stem for path in tasks if name in path.read_text())


def replace_by_older(path: Path, data: bytes) -> None:
    path.unlink()
    path.write_bytes(data)
    os.utime(path, (OLD, OLD))


def test_touched_files_over_a_megabyte_plan_nothing(own):
    before = own.snapshot()
    for name in ("set/v0.mp4", "set/v3.mp4", "set/table.csv", "own.pth"):
        os.utime(own.folder / name)
    assert own.jobs() == {}
    own.run()
    assert own.snapshot() == before | {k: v for k, v in own.snapshot().items() if k == "touched.json"}


def test_a_video_replaced_by_an_older_file_of_its_size_extracts_itself_alone(own):
    clip = own.folder / "set" / "v2.mp4"
    encode_clip(own.folder / "other.mp4", frames=4, seed=77)
    enlarge(own.folder / "other.mp4", clip.stat().st_size)
    before = own.snapshot()
    replace_by_older(clip, (own.folder / "other.mp4").read_bytes())
    planned = Counter({"extract": 1, "index": 1, "probe": 1}) + TRAINED
    assert own.jobs() == planned
    assert own.jobs() == planned  # a dry run changes nothing
    own.run()
    after = own.snapshot()
    assert {name for name in after if name.endswith(".h5") and after[name] != before[name]} == {
        f"features/d/{BACKBONE}/v2.h5"
    }
    assert own.jobs() == {}


def test_a_video_put_back_as_it_was_is_the_old_one_again(own):
    clip = own.folder / "set" / "v2.mp4"
    kept, status = clip.read_bytes(), clip.stat()
    replace_by_older(clip, kept[:-1] + b"x")
    assert own.jobs()["extract"] == 1
    clip.write_bytes(kept)
    os.utime(clip, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert own.jobs() == {}


def test_a_checkpoint_replaced_by_an_older_one_extracts_everything(own, finished):
    import torch

    state = torch.load(own.folder / "own.pth", weights_only=True)
    name = next(name for name in state if name.endswith("conv_stem.weight"))
    state[name] = state[name] + 0.01
    torch.save(state, own.folder / "other.pth")
    replace_by_older(own.folder / "own.pth", (own.folder / "other.pth").read_bytes())
    assert own.jobs() == Counter({"extract": 2, "index": 1}) + TRAINED


def test_a_video_repaired_after_its_exclusion_is_extracted(own):
    encode_clip(own.folder / "repaired.mp4", frames=4, seed=9)
    replace_by_older(own.folder / "set" / "v9.mp4", (own.folder / "repaired.mp4").read_bytes())
    assert own.jobs() == Counter({"extract": 1, "index": 1, "probe": 1}) + TRAINED
    own.run("--until", "index")
    receipt = own.results / "features/d" / BACKBONE / "receipts" / f"{bucket_with(own, 'v9.mp4')}.json"
    assert json.loads(receipt.read_text())["excluded"] == {}
    assert "v9" in (own.results / "features/d" / BACKBONE / "index.csv").read_text()


def test_stored_permutations_over_a_megabyte_count_by_content(own):
    stored = own.folder / "info.mat"
    shutil.copy(REPO / "README.md", stored)
    # Planning reads no more of them than their bytes.
    own.edit(splits__method="stored", datasets__d__permutations="info.mat")
    before = own.run("--dry-run", "--printshellcmds", "--until", "train").stdout
    assert "--permutations info.mat" in before


def test_videos_out_of_reach_stop_the_run_and_cost_no_shard(own):
    before = own.snapshot()
    (own.folder / "set").rename(own.folder / "unmounted")
    assert own.run(check=False).returncode != 0
    (own.folder / "unmounted").rename(own.folder / "set")
    assert own.jobs() == {}
    assert own.snapshot() == before


def test_a_gpu_that_comes_or_goes_plans_nothing(project):
    assert project.jobs(env={"CUDA_VISIBLE_DEVICES": "0"}) == {}
    project.edit(training__device="auto", training__jobs_per_gpu=3)
    assert set(project.jobs(env={"CUDA_VISIBLE_DEVICES": "0,1"})) <= {"tables", "figures", "report"}


def test_a_raised_feature_version_looks_at_every_bucket_and_decodes_nothing(project, tmp_path):
    before = project.snapshot()
    environment = changed_version(tmp_path / "site", "FEATURE_VERSION")
    project.run("--until", "index", env=environment)
    after = project.snapshot()
    same = {name for name in before if name.endswith((".h5", ".json", "index.csv")) and "tasks/" not in name}
    assert all(after[name][1] == before[name][1] for name in same)
    assert all(after[name] == before[name] for name in same if name.endswith(".h5"))
    for log in (project.results / "logs" / "extract").rglob("*.log"):
        assert "0 to extract" in log.read_text() and "decoding" not in log.read_text()


def test_another_decoder_version_extracts_everything(project, tmp_path):
    environment = customised(tmp_path / "site", "import av\nav.library_versions['libavcodec'] = (99, 0, 0)\n")
    assert project.jobs(env=environment) == Counter({"extract": 4, "index": 2, "train": 8} | RESULTS)
    before = project.snapshot()
    bucket = bucket_of("clip-000", 2)
    project.run(f"results-smoke/features/demo/{BACKBONE}/receipts/{bucket}.json", env=environment)
    shard = f"features/demo/{BACKBONE}/clip-000.h5"
    assert project.snapshot()[shard][0] > before[shard][0]
    assert "libavcodec 99.0.0" in shards.attributes(project.results / shard)["libraries"]


def test_fewer_buckets_look_again_and_keep_every_shard(project):
    before = project.snapshot()
    project.edit(datasets__demo__buckets=1)
    assert project.jobs() == Counter({"extract": 2, "index": 2, "train": 8} | RESULTS)
    project.run("--until", "index")
    after = project.snapshot()
    assert all(after[name] == before[name] for name in before if name.endswith(".h5"))
    assert all(after[name][1] == before[name][1] for name in before if name.endswith("index.csv"))
