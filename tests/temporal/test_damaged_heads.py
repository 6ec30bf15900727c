"""Files that open as heads and hold something else are refused in one line."""

from typing import Any

import pytest
import torch

from vqa.system.errors import UserError
from vqa.temporal.checkpoint import LAYOUT, load_head
from vqa.temporal.registry import create


def with_state(**changed: Any) -> dict[str, Any]:
    state = {key: value.clone() for key, value in create("vsfa", 8, 0).state_dict().items()}
    return {"layout": LAYOUT, "head": "vsfa", "state_dict": state | changed, "made_by": {}}


@pytest.mark.parametrize(
    "content",
    [
        {"layout": LAYOUT},
        {"layout": LAYOUT, "head": "vsfa", "made_by": {}},
        with_state() | {"head": ["vsfa"]},
        with_state() | {"made_by": 7},
        with_state() | {"state_dict": [1, 2]},
        with_state(**{"fc0.weight": torch.zeros(3)}),
        with_state(**{"q.weight": torch.zeros(32)}),
        with_state(**{"q.weight": torch.zeros(1, 0)}),
        with_state(**{"rnn.bias_hh_l0": torch.zeros(5)}),
        {"ann.fc0.weight": torch.zeros(8, 8), 7: torch.zeros(3)},
        [1, 2],
    ],
)
def test_a_head_file_with_wrong_contents_is_one_line(tmp_path, content):
    torch.save(content, tmp_path / "head.pt")
    with pytest.raises(UserError, match=r"head\.pt") as caught:
        load_head(tmp_path / "head.pt")
    assert "\n" not in str(caught.value)


def test_a_head_this_package_does_not_know_is_named(tmp_path):
    torch.save(with_state() | {"head": "no-such-head"}, tmp_path / "head.pt")
    with pytest.raises(UserError, match="no-such-head"):
        load_head(tmp_path / "head.pt")
