"""Every classification and video model of torchvision gives the features of the plain model, or is refused."""

from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
import torch
from torchvision.models import get_model_weights

from tests.backbones.plain import NAMES, VIDEO_NAMES, Plain, plain, unset
from tests.conftest import REPO
from vqa.backbones import create
from vqa.backbones.catalogue import names, row, table
from vqa.backbones.extractor import Extractor
from vqa.backbones.families import family

FAST = ("convnext_tiny", "efficientnet_v2_s", "googlenet", "maxvit_t", "mnasnet0_5", "mvit_v2_s", "regnet_y_400mf",
        "shufflenet_v2_x0_5", "swin3d_t", "swin_t", "vit_b_32")  # fmt: skip
ALL = [*NAMES, *VIDEO_NAMES]
LARGE = 60e6  # parameters


def extractor(name: str, found: Plain) -> Extractor:
    """Ours, from a checkpoint of the plain model's values."""
    with unset(), patch.object(torch, "load", lambda *_, **__: found.state):
        return create(f"torchvision/{name}", Path("w.pth"), cube_input=cube_input(name)).optimise(torch.float32)


def cube_input(name: str) -> str:
    return "native" if name in VIDEO_NAMES and not family(name).own_size else "crop112"


def run(ours: Extractor, frames: np.ndarray) -> np.ndarray:
    flat = frames.reshape(-1, *frames.shape[-3:])
    prepared = np.stack([ours.prepare(frame) for frame in flat])
    return ours(torch.from_numpy(prepared.reshape(*frames.shape[:-3], *prepared.shape[1:]))).numpy()


def agree(name: str) -> None:
    expected = plain(name, family(name).node)
    found = run(extractor(name, expected), expected.frames)
    assert found.shape == expected.features.shape
    deviations = expected.features[:, expected.features.shape[1] // 2 :]
    assert np.median(deviations) > 1e-3 * expected.peak, "the random network tells nothing apart"
    np.testing.assert_allclose(found, expected.features, rtol=0, atol=1e-5 * expected.peak)


@pytest.mark.parametrize("name", FAST)
def test_one_network_of_each_kind_gives_the_plain_features(name):
    agree(name)


TABLE = (REPO / "workflow/documentation/networks.md").read_text()


def test_the_documented_networks_are_torchvision_s():
    rows = [line.split(" ")[1] for line in TABLE.splitlines() if line.startswith("| ")]
    assert [name.rstrip("*") for name in rows] == ["network", "---", *ALL] and names() == ALL


@pytest.mark.parametrize("name", ["resnet18", "swin_t", "vit_b_32"])
def test_the_documentation_says_what_is_computed(name):
    assert row(name) in TABLE.splitlines(), "run `python -m vqa.backbones.catalogue` and keep its output"


@pytest.mark.networks
def test_the_whole_table_is_what_is_computed():
    assert table() == TABLE, "run `python -m vqa.backbones.catalogue` and keep its output"


def marks(name: str) -> tuple[pytest.MarkDecorator, ...]:
    size = max(each.meta["num_params"] for each in get_model_weights(name))
    return (pytest.mark.large,) if size > LARGE else ()


@pytest.mark.networks
@pytest.mark.parametrize("name", [pytest.param(name, marks=marks(name)) for name in ALL])
def test_every_network_gives_the_plain_features(name):
    agree(name)
