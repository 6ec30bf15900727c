"""Features that stay on the device, against those that are streamed: the same batches, heads and scores."""

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from tests.training.test_pieces import CPU, DIM, items
from vqa.config import Run
from vqa.temporal.pooling import mask
from vqa.training import feeder as feeders
from vqa.training import store as stores
from vqa.training.feeder import Feeder
from vqa.training.fit import create_head, fit, train_epoch
from vqa.training.optimiser import Adam
from vqa.training.predict import predict
from vqa.training.store import Resident

RUNS = [
    {"sampler": 0},
    {"sampler": 4, "redraw": "epoch"},
    {"precision": "bfloat16"},
    {"head": "transformer", "batches": "similar-length"},
]


@pytest.mark.parametrize("order", ["O", "S"])
@pytest.mark.parametrize("settings", RUNS, ids=str)
def test_a_training_on_resident_features_gives_the_bytes_of_a_streamed_one(settings, order):
    run = Run(epochs=3, batch_size=3, lr=1e-3, **settings)
    parts = {"train": items(8), "val": items(5, first=20)}
    for number, item in enumerate(parts["val"]):
        object.__setattr__(item, "video_id", f"val-{number}")
    kept = Resident([*parts["train"], *parts["val"]], CPU)
    outcomes = [fit(run, 1, order, parts, "cpu", store=store) for store in (None, kept)]
    assert outcomes[0].history == outcomes[1].history
    states = [outcome.head.state_dict() for outcome in outcomes]
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])
    scores = [predict(outcomes[0].head, Feeder(run, 1, order, CPU, store), parts["val"]) for store in (None, kept)]
    assert np.array_equal(*scores)


def test_the_device_holds_each_feature_once_as_it_is_stored():
    members = items(4)
    kept = Resident(members, CPU)
    assert kept._rows.dtype == torch.float16 and kept._rows.shape == (3 + 4 + 5 + 6, DIM)


class Counted(TorchDispatchMode):
    """Counts the operations that run, views aside."""

    def __init__(self):
        super().__init__()
        self.operations = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.operations += not function.is_view
        return function(*args, **(kwargs or {}))


def test_an_epoch_on_resident_features_sends_indexes_and_labels_only(monkeypatch):
    sent = []

    def count(tensor, device):
        sent.append(tensor)
        return tensor

    monkeypatch.setattr(feeders, "send", count)
    monkeypatch.setattr(stores, "send", count)
    run, members = Run(batch_size=4), items(8)
    source, head = Feeder(run, 0, "S", CPU, Resident(members, CPU)), create_head(run, 0, DIM)
    with Counted() as counted:
        train_epoch(head, Adam(head.parameters(), 0.0), source.epoch_batches(members, 1), 1e-3)
    assert counted.operations > 0
    rows = sum(len(item.features) for item in members)
    kinds = {tensor.dtype for tensor in sent}
    assert kinds == {torch.int64, torch.float32} and all(t.ndim == 1 for t in sent if t.dtype == torch.float32)
    floats = sum(tensor.numel() for tensor in sent if tensor.dtype == torch.float32)
    assert floats == 2 * len(members)  # a label and a rate a video
    places = sum(tensor.numel() for tensor in sent if tensor.dtype == torch.int64)
    assert rows + len(members) < places <= rows + len(members) + 2 * 4 * max(len(item.features) for item in members)


def test_lengths_are_checked_where_the_cpu_holds_them():
    with pytest.raises(ValueError, match=r"must lie in 1\.\.3"):
        mask(torch.zeros(1, 3), torch.tensor([4]))
    assert mask(torch.zeros(1, 3, device="meta"), torch.tensor([4], device="meta")).shape == (1, 3)


def test_features_stream_where_the_gpu_is_too_small_for_them(monkeypatch):
    members = items(4)
    needed = sum(len(item.features) for item in members) * DIM * 2
    monkeypatch.setattr(stores.torch.cuda, "mem_get_info", lambda: (free, 100 * needed))
    monkeypatch.setattr(stores, "Resident", lambda every, device: "resident")
    free = 2 * needed
    assert stores.resident([members], "cuda", 1) == "resident"
    assert stores.resident([members], "cuda", 100) is None  # its share of the card
    free = needed
    assert stores.resident([members], "cuda", 1) is None
    assert stores.resident([members], "cpu", 1) is None


def test_a_gpu_that_others_filled_meanwhile_streams(monkeypatch):
    def full(every, device):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(stores.torch.cuda, "mem_get_info", lambda: (10**9, 10**9))
    monkeypatch.setattr(stores, "Resident", full)
    assert stores.resident([items(4)], "cuda", 1) is None
