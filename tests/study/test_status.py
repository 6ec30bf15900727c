"""`vqa status` tells what is done, running and failed from the files alone, and writes none."""

import json
import os
import socket
from base64 import urlsafe_b64encode
from datetime import datetime
from pathlib import Path

import pytest

from vqa.config import Study, parse
from vqa.study.grid import Grid
from vqa.study.jobs import Job, jobs
from vqa.study.layout import Layout
from vqa.study.status import Stage, Status, status
from vqa.study.status_table import duration, to_text

NOW = 1_700_000_000.0


@pytest.fixture
def study(tmp_path, monkeypatch) -> Study:
    monkeypatch.chdir(tmp_path)
    return parse(
        {
            "seeds": 3,
            "datasets": {"a": {"reader": "table", "path": "a.csv", "buckets": 2}},
            "backbones": {"resnet50": {"weights": "r50.pth"}},
            "experiments": {"e": {"backbone": "resnet50", "modes": ["OO"]}},
        }
    )


def planned(study: Study) -> dict[str, Job]:
    """Each job by its stage and name; Snakemake has planned 10 videos."""
    layout = Layout.of(study)
    layout.plan.parent.mkdir(parents=True, exist_ok=True)
    layout.plan.write_text(json.dumps({"a": {"count": 10, "buckets": {"0": 6, "1": 4}}}))
    return {f"{job.stage} {job.name}".strip(): job for job in jobs(Grid(study), layout, {"a": ["0", "1"]})}


def write(path: Path, text: str = "", time: float = NOW) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (time, time))


def hold(study: Study, since: float = NOW - 100, **other: object) -> None:
    told = {"host": "node17", "pid": 1, "user": "someone", "folder": "/x"}
    told["since"] = datetime.fromtimestamp(since).astimezone().isoformat()
    write(study.results / ".lock", json.dumps(told | other))


def mark(output: Path) -> None:
    """As Snakemake does when a job begins."""
    name = urlsafe_b64encode(str(output).encode()).decode()
    write(Path(".snakemake/incomplete") / name, "{}")


def log(study: Study, name: str, text: str, time: float = NOW) -> None:
    write(study.results / "logs" / f"{name}.log", text, time)


def stage(found: Status, name: str) -> Stage:
    return next(each for each in found.stages if each.name == name)


def counts(found: Status, name: str) -> tuple[int, int, int, int]:
    each = stage(found, name)
    return each.done, each.running, each.failed, each.waiting


def test_jobs_are_those_that_the_rules_have(study):
    names = list(planned(study))
    assert names == [
        "manifest a", "probe a", "extract a/resnet50/0", "extract a/resnet50/1", "index a/resnet50",
        "train a/e/O/seed-0", "train a/e/O/seed-1", "train a/e/O/seed-2", "evaluate", "videos", "shown",
        "tables", "figures", "report",
    ]  # fmt: skip


def test_before_anything_ran_all_is_waiting_and_nothing_is_known(study):
    found = status(study)
    assert counts(found, "train") == (0, 0, 0, 3) and found.seconds_left is None
    assert "nobody is working on it" in to_text(found) and "not known yet" in to_text(found)
    assert not study.results.exists()


def test_each_state_is_told(study):
    made = planned(study)
    hold(study)
    write(made["train a/e/O/seed-0"].output)
    mark(made["train a/e/O/seed-1"].output)
    log(study, "train/a/e/O/seed-1", "00:00:01 INFO train 6, val 2, test 2 videos\n")
    log(study, "train/a/e/O/seed-2", "INFO some\nvqa: error: shard x is missing; run it\n\n")
    found = status(study)
    assert counts(found, "train") == (1, 1, 1, 0)
    assert [each["line"] for each in found.failed] == ["vqa: error: shard x is missing; run it"]
    told = to_text(found)
    assert "someone has been working on it" in told and "node17" in told
    assert "failed: train a/e/O/seed-2: vqa: error: shard x is missing; run it (results/logs/train" in told


def test_a_job_that_was_killed_without_a_word_has_failed(study):
    made = planned(study)
    hold(study)
    mark(made["index a/resnet50"].output)
    log(study, "train/a/e/O/seed-2", "INFO 2000 epochs\n")
    assert counts(status(study), "train") == (0, 0, 1, 2)


def test_a_log_of_an_earlier_run_is_no_failure(study):
    planned(study)
    hold(study, since=NOW - 100)
    Path(".snakemake/incomplete").mkdir(parents=True)
    log(study, "train/a/e/O/seed-2", "vqa: error: of yesterday\n", NOW - 86400)
    assert counts(status(study), "train") == (0, 0, 0, 3)


def test_without_snakemakes_record_a_log_without_an_error_is_taken_to_run(study):
    planned(study)
    hold(study)
    log(study, "train/a/e/O/seed-1", "INFO 2000 epochs\n")
    log(study, "train/a/e/O/seed-2", "vqa: failed: no space left\n")
    found = status(study)
    assert counts(found, "train") == (0, 1, 1, 1)
    assert any("told by logs alone" in note for note in found.notes)


def test_what_was_begun_when_nobody_works_any_more_waits(study):
    made = planned(study)
    hold(study, host=socket.gethostname(), pid=2**22 + 1)  # more than a process may have
    mark(made["train a/e/O/seed-1"].output)
    found = status(study)
    assert found.snakemake == {} and counts(found, "train") == (0, 0, 0, 3)
    assert any("1 files were begun and not finished" in note for note in found.notes)


def test_time_left_is_what_the_last_shards_and_like_trainings_took(study):
    made = planned(study)
    hold(study)
    for number in range(4):  # one every 20 s: 6 are left
        write(study.results / "features/a/resnet50" / f"v{number}.h5", time=NOW + 20 * number)
    write(study.results / "features/a/resnet50" / ".v9.h5.host.1.part")
    for seed, seconds in ((0, 100), (1, 140)):
        write(made[f"train a/e/O/seed-{seed}"].output)
        write(study.results / f"benchmarks/train/a/e/O/seed-{seed}.tsv", f"s\tmax_rss\n{seconds}\t1\n")
    found = status(study)
    assert counts(found, "videos resnet50") == (4, 0, 0, 6)
    videos, trainings = stage(found, "videos resnet50").rate, stage(found, "train").rate
    assert videos and videos.seconds_left == pytest.approx(120) and videos.per_hour == pytest.approx(180)
    assert trainings and trainings.seconds_left == pytest.approx(120) and trainings.per_hour == pytest.approx(30)
    assert found.seconds_left == pytest.approx(240)
    assert "left: 4 min" in to_text(found)


def test_trainings_side_by_side_share_what_is_left(study):
    made = planned(study)
    hold(study)
    write(made["train a/e/O/seed-0"].output)
    write(study.results / "benchmarks/train/a/e/O/seed-0.tsv", "s\n100\n")
    for seed in (1, 2):
        mark(made[f"train a/e/O/seed-{seed}"].output)
    rate = stage(status(study), "train").rate
    assert rate and rate.seconds_left == pytest.approx(100) and rate.per_hour == pytest.approx(72)


def test_nothing_is_written_and_no_lock_is_taken(study):
    planned(study)
    hold(study)
    before = {path: path.stat().st_mtime_ns for path in Path().rglob("*")}
    status(study).to_json()
    assert {path: path.stat().st_mtime_ns for path in Path().rglob("*")} == before


def test_json_says_what_the_table_says(study):
    made = planned(study)
    write(made["evaluate"].output)
    found = status(study)
    told = json.loads(found.to_json())
    assert {each["name"]: (each["done"], each["waiting"], each["total"]) for each in told["stages"]} == {
        each.name: (each.done, each.waiting, each.total) for each in found.stages
    }
    assert told["seconds_left"] is None and told["snakemake"] == {}


@pytest.mark.parametrize(("seconds", "told"), [(3, "3 s"), (600, "10 min"), (9000, "2.5 h"), (86400 * 4, "4.0 days")])
def test_durations_are_short(seconds, told):
    assert duration(seconds) == told
