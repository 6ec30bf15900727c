"""Real reasons of Snakemake 9.27, shortened."""

import logging

from vqa.study.console import brief, shortened


def test_long_lists_are_counted_and_short_ones_stay():
    many = ", ".join(f"clip-{i}.mp4" for i in range(30))
    assert shortened(f"Missing output files: {many}; Code has changed since last execution") == (
        "Missing output files: clip-0.mp4, clip-1.mp4, and 28 more; Code has changed since last execution"
    )
    assert shortened("Updated input files: a, b, c") == "Updated input files: a, b, c"
    assert shortened("Forced execution") == "Forced execution"


def test_changed_params_are_told_by_key():
    before = """before: '{"run":{"head":"vsfa","lr":0.0002},"version":2}','--lr 0.0002'"""
    now = """now: '--lr 0.0003','{"run":{"head":"vsfa","lr":0.0003},"version":2}' """
    head = "Params have changed since last execution: "
    union = f"{head}Union of exclusive params before and now across all output: {before} {now}"
    assert shortened(union) == f"{head}run.lr 0.0002 -> 0.0003"
    assert shortened(f"Updated input files: x; {union}") == f"Updated input files: x; {head}run.lr 0.0002 -> 0.0003"


def test_params_that_are_no_settings_are_cut():
    told = shortened("Params have changed since last execution: before: " + "x" * 500)
    assert len(told) < 260 and told.endswith("...")


def test_a_record_of_a_failed_job_is_shortened_and_an_empty_line_is_dropped():
    record = logging.makeLogRecord({"msg": "Error", "input": [f"v{i}" for i in range(50)], "output": ["o"]})
    assert brief(record) and record.input == ["v0", "v1", "and 48 more"] and record.output == ["o"]
    assert not brief(logging.makeLogRecord({"msg": "Select jobs to execute..."}))
    assert brief(logging.makeLogRecord({"msg": None}))
