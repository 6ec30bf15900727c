"""What disks and people do to a study: nothing silently wrong, and the next start finishes it."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import assert_one_line_error, vqa
from tests.workflow.conftest import Project
from tests.workflow.test_kills import start, wait_for
from vqa import shards

HOSTILE = ["a b'c.mp4", '"; touch owned; ".mp4', "-rf.mp4", "naïve ü 視.mp4", "$(touch owned).mp4"]
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounts a file system")


@pytest.fixture
def mounted(tmp_path):
    """Mount something on a folder; skips where that is not allowed, as in some containers."""
    folders = []

    def mount(folder: Path, *options: str) -> Path:
        folder.mkdir(exist_ok=True)
        result = subprocess.run(["mount", *options, folder], capture_output=True, text=True)
        if result.returncode:
            pytest.skip(f"cannot mount: {result.stderr.strip()}")
        folders.append(folder)
        return folder

    yield mount
    for folder in folders:
        subprocess.run(["umount", folder], check=True)


@needs_root
def test_a_full_disk_leaves_no_partial_shard_and_the_rest_comes_when_there_is_room(finished, tmp_path, mounted):
    small = mounted(tmp_path / "small", "-t", "tmpfs", "-o", "size=150k", "tmpfs")
    results = finished.results
    command = [
        "extract", "--manifest", results / "manifests/demo.csv", "--backbone", "efficientnet_lite0", "--precision",
        "float32", "--weights", results / "weights/efficientnet_lite0.pth", "--output", small / "shards",
        "--receipt", small / "receipt.json",
    ]  # fmt: skip
    full = vqa(*command, cwd=finished.folder)
    assert full.returncode == 1 and "Traceback" not in full.stderr
    assert "vqa: failed:" in full.stderr and "space" in full.stderr.lower()
    kept = sorted(path.name for path in (small / "shards").iterdir())
    assert not (small / "receipt.json").exists() and 0 < len(kept) < 15
    assert all(name.endswith(".h5") for name in kept)  # nothing partial
    subprocess.run(["mount", "-o", "remount,size=20m", small], check=True)
    again = vqa(*command, cwd=finished.folder)
    assert again.returncode == 0 and f"{len(kept)} shards are current, {15 - len(kept)} to extract" in again.stderr


@needs_root
def test_a_read_only_results_folder_is_one_line(finished, tmp_path, mounted):
    frozen = mounted(tmp_path / "frozen", "-t", "tmpfs", "-o", "ro", "tmpfs")
    result = vqa("evaluate", "--config", finished.results / "study.yaml", "--metrics", frozen / "m.csv",
                 "--statistics", frozen / "s.csv", cwd=finished.folder)  # fmt: skip
    assert result.returncode == 1 and "Traceback" not in result.stderr
    assert "Read-only file system" in result.stderr.splitlines()[-1]


def test_a_second_snakemake_in_the_same_folder_is_refused(project, finished, tmp_path):
    shutil.rmtree(project.results / "runs")
    first = start(project, tmp_path / "log")
    wait_for(
        lambda: any((project.results / "logs").rglob("seed-0.log")) and project.results.joinpath("runs").exists(), first
    )
    second = project.run(check=False)
    assert second.returncode != 0 and "LockException" in second.stdout + second.stderr
    assert first.wait(timeout=300) == 0
    metrics = "metrics.csv"
    assert (project.results / metrics).read_bytes() == (finished.results / metrics).read_bytes()
    assert project.jobs() == {}


def test_a_damaged_shard_stops_what_reads_it_and_is_mended_as_told(project):
    shard = next((project.results / "features/demo/efficientnet_lite0").glob("*.h5"))
    data = bytearray(shard.read_bytes())
    data[shards.memory_map(shard).offset + 40] ^= 1
    shard.write_bytes(data)
    run = project.results / "runs/demo/sample-4/O/seed-0"
    head = (run / "head.pt").read_bytes()
    shutil.rmtree(run)
    failed = project.run(check=False)
    assert failed.returncode != 0 and f"{shard.name}: its data do not match" in failed.stdout + failed.stderr
    shard.unlink()
    project.run("--forcerun", "extract", "--until", "index")
    project.run()
    assert (run / "head.pt").read_bytes() == head and project.jobs() == {}


def test_file_names_cannot_break_a_command(finished, tmp_path):
    clip = next((finished.results / "data/demo").glob("*.mp4"))
    folder = tmp_path / "set"
    folder.mkdir()
    lines = ["video_id,path,mos"]
    for number, name in enumerate(HOSTILE):
        shutil.copy(clip, folder / name)
        lines.append(f'v{number},"{name.replace(chr(34), 2 * chr(34))}",{number + 1}')
    (folder / "table.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    weights = finished.results / "weights/efficientnet_lite0.pth"
    (tmp_path / "study.yaml").write_text(
        f"seeds: 1\ndatasets: {{d: {{reader: table, path: {folder}/table.csv, buckets: 1}}}}\n"
        f"backbones: {{efficientnet_lite0: {{weights: {weights}}}}}\n"
        "experiments: {e: {backbone: efficientnet_lite0}}\n"
    )
    Project(tmp_path).run("--until", "probe", "index")
    made = {path.name for path in (tmp_path / "results/features/d/efficientnet_lite0").glob("*.h5")}
    assert made == {f"v{number}.h5" for number in range(len(HOSTILE))}
    assert not list(tmp_path.rglob("owned"))


@pytest.mark.parametrize("video_id", ["../../escaped", "a/b", "-x", "", "."])
def test_a_video_id_cannot_leave_the_results_folder(tmp_path, video_id):
    (tmp_path / "m.csv").write_text(f"video_id,path,mos\n{video_id},v.mp4,1\n")
    (tmp_path / "w.pth").touch()
    result = vqa("extract", "--manifest", tmp_path / "m.csv", "--backbone", "resnet50", "--weights", tmp_path / "w.pth",
                 "--output", tmp_path / "out", "--receipt", tmp_path / "r.json")  # fmt: skip
    assert_one_line_error(result, "video_id")
