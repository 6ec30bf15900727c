"""What counts as a checkpoint of a network, however it is wrapped."""

import pytest
import torch
from torch import nn

from vqa.backbones import checkpoints
from vqa.system.errors import UserError


def test_a_state_dict_is_found_in_every_usual_wrapping(tmp_path):
    state = nn.Linear(3, 2).state_dict()
    wrappings = [state, {"state_dict": state, "epoch": 7}, {f"module.{key}": value for key, value in state.items()}]
    wrappings.append({"state_dict": wrappings[-1]})
    for number, wrapped in enumerate(wrappings):
        torch.save(wrapped, tmp_path / f"{number}.pth")
        found = checkpoints.read(tmp_path / f"{number}.pth")
        assert found.keys() == state.keys()
        assert all(torch.equal(found[key], value) for key, value in state.items())


@pytest.mark.parametrize(
    "content",
    [torch.zeros(3), [torch.zeros(3)], 5, {"weight": torch.zeros(3), "epoch": 7}, {"state_dict": [1]}, {"epoch": 7}],
)
def test_what_holds_no_state_dict_is_refused(tmp_path, content):
    torch.save(content, tmp_path / "w.pth")
    with pytest.raises(UserError, match=r"w\.pth: holds no state dict of tensors"):
        checkpoints.read(tmp_path / "w.pth")


def test_a_checkpoint_that_is_not_there_says_so(tmp_path):
    with pytest.raises(UserError, match=r"w\.pth: no such checkpoint"):
        checkpoints.read(tmp_path / "w.pth")
