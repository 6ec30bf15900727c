"""A user's own model, as the tests of it change it."""

import pytest

from tests.conftest import changed
from vqa.temporal.conformance import check_model
from vqa.temporal.registry import create

SOUND = """
    import torch
    from torch import nn

    class MyHead(nn.Module):
        blind_to_order = True

        def __init__(self, input_size: int, width: int = 8, gain: float = 1.0):
            super().__init__()
            self.layer = nn.Linear(input_size, width)
            self.q = nn.Linear(width, 1)

        def forward(self, features, lengths):
            inside = torch.arange(features.shape[1]) < lengths[:, None]
            frames = torch.tanh(self.layer(features)) * inside[..., None]
            return self.q(frames.sum(1) / lengths[:, None]).squeeze(-1)
    """


@pytest.fixture
def own(tmp_path):
    """A user's model, with some of its text replaced: its name for a config."""

    def write(*changes: tuple[str, str]) -> str:
        (tmp_path / "mine.py").write_text(changed(SOUND, *changes))
        return f"{tmp_path}/mine.py:MyHead"

    return write


def problems(name: str) -> list[str]:
    return check_model(lambda: create(name, 16, seed=3), 16)
