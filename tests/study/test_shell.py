"""What reaches a shell is quoted; what evaluation depends on is what it compares."""

import shlex
import subprocess
from pathlib import Path

import pytest

from vqa.config import BackboneSettings, parse
from vqa.results.contents import Contents
from vqa.study import depends

HOSTILE = ["$(touch owned)", "; touch owned", "a b", "it's", '"', "`touch owned`", "-x", "*", "\\", "a\nb"]


def study(experiments: dict[str, object], **more: object):
    return parse({"seeds": 2, "datasets": {"d": {"reader": "demo"}}, "experiments": experiments, **more})


def said_by_a_shell(flags: str, folder: Path) -> list[str]:
    """The words that a command would be given."""
    done = subprocess.run(["bash", "-c", f"printf '%s\\0' {flags}"], cwd=folder, capture_output=True, check=True)
    return done.stdout.decode().split("\0")[:-1]


@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_values_reach_a_command_as_one_word(tmp_path, value):
    chosen = study({"e": {"backbone": "resnet50"}})
    settings = BackboneSettings.model_construct(node=value, cube_input="native")  # as if the schema let it pass
    flags = depends.extract_flags(value, settings, chosen.extraction, chosen.datasets["d"])
    words = said_by_a_shell(flags, tmp_path)
    assert words.count(value) == 2 and words == shlex.split(flags)
    crossed = said_by_a_shell(depends.cross_flags([("d", Path(value), Path(value))]), tmp_path)
    assert crossed == ["--dataset", f"d:{Path(value)}:{Path(value)}"]
    assert not (tmp_path / "owned").exists()


def evaluated(*names: str) -> str:
    """With two candidates for the baseline of `sparse`: the first in the config is it."""
    made = {
        "one": {"backbone": "resnet50"},
        "two": {"backbone": "resnet50", "lr": 1e-3},
        "sparse": {"backbone": "resnet50", "sampler": 4},
    }
    chosen = study({name: made[name] for name in names})
    return depends.evaluate_depends(chosen, Contents(chosen).pairs)


def test_another_baseline_is_another_evaluation():
    assert evaluated("one", "two", "sparse") != evaluated("two", "one", "sparse")
    assert '["samplers","d",["sparse","OO"],["two","OO"]]' in evaluated("two", "one", "sparse")
    assert evaluated("one", "two", "sparse") == evaluated("one", "two", "sparse")
