"""Every registered temporal model: an epoch of ours against a bare PyTorch loop of the same model."""

import time
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from tests.benchmarks.measure import Results
from tests.benchmarks.training import DIM, make_study
from vqa.config import Run
from vqa.config.heads import HEADS
from vqa.features.index import read_index
from vqa.manifest import read_manifest
from vqa.protocol.splits import split
from vqa.training.fit import create_head, fit
from vqa.training.items import load_items


def speed(root: Path, results: Results, videos: int, rows: int, epochs: int) -> None:
    """Seconds an epoch on one thread, batches of 16; a fitted model has no epochs."""
    study = make_study(root, videos, rows)
    listed = read_manifest(study / "manifest.csv")
    items, _ = load_items(listed, read_index(study / "index.csv"), split(listed, 0), "dataset")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    for name in HEADS:
        if name == "svr":
            continue
        run = Run(head=name, epochs=epochs, lr=1e-4, threads=1)
        fit(run.model_copy(update={"epochs": 1}), 0, "O", items, "cpu")  # what the first pass alone pays
        started = time.perf_counter()
        fit(run, 0, "O", items, "cpu")
        ours = (time.perf_counter() - started) / epochs
        bare = _bare(run, items, epochs)
        results.add(
            f"{name}, {videos} x {rows} x {DIM}, s an epoch", f"{ours:.3f}", f"{bare:.3f}", f"{bare / ours:.2f}x"
        )
    torch.set_num_threads(threads)


def _bare(run: Run, items: dict, epochs: int) -> float:
    """Features held as float32 tensors, batches padded by torch, the model called as it stands."""
    held = {
        part: [(torch.from_numpy(np.array(item.features)).float(), item.label) for item in members]
        for part, members in items.items()
    }
    model = create_head(run, 0, DIM)
    optimiser = torch.optim.Adam(model.parameters(), lr=run.lr)
    started = time.perf_counter()
    for _ in range(epochs):
        model.train()
        order = torch.randperm(len(held["train"])).tolist()
        for first in range(0, len(order), run.batch_size):
            features, lengths, labels = _batch([held["train"][i] for i in order[first : first + run.batch_size]])
            optimiser.zero_grad()
            F.l1_loss(model(features, lengths), labels).backward()
            optimiser.step()
        model.eval()
        with torch.no_grad():
            for first in range(0, len(held["val"]), 16):
                features, lengths, _ = _batch(held["val"][first : first + 16])
                model(features, lengths)
    return (time.perf_counter() - started) / epochs


def _batch(members: list[tuple[torch.Tensor, float]]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    features, labels = zip(*members, strict=True)
    lengths = torch.tensor([len(each) for each in features])
    return pad_sequence(list(features), batch_first=True), lengths, torch.tensor(labels, dtype=torch.float32)
