"""Mutants that no test notices, and the reasons for which some may live."""

import json
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).with_name("survivors.toml")
UNEXPLAINED = ""


@dataclass(frozen=True)
class Survivor:
    """A change that survived. line: `module.function: before -> after`, the same wherever else the file changes."""

    mutant: str
    line: str

    @classmethod
    def of(cls, mutant: str, diff: str) -> "Survivor":
        changed = [line for line in diff.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]
        before, after = (" / ".join(line[1:].strip() for line in changed if line[0] == sign) for sign in "-+")
        module, _, name = mutant.partition("__mutmut_")[0].rpartition(".")
        function = name.removeprefix("x_").removeprefix("xǁ").replace("ǁ", ".")
        return cls(mutant, f"{module}.{function}: {before} -> {after}")


def explained(survivors: Iterable[Survivor]) -> dict[str, list[Survivor]]:
    """Survivors by the reason they may live, `UNEXPLAINED` where survivors.toml gives none."""
    reasons = {line: entry["why"] for entry in tomllib.loads(FILE.read_text()).get("reason", ())
               for line in entry["mutants"]}  # fmt: skip
    found: dict[str, list[Survivor]] = {}
    for survivor in sorted(survivors, key=lambda each: each.line):
        found.setdefault(reasons.get(survivor.line, UNEXPLAINED), []).append(survivor)
    return found


def stubs(survivors: Iterable[Survivor]) -> str:
    """What survivors.toml would say of them, once reasons are filled in."""
    lines = [f"  {json.dumps(line, ensure_ascii=False)},\n" for line in sorted({each.line for each in survivors})]
    return f'[[reason]]\nwhy = ""\nmutants = [\n{"".join(lines)}]\n'
