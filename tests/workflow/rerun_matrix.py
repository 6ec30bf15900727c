"""What each key of the config makes Snakemake do again, written by hand from what the key means.

SMOKE: keys of the smoke study (one demo dataset in two buckets, two backbones, eight trainings).
READERS: keys of the study of three readers (one bucket and one training each). A row is (value, jobs).
"""

SHOW = {"tables": 1, "figures": 1, "report": 1}
FIGURES = {"figures": 1, "report": 1}
REPORT = {"report": 1}
EVALUATE = {"evaluate": 1} | SHOW
TRAIN = {"train": 8} | EVALUATE
EXTRACT = {"extract": 4, "index": 2} | TRAIN
RENDER = {"demo_data_demo": 1, "manifest": 1, "probe": 1} | EXTRACT
ALL = {"weights": 2} | RENDER
TWO_TRAININGS = {"train": 2} | EVALUATE

# One dataset of the three.
TRAIN_ONE = {"train": 1} | EVALUATE
LIST_ONE = {"manifest": 1, "probe": 1, "index": 1} | TRAIN_ONE
EXTRACT_ONE = {"extract": 1, "index": 1} | TRAIN_ONE
EXTRACT_ALL = {"extract": 3, "index": 3, "train": 3} | EVALUATE

SMOKE = {
    "name": ("Another title", REPORT),
    "results": ("elsewhere", ALL),
    "shared": ("elsewhere", ALL),
    "seeds": (3, {"train": 4} | EVALUATE),
    "datasets.demo.exclude": (["clip-003"], {"manifest": 1, "probe": 1, "extract": 2, "index": 2} | TRAIN),
    "datasets.demo.on_bad_video": ("exclude", {"probe": 1} | EXTRACT),
    "datasets.demo.buckets": (3, EXTRACT | {"extract": 6}),
    "datasets.demo.permutations": ("any.mat", SHOW),
    "datasets.demo.videos": (16, RENDER),
    "datasets.demo.scenes": (4, RENDER),
    "datasets.demo.width": (98, RENDER),
    "datasets.demo.height": (66, RENDER),
    "datasets.demo.seconds": (0.5, RENDER),
    "datasets.demo.fps": (25, RENDER),
    "datasets.demo.seed": (1, RENDER),
    "backbones.efficientnet_lite0.weights": ("own.pth", {"extract": 2, "index": 1, "train": 6} | EVALUATE),
    "backbones.resnet3d18.cube_input": ("native", {"extract": 2, "index": 1, "train": 2} | EVALUATE),
    "experiments.sample-4.backbone": ("resnet3d18", TWO_TRAININGS),
    "experiments.sample-4.sampler": (5, TWO_TRAININGS),
    "experiments.sample-4.head": ("gru-mean", TWO_TRAININGS),
    "experiments.sample-4.batch_size": (5, TWO_TRAININGS),
    "experiments.sample-4.epochs": (5, TWO_TRAININGS),
    "experiments.sample-4.lr": (1e-3, TWO_TRAININGS),
    "experiments.sample-4.tune": ({"lr": [1e-3]}, TWO_TRAININGS),
    "experiments.sample-4.modes": (["OO", "OS"], EVALUATE),
    "splits.method": ("scene", TRAIN),
    "extraction.decoder": ("decord", EXTRACT),
    "extraction.precision": ("bfloat16", EXTRACT),
    "extraction.storage": ("float32", EXTRACT),
    "extraction.memory_mb": (500, REPORT),
    "extraction.device": ("cuda", REPORT),
    "extraction.threads": (1, REPORT),
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
    "training.device": ("cuda", REPORT),
    "training.jobs_per_gpu": (2, REPORT),
    "training.threads": (2, REPORT),
    "statistics.margin": (0.05, EVALUATE),
    "statistics.alpha": (0.1, EVALUATE),
    "statistics.margins": ({"plcc": 0.02}, EVALUATE),
    "plots.dpi": (100, FIGURES),
}

READERS = {
    "cross_dataset": (["e"], {"cross": 3, "tables": 1, "report": 1}),
    "datasets.native.path": ("konvid", {"extract": 1} | LIST_ONE),
    "datasets.native.exclude": (["1003"], {"extract": 1} | LIST_ONE),
    "datasets.native.on_bad_video": ("exclude", {"probe": 1} | EXTRACT_ONE),
    "datasets.native.buckets": (2, {"extract": 2, "index": 1} | TRAIN_ONE),
    "datasets.native.permutations": ("info.mat", SHOW),
    "datasets.table.path": ("table.csv", LIST_ONE),
    "datasets.table.exclude": (["t3"], {"extract": 1} | LIST_ONE),
    "datasets.table.on_bad_video": ("exclude", {"probe": 1} | EXTRACT_ONE),
    "datasets.table.buckets": (2, {"extract": 2, "index": 1} | TRAIN_ONE),
    "datasets.table.permutations": ("info.mat", SHOW),
    "datasets.vsfa.path": ("info.mat", LIST_ONE),
    "datasets.vsfa.videos": ("clips", {"extract": 1} | LIST_ONE),
    "datasets.vsfa.exclude": (["15"], {"extract": 1} | LIST_ONE),
    "datasets.vsfa.on_bad_video": ("exclude", {"probe": 1} | EXTRACT_ONE),
    "datasets.vsfa.buckets": (2, {"extract": 2, "index": 1} | TRAIN_ONE),
    "datasets.vsfa.permutations": ("info.mat", SHOW),
    "backbones.torchvision/squeezenet1_1.node": ("features.7", EXTRACT_ALL),
}

# Asked by `make test` too; `make test-reruns` asks them all.
QUICK = {"training.lr", "extraction.memory_mb", "plots.dpi", "datasets.demo.exclude", "experiments.sample-4.modes"}
# Of the readers of label files, which the two studies do not have yet.
_LABEL_FILES = {
    "LabelsDataset": ("buckets", "endings", "exclude", "files", "ids", "on_bad_video", "path", "permutations", "raw",
                      "test_sets", "videos"),
    "NativeDataset": ("files", "test_sets"),
    "PresetDataset": ("buckets", "exclude", "files", "on_bad_video", "path", "permutations", "test_sets"),
    "TableDataset": ("columns", "endings", "extension", "files", "ids", "raw", "separator", "test_sets", "videos",
                     "where"),
}  # fmt: skip
WITHOUT_A_ROW = {f"{model}.{key}" for model, keys in _LABEL_FILES.items() for key in keys} | {"splits.path"}
