"""Extraction against the plain baseline: time, memory, agreement, growth."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from tests.benchmarks.measure import BASELINE, VQA, Results, rate, run
from vqa.backbones import create
from vqa.demo.render import encode
from vqa.demo.scenes import Scene
from vqa.features import shards
from vqa.manifest import Video, write_manifest


def make_clip(path: Path, frames: int, width: int, height: int) -> None:
    scene = Scene(0, 0, height, width)
    views = [scene.frame(t / 24, np.zeros(2)) for t in range(min(frames, 24))]
    pictures = ((views[t % len(views)] * 255).astype(np.uint8) for t in range(frames))
    encode(path, pictures, (width, height), 24, 23)


def make_weights(root: Path) -> None:
    from torchvision.models import resnet50

    torch.manual_seed(0)
    torch.save(resnet50(weights=None).state_dict(), root / "r50.pth")


def ours(root: Path, clip: Path, output: Path, precision: str, command: Sequence[object] = VQA) -> list[object]:
    write_manifest(root / f"{clip.stem}.csv", [Video(clip.stem, str(clip), 1.0)])
    return [
        *command, "extract", "--manifest", root / f"{clip.stem}.csv", "--backbone", "resnet50",
        "--weights", root / "r50.pth", "--receipt", root / "receipt.json", "--storage", "float32",
        "--output", output, "--precision", precision,
    ]  # fmt: skip


def speed(root: Path, results: Results, frames: int, before: Sequence[object] = ()) -> None:
    """before: the command of an earlier version."""
    clip = root / "clip.mp4"
    make_clip(clip, frames, 960, 540)
    plain = run([*BASELINE, "extract", clip, root / "r50.pth", root / "plain.npy"])
    expected = np.load(root / "plain.npy")
    for precision in ("float32", "bfloat16"):
        timed = run(ours(root, clip, root / precision, precision))
        found = shards.read(root / precision / "clip.h5")[0]
        name = f"extract {frames} frames 960x540, {precision}"
        ratio = f"{plain.seconds / timed.seconds:.2f}x"
        results.add(f"{name}, s", f"{timed.seconds:.1f}", f"{plain.seconds:.1f}", ratio)
        if before:
            then = run(ours(root, clip, root / f"before-{precision}", precision, before))
            gained = f"{then.seconds / timed.seconds:.2f}x"
            results.add(f"{name}, s", f"{timed.seconds:.1f}", f"{then.seconds:.1f} (before)", gained)
            same = (found == shards.read(root / f"before-{precision}" / "clip.h5")[0]).all()
            results.add(f"{name}, the same values as before", "yes" if same else "no")
        results.add(f"{name}, frames/s", f"{frames / timed.seconds:.2f}", f"{frames / plain.seconds:.2f}", ratio)
        results.add(f"{name}, peak MB", f"{timed.peak_mb:.0f}", f"{plain.peak_mb:.0f}")
        cosine = (found * expected).sum(1) / np.linalg.norm(found, axis=1) / np.linalg.norm(expected, axis=1)
        relative = np.abs(found - expected).max() / np.abs(expected).max()
        results.add(f"{name}, agreement", f"max error {relative:.1e} of max, min cosine {cosine.min():.6f}")
        limit = network_rate(root / "r50.pth", precision)
        found_rate = frames / loop_seconds(timed.output)
        share = f"{found_rate / limit:.0%}"
        results.add(f"{name}, frames/s without start-up", f"{found_rate:.2f}", f"{limit:.2f} network alone", share)


def network_rate(weights: Path, precision: str) -> float:
    """Frames/s of the same network on one batch that is already there, nothing decoded or written."""
    extractor = create("resnet50", weights).optimise(getattr(torch, precision))
    size = extractor.batch_size(960 * 540, 1000)
    batch = torch.randint(0, 256, (size, 540, 960, 3), dtype=torch.uint8)
    return size * rate(lambda: extractor(batch), 10)


def loop_seconds(output: str) -> float:
    return float(output.split("frames in ")[1].split(" s")[0])


def growth(root: Path, results: Results, frames: int) -> None:
    """Time and peak memory at 1920x1080 for growing length, and the baseline's memory for the shortest."""
    seconds, sizes = [], [frames, 2 * frames, 4 * frames]
    for size in sizes:
        clip = root / f"hd{size}.mp4"
        make_clip(clip, size, 1920, 1080)
        timed = run(ours(root, clip, root / "hd", "bfloat16"))
        seconds.append(loop_seconds(timed.output))
        results.add(f"extract {size} frames 1920x1080, bfloat16, peak MB", f"{timed.peak_mb:.0f}")
    plain = run([*BASELINE, "extract", root / f"hd{frames}.mp4", root / "r50.pth", root / "plain.npy"])
    results.add(f"the same, {frames} frames, as the baseline does, peak MB", "", f"{plain.peak_mb:.0f}")
    results.add_growth("extraction time by frames, 1920x1080", sizes, seconds)
