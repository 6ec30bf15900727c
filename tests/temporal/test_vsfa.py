import math

import numpy as np
import pytest
import torch

from vqa.system.errors import UserError
from vqa.temporal.checkpoint import load_head, save_head
from vqa.temporal.gru import gru
from vqa.temporal.pooling import temporal_pooling
from vqa.temporal.registry import create
from vqa.temporal.vsfa import VSFA

FOUR = ("vsfa", "gru-mean", "fc-pooling", "fc-mean")


def pooling_by_loop(q: list[float], tau: int = 12, beta: float = 0.5) -> float:
    """The definition, frame by frame, in float64."""
    total = 0.0
    for t in range(len(q)):
        memory = min(q[max(0, t - tau + 1) : t + 1])
        window = q[t : t + tau]
        weights = [math.exp(-(x - min(window))) for x in window]
        current = sum(w * x for w, x in zip(weights, window, strict=True)) / sum(weights)
        total += beta * current + (1 - beta) * memory
    return total / len(q)


def head_by_loop(head: VSFA, features: np.ndarray) -> float:
    """The whole head for one video with plain numpy recurrences (PyTorch's GRU equations)."""
    w = {key: value.double().numpy() for key, value in head.state_dict().items()}
    x = features.astype(np.float64) @ w["fc0.weight"].T + w["fc0.bias"]
    if head.rnn is not None:
        h, outputs = np.zeros(w["rnn.weight_hh_l0"].shape[1]), []
        for frame in x:
            i = np.split(w["rnn.weight_ih_l0"] @ frame + w["rnn.bias_ih_l0"], 3)
            g = np.split(w["rnn.weight_hh_l0"] @ h + w["rnn.bias_hh_l0"], 3)
            r, z = (1 / (1 + np.exp(-(i[k] + g[k]))) for k in (0, 1))
            h = (1 - z) * np.tanh(i[2] + r * g[2]) + z * h
            outputs.append(h)
        x = np.array(outputs)
    q = (x @ w["q.weight"].T + w["q.bias"])[:, 0]
    return pooling_by_loop(list(q)) if head.pooling == "vsfa" else float(q.mean())


@pytest.mark.parametrize("length", [1, 2, 11, 12, 13, 50, 300])
def test_pooling_equals_its_definition(length):
    q = torch.randn(1, length, generator=torch.Generator().manual_seed(length))
    assert temporal_pooling(q, torch.tensor([length])).item() == pytest.approx(pooling_by_loop(q[0].tolist()), abs=1e-5)


def test_padding_does_not_leak_into_the_score():
    q = torch.randn(3, 40, generator=torch.Generator().manual_seed(0))
    lengths = torch.tensor([1, 17, 40])
    for garbage in (0.0, 1e6, -1e6, float("nan")):
        padded = q.clone()
        for row, length in enumerate(lengths):
            padded[row, length:] = garbage
        expected = [pooling_by_loop(q[row, :length].tolist()) for row, length in enumerate(lengths)]
        assert temporal_pooling(padded, lengths).tolist() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("scale", [-1e4, -100, 100, 1e4])
def test_pooling_survives_large_scores_with_finite_gradients(scale):
    q = (scale * torch.rand(2, 30, generator=torch.Generator().manual_seed(1))).requires_grad_()
    score = temporal_pooling(q, torch.tensor([30, 9]))
    score.sum().backward()
    assert torch.isfinite(score).all() and torch.isfinite(q.grad).all()


def test_pooling_depends_on_order():
    q = torch.arange(40.0).unsqueeze(0)
    shuffled = q[:, torch.randperm(40, generator=torch.Generator().manual_seed(0))]
    lengths = torch.tensor([40])
    assert abs(temporal_pooling(q, lengths) - temporal_pooling(shuffled, lengths)).item() > 1


@pytest.mark.parametrize(("batch", "steps"), [(1, 1), (1, 30), (5, 2), (16, 240)])
def test_gru_and_its_gradients_equal_torchs(batch, steps):
    generator = torch.Generator().manual_seed(batch + steps)
    layer = torch.nn.GRU(128, 32, batch_first=True)
    sequence = torch.randn(batch, steps, 128, generator=generator)
    weights = torch.randn(batch, steps, 32, generator=generator)
    found = []
    for function in (lambda x: gru(x, layer), lambda x: layer(x)[0]):
        x = sequence.clone().requires_grad_()
        layer.zero_grad()
        hidden = function(x)
        (hidden * weights).sum().backward()
        found.append([hidden.detach(), x.grad, *(p.grad.clone() for p in layer.parameters())])
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5 * float(theirs.abs().max()))


def test_gru_gradients_are_those_of_finite_differences():
    layer = torch.nn.GRU(4, 3, batch_first=True).double()
    sequence = torch.randn(2, 5, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x, *_: gru(x, layer), (sequence, *layer.parameters()))


@pytest.mark.parametrize("name", FOUR)
def test_head_agrees_with_a_loop_for_mixed_lengths_1_to_300(name):
    head = create(name, 64, seed=3).eval()
    lengths = torch.tensor([1, 2, 12, 16, 97, 240, 300])
    features = torch.randn(len(lengths), 300, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        scores = head(features, lengths)
    for row, length in enumerate(lengths):
        assert scores[row].item() == pytest.approx(head_by_loop(head, features[row, :length].numpy()), abs=1e-5)


def test_only_the_head_without_gru_and_pooling_ignores_order():
    features = torch.randn(1, 60, 64, generator=torch.Generator().manual_seed(0))
    shuffled = features[:, torch.randperm(60, generator=torch.Generator().manual_seed(1))]
    lengths = torch.tensor([60])
    for name in FOUR:
        head = create(name, 64, seed=0).eval()
        change = (head(features, lengths) - head(shuffled, lengths)).abs().item()
        assert (change < 1e-6) == (name == "fc-mean"), name


def test_heads_of_one_seed_share_the_projection():
    weights = [create(name, 64, seed=5).fc0.weight for name in FOUR]
    assert all(torch.equal(weights[0], other) for other in weights)
    assert not torch.equal(weights[0], create("vsfa", 64, seed=6).fc0.weight)


def test_saved_head_comes_back_with_what_made_it(tmp_path):
    head = create("gru-mean", 32, seed=0)
    save_head(tmp_path / "head.pt", head, "gru-mean", {"seed": 7})
    loaded, made_by = load_head(tmp_path / "head.pt")
    features, lengths = torch.randn(2, 5, 32), torch.tensor([5, 3])
    assert torch.equal(loaded(features, lengths), head.eval()(features, lengths))
    assert made_by == {"seed": 7} and not loaded.training


def test_published_vsfa_layout_loads(tmp_path):
    head = VSFA(4096)
    state = {f"ann.{k}" if k.startswith("fc0") else k: v for k, v in head.state_dict().items()}
    state |= {"ann.fc.0.weight": torch.zeros(128, 128), "ann.fc.0.bias": torch.zeros(128)}
    torch.save(state, tmp_path / "VSFA.pt")
    loaded, made_by = load_head(tmp_path / "VSFA.pt")
    features, lengths = torch.randn(1, 20, 4096), torch.tensor([20])
    assert torch.equal(loaded(features, lengths), head.eval()(features, lengths)) and made_by == {}


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04 broken zip"])
def test_bytes_that_are_no_checkpoint_are_a_user_error(tmp_path, content):
    (tmp_path / "head.pt").write_bytes(content)
    with pytest.raises(UserError, match=r"head\.pt"):
        load_head(tmp_path / "head.pt")


def test_checkpoint_of_another_shape_is_a_user_error(tmp_path):
    state = {f"ann.{k}" if k.startswith("fc0") else k: v for k, v in VSFA(64).state_dict().items()}
    del state["rnn.bias_hh_l0"]
    torch.save(state, tmp_path / "VSFA.pt")
    with pytest.raises(UserError, match=r"rnn\.bias_hh_l0"):
        load_head(tmp_path / "VSFA.pt")
