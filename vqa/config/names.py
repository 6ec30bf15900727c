"""The names a config may use: of modes, heads, readers. Imports no torch."""

from typing import Literal, get_args

Mode = Literal["OO", "OS", "SO", "SS"]
MODES: tuple[Mode, ...] = get_args(Mode)
NativeReader = Literal["konvid-1k", "cvd2014", "live-qualcomm", "live-vqc"]
Precision = Literal["auto", "float32", "bfloat16", "float16"]
