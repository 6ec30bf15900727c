"""What a training would have reached on its test set in every epoch: written apart, for the protocol audit alone.

Nothing of it reaches the selection, the checkpointed weights or the predictions. Predicting draws no random numbers.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from vqa.evaluation.audit import AUDITED, audited
from vqa.temporal.model import TemporalModel
from vqa.training.feeder import Feeder
from vqa.training.items import Item
from vqa.training.predict import predict

COLUMNS = ("epoch", "split", "test_order", *AUDITED)


@dataclass
class Audit:
    """items: of all test sets; parts: video_id -> test or test:NAME; rows: what was reached, an epoch after another."""

    items: Sequence[Item]
    parts: Mapping[str, str]
    scale: float
    rows: list[dict[str, Any]] = field(default_factory=list)

    def record(self, epoch: int, head: TemporalModel, feeder: Feeder) -> None:
        """Test `head` in both orders, and leave it in the mode it was in."""
        training = head.training
        mos = np.array([item.mos for item in self.items])
        named = np.array([self.parts[item.video_id] for item in self.items])
        for order in ("O", "S"):
            scores = predict(head, feeder, self.items, order) * self.scale
            for part in sorted(set(named)):
                chosen = named == part
                reached = asdict(audited(scores[chosen], mos[chosen]))
                self.rows.append({"epoch": epoch, "split": str(part), "test_order": order} | reached)
        head.train(training)

    def ended(self, epoch: int, head: TemporalModel, feeder: Feeder) -> "Audit":
        """Of a head that was fitted at once, or not at all, its one epoch."""
        if not self.rows:
            self.record(epoch, head, feeder)
        return self

    def to_csv(self) -> str:
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerow(COLUMNS)
        for row in self.rows:
            writer.writerow([f"{row[key]:.10g}" if key in AUDITED else row[key] for key in COLUMNS])
        return buffer.getvalue()
