"""Variants: settings of one network side by side, under names of their own."""

from pathlib import Path

import pytest

from vqa.config import load, parse, to_yaml
from vqa.results.published import departure, experiment_of
from vqa.study.grid import Grid
from vqa.study.layout import Layout
from vqa.study.sources import weights
from vqa.system.errors import UserError


def study(backbones, *used, **experiment):
    experiments = {f"e{number}": {"backbone": name} | experiment for number, name in enumerate(used)}
    return parse(
        {"seeds": 1, "datasets": {"d": {"reader": "demo"}}, "backbones": backbones, "experiments": experiments}
    )


def test_two_settings_of_one_network_have_folders_of_their_own_and_share_its_weights():
    backbones = {
        "r50-sparse": {"network": "resnet50", "every": 16},
        "r50-own": {"network": "resnet50", "weights": "own.pth"},
        "tv": {"network": "torchvision/resnet18", "node": "layer3"},
    }
    chosen = study(backbones, "resnet50", "r50-sparse", "r50-own", "tv", "torchvision/resnet18")
    grid, layout = Grid(chosen), Layout.of(chosen)
    assert grid.slugs == ["r50-own", "r50-sparse", "resnet50", "torchvision-resnet18", "tv"]
    assert list(grid.networks) == ["resnet50", "torchvision-resnet18"]
    assert {slug: weights(grid, layout, slug).as_posix() for slug in grid.slugs} == {
        "r50-own": "own.pth",
        **dict.fromkeys(["r50-sparse", "resnet50"], "results/weights/resnet50.pth"),
        **dict.fromkeys(["torchvision-resnet18", "tv"], "results/weights/torchvision-resnet18.pth"),
    }
    sparse = grid.backbone_of("r50-sparse")
    assert (sparse.network.name, sparse.row_frames) == ("resnet50", 16)
    assert sparse.note == "ResNet-50, ImageNet V1 weights, one of each 16 frames"


@pytest.mark.parametrize(
    "backbones,used,words",
    [
        ({"resnet50": {"network": "resnet3d18"}}, "resnet50", "backbones.resnet50: this is a network's own name"),
        ({"a/b": {"network": "resnet50"}}, "a/b", "backbones.a/b: this is a network's own name"),
        ({"sparse": {"network": "resnet51"}}, "sparse", "backbone 'resnet51' is unknown; did you mean 'resnet50'?"),
        ({"sparse": {"every": 2}}, "sparse", "backbone 'sparse' is unknown"),
        ({"r50-sparse": {"network": "resnet50"}}, "r50-spare", "'r50-spare' is unknown; did you mean 'r50-sparse'?"),
    ],
)
def test_a_mistake_in_a_variant_is_one_line(backbones, used, words):
    with pytest.raises(UserError) as caught:
        Grid(study(backbones, used))
    assert words in str(caught.value) and "\n" not in str(caught.value)


def test_two_names_of_one_folder_are_refused():
    with pytest.raises(UserError, match="share one folder name"):
        Grid(study({"torchvision-resnet18": {"network": "resnet50"}}, "torchvision-resnet18", "torchvision/resnet18"))


def test_the_paper_knows_a_variant_by_its_network_and_tells_what_it_leaves_out():
    chosen = study({"sparse": {"network": "resnet50", "every": 16}}, "sparse", batch_size=128)
    assert experiment_of(chosen, "e0") == "frame-level" and departure(chosen, "e0") == "every 16 for 1"


def test_a_variant_is_written_and_read_again(tmp_path: Path):
    chosen = study({"sparse": {"network": "resnet50", "every": 16}}, "sparse")
    (tmp_path / "study.yaml").write_text(to_yaml(chosen))
    assert load(tmp_path / "study.yaml") == chosen
