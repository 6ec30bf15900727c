"""A folded network computes what it did before, whatever its batch norms stand behind."""

import pytest
import torch
from torch import nn

from tests.backbones.plain import randomise
from vqa.backbones.folding import fold_batch_norms, followers


class Sum(nn.Module):
    """The norm of a sum, registered behind one of its terms, as in RepViT."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.short = nn.Conv2d(3, 4, 1)
        self.norm = nn.BatchNorm2d(4)

    def forward(self, x):
        return self.norm(self.conv(x) + self.short(x))


class Twice(nn.Module):
    """A convolution that is applied with and without its norm."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)
        self.norm = nn.BatchNorm2d(3)

    def forward(self, x):
        return self.conv(self.norm(self.conv(x)))


class Activating(nn.BatchNorm2d):
    """A batch norm with its activation in it, as timm's."""

    def __init__(self, channels: int):
        super().__init__(channels)
        self.drop, self.act = nn.Identity(), nn.ReLU()

    def forward(self, x):
        return self.act(super().forward(x))


@pytest.mark.parametrize("network,folded", [
    (Sum(), 0), (Twice(), 0), (nn.Sequential(nn.Conv2d(3, 4, 3), Activating(4)), 1),
    (nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.BatchNorm2d(4)), 1),
    (nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4, track_running_stats=False)), 0),
])  # fmt: skip
def test_only_a_norm_that_is_given_what_its_convolution_gives_is_folded(network, folded):
    randomise(network.eval(), 0)
    x = torch.randn(2, 3, 9, 7, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        before = network(x)
        found = followers(network, (1, 3, 9, 7))
        fold_batch_norms(network, found)
        torch.testing.assert_close(network(x), before)
    assert len(found) == folded


def test_a_dry_pass_leaves_shared_modules_as_they_were():
    shared = nn.Conv2d(3, 3, 1)
    network = nn.Sequential(shared, nn.Sequential(shared))
    followers(network, (1, 3, 4, 4))
    assert {value.device.type for value in network.parameters()} == {"cpu"}
    network.requires_grad_(False)
