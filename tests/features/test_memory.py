"""What a frame size costs: the estimate that jobs ask memory by, against processes measured."""

import subprocess
import sys

import av
import numpy as np
import pytest

from vqa.features.probe import decode_mb, network_mb

PEAK = """
import re, sys
from vqa.manifest import Video
from vqa.video import open_video
def peak(): return int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) * 1024 / 1e6
import av
before = peak()
for frame in open_video(Video("v", sys.argv[1], 1.0), "pyav", threads=4).frames(): pass
print(peak() - before)
"""


@pytest.mark.parametrize(("codec", "pixel_format"), [("libx264", "yuv420p"), ("libx265", "yuv420p10le")])
def test_decoding_stays_below_what_is_asked_for_it(tmp_path, codec, pixel_format):
    path, width, height = tmp_path / "a.mp4", 1280, 720
    with av.open(str(path), "w") as container:
        options = {"preset": "ultrafast", "bf": "3", "refs": "4", "x265-params": "log-level=none"}
        stream = container.add_stream(codec, rate=24, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, pixel_format
        for shade in range(0, 240, 10):
            picture = np.full((height, width, 3), shade, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    run = subprocess.run([sys.executable, "-c", PEAK, path], capture_output=True, text=True, check=True)
    assert decode_mb(width, height) / 5 < float(run.stdout) < decode_mb(width, height) + 15  # shared code pages


def test_an_8k_frame_costs_ten_gigabytes_in_float32():
    assert 9_000 < network_mb(7680, 4320) < 12_000  # measured: about 10 GB
    assert network_mb(112, 112, clip_length=16) < 100
