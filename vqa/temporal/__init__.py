"""Temporal models: features of frames in time to the quality of a video."""
