"""A few seconds' look at how fast this machine is, for an estimate. Imports torch when it is asked."""

import logging
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from vqa.backbones.weights import place
from vqa.config.heads import resolve
from vqa.study.estimate import Clip, Clips, Rates, training_rows, work
from vqa.study.grid import Grid, Variant, datasets_by_network
from vqa.study.layout import Layout
from vqa.study.sources import weights
from vqa.system import devices
from vqa.system.errors import RunError, UserError

log = logging.getLogger("vqa")
_SECONDS = 2.0
_OFFLINE = ("wheel", "seeded", "own")  # checkpoints that no network is needed for
_DIM = 4096


def measured(grid: Grid, clips: Clips, so_far: Rates) -> Rates:
    """The rates with what they lack measured, where a checkpoint is at hand. clips: not empty."""
    clip = _middle(clips)
    pixels, rows, dims = dict(so_far.pixels), dict(so_far.rows), dict(so_far.dims)
    for slug in datasets_by_network(grid):
        if slug not in pixels:
            try:
                pixels[slug], dims[slug] = _network(grid, grid.backbone_of(slug), clip)
            except (UserError, RunError) as error:
                log.warning("%s: not measured: %s", slug, error)
    for name in dict.fromkeys(run.experiment for run in grid.trained):
        if name not in rows:
            width = sum(dims.get(variant.slug, _DIM) for variant in grid.variants_of(name))
            rows[name] = _training(grid, name, clip, width)
    return replace(so_far, pixels=pixels, rows=rows, dims=dims)


def _middle(clips: Clips) -> Clip:
    """A video of middling size and length."""
    found = [clip for each in clips.values() for clip in each]
    pixels, frames = (sorted(getattr(clip, key) for clip in found) for key in ("pixels", "frames"))
    return Clip(frames[len(frames) // 2], pixels[len(pixels) // 2])


def _network(grid: Grid, variant: Variant, clip: Clip) -> tuple[float, int]:
    """Pixels a second on the whole machine, decoding aside, and the values of a row."""
    import torch

    from vqa.features.stream import load_extractor

    study = grid.study
    device = devices.resolve(study.extraction.device)
    with tempfile.TemporaryDirectory() as folder:
        path = weights(grid, Layout.of(study), variant.slug)
        if not path.is_file():
            if variant.network.weights not in _OFFLINE:
                raise UserError(f"{path} is not there yet; `vqa weights {variant.network.name} --output {path}`")
            path = Path(folder) / "weights.pth"
            place(variant.network.name, path)
        extraction = study.extraction.model_copy(update={"threads": os.cpu_count() or 1})
        extractor = load_extractor(variant.network.name, path, variant.settings, extraction, device)
    length, side = variant.network.clip_length, max(32, round(clip.pixels**0.5))
    frame = torch.randint(0, 256, (side, side, 3), dtype=torch.uint8)
    seen = torch.from_numpy(extractor.prepare(frame.numpy()))
    batch = extractor.batch_size(seen.shape[0] * seen.shape[1], study.extraction.memory_mb)
    shape = (batch, length) if length > 1 else (batch,)
    frames = seen.expand(*shape, *seen.shape).contiguous().to(device)
    dim = 0

    def step() -> None:
        nonlocal dim
        dim = int(extractor(frames).cpu().shape[1])

    each = work(variant, Clip(variant.row_frames, side * side))
    gpus = len(devices.visible()) if device == "cuda" else 1
    return _rate(step) * batch * each * max(1, gpus), dim


def _training(grid: Grid, experiment: str, clip: Clip, width: int) -> float:
    """Rows a second of a training step, one job."""
    import torch

    from vqa.temporal.registry import create

    run = grid.run_settings(experiment)
    if resolve(run.head).name == "svr":
        return 1.0  # is fitted at once: its rows are not counted
    device = devices.resolve(run.device)
    torch.set_num_threads(run.threads)
    head: Any = create(run.head, width).to(device)
    head.projection_dtype = getattr(torch, run.precision)
    length, batch = training_rows(grid, experiment, clip), min(run.batch_size, 16)
    features = torch.randn(batch, length, width, device=device)
    lengths = torch.full((batch,), length, device=device)

    def step() -> None:
        head.zero_grad()
        head(features, lengths).sum().backward()

    return _rate(step) * batch * length


def _rate(step: Callable[[], None]) -> float:
    """Calls a second."""
    step()
    started, count = time.perf_counter(), 0
    while time.perf_counter() - started < _SECONDS or not count:
        step()
        count += 1
    return count / (time.perf_counter() - started)
