"""What the documentation names is there: keys, commands, files, links, versions."""

import re
import subprocess

import pytest
import yaml

from tests.conftest import REPO
from vqa import __version__
from vqa.cli import _COMMANDS

DOCUMENTATION = REPO / "workflow" / "documentation"
PAGES = [REPO / "README.md", REPO / "CONTRIBUTING.md", *sorted(DOCUMENTATION.glob("*.md"))]
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def text(page) -> str:
    return page.read_text(encoding="utf-8")


def code(page) -> list[str]:
    """Every code span, and every line of a code block."""
    parts = re.split(r"^```.*$", text(page), flags=re.M)
    spans = [span for prose in parts[::2] for span in re.findall(r"`([^`\n]+)`", prose)]
    return [*spans, *(line for block in parts[1::2] for line in block.splitlines())]


def anchors(page) -> set[str]:
    titles = re.findall(r"^#+ (.*)$", text(page), re.M)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def test_the_config_reference_lists_every_key():
    from vqa.config.reference import reference

    assert reference() in text(DOCUMENTATION / "config.md"), "paste the output of `python -m vqa.config.reference`"


def test_the_readme_is_short_and_its_picture_small():
    assert len(text(REPO / "README.md").splitlines()) < 320
    assert (DOCUMENTATION / "modes.png").stat().st_size < 60_000


@each_page
def test_links_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)]+)\)", text(page)):
        if not link.startswith("https://"):
            path, _, anchor = link.partition("#")
            target = (page.parent / path) if path else page
            assert target.is_file(), link
            assert not anchor or anchor in anchors(target), link


@each_page
def test_named_files_commands_and_targets_exist(page):
    targets = set(re.findall(r"^([a-z-]+):", (REPO / "Makefile").read_text(), re.M))
    for piece in code(page):
        for path in re.findall(r"(?<![\w./-])((?:vqa|tests|workflow|profiles|envs|\.ci|\.github)/[\w./-]*)", piece):
            assert (REPO / path).exists(), path
        if found := re.match(r"(?:\$ )?(vqa|make) ([a-z][a-z-]*)", piece):
            assert found[2] in (_COMMANDS if found[1] == "vqa" else targets), piece


def test_the_map_of_the_package_is_complete():
    chapter = text(REPO / "CONTRIBUTING.md").split("## Where things live")[1].split("\n## ")[0]
    rooms = {f"vqa/{path.name}/" for path in (REPO / "vqa").iterdir() if (path / "__init__.py").is_file()}
    rooms |= {f"vqa/{path.name}" for path in (REPO / "vqa").glob("[!_]*.py")}
    assert rooms == set(re.findall(r"^(vqa/\S+)", chapter, re.M))


@pytest.mark.parametrize("path", [REPO / "config.yaml", *sorted((REPO / "workflow/studies").glob("*.yaml"))])
def test_every_study_names_its_schema(path):
    found = re.match(r"# yaml-language-server: \$schema=(\S+)\n", path.read_text())
    assert found and (path.parent / found[1]).is_file()


def test_the_citation_is_of_this_version():
    assert yaml.safe_load(text(REPO / "CITATION.cff"))["version"] == __version__


def test_every_part_of_the_ci_script_has_a_job():
    script = REPO / ".ci" / "run"
    refused = subprocess.run([script, "no-such-part"], capture_output=True, text=True)
    assert refused.returncode == 2
    parts = re.search(r"\[(.*)\]", refused.stderr)[1].split()
    workflow = yaml.safe_load((REPO / ".github/workflows/ci.yml").read_text())
    jobs = workflow["jobs"]["check"]["strategy"]["matrix"]["include"]
    assert {part for job in jobs for part in job["parts"].split()} == set(parts)
