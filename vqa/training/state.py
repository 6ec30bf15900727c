"""How far a training has come: head, optimiser, history, and the best epoch so far."""

import math
from dataclasses import asdict, dataclass, field
from typing import Any

from torch import Tensor

from vqa.system.errors import RunError
from vqa.temporal.model import TemporalModel
from vqa.training.audit import Audit
from vqa.training.optimiser import Adam


class Diverged(RunError):
    """A training whose loss is not finite."""


@dataclass(frozen=True)
class Epoch:
    """A line of history.csv. step: optimiser steps so far; losses in label units."""

    epoch: int
    step: int
    train_loss: float
    val_loss: float
    val_srocc: float


@dataclass(frozen=True)
class Outcome:
    """The head of the selected epoch, in evaluation mode, and how it came to be."""

    head: TemporalModel
    history: list[Epoch]
    selected: Epoch


class Selection:
    """Keeps the weights of the best epoch so far, or of the last.

    best-val-srocc: strictly higher validation SROCC; an undefined one (constant labels or scores, one video)
    never displaces a defined one. While all are undefined: strictly lower validation loss.
    """

    def __init__(self, rule: str):
        self.rule = rule
        self._best: Epoch | None = None
        self._weights: dict[str, Tensor] = {}
        self._offered = 0

    def offer(self, epoch: Epoch, head: TemporalModel) -> None:
        self._offered = epoch.epoch
        if self._better(epoch):
            self._best = epoch
            self._weights = {key: value.detach().clone() for key, value in head.state_dict().items()}

    @property
    def epoch(self) -> Epoch:
        assert self._best is not None, "no epoch was offered"
        return self._best

    def restore(self, head: TemporalModel) -> TemporalModel:
        """`head` with the selected weights, in evaluation mode."""
        head.load_state_dict(self._weights)
        return head.eval()

    @property
    def epochs_since(self) -> int:
        """Epochs offered since the best."""
        return self._offered - (self._best.epoch if self._best else 0)

    def dump(self) -> dict[str, Any]:
        return {"best": self._best and asdict(self._best), "weights": self._weights, "offered": self._offered}

    def load(self, saved: dict[str, Any]) -> None:
        self._best = Epoch(**saved["best"]) if saved["best"] else None
        self._weights, self._offered = saved["weights"], saved["offered"]

    def _better(self, new: Epoch) -> bool:
        best = self._best
        return best is None or self.rule == "last-epoch" or better(new, best)


def better(new: Epoch, best: Epoch) -> bool:
    """As `Selection` says of best-val-srocc."""
    if math.isnan(best.val_srocc) and math.isnan(new.val_srocc):
        return new.val_loss < best.val_loss or math.isnan(best.val_loss)
    return new.val_srocc > best.val_srocc or math.isnan(best.val_srocc)


@dataclass
class State:
    """All that the next epoch depends on besides the data: draws are made from the seed and the epoch's number."""

    head: TemporalModel
    optimiser: Adam
    selection: Selection
    history: list[Epoch] = field(default_factory=list)
    audit: Audit | None = None

    @property
    def steps(self) -> int:
        """Optimiser steps so far."""
        return self.history[-1].step if self.history else 0

    def dump(self) -> dict[str, Any]:
        return {
            "head": self.head.state_dict(),
            "optimiser": self.optimiser.dump(),
            "selection": self.selection.dump(),
            "history": [asdict(epoch) for epoch in self.history],
            **({"audit": self.audit.rows} if self.audit else {}),
        }

    def load(self, saved: dict[str, Any]) -> None:
        self.head.load_state_dict(saved["head"])
        self.optimiser.load(saved["optimiser"])
        self.selection.load(saved["selection"])
        self.history[:] = [Epoch(**epoch) for epoch in saved["history"]]
        if self.audit:
            self.audit.rows[:] = saved["audit"]
