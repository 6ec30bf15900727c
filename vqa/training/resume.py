"""A training that was stopped goes on where it was: the same bytes as if it never had been."""

import logging
import time
from pathlib import Path

import torch

from vqa.system.files import atomic
from vqa.system.serialise import to_bytes
from vqa.training.state import State

log = logging.getLogger("vqa")
INTERVAL_SECONDS = 120.0


class Checkpoint:
    """A training's state beside its results, written every two minutes and gone when it ends.

    identity: of all that the training depends on; the state of another one is not resumed.
    earlier: seconds that the stopped training had taken when its state was written.
    """

    def __init__(self, path: Path, identity: str):
        self.path, self.identity = path, identity
        self.earlier = 0.0
        self._begun = self._written = time.monotonic()

    def restore(self, state: State) -> None:
        """Bring a fresh `state` to where the stopped training was; leave it where there is none to resume."""
        self._begun = time.monotonic()
        try:
            saved = torch.load(self.path, map_location="cpu", weights_only=True)
            if saved["identity"] != self.identity:
                log.warning("%s: is of another training; beginning anew", self.path)
                return
        except FileNotFoundError:
            return
        except Exception as error:  # torch raises many types on bytes that are no checkpoint
            log.warning("%s: cannot be read (%s); beginning anew", self.path, type(error).__name__)
            return
        state.load(saved)
        self.earlier = saved.get("seconds", 0.0)
        log.info("resumed after epoch %d", len(state.history))

    def write_if_due(self, state: State) -> None:
        if time.monotonic() - self._written >= INTERVAL_SECONDS:
            self.write(state)

    def write(self, state: State) -> None:
        with atomic(self.path) as part:
            seconds = self.earlier + time.monotonic() - self._begun
            part.write_bytes(to_bytes({"identity": self.identity, "seconds": seconds, **state.dump()}))
        self._written = time.monotonic()
