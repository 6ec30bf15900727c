"""Samples and orders of frames, under the name that stays: `vqa.sampling.sample_frames`."""

from vqa.protocol.sampling import Order, frame_sequence, sample_frames, stream

__all__ = ["Order", "frame_sequence", "sample_frames", "stream"]
