# Helpers only: the grid of the study, paths, and the functions that rules use for input and params.
import re
import sys
from pathlib import Path

from vqa.config import parse as parse_study
from vqa.config import to_yaml
from vqa.results.contents import Contents
from vqa.study import depends, resources, sources
from vqa.study.grid import Grid
from vqa.study.layout import Layout, missing_shards
from vqa.study.parts import split_files
from vqa.study.sources import Sources
from vqa.system import devices
from vqa.system.errors import MEND, UserError
from vqa.system.files import write_text

try:
    STUDY = parse_study(config, "config")
    GRID, PATHS, SOURCES, CONTENTS = Grid(STUDY), Layout(STUDY.results), Sources(STUDY), Contents(STUDY)
    sources.check(GRID, SOURCES)
except UserError as error:
    sys.exit(f"vqa: error: {error}")

RESULTS = str(STUDY.results)

# Without conda, `vqa` is the one beside the Python that runs Snakemake, also in an inactive venv.
if not workflow.deployment_settings.deployment_method:
    shell.prefix(f'set -euo pipefail; export PATH="{Path(sys.executable).parent}:$PATH"; ')


wildcard_constraints:
    dataset="|".join(map(re.escape, STUDY.datasets)),
    backbone="|".join(map(re.escape, GRID.slugs)),
    experiment="|".join(map(re.escape, STUDY.experiments)),
    bucket=r"\d+",
    order="[OS]",
    seed=r"\d+",


if _gone := missing_shards(PATHS, STUDY.datasets, GRID.slugs):
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
    return resources.listing_minutes(len(SOURCES.listing(wildcards.dataset).videos)) * attempt


def extract_minutes(wildcards, threads, attempt):
    videos = len(SOURCES.buckets(wildcards.dataset)[int(wildcards.bucket)])
    return resources.extract_minutes(videos, EXTRACT_DEVICE, threads) * attempt


def train_size(wildcards):
    clip_length = GRID.spec_of(wildcards.experiment).clip_length
    return len(SOURCES.listing(wildcards.dataset).videos), clip_length, TRAIN_DEVICE


def train_mb(wildcards, attempt):
    return resources.train_mb(*train_size(wildcards)) * attempt


def train_minutes(wildcards, attempt):
    return resources.train_minutes(GRID.run_settings(wildcards.experiment), *train_size(wildcards)) * attempt


def all_videos():
    return sum(len(SOURCES.listing(name).videos) for name in STUDY.datasets)


def all_weights():
    return [weights_file(slug) for slug in GRID.slugs]


def weights_file(slug):
    return sources.weights(GRID, PATHS, slug)


def all_receipts():
    return [path for dataset in STUDY.datasets for slug in GRID.slugs for path in receipts(dataset, slug)]


def receipts(dataset, slug):
    return [PATHS.receipt(dataset, slug, i) for i, videos in enumerate(SOURCES.buckets(dataset)) if videos]


def all_indexes():
    return [PATHS.index(dataset, slug) for dataset in STUDY.datasets for slug in GRID.slugs]


def all_runs():
    return [PATHS.run_folder(run) / "predictions.csv" for run in GRID.runs] + all_crossed()


def all_crossed():
    return [PATHS.run_folder(run) / "cross.csv" for run in GRID.crossed]


def all_results():
    return [f"{RESULTS}/metrics.csv", f"{RESULTS}/report.html", *table_files(), *figure_files()]


def table_files():
    return [f"{RESULTS}/tables/{name}.{suffix}" for name in CONTENTS.tables for suffix in ("csv", "md", "tex")]


def figure_files():
    return [f"{RESULTS}/figures/{name}.{suffix}" for name in CONTENTS.figures for suffix in ("png", "pdf")]


def all_probes():
    return [PATHS.probe(dataset) for dataset in STUDY.datasets]


def bucket_videos(wildcards):
    return [video.path for video in SOURCES.buckets(wildcards.dataset)[int(wildcards.bucket)]]


def extracted(wildcards):
    """What the identity and the flags of an extraction are both made from."""
    name = GRID.backbone_of(wildcards.backbone).name
    return name, GRID.settings(name), STUDY.extraction, STUDY.datasets[wildcards.dataset], int(wildcards.bucket)


def bucket_depends(wildcards):
    videos = SOURCES.buckets(wildcards.dataset)[int(wildcards.bucket)]
    return depends.extract_depends(*extracted(wildcards), videos)


def extract_flags(wildcards):
    return depends.extract_flags(*extracted(wildcards), EXTRACT_DEVICE)


def manifest_depends(wildcards):
    videos = SOURCES.listing(wildcards.dataset).videos
    return depends.manifest_depends(STUDY.datasets[wildcards.dataset], videos)


def dataset_receipts(wildcards):
    return receipts(wildcards.dataset, wildcards.backbone)


def run_index(wildcards):
    return experiment_index(wildcards, wildcards.dataset)


def run_permutations(wildcards):
    chosen = STUDY.datasets[wildcards.dataset].permutations
    return [chosen] if STUDY.splits.method == "stored" else []


def run_split_file(wildcards):
    return split_files(STUDY, wildcards.dataset, [wildcards.seed])


def run_flags(wildcards):
    run = GRID.run_settings(wildcards.experiment)
    return depends.train_flags(run, run_permutations(wildcards), run_split_file(wildcards))


def dataset_metadata(wildcards):
    return SOURCES.listing(wildcards.dataset).metadata


def other_datasets(wildcards):
    return [name for name in STUDY.datasets if name != wildcards.dataset]


def experiment_index(wildcards, dataset):
    return PATHS.index(dataset, GRID.spec_of(wildcards.experiment).slug)


def cross_targets(wildcards):
    return depends.cross_flags(
        [(name, PATHS.manifest(name), experiment_index(wildcards, name)) for name in other_datasets(wildcards)]
    )
