"""The plain way, as existing public code for this study works: the yardstick of `speed.py`.

extract: the whole clip in memory, per-frame transforms, NCHW float32, eager ResNet-50, batches of 32.
train: float32 features padded to the longest video, a loop over the videos of a batch for the
pooling, validation and test evaluated one video at a time in every epoch.
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


def train(study: Path, batch_size: int, epochs: int, lr: float) -> None:
    """Reads what `vqa train` reads; the same split, labels and initial weights."""
    from vqa.head import create_head
    from vqa.index import read_index
    from vqa.manifest import read_manifest
    from vqa.sampling import stream
    from vqa.shards import read
    from vqa.splits import split

    videos = sorted(read_manifest(study / "manifest.csv"), key=lambda v: v.video_id)
    index, parts = read_index(study / "index.csv"), split(videos, 0)
    longest = max(entry.rows for entry in index.values())
    scale = max(video.mos for video in videos)
    features = np.zeros((len(videos), longest, next(iter(index.values())).dim), np.float32)
    lengths = np.array([index[video.video_id].rows for video in videos])
    for i, video in enumerate(videos):
        features[i, : lengths[i]] = read(index[video.video_id].shard)[0]
    labels = np.array([[video.mos / scale] for video in videos], np.float32)
    at = {part: [i for i, v in enumerate(videos) if parts[v.video_id] == part] for part in ("train", "val", "test")}
    net = _Net(features.shape[2])
    state = create_head("vsfa", features.shape[2], int(stream(0, "head").integers(2**31))).state_dict()
    net.load_state_dict(state)
    optimiser = torch.optim.Adam(net.parameters(), lr=lr)
    for epoch in range(1, epochs + 1):
        started, total = time.perf_counter(), 0.0
        order = stream(0, "batches", epoch).permutation(len(at["train"]))
        for first in range(0, len(order), batch_size):
            chosen = [at["train"][i] for i in order[first : first + batch_size]]
            optimiser.zero_grad()
            scores = net(torch.from_numpy(features[chosen]), lengths[chosen])
            loss = F.l1_loss(scores, torch.from_numpy(labels[chosen]))
            loss.backward()
            optimiser.step()
            total += loss.item() * len(chosen)
        with torch.no_grad():
            for part in ("val", "test"):
                for i in at[part]:
                    net(torch.from_numpy(features[i : i + 1]), lengths[i : i + 1])
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
    arguments = vars(parser.parse_args())
    {"extract": extract, "train": train}[arguments.pop("command")](**arguments)


if __name__ == "__main__":
    sys.exit(main())
