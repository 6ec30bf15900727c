"""What the Snakefile tells the commands it runs: how Snakemake was called, which study they belong to.

By the environment: words on a command line would be part of what Snakemake compares, and run everything again.
"""

import atexit
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

import yaml

from vqa.config import Study, to_yaml
from vqa.study.layout import Layout
from vqa.study.record import keep_record
from vqa.system.errors import SNAKEMAKE, UserError
from vqa.system.files import digest, write_text
from vqa.system.locks import FolderLock

STUDY = "VQA_STUDY"
SOURCE = "VQA_SOURCE"
FEATURES_MB = "VQA_FEATURES_MB"
AUDIT = "VQA_AUDIT"
_HELD: list[FolderLock] = []
# The options that choose what is run and where; each takes the words up to the next option.
_KEPT = {
    "-s": "--snakefile", "--snakefile": "--snakefile",
    "-d": "--directory", "--directory": "--directory",
    "--profile": "--profile", "--workflow-profile": "--workflow-profile",
    "--configfile": "--configfile", "--configfiles": "--configfile",
    "--config": "--config", "-C": "--config",
    "--sdm": "--sdm", "--software-deployment-method": "--sdm",
}  # fmt: skip


def default_study(source: str) -> str:
    """config.yaml of the working folder, else the one beside the Snakefile."""
    own = "config.yaml"
    return own if Path(own).is_file() else str(Path(source) / own)


def open_session(study: Study, arguments: Sequence[str], source: Path) -> None:
    """Set the environment of all jobs; raises `UserError` where a profile's settings would be lost.

    arguments: those of Snakemake's main process; source: the workflow's folder.
    """
    require_profile_settings(arguments)
    os.environ[SNAKEMAKE] = command(arguments)
    os.environ[STUDY] = digest_of(study)
    os.environ[SOURCE] = str(source)


def tell(study: Study) -> None:
    """Set the environment of the jobs that this process runs, be it Snakemake's main one or one on a node."""
    os.environ[FEATURES_MB] = str(study.training.features_mb)
    os.environ[AUDIT] = str(int(study.audit))


def start(study: Study) -> None:
    """Take the results for this process alone, and write the config that its commands read."""
    layout = Layout.of(study)
    try:
        _HELD.extend(FolderLock(folder) for folder in dict.fromkeys([layout.results, layout.store]))
    except UserError as error:
        sys.exit(f"vqa: error: {error}")
    atexit.register(_release)
    keep_record(layout)
    write_text(layout.study, to_yaml(study))


def _release() -> None:
    while _HELD:
        _HELD.pop().release()


def digest_of(study: Study) -> str:
    return digest(study.model_dump(mode="json", by_alias=True))


def given(arguments: Sequence[str]) -> dict[str, list[str]]:
    """The words of each option that chooses the study: `--configfile a.yaml --cores 2` gives those of --configfile."""
    found: dict[str, list[str]] = {}
    words: list[str] = []
    for word in arguments:
        if word.startswith("-") and word != "-":
            name, _, value = word.partition("=")
            words = found.setdefault(_KEPT[name], []) if name in _KEPT else []
            words += [value] if value else []
        else:
            words.append(word)
    return found


def command(arguments: Sequence[str]) -> str:
    """`snakemake` with the user's own config, profile and folder, quoted."""
    return shlex.join(["snakemake", *(word for name, words in given(arguments).items() for word in (name, *words))])


def require_profile_settings(arguments: Sequence[str]) -> None:
    """Raise `UserError` where `--config` replaces the `config:` of a profile: Snakemake does not join them."""
    options = given(arguments)
    if "--config" not in options:
        return
    for profile in (*options.get("--profile", ()), *options.get("--workflow-profile", ())):
        wanted = _settings(Path(profile))
        named = {word.partition("=")[0] for word in options["--config"]}
        if lost := [entry for entry in wanted if entry.partition("=")[0] not in named]:
            repeated = shlex.join([*lost, *options["--config"]])
            raise UserError(f"--config replaces what {profile} sets; repeat it: --config {repeated}")


def _settings(profile: Path) -> list[str]:
    """The `config:` entries of a profile, KEY=VALUE each."""
    for file in (profile / "config.yaml", profile):
        if file.is_file():
            entries = (yaml.safe_load(file.read_text()) or {}).get("config", [])
            return [f"{key}={value}" for key, value in entries.items()] if isinstance(entries, dict) else entries
    return []
