"""Every registered model holds to the contract, and a model that breaks it is told how."""

import inspect
import math
import random
import re
import textwrap
from pathlib import Path

import pytest
import torch

from tests.conftest import REPO, assert_one_line_error, vqa
from vqa.config import names
from vqa.config.heads import HEADS, HeadError, normalise, resolve, source
from vqa.system.errors import UserError
from vqa.temporal.checkpoint import load_head, save_head
from vqa.temporal.conformance import batch, check_model
from vqa.temporal.pooling import POOLINGS
from vqa.temporal.registry import create
from vqa.temporal.svr import SVR

BLIND = {"fc-mean", "transformer-set", "attention", "mlp", "svr"}
SOUND = """
    import torch
    from torch import nn

    class MyHead(nn.Module):
        blind_to_order = True

        def __init__(self, input_size: int, width: int = 8, gain: float = 1.0):
            super().__init__()
            self.layer = nn.Linear(input_size, width)
            self.q = nn.Linear(width, 1)

        def forward(self, features, lengths):
            inside = torch.arange(features.shape[1]) < lengths[:, None]
            frames = torch.tanh(self.layer(features)) * inside[..., None]
            return self.q(frames.sum(1) / lengths[:, None]).squeeze(-1)
    """


@pytest.fixture
def own(tmp_path):
    """A user's model, with some of its text replaced: its name for a config."""

    def write(*changes: tuple[str, str]) -> str:
        text = textwrap.dedent(SOUND)
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        (tmp_path / "mine.py").write_text(text)
        return f"{tmp_path}/mine.py:MyHead"

    return write


def problems(name: str) -> list[str]:
    return check_model(lambda: create(name, 16, seed=3), 16)


@pytest.mark.parametrize("name", HEADS)
def test_a_registered_model_holds_to_the_contract(name):
    assert problems(name) == []
    assert create(name, 16).blind_to_order == (name in BLIND)


@pytest.mark.parametrize("name", sorted(set(HEADS) - BLIND))
def test_a_model_that_sees_order_scores_shuffled_frames_otherwise(name):
    torch.manual_seed(1)
    frames, lengths = torch.randn(1, 30, 16), torch.tensor([30])
    head = create(name, 16).eval()
    with torch.no_grad():
        assert not torch.isclose(head(frames, lengths), head(frames.flip(1), lengths), rtol=1e-5)


@pytest.mark.parametrize(
    "head",
    [
        {"name": "tcn", "causal": False, "kernel": 5, "layers": 2},
        {"name": "transformer", "layers": 1, "width": 16, "heads": 2, "pooling": "hysteresis"},
        {"name": "lstm", "pooling": "percentile"},
        {"name": "inception-time", "filters": 4, "blocks": 1, "longest": 9},
    ],
)
def test_options_reach_the_model(head):
    assert problems(normalise(head)) == []


def test_a_users_model_is_sound_and_seen_by_its_options(own):
    name = own()
    assert problems(name) == []
    assert create(normalise({"name": name, "width": 5}), 16).module.layer.out_features == 5


def test_the_model_in_the_readme_is_short_and_sound(tmp_path):
    chapter = (REPO / "README.md").read_text().split("## Your own")[1].split("\n## ")[0]
    (block,) = re.findall(r"```python\n(.*?)```", chapter, re.S)
    assert len(block.splitlines()) < 30
    (tmp_path / "my_model.py").write_text(block)
    result = vqa("check-model", "my_model.py:MyHead", "--options", '{"width": 64}', cwd=tmp_path)
    assert result.returncode == 0 and "holds to all rules" in result.stdout, result.stdout + result.stderr
    assert_one_line_error(vqa("check-model", "my_model.py:Mine", cwd=tmp_path), "has no class 'Mine'; it has MyHead")


@pytest.mark.parametrize(
    "change,words",
    [
        (("* inside[..., None]", ""), "padding leaks"),
        (("/ lengths[:, None]", "/ features.shape[1]"), "in a batch"),
        (("frames.sum(1)", "frames.cumsum(1).sum(1)"), "claims to be blind to order"),
        ((".squeeze(-1)", ""), "of shape (5, 1)"),
        (("frames.sum(1)", "frames.sum(1).log()"), "not finite"),
        (("torch.tanh(self.layer(features))", "self.layer(features).abs().sqrt() * 0 + 1e20 ** 2"), "not finite"),
        (("self.layer(features)", "self.layer(features.flatten(1))"), "RuntimeError"),
        (("super().__init__()", "super().__init__(); self.seen = []"), ""),
        (("frames.sum(1)", "(frames * torch.ones(32)[: features.shape[1], None]).sum(1)"), "RuntimeError"),
        (
            ("True", "True\n\n    def get_extra_state(self):\n        return 1"),
            "not of tensors alone: module._extra_state",
        ),
        (("super().__init__()", "super().__init__(); self.lazy = nn.LazyLinear(1)"), "uninitialized parameter"),
    ],
)
def test_a_broken_rule_is_one_line(own, change, words):
    found = problems(own(change))
    assert all("\n" not in line for line in found)
    assert any(words in line for line in found) if words else found == []


def test_what_a_model_learns_beside_its_state_is_told(own):
    kept = (
        ("super().__init__()", "super().__init__(); self.mean = 0.0"),
        ("return", "self.mean += self.training; return self.mean +"),
    )
    (told,) = problems(own(*kept))
    assert "after its state_dict is saved and loaded" in told


@pytest.mark.parametrize(
    "head,words",
    [
        ("transfomer", "did you mean 'transformer'"),
        ({"name": "tcn", "layer": 3}, "no option 'layer'; did you mean 'layers'"),
        ({"name": "tcn", "layers": "three"}, "layers must be int, got 'three'"),
        ({"name": "tcn", "causal": 1}, "causal must be bool"),
        ({"layers": 3}, "a mapping with `name`"),
        ({"name": "transformer", "width": 30}, "width must be even and a multiple of heads, got width 30 and heads 4"),
        ({"name": "mlp", "width": 0}, "width must be at least 1, got 0"),
        ({"name": "lstm", "hidden": -1}, "hidden must be at least 1, got -1"),
        ({"name": "mlp", "dropout": 1}, "dropout must be at least 0 and below 1, got 1"),
        ({"name": "vsfa", "pooling": "max"}, "pooling 'max' is unknown; known are mean, "),
        ({"name": "tcn", "kernel": 4, "causal": False}, "kernel must be odd where the network is not causal, got 4"),
        ({"name": "tcn", "layers": 40}, "40 layers with kernel 3 look back over more than 65536 frames"),
        ({"name": "inception-time", "longest": 10}, "longest must be odd, got 10"),
        ("nowhere.py:MyHead", "there is no file"),
        ("no.such.module:MyHead", "no module"),
    ],
)
def test_a_mistake_in_the_config_is_told_without_torch(head, words):
    with pytest.raises(HeadError, match=words):
        normalise(head)


VALUES = {
    "int": (-1, 0, 1, 2, 3, 4, 9, 10, 16, 30),
    "float": (-0.1, 0, 0.5, math.nan),
    "bool": (True, False),
    "str": ("mean", "vsfa", "no pooling"),
}


@pytest.mark.parametrize("name", sorted(HEADS))
def test_what_the_config_takes_is_a_model_that_scores(name):
    """Every option alone, and pairs drawn at random."""
    cls = type(create(name, 8))
    kinds = {key: each.annotation for key, each in inspect.signature(cls).parameters.items() if key != "input_size"}
    single = [{key: value} for key, kind in kinds.items() for value in VALUES[kind.__name__]]
    draw, taken = random.Random(name), 0
    for options in single + [draw.choice(single) | draw.choice(single) for _ in range(30)]:
        try:
            text = normalise({"name": name, **options})
        except HeadError:
            continue
        model = create(text, 8).train()
        if isinstance(model, SVR):
            continue
        scores = model(*batch([torch.randn(5, 8), torch.randn(1, 8)]))
        torch.autograd.backward(scores.sum())
        assert torch.isfinite(scores).all() and all(each.numel() for each in model.parameters()), options
        taken += 1
    assert taken > 5 or name == "svr"


def test_the_poolings_of_the_config_are_those_there_are():
    assert set(names.POOLINGS) == POOLINGS.keys()


def test_a_users_mistakes_are_told_with_their_line(own, tmp_path):
    name = own()
    with pytest.raises(HeadError, match="has no class 'Other'; it has MyHead"):
        resolve(f"{tmp_path}/mine.py:Other")
    own(("def forward(", "def forward("), ("lengths):", "lengths:"))
    with pytest.raises(HeadError, match=r"mine\.py line \d+: "):
        resolve(name)
    own(("import torch\n", "import torch\nimport nothing_of_that_name\n"))
    with pytest.raises(UserError, match=r"mine\.py line 3: ModuleNotFoundError"):
        create(name, 16)


def test_a_file_that_ends_python_is_told_and_does_not_end_the_command(own):
    name = own(("import torch\n", "import torch\nimport sys\nsys.exit(0)\n"))
    assert_one_line_error(vqa("check-model", name), "mine.py line 4: SystemExit")
    assert_one_line_error(vqa("check-model", own(("super().__init__()", "raise SystemExit(0)"))), "cannot be made")


def test_batch_norms_that_fail_in_training_only_are_told(own):
    made = ("super().__init__()", "super().__init__(); self.norm = nn.BatchNorm1d(width)")
    frames = ("torch.tanh(self.layer(features))", "self.norm(self.layer(features).transpose(1, 2)).transpose(1, 2)")
    assert [line.split(":")[0] for line in problems(own(made, frames))] == ["padding leaks in training"]
    (told,) = problems(own(made, ("frames.sum(1)", "self.norm(frames.sum(1))")))
    assert "it can be trained on one video" in told and "Expected more than 1 value" in told


def test_a_package_of_the_working_folder_is_imported_with_its_own_modules(own, tmp_path, monkeypatch):
    own(("import torch\n", "import torch\nfrom .beside import VALUE\n"))
    package = tmp_path / "of_mine"
    package.mkdir()
    (tmp_path / "mine.py").rename(package / "model.py")
    (package / "__init__.py").touch()
    (package / "beside.py").write_text("VALUE = 1\n")
    monkeypatch.chdir(tmp_path)
    first = source("of_mine.model:MyHead")
    (package / "__init__.py").write_text("# runs before the model\n")
    assert source("of_mine.model:MyHead") != first
    result = vqa("check-model", "of_mine.model:MyHead", cwd=tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr


def test_two_models_with_modules_of_one_name_beside_them_each_have_their_own(own, tmp_path):
    text = Path(own(("import torch\n", "import torch\nfrom layers import VALUE\n")).rpartition(":")[0]).read_text()
    found = []
    for number in (1, 2):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "layers.py").write_text(f"VALUE = {number}\n")
        (folder / "mine.py").write_text(text.replace("blind_to_order", "value = VALUE\n    blind_to_order", 1))
        found.append(create(f"{folder}/mine.py:MyHead", 16).module.value)
    assert found == [1, 2]


def test_dataclasses_with_postponed_annotations_may_stand_in_a_users_file(own):
    settings = "from dataclasses import dataclass\n\n@dataclass\nclass Settings:\n    size: int = 1\n"
    assert problems(own(("\nimport torch\n", f"from __future__ import annotations\n{settings}\nimport torch\n"))) == []


def test_the_files_beside_a_model_that_it_imports_are_part_of_it(own, tmp_path):
    name = own(("import torch\n", "import torch\nimport helper\n"))
    (tmp_path / "helper.py").write_text("from deeper import VALUE\n")
    (tmp_path / "deeper.py").write_text("VALUE = 1\n")
    (tmp_path / "unrelated.py").write_text("VALUE = 1\n")
    first = source(name)
    (tmp_path / "unrelated.py").write_text("VALUE = 2\n")
    assert source(name) == first
    (tmp_path / "deeper.py").write_text("VALUE = 2\n")
    assert source(name) != first and source("vsfa") == ""
    assert problems(name) == []


def test_a_users_head_is_saved_and_refused_where_its_code_is_another(own, tmp_path):
    name = own()
    head = create(name, 16)
    save_head(tmp_path / "head.pt", head, name, {"seed": 1})
    again, made_by = load_head(tmp_path / "head.pt")
    videos, lengths = torch.randn(2, 9, 16), torch.tensor([9, 4])
    assert torch.equal(head.eval()(videos, lengths), again(videos, lengths)) and made_by == {"seed": 1}
    own(("torch.tanh", "torch.sigmoid"))
    with pytest.raises(UserError, match="was trained with another"):
        load_head(tmp_path / "head.pt")
    Path(name.rpartition(":")[0]).unlink()
    with pytest.raises(UserError, match="there is no file"):
        load_head(tmp_path / "head.pt")
