"""A user's own network as a backbone: its rows are what the class says, and a class that breaks a rule is told how."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from tests.conftest import REPO, changed
from vqa.backbones import create, own, place, spec
from vqa.backbones.conformance import check_backbone
from vqa.backbones.registry import source
from vqa.cli.models import check_backbone as check
from vqa.config import BackboneSettings, Extraction, parse
from vqa.features.identity import settings_of
from vqa.study.grid import Grid
from vqa.system.errors import UserError

SOUND = """
    import torch
    from torch import nn

    class MyNet(nn.Module):
        mean = (0.5, 0.4, 0.3)
        std = (0.2, 0.25, 0.3)
        clip_length = 1

        def __init__(self):
            super().__init__()
            self.unused = nn.Conv2d(3, 8, 3)
            self.norm = nn.BatchNorm2d(8)  # registered behind a convolution that it does not follow
            self.conv = nn.Conv2d(3, 8, 5, stride=2)

        def forward(self, x):
            maps = self.norm(torch.relu(self.conv(x)))
            return maps
    """


@pytest.fixture
def write(tmp_path):
    """A user's network, with some of its text replaced: its name for a config."""

    def written(*changes: tuple[str, str]) -> str:
        (tmp_path / "my_net.py").write_text(changed(SOUND, *changes))
        return f"{tmp_path}/my_net.py:MyNet"

    return written


def problems(name: str, folder: Path, precision: torch.dtype = torch.bfloat16) -> list[str]:
    place(name, folder / "w.pth")
    return check_backbone(lambda: create(name, folder / "w.pth"), precision)


def test_maps_are_pooled_as_a_plain_loop_does(write, tmp_path):
    name = write()
    assert problems(name, tmp_path) == []
    frames = np.random.default_rng(0).integers(0, 256, (2, 40, 56, 3), np.uint8)
    found = create(name, tmp_path / "w.pth").optimise(torch.float32)(torch.from_numpy(frames)).numpy()
    state = torch.load(tmp_path / "w.pth", weights_only=True)
    for row, frame in zip(found, frames, strict=True):
        pixels = (frame / 255 - np.array([0.5, 0.4, 0.3])) / np.array([0.2, 0.25, 0.3])
        x = torch.from_numpy(pixels).permute(2, 0, 1).float()[None]
        maps = torch.relu(F.conv2d(x, state["conv.weight"], state["conv.bias"], stride=2)) / (1 + 1e-5) ** 0.5
        flat = maps[0].flatten(1).double().numpy()
        np.testing.assert_allclose(row, [*flat.mean(1), *flat.std(1, ddof=1)], atol=1e-5)


def test_features_are_rows_as_they_are_and_cubes_and_sizes_are_as_the_class_says(write, tmp_path):
    flat = write(("return maps", "return maps.mean((2, 3))"))
    assert problems(flat, tmp_path) == []
    assert create(flat, tmp_path / "w.pth")(torch.zeros(2, 64, 64, 3, dtype=torch.uint8)).shape == (2, 8)
    cubes = write(
        ("clip_length = 1", "clip_length: int = 4; size = 32"), ("nn.Conv2d", "nn.Conv3d"),
        ("BatchNorm2d", "BatchNorm3d"), ("5, stride=2", "3"),
    )  # fmt: skip
    assert spec(cubes).clip_length == 4 and problems(cubes, tmp_path) == []
    extractor = create(cubes, tmp_path / "w.pth")
    assert extractor.prepare(np.zeros((64, 96, 3), np.uint8)).shape == (32, 32, 3)
    assert extractor(torch.zeros(2, 4, 32, 32, 3, dtype=torch.uint8)).shape == (2, 16)


@pytest.mark.parametrize("change,words", [
    (("return maps", "return maps.flatten(1)"), "rows of another length for another size of frame"),
    (("return maps", "return maps / 0"), "not finite for frames of 128x96"),
    (("return maps", "return [maps]"), "gives a list for 2 items"),
    (("return maps", "return maps.mean()"), "gives a tensor () for 2 items"),
    (("return maps", "return maps + torch.rand(1)"), "draw nothing at random"),
    (("self.norm(", "self.norm.train()("), "leave it in eval mode"),
    (("return maps", "return maps - maps.mean(0)"), "in a batch than for the item alone"),
    (("return maps", "return torch.ones_like(maps)"), "the same features for different frames"),
    (("return maps", "return maps.view(-1)[::-1]"), "does not run: "),
    (("return maps", "return maps.view(len(maps), -1)"), "does not run: RuntimeError: view size"),
    (("return maps", "return maps @ torch.ones(maps.shape[-1], 3)"), "does not run in bfloat16"),
    (("clip_length = 1", "prepare = staticmethod(lambda frame: frame / 255)"), "its prepare must give a frame"),
])  # fmt: skip
def test_a_broken_rule_is_one_line(write, tmp_path, change, words):
    found = problems(write(change), tmp_path)
    assert len(found) == 1 and words in found[0] and "\n" not in found[0], found


@pytest.mark.parametrize("changes,words", [
    ([("import torch\n", "import torch\nimport nothing_of_that_name\n")], r"my_net\.py line 3: ModuleNotFoundError"),
    ([("__init__(self)", "__init__(self, depth)")], "cannot be made .TypeError"),
    ([("nn.Module", "object"), ("super().__init__()", "return")], "is no torch.nn.Module"),
    ([("(0.5, 0.4, 0.3)", "0.5")], r"mean must be three numbers, of RGB in 0 to 1, got 0\.5"),
    ([("clip_length = 1", "clip_length = int('4')")], "clip_length must be written as a number"),
    ([("clip_length = 1", ""), ("super().__init__()", "super().__init__(); self.clip_length = 4")], "own body"),
    ([("(self, x):", "(self, x:")], r"my_net\.py line \d+: "),
    ([("MyNet", "Another")], "has no class 'MyNet'; it has Another"),
])  # fmt: skip
def test_a_network_that_cannot_be_made_is_one_line(write, tmp_path, changes, words):
    with pytest.raises(UserError, match=words) as raised:
        problems(write(*changes), tmp_path)
    assert "\n" not in str(raised.value)


def test_the_network_in_the_documentation_is_short_and_sound(tmp_path):
    page = (REPO / "workflow/documentation/backbones.md").read_text()
    (block,) = re.findall(r"```python\n(.*?)```", page, re.S)
    assert len(block.splitlines()) < 30
    (tmp_path / "my_net.py").write_text(block)
    assert problems(f"{tmp_path}/my_net.py:MyNet", tmp_path) == []


def test_the_command_says_what_it_found(write, capsys):
    def told(*arguments: str) -> str:
        check.main([*arguments], standalone_mode=False)
        return capsys.readouterr().out

    assert "holds to all rules" in told(write(), "--precision", "float32")
    with pytest.raises(UserError, match="breaks a rule of backbones"):
        told(write(("return maps", "return maps / 0")))
    assert "not finite" in capsys.readouterr().out
    with pytest.raises(UserError, match="give its checkpoint with --weights"):
        told("resnet50")


def test_features_depend_on_the_files_of_a_network(write, tmp_path):
    name = write(("import torch\n", "import torch\nimport helper\n"))
    (tmp_path / "helper.py").write_text("VALUE = 1\n")
    first = settings_of(name, BackboneSettings(), Extraction())
    (tmp_path / "helper.py").write_text("VALUE = 2\n")
    assert settings_of(name, BackboneSettings(), Extraction())["code"] != first["code"]
    assert "code" not in settings_of("resnet50", BackboneSettings(), Extraction()) and source("resnet50") == ""


def test_weights_are_the_class_s_own_from_a_fixed_seed_or_a_file(write, tmp_path):
    name = write()
    place(name, tmp_path / "a.pth")
    place(name, tmp_path / "b.pth")
    assert (tmp_path / "a.pth").read_bytes() == (tmp_path / "b.pth").read_bytes()
    with pytest.raises(UserError, match=r"1 missing: conv\.bias"):
        state = own.build(name).state_dict()
        del state["conv.bias"]
        torch.save(state, tmp_path / "b.pth")
        create(name, tmp_path / "b.pth")


@pytest.mark.parametrize("backbone,slug", [("{folder}/my_net.py:MyNet", "my_net-MyNet"), ("json.decoder:MyNet", None)])
def test_a_study_names_it_by_file_or_module(write, tmp_path, backbone, slug):
    write()
    name = backbone.format(folder=tmp_path)
    study = parse({"seeds": 1, "datasets": {"demo": {"reader": "demo"}}, "experiments": {"a": {"backbone": name}}}, "c")
    if slug:
        assert Grid(study).slugs == [slug] and list(Grid(study).own_backbones.values()) == [name]
    else:
        with pytest.raises(UserError, match="has no class 'MyNet'"):
            Grid(study)


def test_a_network_that_ends_python_is_told(write, tmp_path):
    name = write(("return maps", "raise SystemExit(0)"))
    assert problems(name, tmp_path) == ["does not run: SystemExit: 0"]
    with pytest.raises(UserError, match="cannot be made"):
        problems(write(("super().__init__()", "raise SystemExit(0)")), tmp_path)
