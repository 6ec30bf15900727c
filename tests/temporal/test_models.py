"""Every registered model holds to the contract, and a model that breaks it is told how."""

import inspect
import math
import random
import re

import pytest
import torch

from tests.conftest import REPO, assert_one_line_error, vqa
from tests.temporal.conftest import problems
from vqa.config import names
from vqa.config.heads import HEADS, HeadError, normalise
from vqa.temporal.conformance import batch
from vqa.temporal.pooling import POOLINGS
from vqa.temporal.registry import create
from vqa.temporal.svr import SVR

BLIND = {"fc-mean", "transformer-set", "attention", "mlp", "svr"}
EXTRA = "\n    def get_extra_state(self):\n        return 1\n\n    def set_extra_state(self, state):\n        pass"


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
    assert_one_line_error(vqa("check-model", "vsfa", "--options", '{"name":"gru-mean"}'), "an option is no 'name'")
    too_many = f'{{"hidden": {2**64}}}'  # for a tensor: torch tells the frames of its C++
    assert_one_line_error(vqa("check-model", "vsfa", "--options", too_many), "'vsfa': cannot be made (TypeError")


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
            (
                "True",
                f"True\n{EXTRA}",
            ),
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
        ({"name": "gru-mean", "pooling": "recency"}, "'gru-mean' has pooling mean; with another it is a 'vsfa'"),
        ({"name": "fc-mean", "pooling": "recency"}, "with another it is a 'fc-pooling'"),
        ({"name": "transformer-set", "positions": True}, "has positions False; with another it is a 'transformer'"),
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


def test_batch_norms_that_fail_in_training_only_are_told(own):
    made = ("super().__init__()", "super().__init__(); self.norm = nn.BatchNorm1d(width)")
    frames = ("torch.tanh(self.layer(features))", "self.norm(self.layer(features).transpose(1, 2)).transpose(1, 2)")
    assert [line.split(":")[0] for line in problems(own(made, frames))] == ["padding leaks in training"]
    (told,) = problems(own(made, ("frames.sum(1)", "self.norm(frames.sum(1))")))
    assert "it can be trained on one video" in told and "Expected more than 1 value" in told
