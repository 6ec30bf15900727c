"""Lengths of padded sequences: 1 to T, and nothing behind them counts."""

import pytest
import torch

from vqa.temporal.pooling import masked_mean, temporal_pooling


@pytest.mark.parametrize("pool", [masked_mean, temporal_pooling])
@pytest.mark.parametrize("lengths", [[0, 3], [-1, 3], [3, 6], [6, 6], [0, 6]])
def test_lengths_outside_the_sequence_are_refused(pool, lengths):
    with pytest.raises(ValueError, match=r"lengths must lie in 1\.\.5"):
        pool(torch.zeros(2, 5), torch.tensor(lengths))


@pytest.mark.parametrize("pool", [masked_mean, temporal_pooling])
def test_the_shortest_and_the_longest_length_are_taken_and_padding_is_not(pool):
    q = torch.arange(10.0).view(2, 5)
    first, second = pool(q, torch.tensor([1, 5])).tolist()
    assert first == 0.0
    assert second == pytest.approx(pool(q[1:], torch.tensor([5])).item())
    q[0, 1:] = torch.nan
    assert pool(q, torch.tensor([1, 5])).tolist() == [first, second]
