# Helpers only: the grid of the study, paths, and the functions that rules use for input and params.
# What lists, stats or compares sources runs in the main process alone (`workflow.is_main_process`): a submitted
# job parses all this again, and knows the sizes from the plan.
import re
import shlex
import sys
from pathlib import Path

from snakemake.io import IOFile

from vqa import config as configs
from vqa.datasets import demo
from vqa.features.identity import bucket_of
from vqa.results.contents import Contents
from vqa.study import console, depends, names, record, resources, session, sources
from vqa.study.grid import Grid, RunId, datasets_by_network, made_features
from vqa.study.layout import ALL, Layout, missing_shards
from vqa.study.parts import split_files
from vqa.study.sources import Planned, Sources
from vqa.system import devices, errors
from vqa.system.errors import RunError, UserError

logger.addFilter(console.brief)

try:
    for _file in workflow.configfiles:
        configs.read(_file)
    STUDY = configs.parse(config, "config")
    session.tell(STUDY)
    GRID, PATHS, CONTENTS = Grid(STUDY), Layout.of(STUDY), Contents(STUDY)
    SOURCES = Sources(STUDY, PATHS, GRID) if workflow.is_main_process else Planned(PATHS)
    if workflow.is_main_process:
        session.open_session(STUDY, sys.argv[1:], Path(workflow.basedir))
        record.require_record(GRID, SOURCES, sys.argv[1:])
        sources.check(GRID, SOURCES)
        names.require_plain(SOURCES)
except (UserError, RunError) as error:
    sys.exit(f"vqa: error: {error}")

RESULTS = str(STUDY.results)

# Without conda, `vqa` is the one beside the Python that runs Snakemake, also in an inactive venv.
if not workflow.deployment_settings.deployment_method:
    shell.prefix(f'set -euo pipefail; export PATH={shlex.quote(str(Path(sys.executable).parent))}:"$PATH"; ')


wildcard_constraints:
    dataset="|".join(map(re.escape, STUDY.datasets)),
    backbone="|".join(map(re.escape, GRID.slugs)),
    network="|".join(map(re.escape, GRID.networks)),
    experiment="|".join(map(re.escape, STUDY.experiments)),
    bucket=r"\d+",
    order="[OS]",
    seed=r"\d+",


# Of an experiment whose predictions others made nothing is trained.
TRAINED = "|".join(re.escape(name) for name, chosen in STUDY.experiments.items() if not chosen.predictions) or "(?!)"
GIVEN = "|".join(re.escape(name) for name, chosen in STUDY.experiments.items() if chosen.predictions) or "(?!)"


# Of a dataset that is given as a manifest no rule makes what comes from its videos or from features of others.
MADE = "|".join(re.escape(name) for name, dataset in STUDY.datasets.items() if not dataset.manifest) or "(?!)"


if workflow.is_main_process and (_gone := missing_shards(PATHS, made_features(GRID))):
    logger.warning(f"{len(_gone)} shards are missing, first {_gone[0]}; mend with: {errors.mend()}")


# What is asked of a scheduler. `auto` is resolved where a job runs; here it says what there seems to be.
EXTRACT_DEVICE = devices.resolve(STUDY.extraction.device)
TRAIN_DEVICE = devices.resolve(STUDY.training.device)

# A rule's `gpu` is what a scheduler like Slurm gives it, and limits nothing on one machine. There the
# workflow offers the seats of the GPUs it finds: so many that jobs of either kind fill a GPU evenly.
_LOCAL = workflow.is_main_process and workflow.nodes is None
if _LOCAL and devices.visible() and "gpu_seats" not in workflow.global_resources:
    _SEATS = STUDY.training.jobs_per_gpu * STUDY.extraction.jobs_per_gpu
    workflow.register_resource("gpu_seats", len(devices.visible()) * _SEATS)


# A submitted job has one GPU: trainings that go to the scheduler as a group use it one after another.
resource_scopes:
    gpu="local",


if workflow.is_main_process and not _LOCAL and "gpu" not in workflow.global_resources:
    workflow.register_resource("gpu", 1)


def by_attempt(amount):
    """A resource that grows with each retry."""
    return lambda wildcards, attempt: amount * attempt


def dataset_minutes(wildcards, attempt):
    return resources.listing_minutes(SOURCES.count(wildcards.dataset)) * attempt


def extract_minutes(wildcards, threads, attempt):
    videos = SOURCES.buckets(wildcards.dataset)[int(wildcards.bucket)]
    return resources.extract_minutes(videos, EXTRACT_DEVICE, threads) * attempt


def extract_mb(wildcards, attempt):
    variant = GRID.backbone_of(wildcards.backbone)
    frames = variant.network.clip_length
    whole = frames if frames == 1 or variant.settings.cube_input == "native" else 0
    pixels = SOURCES.pixels(wildcards.dataset, int(wildcards.bucket))
    decoders = min(STUDY.extraction.threads, SOURCES.buckets(wildcards.dataset)[int(wildcards.bucket)])
    return resources.extract_mb(STUDY.extraction.memory_mb, EXTRACT_DEVICE, pixels, whole, decoders) * attempt


def train_mb(wildcards, input, attempt):
    indexes = [input.index, *input.joined]  # where one is still to be made, Snakemake asks again once it is there
    found = resources.joined([resources.sizes(index, Path(index).stat().st_mtime_ns) for index in indexes])
    return resources.train_mb(GRID.run_settings(wildcards.experiment), found, TRAIN_DEVICE) * attempt


def train_minutes(wildcards, attempt):
    run = GRID.run_settings(wildcards.experiment)
    frames = min(variant.row_frames for variant in GRID.variants_of(wildcards.experiment))
    return resources.train_minutes(run, SOURCES.count(wildcards.dataset), frames, TRAIN_DEVICE) * attempt


def all_videos():
    return sum(SOURCES.count(name) for name in STUDY.datasets)


def all_weights():
    return list(dict.fromkeys(map(weights_file, datasets_by_network(GRID))))


def weights_file(slug):
    return sources.weights(GRID, PATHS, slug)


def all_receipts():
    return [path for dataset, slug in GRID.features for path in receipts(dataset, slug)]


def receipts(dataset, slug):
    if GRID.backbone_of(slug).imported:
        return [PATHS.receipt(dataset, slug, ALL)]
    return [PATHS.receipt(dataset, slug, bucket) for bucket in SOURCES.buckets(dataset)]


def all_indexes():
    return [PATHS.index(dataset, slug) for dataset, slug in GRID.features]


def all_runs():
    return all_predictions() + all_by_scene() + all_crossed()


def all_predictions():
    return [PATHS.run_folder(run) / "predictions.csv" for run in GRID.runs]


def all_audits():
    """What every epoch reached on the test set: nothing but the audit's table and figure reads it."""
    return [PATHS.run_folder(run) / "audit.csv" for run in GRID.trained if STUDY.audit]


def all_crossed():
    return [PATHS.cross(run.dataset, run.experiment, run.order, run.seed) for run in GRID.crossed]


def all_by_scene():
    return [PATHS.run_folder(run) / "predictions.csv" for run in GRID.by_scene]


def compared_crossed():
    """Scores on other datasets, where experiments are compared by them."""
    return all_crossed() if CONTENTS.crossed_pairs else []


def all_results():
    return [
        f"{RESULTS}/metrics.csv",
        f"{RESULTS}/videos.csv",
        f"{RESULTS}/report.html",
        *table_files(),
        *figure_files(),
    ]


def table_files():
    return [f"{RESULTS}/tables/{name}" for name in CONTENTS.table_files]


def figure_files():
    return [f"{RESULTS}/figures/{name}.{suffix}" for name in CONTENTS.figures for suffix in ("png", "pdf")]


def all_probes():
    return [PATHS.probe(dataset) for dataset in GRID.decoded]


def clips(wildcards):
    """The videos that the workflow itself makes, of the bucket if there is one. Whether a video changed is for
    Sources to say, not for its time stamp: Snakemake compares the content of small files only."""
    settings = STUDY.datasets[wildcards.dataset]
    if not demo.rendered(settings):
        return []
    made = demo.read(wildcards.dataset, settings, STUDY.store).videos
    if "bucket" in wildcards.keys():
        made = [video for video in made if bucket_of(video.video_id, settings.buckets) == int(wildcards.bucket)]
    return [rendered(wildcards.dataset), *(ancient(video.path) for video in made)]


def rendered(dataset):
    return demo.folder(dataset, STUDY.store) / ".rendered"


def checkpoint(wildcards):
    """A missing one is made first, and read once it is; else its content counts, as that of the videos."""
    path = weights_file(wildcards.backbone)
    return ancient(path) if path.exists() else path


def extract_checks(wildcards):
    """Own models are checked before a bucket is extracted. A bucket that is there keeps the checks it came after:
    for another list of inputs Snakemake would extract it again, as it does where its own backbone changed."""
    if not workflow.is_main_process:
        return []
    checks = [PATHS.checked(model) for model in (*GRID.own_models, *GRID.own_backbones)]
    receipt = PATHS.receipt(wildcards.dataset, wildcards.backbone, wildcards.bucket)
    if receipt.exists():
        recorded = map(Path, workflow.persistence.input(IOFile(str(receipt))) or [])
        earlier = [path for path in recorded if path.parent == PATHS.checked("").parent]
        checks = [path for path in earlier if path in checks or path.exists()]
    network = GRID.own_backbone(wildcards.backbone)
    own = [PATHS.checked(network)] if network else []
    return own + [ancient(path) for path in checks if path not in own]


def run_check(wildcards):
    if not workflow.is_main_process:
        return []
    used = STUDY.experiments[wildcards.experiment].head
    return [PATHS.checked(model) for model, head in GRID.own_models.items() if head == used]


def extracted(wildcards):
    """What the identity and the flags of an extraction are both made from."""
    variant = GRID.backbone_of(wildcards.backbone)
    return variant.network.name, variant.settings, STUDY.extraction, STUDY.datasets[wildcards.dataset]


def bucket_depends(wildcards):
    if not workflow.is_main_process:
        return ""
    place = wildcards.dataset, int(wildcards.bucket)
    identity = SOURCES.identity(wildcards.dataset, wildcards.backbone, int(wildcards.bucket))
    return depends.extract_depends(*extracted(wildcards), int(wildcards.bucket), SOURCES.bucket(*place), identity)


def extract_flags(wildcards):
    return depends.extract_flags(*extracted(wildcards))


def given_features(wildcards):
    """What the identity and the flags of an import are both made from."""
    variant = GRID.backbone_of(wildcards.backbone)
    given = variant.settings.imported[wildcards.dataset]
    return variant.name, variant.settings.every, given, STUDY.datasets[wildcards.dataset]


def import_depends(wildcards):
    if not workflow.is_main_process:
        return ""
    videos = SOURCES.listing(wildcards.dataset).videos
    identity = SOURCES.identity(wildcards.dataset, wildcards.backbone, ALL)
    return depends.import_depends(*given_features(wildcards), videos, identity)


def import_flags(wildcards):
    return depends.import_flags(*given_features(wildcards))


def import_mb(wildcards, attempt):
    path = given_features(wildcards)[2].path
    return resources.import_mb(path.stat().st_size if path.is_file() else 0) * attempt


def manifest_depends(wildcards):
    if not workflow.is_main_process:
        return ""
    return depends.manifest_depends(STUDY.datasets[wildcards.dataset], SOURCES.rows(wildcards.dataset))


def probe_depends(wildcards):
    if not workflow.is_main_process:
        return ""
    return depends.probe_depends(STUDY.datasets[wildcards.dataset], SOURCES.identity_of_all(wildcards.dataset))


def dataset_receipts(wildcards):
    return receipts(wildcards.dataset, wildcards.backbone)


def run_index(wildcards):
    return experiment_indexes(wildcards, wildcards.dataset)[0]


def run_joined(wildcards):
    return experiment_indexes(wildcards, wildcards.dataset)[1:]


def run_permutations(wildcards):
    chosen = STUDY.datasets[wildcards.dataset].permutations
    return [ancient(chosen)] if STUDY.splits.method == "stored" else []


def run_split_file(wildcards):
    return [ancient(path) for path in split_files(STUDY, wildcards.dataset, [wildcards.seed])]


def run_init(wildcards):
    """The head that a training begins from."""
    run = RunId(wildcards.dataset, wildcards.experiment, wildcards.order, wildcards.seed)
    first = GRID.first_of(run)
    return [PATHS.head(first)] if first else []


def run_depends(wildcards, by_scene=False):
    if not workflow.is_main_process:
        return ""
    stored = [SOURCES.content(path) for path in run_permutations(wildcards)]
    given = [SOURCES.content(path) for path in run_split_file(wildcards)]
    return depends.train_depends(GRID.run_settings(wildcards.experiment, by_scene), stored, given)


def run_flags(wildcards, by_scene=False):
    run = GRID.run_settings(wildcards.experiment, by_scene)
    files = run_permutations(wildcards), run_split_file(wildcards), run_init(wildcards), run_joined(wildcards)
    return depends.train_flags(run, *files) + " --no-audit" * by_scene


def audit_file():
    """One output more, while the study audits: that it does comes by the environment, so that nothing else replans."""
    return [PATHS.run("{dataset}", "{experiment}", "{order}", "{seed}") / "audit.csv"] if STUDY.audit else []


def given_scores(wildcards):
    """The file of scores that others made. Its content counts, not its time stamp."""
    return ancient(STUDY.experiments[wildcards.experiment].scores(wildcards.dataset, wildcards.seed))


def predictions_depends(wildcards):
    if not workflow.is_main_process:
        return ""
    scores = STUDY.experiments[wildcards.experiment].scores(wildcards.dataset, wildcards.seed)
    parts = run_permutations(wildcards), run_split_file(wildcards)
    return depends.predictions_depends(SOURCES.content(scores), *([SOURCES.content(p) for p in each] for each in parts))


def predictions_flags(wildcards):
    parts = run_permutations(wildcards), run_split_file(wildcards)
    chosen = STUDY.experiments[wildcards.experiment], STUDY.datasets[wildcards.dataset]
    return depends.predictions_flags(*chosen, STUDY.splits.method, *parts)


def dataset_metadata(wildcards):
    """The labels that the workflow makes itself. Of others the rows count, which `manifest_depends` holds."""
    return demo.table(wildcards.dataset, STUDY.store) if demo.rendered(STUDY.datasets[wildcards.dataset]) else []


def other_datasets(wildcards):
    return [name for name in STUDY.datasets if name != wildcards.dataset]


def experiment_indexes(wildcards, dataset):
    return [PATHS.index(dataset, variant.slug) for variant in GRID.variants_of(wildcards.experiment)]


def cross_targets(wildcards):
    return depends.cross_flags(
        [(name, PATHS.manifest(name), *experiment_indexes(wildcards, name)) for name in other_datasets(wildcards)]
    )
