"""The text of `vqa status`."""

from collections.abc import Iterator

from vqa.study.status import Stage, Status

_FAILED = 10
_HEADS = ("stage", "done", "running", "failed", "waiting", "of", "an hour", "left")


def to_text(status: Status) -> str:
    """A line a stage, the jobs that failed with the last line of their logs, and what is not certain."""
    return "\n".join(_lines(status))


def _lines(status: Status) -> Iterator[str]:
    yield f"{status.name}: {status.results}"
    if status.snakemake:
        yield "{user} has been working on it since {since}, on {host}, process {pid}".format(**status.snakemake)
    else:
        yield "nobody is working on it"
    yield ""
    rows = [_HEADS, *(_row(stage) for stage in status.stages)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADS))]
    for row in rows:
        cells = [text.rjust(width) for text, width in zip(row, widths, strict=True)]
        yield "  ".join([row[0].ljust(widths[0]), *cells[1:]]).rstrip()
    yield ""
    if any(stage.waiting or stage.running for stage in status.stages):
        left = status.seconds_left
        yield f"left: {duration(left)}" if left is not None else "left: not known yet, of some stage nothing is done"
    for each in status.failed[:_FAILED]:
        yield f"failed: {each['job']}: {each['line'] or 'its log is empty'} ({each['log']})"
    if len(status.failed) > _FAILED:
        yield f"and {len(status.failed) - _FAILED} more failed"
    yield from status.notes


def _row(stage: Stage) -> tuple[str, ...]:
    counts = (stage.done, stage.running, stage.failed, stage.waiting, stage.total)
    rate = f"{stage.rate.per_hour:,.0f}" if stage.rate else ""
    left = duration(stage.rate.seconds_left) if stage.rate else ""
    return (stage.name, *map(str, counts), rate, left)


def duration(seconds: float) -> str:
    """`3 min`, `2.5 h`, `4.1 days`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 2 * 86400 else f"{seconds / 86400:.1f} days"
