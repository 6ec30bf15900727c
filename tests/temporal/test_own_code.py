"""A user's own model: found, imported, hashed with what it imports, and told about in one line."""

from pathlib import Path

import pytest
import torch

from tests.conftest import assert_one_line_error, vqa
from tests.temporal.conftest import problems
from vqa.config.heads import HeadError, resolve, source
from vqa.system.errors import UserError
from vqa.temporal.checkpoint import load_head, save_head
from vqa.temporal.registry import create


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


def test_modules_of_a_folder_that_is_no_package_and_beside_it_are_part_of_a_model(own, tmp_path, monkeypatch):
    own(("import torch\n", "import torch\nfrom lab.parts.layer import VALUE\nfrom common import OTHER\n"))
    (tmp_path / "lab" / "parts").mkdir(parents=True)
    (tmp_path / "mine.py").rename(tmp_path / "lab" / "head.py")
    (tmp_path / "lab" / "parts" / "layer.py").write_text("VALUE = 1\n")
    (tmp_path / "common.py").write_text("OTHER = 1\n")
    monkeypatch.chdir(tmp_path)
    found = [source("lab.head:MyHead")]
    for file in ("lab/parts/layer.py", "common.py"):
        Path(file).write_text(Path(file).read_text() + "# edited\n")
        found.append(source("lab.head:MyHead"))
    assert len(set(found)) == 3
    result = vqa("check-model", "lab.head:MyHead", cwd=tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr


def test_a_model_may_keep_tensors_of_its_forward_or_normalise_its_weights(own):
    kept = ("frames = torch.tanh(self.layer(features))", "frames = self.kept = torch.tanh(self.layer(features))")
    assert problems(own(kept)) == []
    norm = "nn.utils.weight_norm(nn.Linear(input_size, width))"
    assert problems(own(("nn.Linear(input_size, width)", norm))) == []


def test_a_model_for_one_width_says_so(own, tmp_path):
    narrow = ("super().__init__()", "super().__init__(); assert input_size == 8")
    assert_one_line_error(vqa("check-model", own(narrow)), "cannot be made (AssertionError")
    name = own(narrow, ("blind_to_order = True", "blind_to_order = True\n    input_size = 8"))
    result = vqa("check-model", name)
    assert result.returncode == 0 and "at 8 values a frame" in result.stdout, result.stderr


def test_what_a_model_raises_in_training_is_one_line(own):
    head = create(own(("frames.sum(1)", "(frames * torch.ones(32)[: features.shape[1], None]).sum(1)")), 16)
    with pytest.raises(UserError, match=r"head 'MyHead': fails on features of 1 x 40 x 16 \(RuntimeError: .* \(32\)"):
        head(torch.ones(1, 40, 16), torch.tensor([40]))


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


@pytest.mark.parametrize("installed", [True, False])
def test_an_installed_model_depends_on_its_own_distribution_alone(own, tmp_path, monkeypatch, installed):
    """As pip records it; a model beside installed packages keeps its own files."""
    own(("import torch\n", "import torch\nimport helper\nimport theirs\n"))
    (tmp_path / "helper.py").write_text("VALUE = 1\n")
    (tmp_path / "theirs.py").write_text("VALUE = 1\n")
    for distribution, files in (("mine-1.0", ("mine.py", "helper.py")), ("theirs-2.0", ("theirs.py",))):
        if installed or distribution == "theirs-2.0":
            folder = tmp_path / f"{distribution}.dist-info"
            folder.mkdir()
            (folder / "RECORD").write_text("".join(f"{file},sha256=a,9\n" for file in files))
    monkeypatch.syspath_prepend(tmp_path)
    first = source("mine:MyHead")
    (tmp_path / "theirs.py").write_text("VALUE = 2\n")
    assert source("mine:MyHead") == first
    (tmp_path / "helper.py").write_text("VALUE = 2\n")
    assert source("mine:MyHead") != first


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
