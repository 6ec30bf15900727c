"""A finished study on disk whose predictions are made up, so that its truth is known."""

import json
from pathlib import Path

import numpy as np

from vqa.config import Study, parse
from vqa.features import shards
from vqa.features.identity import bucket_of
from vqa.features.probe import Probe, write_probes
from vqa.manifest import Video, write_manifest
from vqa.protocol.splits import round_fifth
from vqa.results import shown, videos
from vqa.results.comparisons import compare_study, write_statistics
from vqa.results.evaluation import evaluate_study, write_metrics
from vqa.results.study_data import StudyData
from vqa.study.grid import Grid, RunId
from vqa.study.layout import Layout
from vqa.system.files import write_json, write_text
from vqa.video import Header

SIZES = {"konvid-1k": 1200, "cvd2014": 234, "live-qualcomm": 208, "live-vqc": 585}
NOISE = {("frame-level", "OS"): 0.42, ("frame-level", "SO"): 0.0, ("frame-level", "SS"): 0.01}
SPANS = {
    "konvid-1k": (1.22, 4.64),
    "cvd2014": (-6.5, 93.38),
    "live-qualcomm": (16.56, 73.64),
    "live-vqc": (6.22, 94.29),
}


def paper_study(results: Path, seeds: int = 10, **extra: object) -> Study:
    """The paper's grid on its four datasets; no video is ever read."""
    return parse(
        {
            "name": "Fake study",
            "results": str(results),
            "seeds": seeds,
            "datasets": {name: {"reader": name, "path": f"/nowhere/{name}", "buckets": 1} for name in SIZES},
            "experiments": {
                "frame-level": {"backbone": "resnet50", "batch_size": 128},
                "cube-level": {"backbone": "resnet3d101-2018", "batch_size": 4096},
                "sample-16": {"backbone": "resnet50", "sampler": 16, "batch_size": 256},
                "sample-8": {"backbone": "resnet50", "sampler": 8, "batch_size": 256, "modes": ["OO"]},
                "sample-4": {"backbone": "resnet50", "sampler": 4, "batch_size": 256, "modes": ["OO"]},
            },
            **extra,
        }
    )


def write_fake(study: Study, noise: dict[tuple[str, str], float] | None = None, epochs: int = 20) -> Study:
    """Write all that the results stage reads.

    noise: (experiment, mode) -> standard deviation of the score's error, in units of the MOS's,
    that is added to an error all modes of a seed share; 0 makes a mode equal to the others. `NAME by scene` is of the
    experiment's trainings on splits by scene.
    """
    grid, layout = Grid(study), Layout.of(study)
    rng = np.random.default_rng(0)
    for dataset in study.datasets:
        low, high = SPANS[dataset]
        n = SIZES[dataset]
        mos = rng.uniform(low, high, n)
        mos[:2] = low, high
        videos = [Video(f"{dataset}-{i:04d}", f"{i}.mp4", float(m), scene=f"scene-{i % 10}") for i, m in enumerate(mos)]
        write_manifest(layout.manifest(dataset), videos)
        header = Header(960, 540, 30.0, 240, "yuv420p")
        write_probes(layout.probe(dataset), [Probe(video.video_id, header) for video in videos])
        for slug in (slug for name, slug in grid.features if name == dataset):
            _features(layout, dataset, slug, videos, study.datasets[dataset].buckets)
    for run in [*grid.trained, *grid.by_scene]:
        settings = grid.run_settings(run.experiment, run.by_scene)
        asked = {"run": settings.model_dump(mode="json"), "seed": run.seed, "order": run.order}
        inputs = {"inputs": {"init": "of a head that is nowhere"}} if grid.first_of(run) else {}
        _run(layout.run_folder(run), run, noise or {}, epochs, asked | inputs)
    for run in grid.crossed:
        rows = [f"{name},v{i},{i},{i % 7}" for name in study.datasets if name != run.dataset for i in range(20)]
        path = layout.cross(run.dataset, run.experiment, run.order, run.seed)
        write_text(path, "\n".join(["dataset,video_id,mos,score", *rows]) + "\n")
    return study


def _features(layout: Layout, dataset: str, slug: str, videos: list[Video], buckets: int) -> None:
    entry = {"fingerprint": "f", "rows": 4, "dim": 2, "checksum": "c", "frames_decoded": 240}
    entry |= {"frames_container": 240, "corrupt_frames": 0}
    receipt = {video.video_id: entry | {"checksum": f"of {video.video_id}"} for video in videos}
    receipt[videos[0].video_id] |= {"frames_container": 250}
    for bucket in range(buckets):
        chosen = {video_id: each for video_id, each in receipt.items() if bucket_of(video_id, buckets) == bucket}
        excluded = {} if bucket else {"bad": "bad.mp4: is empty"}
        write_json(layout.receipt(dataset, slug, bucket), {"shards": chosen, "excluded": excluded})
    made = {"weights_sha256": "0" * 64, "preprocessing": "RGB", "precision_used": "float32", "decoder": "pyav 1"}
    folder = layout.features(dataset, slug)
    shards.write(folder / f"{videos[0].video_id}.h5", [np.zeros((4, 2))], (4, 2), "float32", np.arange(4), made)


def _run(folder: Path, run: RunId, noise: dict[tuple[str, str], float], epochs: int, asked: dict[str, object]) -> None:
    n = SIZES[run.dataset]
    held_out = round_fifth(n)
    low, high = SPANS[run.dataset]
    rng = np.random.default_rng(run.seed)
    mos = rng.uniform(low, high, held_out)
    shared = rng.normal(0, 0.5, held_out)  # the error that every mode of a seed makes
    ids = np.random.default_rng([run.seed, 1]).permutation(n)[:held_out]
    lines = ["video_id,split,test_order,mos,score"]
    for order in "OS":
        own = np.random.default_rng([run.seed, hash_of(run.experiment + run.order + order)]).normal(size=held_out)
        name = f"{run.experiment} by scene" if run.by_scene else run.experiment
        error = shared + noise.get((name, run.order + order), 0.0) * own
        scores = mos + error * (high - low) / 12**0.5
        lines += [f"v{i},test,{order},{m!r},{s!r}" for i, m, s in zip(ids, mos, scores, strict=True)]
    write_text(folder / "predictions.csv", "\n".join(lines).replace("np.float64(", "").replace(")", "") + "\n")
    history = [f"{e},{e},{1 / e:.4f},{1 / e:.4f},{0.8 - 1 / (e + 1):.4f}" for e in range(1, epochs + 1)]
    write_text(folder / "history.csv", "\n".join(["epoch,step,train_loss,val_loss,val_srocc", *history]) + "\n")
    counts = {"train": n - 2 * held_out, "val": held_out, "test": held_out}
    made = {
        "videos": counts,
        "selected_epoch": epochs,
        "selected_val_srocc": 0.7,
        "train_frames": counts["train"] * 240,
        "seconds": 1.0,
        "parameters": 1000 + hash_of(run.experiment) % 1000,
        "multiply_adds": 10**6,
        "memory_mb": 400,
    }
    (folder / "run.json").write_text(json.dumps(asked | made))


def evaluated(study: Study) -> StudyData:
    """A study written by `write_fake`, with its metrics, statistics and what is said of its videos."""
    metrics = evaluate_study(study)
    write_statistics(study.results / "statistics.csv", compare_study(study, metrics))
    write_metrics(study.results / "metrics.csv", metrics)
    per_video, tests = videos.describe_videos(study)
    videos.write(study.results / "videos.csv", per_video)
    videos.write(study.results / "sensitivity.csv", tests)
    shown.write(study.results / "shown.json", shown.show(study, per_video, tests))
    return StudyData(study)


def hash_of(text: str) -> int:
    return sum(ord(c) * 31**i for i, c in enumerate(text)) % 2**31
