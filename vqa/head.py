"""The VSFA head (Li et al., ACM MM 2019) and its order-blind controls.

features (D) -> FC 128, linear -> GRU 32 -> FC 1 per frame -> temporal pooling -> mean.
The controls drop the GRU, the pooling, or both.
"""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vqa.errors import UserError
from vqa.files import atomic
from vqa.gru import gru
from vqa.serialise import to_bytes

# head name -> (GRU, temporal pooling)
HEADS = {
    "vsfa": (True, True),
    "gru-mean": (True, False),
    "fc-pooling": (False, True),
    "fc-mean": (False, False),
}
LAYOUT = "vqa-head-1"


class VSFA(nn.Module):
    """Frame features to one quality score a video.

    With `gru=False` a frame's score is linear in its features; with `pooling=False` the
    video's score is the plain mean of its frames'. Without both it ignores frame order.
    """

    def __init__(
        self,
        input_size: int = 4096,
        reduced_size: int = 128,
        hidden_size: int = 32,
        gru: bool = True,
        pooling: bool = True,
    ):
        super().__init__()
        self.pooling = pooling
        self.projection_dtype = torch.float32
        self.fc0 = nn.Linear(input_size, reduced_size)
        self.rnn = nn.GRU(reduced_size, hidden_size, batch_first=True) if gru else None
        self.q = nn.Linear(hidden_size if gru else reduced_size, 1)

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        """features [B, T, D], lengths [B] (frames beyond a length are ignored) -> scores [B]."""
        return self.pool(self.frame_scores(self.project(features), lengths), lengths)

    def project(self, features: Tensor) -> Tensor:
        """[..., D] -> [..., reduced_size] float32; the product runs in `projection_dtype`."""
        dtype = self.projection_dtype
        product = F.linear(features.to(dtype), self.fc0.weight.to(dtype))
        return product.float() + self.fc0.bias

    def frame_scores(self, reduced: Tensor, lengths: Tensor) -> Tensor:
        """[B, T, reduced_size] -> [B, T]. The GRU is causal: padding at the end cannot reach back."""
        if self.rnn is not None:
            reduced = gru(reduced, self.rnn) if reduced.device.type == "cpu" else self.rnn(reduced)[0]
        return self.q(reduced).squeeze(-1)

    def pool(self, q: Tensor, lengths: Tensor) -> Tensor:
        """[B, T] -> [B]"""
        return temporal_pooling(q, lengths) if self.pooling else masked_mean(q, lengths)


def temporal_pooling(q: Tensor, lengths: Tensor, tau: int = 12, beta: float = 0.5) -> Tensor:
    """Subjectively-inspired temporal pooling (Li et al., ACM MM 2019, equations 6-9).

    l[t] = min(q[max(0, t - tau + 1) .. t])                              memory
    m[t] = sum(q exp(-q)) / sum(exp(-q)) over q[t .. min(T-1, t+tau-1)]   current
    score = mean over t of beta m[t] + (1 - beta) l[t]

    q [B, T], lengths [B] -> [B]. The weights are a softmax, so no magnitude overflows.
    """
    valid = _mask(q, lengths)
    q = torch.where(valid, q, 0)
    memory = -F.max_pool1d(F.pad(-q, (tau - 1, 0), value=-torch.inf).unsqueeze(1), tau, stride=1)
    window = F.pad(q, (0, tau - 1)).unfold(1, tau, 1)
    inside = F.pad(valid, (0, tau - 1)).unfold(1, tau, 1)
    # A padded position has an empty window; its weights are masked off the mean below.
    logits = (-window).masked_fill(~inside & valid.unsqueeze(-1), -torch.inf)
    current = (torch.softmax(logits, dim=-1) * window).sum(-1)
    return masked_mean(beta * current + (1 - beta) * memory.squeeze(1), lengths)


def masked_mean(q: Tensor, lengths: Tensor) -> Tensor:
    """Mean of the first `lengths` entries of each row: [B, T], [B] -> [B]."""
    return torch.where(_mask(q, lengths), q, 0).sum(1) / lengths.to(q.device)


def _mask(q: Tensor, lengths: Tensor) -> Tensor:
    if lengths.min() < 1 or lengths.max() > q.shape[1]:
        raise ValueError(f"lengths must lie in 1..{q.shape[1]}, got {lengths.tolist()}")
    return torch.arange(q.shape[1], device=q.device) < lengths.to(q.device).unsqueeze(1)


def create_head(name: str, input_size: int, seed: int) -> VSFA:
    """A freshly initialised head; equal seeds share the weights of every layer whose shape agrees."""
    gru, pooling = HEADS[name]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return VSFA(input_size, gru=gru, pooling=pooling)


def save_head(path: Path, head: VSFA, name: str, made_by: dict[str, Any]) -> None:
    """`made_by`: what the head was trained on and how (JSON-able)."""
    state = {key: value.detach().cpu().contiguous() for key, value in head.state_dict().items()}
    with atomic(path) as part:
        part.write_bytes(to_bytes({"layout": LAYOUT, "head": name, "state_dict": state, "made_by": made_by}))


def load_head(path: str | Path) -> tuple[VSFA, dict[str, Any]]:
    """Read our `head.pt` or a checkpoint in VSFA's published `VSFA.pt` layout.

    Returns the head in eval mode and what made it (empty for VSFA's).
    """
    try:
        data = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); give a head.pt") from None
    except Exception as error:  # torch raises many types on bytes that are no checkpoint
        raise UserError(f"{path}: not a checkpoint of tensors ({type(error).__name__}); give a head.pt") from None
    if isinstance(data, dict) and data.get("layout") == LAYOUT:
        name, state, made_by = data["head"], data["state_dict"], data["made_by"]
    else:
        name, state, made_by = "vsfa", _published_layout(data, path), {}
    try:
        gru, pooling = HEADS[name]
        reduced_size, input_size = state["fc0.weight"].shape
        hidden_size = state["q.weight"].shape[1]
        head = VSFA(input_size, reduced_size, hidden_size, gru=gru, pooling=pooling)
        head.load_state_dict(state)
    except (KeyError, RuntimeError, AttributeError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{path}: does not fit the head '{name}': {reason}") from None
    return head.eval(), made_by


def _published_layout(data: Any, path: str | Path) -> dict[str, Tensor]:
    """`ann.fc0.*`, `rnn.*_l0`, `q.*`; `ann.fc.*` exists in the file but VSFA never uses it."""
    if not isinstance(data, dict) or "ann.fc0.weight" not in data:
        raise UserError(f"{path}: neither a head.pt of this package nor VSFA's VSFA.pt layout")
    renamed = {key.replace("ann.fc0.", "fc0."): value for key, value in data.items()}
    return {key: value for key, value in renamed.items() if not key.startswith("ann.")}
