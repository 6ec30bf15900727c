"""Temporal models: features of frames in time to the quality of a video.

`create(name, input_size, seed)` gives a freshly initialised one, `pooling.POOLINGS` the poolings of frame scores.
"""

from vqa.temporal import pooling
from vqa.temporal.registry import HEADS, create

__all__ = ["HEADS", "create", "pooling"]
