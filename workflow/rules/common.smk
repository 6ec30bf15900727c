# Helpers only: the grid of the study, paths, and the functions that rules use for input and params.
import re
import shlex
import sys
from pathlib import Path

from vqa import devices, resources
from vqa.config import parse as parse_study
from vqa.errors import MEND, UserError
from vqa.study import Grid, flags

try:
    GRID = Grid(parse_study(config, "config"))
    GRID.check_inputs()
except UserError as error:
    sys.exit(f"vqa: error: {error}")

STUDY, PATHS = GRID.study, GRID.paths
RESULTS = str(STUDY.results)

# Without conda, `vqa` is the one beside the Python that runs Snakemake, also in an inactive venv.
if not workflow.deployment_settings.deployment_method:
    shell.prefix(f'set -euo pipefail; export PATH="{Path(sys.executable).parent}:$PATH"; ')


wildcard_constraints:
    dataset="|".join(map(re.escape, STUDY.datasets)),
    backbone="|".join(re.escape(GRID.slug(name)) for name in GRID.backbones),
    experiment="|".join(map(re.escape, STUDY.experiments)),
    bucket=r"\d+",
    order="[OS]",
    seed=r"\d+",


if _gone := GRID.missing_shards():
    logger.warning(f"{len(_gone)} shards are missing, first {_gone[0]}; mend with: {MEND}")


EXTRACT_DEVICE = devices.resolve(STUDY.extraction.device)
TRAIN_DEVICE = devices.resolve(STUDY.training.device)

# A rule's `gpu` is what a scheduler like Slurm gives it, and limits nothing on one machine. There the
# workflow offers the seats of the GPUs it finds: an extraction takes a whole GPU, a training one seat.
_LOCAL = workflow.is_main_process and workflow.global_resources["_nodes"].value is None
if _LOCAL and devices.visible() and "gpu_seats" not in workflow.global_resources:
    workflow.register_resource("gpu_seats", len(devices.visible()) * STUDY.training.jobs_per_gpu)


def by_attempt(amount):
    """A resource that grows with each retry."""
    return lambda wildcards, attempt: amount * attempt


def dataset_minutes(wildcards, attempt):
    return resources.listing_minutes(len(GRID.listing(wildcards.dataset).videos)) * attempt


def extract_minutes(wildcards, threads, attempt):
    videos = len(GRID.buckets(wildcards.dataset)[int(wildcards.bucket)])
    return resources.extract_minutes(videos, EXTRACT_DEVICE, threads) * attempt


def train_size(wildcards):
    clip_length = GRID.clip_length(wildcards.experiment)
    return len(GRID.listing(wildcards.dataset).videos), clip_length, TRAIN_DEVICE


def train_mb(wildcards, attempt):
    return resources.train_mb(*train_size(wildcards)) * attempt


def train_minutes(wildcards, attempt):
    return resources.train_minutes(GRID.run_settings(wildcards.experiment), *train_size(wildcards)) * attempt


def all_videos():
    return sum(len(GRID.listing(name).videos) for name in STUDY.datasets)


def all_weights():
    return [GRID.weights(GRID.slug(name)) for name in GRID.backbones]


def all_receipts():
    return [
        path
        for dataset in STUDY.datasets
        for name in GRID.backbones
        for path in GRID.receipts(dataset, GRID.slug(name))
    ]


def all_indexes():
    return [PATHS.index(dataset, GRID.slug(name)) for dataset in STUDY.datasets for name in GRID.backbones]


def all_runs():
    return [GRID.run_dir(run) / "predictions.csv" for run in GRID.runs] + all_crossed()


def all_crossed():
    return [GRID.run_dir(run) / "cross.csv" for run in GRID.crossed]


def all_results():
    return [f"{RESULTS}/metrics.csv", f"{RESULTS}/report.html", *table_files(), *figure_files()]


def table_files():
    return [f"{RESULTS}/tables/{name}.{suffix}" for name in GRID.tables for suffix in ("csv", "md", "tex")]


def figure_files():
    return [f"{RESULTS}/figures/{name}.{suffix}" for name in GRID.figures for suffix in ("png", "pdf")]


def all_probes():
    return [PATHS.probe(dataset) for dataset in STUDY.datasets]


def bucket_videos(wildcards):
    return [video.path for video in GRID.buckets(wildcards.dataset)[int(wildcards.bucket)]]


def bucket_depends(wildcards):
    return GRID.extract_depends(wildcards.dataset, wildcards.backbone, int(wildcards.bucket))


def extract_flags(wildcards):
    name = GRID.backbone_of(wildcards.backbone).name
    settings, extraction = GRID.settings(name), STUDY.extraction
    node = f" --node {settings.node}" if settings.node else ""
    return (
        f"--bucket {wildcards.bucket}/{STUDY.datasets[wildcards.dataset].buckets} --backbone {name}"
        f" --cube-input {settings.cube_input}{node} --decoder {extraction.decoder}"
        f" --precision {extraction.precision} --storage {extraction.storage}"
        f" --device {EXTRACT_DEVICE} --on-bad-video {STUDY.datasets[wildcards.dataset].on_bad_video}"
    )


def dataset_receipts(wildcards):
    return GRID.receipts(wildcards.dataset, wildcards.backbone)


def run_index(wildcards):
    return experiment_index(wildcards, wildcards.dataset)


def run_permutations(wildcards):
    chosen = STUDY.datasets[wildcards.dataset].permutations
    return [chosen] if STUDY.splits.method == "stored" else []


def run_flags(wildcards):
    stored = "".join(f" --permutations {shlex.quote(str(path))}" for path in run_permutations(wildcards))
    return flags(GRID.run_settings(wildcards.experiment)) + stored


def dataset_metadata(wildcards):
    return GRID.listing(wildcards.dataset).metadata


def demo_flags(dataset):
    chosen = STUDY.datasets[dataset]
    keys = ("videos", "scenes", "width", "height", "seconds", "fps", "seed")
    return " ".join(f"--{key} {getattr(chosen, key)}" for key in keys)


def other_datasets(wildcards):
    return [name for name in STUDY.datasets if name != wildcards.dataset]


def experiment_index(wildcards, dataset):
    return PATHS.index(dataset, GRID.slug(STUDY.experiments[wildcards.experiment].backbone))


def cross_targets(wildcards):
    targets = [
        f"{name}:{PATHS.manifest(name)}:{experiment_index(wildcards, name)}" for name in other_datasets(wildcards)
    ]
    return " ".join(f"--dataset {shlex.quote(target)}" for target in targets)
