"""The plain way, as existing public code for this study works: the yardstick of `speed.py`.

extract: the whole clip in memory, per-frame transforms, NCHW float32, eager ResNet-50, batches of 32.
train: features padded to the longest video and held in memory (float64 in VSFA's script, or float32),
a DataLoader that stacks them, a loop over the videos of a batch for the pooling, validation and test
evaluated one video at a time in every epoch.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F


def extract(clip: Path, weights: Path, output: Path) -> None:
    import av
    from PIL import Image
    from torchvision import models, transforms

    with av.open(str(clip)) as container:
        video = np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])
    transform = transforms.Compose(
        [transforms.ToTensor(), transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])]
    )
    frames = torch.zeros(len(video), 3, *video.shape[1:3])
    for number, frame in enumerate(video):
        frames[number] = transform(Image.fromarray(frame))
    network = models.resnet50(weights=None)
    network.load_state_dict(torch.load(weights, weights_only=True))
    trunk = nn.Sequential(*list(network.children())[:-2]).eval()
    rows = []
    with torch.no_grad():
        for first in range(0, len(frames), 32):
            maps = trunk(frames[first : first + 32])
            mean = F.adaptive_avg_pool2d(maps, 1).flatten(1)
            std = torch.std(maps.flatten(2), dim=2)
            rows.append(torch.cat([mean, std], dim=1))
    np.save(output, torch.cat(rows).numpy())


class _Net(nn.Module):
    def __init__(self, size: int):
        super().__init__()
        self.fc0, self.rnn, self.q = nn.Linear(size, 128), nn.GRU(128, 32, batch_first=True), nn.Linear(32, 1)

    def forward(self, x, lengths):
        q = self.q(self.rnn(self.fc0(x))[0])
        scores = torch.zeros(len(q), 1)
        for i in range(len(q)):
            scores[i] = _pool(q[i, : int(lengths[i])]).mean()
        return scores


def _pool(q, tau=12, beta=0.5):
    q = q.unsqueeze(0).permute(0, 2, 1)
    before = F.pad(q, (tau - 1, 0), value=float("inf"))
    low = -F.max_pool1d(-before, tau, stride=1)
    weighted = F.pad(q * torch.exp(-q), (0, tau - 1))
    weights = F.pad(torch.exp(-q), (0, tau - 1))
    mean = F.avg_pool1d(weighted, tau, stride=1) / F.avg_pool1d(weights, tau, stride=1)
    return beta * mean + (1 - beta) * low


class _Dataset(torch.utils.data.Dataset):
    """All videos of a part in one array, padded to the longest of the dataset."""

    def __init__(self, videos, index, longest, scale, held):
        from vqa.features.shards import read

        dim = next(iter(index.values())).dim
        self.features = np.zeros((len(videos), longest, dim), held)
        self.length = np.zeros((len(videos), 1))
        self.label = np.array([[video.mos / scale] for video in videos])
        for i, video in enumerate(videos):
            rows = read(index[video.video_id].shard)[0]
            self.features[i, : len(rows)] = rows
            self.length[i] = len(rows)

    def __len__(self):
        return len(self.label)

    def __getitem__(self, i):
        return self.features[i], self.length[i], self.label[i]


def train(study: Path, batch_size: int, epochs: int, lr: float, held: str) -> None:
    """Reads what `vqa train` reads; the same split, labels, batches and initial weights."""
    from torch.utils.data import DataLoader

    from vqa.features.index import read_index
    from vqa.manifest import read_manifest
    from vqa.protocol.sampling import stream
    from vqa.protocol.splits import split
    from vqa.temporal.registry import create

    videos = sorted(read_manifest(study / "manifest.csv"), key=lambda v: v.video_id)
    index, parts = read_index(study / "index.csv"), split(videos, 0)
    longest, scale = max(entry.rows for entry in index.values()), max(video.mos for video in videos)
    sets = {}
    for part in ("train", "val", "test"):
        chosen = [video for video in videos if parts[video.video_id] == part]
        sets[part] = _Dataset(chosen, index, longest, scale, held)
    net = _Net(sets["train"].features.shape[2])
    state = create("vsfa", sets["train"].features.shape[2], int(stream(0, "head").integers(2**31))).state_dict()
    net.load_state_dict(state)
    optimiser = torch.optim.Adam(net.parameters(), lr=lr)
    for epoch in range(1, epochs + 1):
        started, total = time.perf_counter(), 0.0
        order = stream(0, "batches", epoch).permutation(len(sets["train"])).tolist()
        for features, lengths, labels in DataLoader(sets["train"], batch_size, sampler=order):
            optimiser.zero_grad()
            loss = F.l1_loss(net(features.float(), lengths), labels.float())
            loss.backward()
            optimiser.step()
            total += loss.item() * len(labels)
        with torch.no_grad():
            for part in ("val", "test"):
                for features, lengths, labels in DataLoader(sets[part]):
                    F.l1_loss(net(features.float(), lengths), labels.float()).item()
        print(f"{epoch},{total / len(order):.8g},{time.perf_counter() - started:.4f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("extract")
    for name in ("clip", "weights", "output"):
        one.add_argument(name, type=Path)
    two = commands.add_parser("train")
    two.add_argument("study", type=Path)
    two.add_argument("batch_size", type=int)
    two.add_argument("epochs", type=int)
    two.add_argument("lr", type=float)
    two.add_argument("held", choices=("float32", "float64"))
    arguments = vars(parser.parse_args())
    {"extract": extract, "train": train}[arguments.pop("command")](**arguments)


if __name__ == "__main__":
    sys.exit(main())
