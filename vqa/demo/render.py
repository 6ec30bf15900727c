"""Render, encode and rate the clips of a demo dataset."""

from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from tqdm import tqdm

from vqa.config import DemoDataset
from vqa.demo import distortions, raters
from vqa.demo.scenes import Scene
from vqa.manifest import Video, write_manifest
from vqa.system.files import atomic, remove_stale_parts
from vqa.system.isolation import end_with_parent


def make(dataset: DemoDataset, folder: Path, workers: int = 1) -> list[Video]:
    """Write `clip-NNN.mp4` and `table.csv` to `folder`; the same dataset gives the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    remove_stale_parts(folder)
    one = partial(_clip, dataset, folder)
    numbers = range(dataset.videos)
    progress = partial(tqdm, total=dataset.videos, desc="render", unit="clip", disable=None)
    if workers == 1:
        videos = list(progress(map(one, numbers)))
    else:
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=end_with_parent) as pool:
            videos = list(progress(pool.map(one, numbers)))
    write_manifest(folder / "table.csv", videos)
    return videos


def _clip(dataset: DemoDataset, folder: Path, number: int) -> Video:
    rng = np.random.default_rng(np.random.SeedSequence([dataset.seed, 6, number]))
    scene_number = number % dataset.scenes
    frames = max(1, round(dataset.seconds * dataset.fps))
    plan, share, strength = _damage(dataset, number, frames)
    scene = Scene(dataset.seed, scene_number, dataset.height, dataset.width)
    instants, hold = distortions.clock(plan.parts, frames)
    offsets = distortions.shake(plan.parts, frames, rng)

    def picture(t: int) -> np.ndarray:
        view = scene.exposure(instants[t] / dataset.fps, (hold - 1) / dataset.fps, offsets[t])
        motion = offsets[t] - offsets[max(0, t - 1)]
        return distortions.apply(view, {kind: part * float(share[t]) for kind, part in plan.parts.items()}, motion, rng)

    clip = dataset.clip_ids[number]
    with atomic(folder / f"{clip}.mp4") as part:
        pictures = (np.round(picture(t) * 255).astype(np.uint8) for t in range(frames))
        encode(part, pictures, (dataset.width, dataset.height), dataset.fps, distortions.rate_factor(plan.parts))
    mos, std = raters.opinion(dataset.seed, number, strength)
    return Video(
        video_id=clip,
        path=f"{clip}.mp4",
        mos=round(mos, 4),
        mos_std=round(std, 4),
        width=dataset.width,
        height=dataset.height,
        fps=float(dataset.fps),
        frames=frames,
        scene=f"scene-{scene_number:02d}",
    )


def _damage(dataset: DemoDataset, number: int, frames: int) -> tuple[distortions.Plan, np.ndarray, float]:
    """What is wrong with a clip, how much of it each frame has, (frames,), and the strength that raters go by."""
    if dataset.control == "none":
        plan = distortions.plan(dataset.seed, number)
        return plan, np.ones(frames), plan.strength
    plan, share = distortions.failures(dataset.seed, number, frames, dataset.control)
    longest = distortions.longest(frames, dataset.control)
    return plan, share, raters.remembered(plan.strength * share, longest, dataset.control)


def encode(path: Path, pictures: Iterable[np.ndarray], size: tuple[int, int], fps: int, crf: int) -> None:
    """H.264 in mp4 from RGB pictures, uint8 (height, width, 3); the same pictures give the same bytes."""
    import av

    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=fps)
        (stream.width, stream.height), stream.pix_fmt = size, "yuv420p"
        stream.codec_context.thread_count = 1
        # With mbtree, x264's AVX-512 code gives other bytes from run to run.
        stream.options = {"crf": str(crf), "preset": "veryfast", "x264-params": "no-mbtree=1"}
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
