"""Multiply-adds against what each layer's equations say, counted by hand."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from vqa.config.heads import HEADS
from vqa.temporal import registry
from vqa.temporal.cost import _in_single_steps, multiply_adds, parameters
from vqa.temporal.model import TemporalModel
from vqa.temporal.svr import SVR

D, T = 20, 12
PROJECTION = T * D * 128


@pytest.mark.parametrize(
    "head,by_hand",
    [
        ("fc-mean", PROJECTION + T * 128),
        ("vsfa", PROJECTION + T * 3 * 32 * (128 + 32) + T * 32),
        ("lstm", PROJECTION + T * 4 * 32 * (128 + 32) + T * 32),
        ("bigru", PROJECTION + 2 * T * 3 * 32 * (128 + 32) + T * 64),
        ("mlp", PROJECTION + 128 * 64 + 64),
    ],
)
def test_products_are_counted_once_each(head, by_hand):
    assert multiply_adds(registry.create(head, D), T) == by_hand


@pytest.mark.parametrize("head", ["vsfa", "bigru", "tcn", "transformer", "inception-time", "attention"])
def test_the_count_is_that_of_torchs_own_counter(head):
    model = registry.create(head, D).eval()
    with torch.no_grad(), _in_single_steps(), FlopCounterMode(display=False) as counter:
        model(torch.zeros(1, T, D), torch.tensor([T]))
    assert multiply_adds(model, T) == counter.get_total_flops() // 2


def test_attention_counts_its_products_between_frames():
    """Two products of T x T x width a layer grow with the square of the length; all else is linear."""
    head = '{"name":"transformer","width":16,"layers":3,"heads":2}'
    short, long = (multiply_adds(registry.create(head, D), rows) for rows in (T, 2 * T))
    assert long - 2 * short == 3 * 2 * 16 * (4 * T**2 - 2 * T**2)


def test_a_fitted_model_counts_its_support_vectors():
    model = registry.create("svr", D)
    assert isinstance(model, SVR)
    model.fit(torch.rand(30, D, dtype=torch.float64), torch.rand(30, dtype=torch.float64), 10.0, 1.0)
    found = len(model.weights)
    assert found > 3 and multiply_adds(model, T) == found * D + found
    assert parameters(model) == found * (D + 1) + 2 + 2 * D


def test_a_bilinear_layer_counts_its_products():
    class Bilinear(TemporalModel):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.input_size = torch.nn.Bilinear(D, D, 3), D

        def forward(self, features, lengths, rates=None):
            return self.layer(features, features).sum((1, 2))

    assert multiply_adds(Bilinear(), T) == T * 3 * (D * D + D)


@pytest.mark.parametrize("head", sorted(HEADS))
def test_every_model_is_counted_and_left_as_it_was(head):
    model = registry.create(head, D).train()
    if head != "svr":  # which is nothing until it is fitted
        before = [each.clone() for each in model.parameters()]
        assert multiply_adds(model, T) > 0 and parameters(model) > 0
        assert model.training and all(map(torch.equal, before, model.parameters()))
