"""What disks and people do to a study: nothing silently wrong, and the next start finishes it."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import assert_one_line_error, vqa
from tests.workflow.conftest import Project
from tests.workflow.test_kills import assert_same_results, start, wait_for
from vqa.features import shards

pytestmark = pytest.mark.faults

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
def test_a_full_disk_leaves_no_partial_shard_and_the_rest_comes_when_there_is_room(project, finished, mounted):
    shutil.rmtree(project.results / "runs")
    shutil.rmtree(project.results / "features")
    small = mounted(project.results / "features", "-t", "tmpfs", "-o", "size=400k", "tmpfs")
    full = project.run(check=False)
    told = full.stdout + full.stderr
    assert full.returncode != 0 and "vqa: failed:" in told and "No space left on device" in told
    kept = {path: path.stat().st_mtime_ns for path in small.rglob("*.h5")}
    assert 0 < len(kept) < 30 and not list(small.rglob("*.part"))
    for path in kept:
        shards.read(path)  # raises for anything partial
    subprocess.run(["mount", "-o", "remount,size=20m", small], check=True)
    project.run()
    assert kept == {path: path.stat().st_mtime_ns for path in kept}
    assert_same_results(project, finished)
    assert project.jobs() == {}


@needs_root
def test_a_read_only_results_folder_is_told_and_nothing_is_lost(project, finished, mounted):
    shutil.rmtree(project.results / "runs/demo/sample-4")
    frozen = mounted(project.results, "--bind", project.results)
    subprocess.run(["mount", "-o", "remount,ro,bind", frozen], check=True)
    refused = project.run(check=False)
    assert refused.returncode != 0 and "Write-protected output files" in refused.stdout + refused.stderr
    by_hand = vqa("weights", "efficientnet_lite0", "--output", frozen / "w.pth")
    assert by_hand.returncode == 1 and "Traceback" not in by_hand.stderr
    assert "Read-only file system" in by_hand.stderr.splitlines()[-1]
    subprocess.run(["mount", "-o", "remount,rw,bind", frozen], check=True)
    project.run()
    assert_same_results(project, finished)
    assert project.jobs() == {}


def test_a_second_snakemake_in_the_same_folder_is_refused(project, finished, tmp_path):
    shutil.rmtree(project.results / "runs")
    first = start(project, tmp_path / "log")
    wait_for(
        lambda: any((project.results / "logs").rglob("seed-0.log")) and project.results.joinpath("runs").exists(), first
    )
    second = project.run(check=False)
    assert second.returncode != 0 and "LockException" in second.stdout + second.stderr
    assert first.wait(timeout=300) == 0
    assert_same_results(project, finished)
    assert project.jobs() == {}


def test_a_damaged_shard_stops_what_reads_it_and_is_mended_as_told(project, finished):
    shard = next((project.results / "features/demo/efficientnet_lite0").glob("*.h5"))
    data = bytearray(shard.read_bytes())
    data[shards.memory_map(shard).offset + 40] ^= 1
    shard.write_bytes(data)
    shutil.rmtree(project.results / "runs/demo/sample-4/O/seed-0")
    failed = project.run(check=False)
    assert failed.returncode != 0 and f"{shard.name}: its data do not match" in failed.stdout + failed.stderr
    shard.unlink()
    project.run("--forcerun", "extract", "--until", "index")
    project.run()
    assert_same_results(project, finished)
    assert project.jobs() == {}


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
