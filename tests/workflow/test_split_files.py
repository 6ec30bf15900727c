"""Split files on their way round: written from a study, read back by it."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.studies


def test_a_study_trains_the_same_on_the_split_files_it_wrote(project):
    run = "results-smoke/runs/demo/sample-4/O/seed-1/predictions.csv"
    before = (project.folder / run).read_bytes()
    command = [sys.executable, "-m", "vqa", "splits", "--config", project.config, "--output", "split files"]
    subprocess.run(command, cwd=project.folder, check=True, capture_output=True)

    project.edit(splits={"method": "files", "path": "split files"})
    assert project.jobs() == {
        "train": 8,
        "evaluate": 1,
        "videos": 1,
        "shown": 1,
        "tables": 1,
        "figures": 1,
        "report": 1,
    }
    shown = project.run(run, "--printshellcmds")
    assert "--split-file 'split files/demo/seed-1.csv'" in shown.stdout + shown.stderr
    assert (project.folder / run).read_bytes() == before

    file = project.folder / "split files" / "demo" / "seed-1.csv"
    file.write_text(file.read_text().replace(",val\n", ",train\n", 1).replace(",test\n", ",val\n", 1))
    assert project.jobs(run) == {"train": 1}

    file.unlink()
    refused = project.run("--dry-run", check=False)
    message = "splits.path: there is no file split files/demo/seed-1.csv"
    assert refused.returncode != 0 and message in refused.stdout + refused.stderr
