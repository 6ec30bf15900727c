"""What Snakemake prints, at a length that leaves the progress visible: a run and `snakemake -n` still say why."""

import json
import logging
from collections.abc import Iterator
from typing import Any

_SHOWN = 2
_SAY_NOTHING = ("Select jobs to execute...", "Execute ")
_PARAMS = "Params have changed since last execution: "
_LONGEST = 200


def brief(record: logging.LogRecord) -> bool:
    """A filter for Snakemake's logger: lists of files are counted, settings compared, empty lines dropped."""
    for key in ("reason", "input", "output"):
        value = record.__dict__.get(key)
        if isinstance(value, list | tuple):
            setattr(record, key, _few([str(entry) for entry in value]))
        elif value is not None:
            setattr(record, key, shortened(str(value)))
    return not (isinstance(record.msg, str) and record.msg.startswith(_SAY_NOTHING))


def shortened(reason: str) -> str:
    """Snakemake's reason for a job, with the first files of each list and what differs between settings."""
    files, params, settings = reason.partition(_PARAMS)
    clauses = [_clause(clause) for clause in files.split("; ")]
    return "; ".join(clauses) + (params + _changed(settings) if params else "")


def _clause(clause: str) -> str:
    head, colon, files = clause.partition(": ")
    return head + colon + ", ".join(_few(files.split(", ")))


def _few(names: list[str]) -> list[str]:
    return [*names[:_SHOWN], f"and {len(names) - _SHOWN} more"] if len(names) > _SHOWN + 1 else names


def _changed(settings: str) -> str:
    """`before: '{"lr":1,..}' now: '{"lr":2,..}'` as `lr 1 -> 2`; cut where it is anything else."""
    found = list(_objects(settings))
    if len(found) == 2:
        before, now = (dict(_flat(value)) for value in found)
        different = [key for key in before | now if before.get(key) != now.get(key)]
        told = [f"{key} {before.get(key, 'unset')} -> {now.get(key, 'unset')}" for key in different]
        settings = ", ".join(_few(told)) or "the order of settings"
    return settings if len(settings) <= _LONGEST else f"{settings[:_LONGEST]}..."


def _objects(text: str) -> Iterator[dict[str, Any]]:
    """The JSON objects in a text."""
    decoder = json.JSONDecoder()
    start = text.find("{")
    while start >= 0:
        try:
            value, end = decoder.raw_decode(text, start)
            yield value
        except ValueError:
            end = start + 1
        start = text.find("{", end)


def _flat(value: dict[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for key, below in value.items():
        if isinstance(below, dict):
            yield from _flat(below, f"{above}{key}.")
        else:
            yield above + key, below
