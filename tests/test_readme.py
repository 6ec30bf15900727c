"""The README's chapter "From Python" runs as it stands, in a folder that holds what `make demo` leaves there."""

import os
import re
import subprocess
import sys

import pytest

from tests.conftest import REPO
from vqa.backbones.weights import place
from vqa.system.files import sha256
from vqa.temporal import create
from vqa.temporal.checkpoint import save_head

README = (REPO / "README.md").read_text(encoding="utf-8")
HEADING = "\n## From Python\n"
STABLE = (
    "vqa.load_head", "vqa.temporal.create", "vqa.temporal.pooling.POOLINGS", "vqa.backbones.create",
    "vqa.backbones.place", "vqa.shards.read", "vqa.shards.write",
    "vqa.sampling.sample_frames", "vqa.evaluate", "vqa.fit_logistic", "vqa.paired_ttest",
    "vqa.corrected_ttest", "vqa.Scorer",
)  # fmt: skip


def snippets() -> str:
    """Every ```python block below the heading, each on its own lines of README.md: a traceback names them."""
    before, chapter = README.split(HEADING)
    chapter = chapter.split("\n## ")[0]
    own = README.split("## Your own")[1].split("\n## ")[0]  # its model is run by tests/temporal/test_models.py
    others = README.replace(chapter, "").replace(own, "")
    assert "```python" not in others, "a python block outside the chapter would not be run"
    lines, kept = (before + HEADING + chapter).split("\n"), []
    inside = False
    for line in lines:
        fence = line.startswith("```")
        kept.append("" if fence or not inside else line)
        inside = line == "```python" if fence else inside
    return "\n".join(kept)


@pytest.fixture
def demo(tmp_path, make_clip):
    """The three files of a finished demo that the last snippet names."""
    weights = tmp_path / "results/weights/efficientnet_lite0.pth"
    place("efficientnet_lite0", weights)
    made_by = {
        "features": {"backbone": "efficientnet_lite0", "weights_sha256": sha256(weights), "precision": "float32"},
        "label_scale": 5.0,
        "seed": 0,
    }
    run = tmp_path / "results/runs/demo/frame-level/O/seed-0"
    save_head(run / "head.pt", create("vsfa", 2560, seed=0), "vsfa", made_by)
    make_clip(tmp_path / "results/data/demo/clip-000.mp4")
    return tmp_path


def python(code: str, folder) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(filter(None, (str(REPO), os.environ.get("PYTHONPATH"))))
    return subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True
    )


def test_the_snippets_run_in_order(demo):
    (demo / "snippets.py").write_text(snippets(), encoding="utf-8")
    result = python("exec(compile(open('snippets.py').read(), 'README.md', 'exec'), {'__name__': '__main__'})", demo)
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("\n") >= 8 and "nan" not in result.stdout


@pytest.mark.parametrize("name", STABLE)
def test_every_stable_name_is_listed_and_shown(name):
    assert f"`{name}" in README and re.search(rf"\b{re.escape(name)}\b", snippets())


def test_every_stable_name_is_reached_from_import_vqa_alone(tmp_path):
    code = f"import sys, vqa; assert 'torch' not in sys.modules; print(*[callable(n) for n in ({', '.join(STABLE)})])"
    result = python(code, tmp_path)
    assert result.returncode == 0, result.stderr
    assert result.stdout.split().count("True") == len(STABLE) - 1  # POOLINGS is a dict
