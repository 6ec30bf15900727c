"""What each key of the config makes Snakemake do again, written by hand from what the key means.

SMOKE: keys of the smoke study (one demo dataset in two buckets, two backbones, eight trainings).
READERS: keys of the study of the other readers (one bucket and one training a dataset, and one more on `vsfa` that
begins from that on `table`). A row is (value, jobs).
"""

SHOW = {"tables": 1, "figures": 1, "report": 1}
SINGLE = {"videos": 1, "shown": 1}
FIGURES = {"figures": 1, "report": 1}
REPORT = {"report": 1}
EVALUATE = {"evaluate": 1} | SINGLE | SHOW
MARGIN = {"evaluate": 1} | SHOW
TRAIN = {"train": 8} | EVALUATE
EXTRACT = {"extract": 4, "index": 2} | TRAIN
RENDER = {"demo_data_demo": 1, "manifest": 1, "probe": 1} | EXTRACT
ALL = {"weights": 2} | RENDER
TWO_TRAININGS = {"train": 2} | EVALUATE

# One dataset of the six, by what is new: its labels, its videos' content, which videos it has.
TRAIN_ONE = {"train": 1} | EVALUATE
LIST_ONE = {"manifest": 1, "probe": 1, "index": 1} | TRAIN_ONE
EXTRACT_ONE = {"extract": 1, "index": 1} | TRAIN_ONE
OTHER_VIDEOS = {"extract": 1} | LIST_ONE
LOOK_AGAIN = {"probe": 1} | EXTRACT_ONE
TWO_BUCKETS = {"extract": 2, "index": 1} | TRAIN_ONE
TRAIN_ALL = {"train": 7} | EVALUATE
EXTRACT_ALL = {"extract": 6, "index": 6} | TRAIN_ALL


def and_one_more(jobs: dict[str, int]) -> dict[str, int]:
    """Of `table` the training that begins from it, of `vsfa` the second on it."""
    return jobs | {"train": jobs["train"] + 1}


SMOKE = {
    "name": ("Another title", REPORT),
    "results": ("elsewhere", ALL),
    "shared": ("elsewhere", ALL),
    "seeds": (3, {"train": 4} | EVALUATE),
    "datasets.demo.exclude": (["clip-003"], {"manifest": 1, "probe": 1, "extract": 2, "index": 2} | TRAIN),
    "datasets.demo.on_bad_video": ("exclude", {"probe": 1} | EXTRACT),
    "datasets.demo.buckets": (3, EXTRACT | {"extract": 6}),
    "datasets.demo.permutations": ("any.mat", SHOW),
    "datasets.demo.manifest": ("results-smoke/manifests/demo.csv", {"manifest": 1, "index": 2} | TRAIN),
    "datasets.demo.videos": (16, RENDER),
    "datasets.demo.scenes": (4, RENDER),
    "datasets.demo.width": (98, RENDER),
    "datasets.demo.height": (66, RENDER),
    "datasets.demo.seconds": (0.5, RENDER),
    "datasets.demo.fps": (25, RENDER),
    "datasets.demo.seed": (1, RENDER),
    "datasets.demo.control": ("negative", RENDER),
    "backbones.efficientnet_lite0.weights": ("own.pth", {"extract": 2, "index": 1, "train": 6} | EVALUATE),
    "backbones.efficientnet_lite0.every": (2, {"extract": 2, "index": 1, "train": 6} | EVALUATE),
    "backbones.resnet3d18.network": ("resnet3d18", SHOW),
    "backbones.resnet3d18.cube_input": ("native", {"extract": 2, "index": 1, "train": 2} | EVALUATE),
    "experiments.sample-4.backbone": ("resnet3d18", TWO_TRAININGS),
    "experiments.sample-4.sampler": (5, TWO_TRAININGS),
    "experiments.sample-4.head": ("gru-mean", TWO_TRAININGS),
    "experiments.sample-4.batch_size": (5, TWO_TRAININGS),
    "experiments.sample-4.epochs": (5, TWO_TRAININGS),
    "experiments.sample-4.lr": (1e-3, TWO_TRAININGS),
    "experiments.sample-4.tune": ({"lr": [1e-3]}, TWO_TRAININGS),
    "experiments.sample-4.modes": (["OO", "OS"], MARGIN),
    "experiments.sample-4.datasets": (["demo"], SHOW),
    "experiments.sample-4.seeds": (3, {"train": 1} | EVALUATE),
    "splits.method": ("scene", TRAIN),
    "splits.scenes": (["demo"], {"train_by_scene": 6, "tables": 1} | REPORT),
    "extraction.decoder": ("decord", EXTRACT),
    "extraction.precision": ("bfloat16", EXTRACT),
    "extraction.storage": ("float32", EXTRACT),
    "extraction.memory_mb": (500, REPORT),
    "extraction.device": ("cuda", REPORT),
    "extraction.threads": (1, REPORT),
    "extraction.gpu_mb": (4000, REPORT),
    "extraction.jobs_per_gpu": (2, REPORT),
    "extraction.stall_seconds": (60, REPORT),
    "training.epochs": (5, TRAIN),
    "training.lr": (1e-3, TRAIN),
    "training.weight_decay": (1e-4, TRAIN),
    "training.schedule": ("step", TRAIN),
    "training.step_epochs": (2, TRAIN),
    "training.step_gamma": (0.5, TRAIN),
    "training.selection": ("last-epoch", TRAIN),
    "training.patience": (3, TRAIN),
    "training.redraw": ("epoch", TRAIN),
    "training.sample_test": (False, TRAIN),
    "training.label_scale": ("train", TRAIN),
    "training.precision": ("bfloat16", TRAIN),
    "training.batches": ("similar-length", TRAIN),
    "training.features_mb": (500, REPORT),
    "training.device": ("cuda", REPORT),
    "training.jobs_per_gpu": (2, REPORT),
    "training.threads": (2, REPORT),
    "audit": (True, TRAIN),
    "statistics.margin": (0.05, MARGIN),
    "statistics.alpha": (0.1, EVALUATE),
    "statistics.margins": ({"plcc": 0.02}, MARGIN),
    "plots.dpi": (100, FIGURES),
    "plots.thumbnails": (True, {"shown": 1, "report": 1}),
}

READERS = {
    "cross_dataset": (["tuned"], {"cross": 1} | TRAIN_ONE),
    "experiments.tuned.init": (None, TRAIN_ONE),
    "experiments.tuned.init.dataset": ("native", TRAIN_ONE),
    "experiments.tuned.init.experiment": ("again", TWO_TRAININGS),
    "datasets.native.path": ("other/konvid", OTHER_VIDEOS),
    "datasets.native.files": ([], LIST_ONE),
    "datasets.native.files.0.where": ("flickr_id <= 1002", OTHER_VIDEOS),
    "datasets.native.test_sets": (["test"], OTHER_VIDEOS),
    "datasets.native.exclude": (["1003"], OTHER_VIDEOS),
    "datasets.native.on_bad_video": ("exclude", LOOK_AGAIN),
    "datasets.native.buckets": (2, TWO_BUCKETS),
    "datasets.native.permutations": ("data/info.mat", SHOW),
    "datasets.native.manifest": ("results-smoke/manifests/native.csv", SHOW),
    "datasets.table.path": ("data/again.csv", and_one_more(LIST_ONE)),
    "datasets.table.exclude": (["t3"], and_one_more(OTHER_VIDEOS)),
    "datasets.table.on_bad_video": ("exclude", and_one_more(LOOK_AGAIN)),
    "datasets.table.buckets": (2, and_one_more(TWO_BUCKETS)),
    "datasets.table.permutations": ("data/info.mat", SHOW),
    "datasets.table.manifest": ("results-smoke/manifests/table.csv", SHOW),
    "datasets.vsfa.path": ("other/info.mat", and_one_more(LIST_ONE)),
    "datasets.vsfa.videos": ("other/clips", and_one_more(OTHER_VIDEOS)),
    "datasets.vsfa.exclude": (["15"], and_one_more(OTHER_VIDEOS)),
    "datasets.vsfa.on_bad_video": ("exclude", and_one_more(LOOK_AGAIN)),
    "datasets.vsfa.buckets": (2, and_one_more(TWO_BUCKETS)),
    "datasets.vsfa.permutations": ("data/info.mat", SHOW),
    "datasets.vsfa.manifest": ("results-smoke/manifests/vsfa.csv", SHOW),
    "datasets.labels.path": ("data/all.txt", LIST_ONE),
    "datasets.labels.files": ([{"path": "data/all.txt"}], LIST_ONE),
    "datasets.labels.files.0.path": ("other/train.txt", SHOW),
    "datasets.labels.files.0.split": ("val", LIST_ONE),
    "datasets.labels.videos": ("other/clips", OTHER_VIDEOS),
    "datasets.labels.ids": ("path", OTHER_VIDEOS),
    "datasets.labels.endings": (["_cut"], OTHER_VIDEOS),
    "datasets.labels.raw": ({"width": 32, "height": 32}, OTHER_VIDEOS),
    "datasets.labels.raw.width": (32, OTHER_VIDEOS),
    "datasets.labels.raw.height": (32, OTHER_VIDEOS),
    "datasets.labels.raw.pixel_format": ("yuvj420p", OTHER_VIDEOS),
    "datasets.labels.raw.fps": (25, OTHER_VIDEOS),
    "datasets.labels.test_sets": (["test"], OTHER_VIDEOS),
    "datasets.labels.exclude": (["3"], OTHER_VIDEOS),
    "datasets.labels.on_bad_video": ("exclude", LOOK_AGAIN),
    "datasets.labels.buckets": (2, TWO_BUCKETS),
    "datasets.labels.permutations": ("data/info.mat", SHOW),
    "datasets.labels.manifest": ("results-smoke/manifests/labels.csv", SHOW),
    "datasets.preset.path": ("other/lsvq", OTHER_VIDEOS),
    "datasets.preset.files": (
        [
            {"path": "other/lsvq/train_labels.txt", "split": "train"},
            {"path": "other/lsvq/labels_test.txt", "split": "test"},
            {"path": "other/lsvq/labels_1080p.txt", "split": "test:1080p"},
        ],
        SHOW,
    ),
    "datasets.preset.test_sets": (["test"], OTHER_VIDEOS),
    "datasets.preset.exclude": (["videos__13"], OTHER_VIDEOS),
    "datasets.preset.on_bad_video": ("exclude", LOOK_AGAIN),
    "datasets.preset.buckets": (2, TWO_BUCKETS),
    "datasets.preset.permutations": ("data/info.mat", SHOW),
    "datasets.preset.manifest": ("results-smoke/manifests/preset.csv", SHOW),
    "datasets.columns.files": ([{"path": "data/ratings.csv"}], LIST_ONE),
    "datasets.columns.videos": ("other/clips", OTHER_VIDEOS),
    "datasets.columns.columns": ({"video_id": "name", "mos": "second", "split": "part"}, LIST_ONE),
    "datasets.columns.separator": (";", LIST_ONE),
    "datasets.columns.extension": (".mp4", SHOW),
    "datasets.columns.where": ("MOS > 1", OTHER_VIDEOS),
    "datasets.columns.ids": ("path", OTHER_VIDEOS),
    "datasets.columns.endings": (["_cut"], OTHER_VIDEOS),
    "datasets.columns.raw": ({"width": 32, "height": 32}, OTHER_VIDEOS),
    "datasets.columns.test_sets": (["test"], OTHER_VIDEOS),
    "backbones.torchvision/squeezenet1_1.node": ("features.7", EXTRACT_ALL),
    "splits.path": ("splits", TRAIN_ALL),
}

AGAIN = {"backbone": "torchvision/squeezenet1_1", "batch_size": 4, "modes": ["OO"], "datasets": ["table"]}
# Keys of the study of imported features: two of them, a training each, and predictions that others made.
IMPORT_ONE = {"import_features": 1, "index": 1, "train": 1} | EVALUATE
GIVEN_ONE = {"import_predictions": 1} | EVALUATE
IMPORTS = {
    "backbones.matrix.import.d.path": ("other/matrix.npz", IMPORT_ONE),
    "backbones.matrix.import.d.variable": ("more", IMPORT_ONE),
    "backbones.matrix.import.d.names": ({"path": "data/labels.csv", "column": "again"}, IMPORT_ONE),
    "backbones.matrix.import.d.names.path": ("other/labels.csv", IMPORT_ONE),
    "backbones.matrix.import.d.names.column": ("again", IMPORT_ONE),
    "backbones.matrix.import.d.names.separator": (";", IMPORT_ONE),
    "backbones.clips.import.d.ending": (".x.npy", IMPORT_ONE),
    "backbones.clips.every": (4, IMPORT_ONE),
    "experiments.theirs.predictions": ("other/theirs-{seed}.csv", GIVEN_ONE),
    "experiments.theirs.columns": ({"score": "again"}, GIVEN_ONE),
    "extraction.storage": ("float32", SHOW),
}

# The key of a network of timm: one experiment, a training.
TIMM = {
    "backbones.timm/test_vit.class_token": ("append", {"extract": 2, "index": 1, "train": 1} | EVALUATE),
}

# What changes along, where a key cannot change alone.
ALONG = {
    "cross_dataset": ("experiments.tuned", AGAIN | {"datasets": ["native"]}),  # others share their clips
    "datasets.labels.path": ("datasets.labels.files", []),
    "datasets.columns.files": ("datasets.columns.path", None),
    "splits.path": ("splits.method", "files"),
    "experiments.tuned.init.experiment": ("experiments.again", AGAIN),
}

# Asked by `make test` too; `make test-reruns` asks them all.
QUICK = {
    "training.lr", "extraction.memory_mb", "plots.dpi", "datasets.demo.exclude", "experiments.sample-4.modes",
    "backbones.matrix.import.d.variable",
}  # fmt: skip
