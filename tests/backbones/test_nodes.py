"""Nodes that can be pooled, and those that are refused in one line."""

import numpy as np
import pytest
import torch
from torchvision import models

from vqa.backbones import create
from vqa.backbones.catalogue import WithoutMemory
from vqa.backbones.layout import CHANNELS_FIRST, Layout, infer, pool
from vqa.backbones.registry import check_settings, recipe
from vqa.backbones.torchvision_models import build, cut
from vqa.config import BackboneSettings, Extraction, parse
from vqa.features.identity import settings_of
from vqa.study.grid import Grid
from vqa.study.layout import Layout as StudyLayout
from vqa.study.sources import Sources, check
from vqa.system.errors import UserError


def layout_at(name: str, node: str) -> Layout:
    with WithoutMemory():
        network = build(name)
    return cut(name, network, 16 if name in models.list_models(module=models.video) else 1, node).layout


@pytest.mark.parametrize("layout", [Layout(1), Layout(2), Layout(4), Layout(3, prefix=2)])
def test_positions_are_pooled_and_channels_are_not(layout):
    maps = torch.randn(2, 3, 4, 5, 6, generator=torch.Generator().manual_seed(0))
    flat = np.moveaxis(maps.double().numpy(), layout.channels, 1).reshape(2, maps.shape[layout.channels], -1)
    flat = flat[..., layout.prefix :]
    expected = np.concatenate([flat.mean(-1), flat.std(-1, ddof=1)], axis=1)
    np.testing.assert_allclose(pool(maps, layout), expected, atol=1e-6)


@pytest.mark.parametrize("name,node,channels", [
    ("swin_t", "features", 3), ("swin_t", "features.3", 3), ("swin_t", "permute", 1), ("swin_t", "features.0.0", 1),
    ("convnext_tiny", "features.7", 1), ("convnext_tiny", "features.7.2.block.2", 3), ("vgg11", "avgpool", 1),
    ("vit_b_32", "conv_proj", 1), ("vit_b_32", "encoder.layers.encoder_layer_3", 2), ("swin3d_t", "features", 4),
])  # fmt: skip
def test_the_axis_of_channels_is_known_at_any_node(name, node, channels):
    assert layout_at(name, node).channels == channels


@pytest.mark.parametrize("name,node,words", [
    ("resnet18", "avgpool", "single position.*512x1x1.*layer4.0, layer4"),
    ("resnet18", "flatten", "has no positions.*layer4"),
    ("resnet18", "fc", "has no positions"),
    ("resnet18", "nowhere", "no node 'nowhere'; nodes that work are .*layer4"),
    ("efficientnet_b0", "avgpool", "single position"),
    ("vit_b_32", "getitem_5", "cannot be pooled|no node"),
    ("mvit_v2_s", "head", r"cannot be pooled; nodes that work are .*blocks\.15, norm"),
])  # fmt: skip
def test_a_node_without_positions_is_refused_with_those_that_work(name, node, words):
    with pytest.raises(UserError, match=rf"torchvision/{name}.*{words}") as raised:
        layout_at(name, node)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("small,large,words", [
    ((2, 768), (2, 768), "no positions"),
    ((2, 61440), (2, 98304), "no channels"),
    ((2, 20, 24), (2, 48, 60), "no channels"),
    ((2, 8, 20, 64), (2, 8, 48, 64), "more than one axis"),
    ((64, 49, 32), (160, 49, 32), "no map of each picture"),
])  # fmt: skip
def test_maps_of_unknown_layout_are_refused(small, large, words):
    with pytest.raises(ValueError, match=words):
        infer(small, large)


def test_maps_of_a_fixed_size_have_their_channels_first():
    assert infer((2, 512, 7, 7), (2, 512, 7, 7)) == CHANNELS_FIRST


@pytest.mark.parametrize("name", ["resnet50", "efficientnet_lite0", "resnet3d18", "resnet3d101-2018"])
def test_a_node_on_a_fixed_backbone_is_refused_before_anything_runs(name, tmp_path):
    with pytest.raises(UserError, match=rf"backbones\.{name}\.node: .*remove `node`"):
        create(name, tmp_path / "w.pth", node="layer3")
    (tmp_path / "w.pth").touch()
    study = parse({
        "seeds": 1, "datasets": {"demo": {"reader": "demo"}},
        "backbones": {name: {"node": "layer3", "weights": str(tmp_path / "w.pth")}},
        "experiments": {"a": {"backbone": name}},
    }, "config")  # fmt: skip
    with pytest.raises(UserError, match=rf"backbones\.{name}\.node"):
        check(Grid(study), Sources(study, StudyLayout.of(study), Grid(study)))


def test_native_cubes_of_a_network_of_one_size_are_refused():
    check_settings("torchvision/s3d", None, "native")
    with pytest.raises(UserError, match=r"mvit_v2_s\.cube_input: native: .*one size only"):
        check_settings("torchvision/mvit_v2_s", None, "native")


@pytest.mark.parametrize("name,node,changed", [
    ("resnet50", None, False), ("resnet3d101-2018", None, False), ("torchvision/resnet18", None, False),
    ("torchvision/convnext_tiny", "features.7", False), ("torchvision/convnext_tiny", "features.7.2.block.1", True),
    ("torchvision/swin_t", None, True), ("torchvision/swin_t", "permute", False), ("torchvision/s3d", None, False),
    ("torchvision/swin3d_t", None, True), ("torchvision/efficientnet_v2_l", None, True),
    ("torchvision/efficientnet_v2_m", None, False), ("torchvision/inception_v3", "Mixed_6e", True),
])  # fmt: skip
def test_only_networks_whose_features_changed_have_another_identity(name, node, changed):
    settings = settings_of(name, BackboneSettings(node=node), Extraction())
    assert ("recipe" in settings) == changed == (recipe(name, node) is not None)
