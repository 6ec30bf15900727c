"""The names a config may use: of modes, heads, readers. Imports no torch."""

from typing import Literal, get_args

Mode = Literal["OO", "OS", "SO", "SS"]
MODES: tuple[Mode, ...] = get_args(Mode)
NativeReader = Literal["konvid-1k", "cvd2014", "live-qualcomm", "live-vqc"]
# Known by their entry in vqa/datasets/presets.yaml alone.
PresetReader = Literal[
    "lsvq", "youtube-ugc", "divide", "live-yt-gaming", "finevd", "kvq", "konvid-150k-b", "live-yt-hfr", "etri-live",
    "waterloo-ivc-4k", "t2vqa-db",
]  # fmt: skip
Control = Literal["none", "positive", "negative"]

SplitMethod = Literal["random", "scene", "stored", "official", "files"]
# Of frame scores: the functions of vqa/temporal/pooling.py.
POOLINGS = (
    "mean", "median", "harmonic", "geometric", "minkowski", "percentile", "vqpooling", "variation", "primacy",
    "recency", "hybrid", "hysteresis", "vsfa",
)  # fmt: skip
GIVEN_PARTS = ("official", "files")  # the methods by which all seeds may share one test set
ClassToken = Literal["leave-out", "append", "only"]
Precision = Literal["auto", "float32", "bfloat16", "float16"]
