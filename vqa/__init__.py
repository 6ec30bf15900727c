"""vqa: does temporal modelling matter in video quality assessment?

An implementation of Fang et al., *Study of Spatio-Temporal Modeling in Video
Quality Assessment*, IEEE TIP 32:2693-2702, 2023, as a two-stage pipeline.
"""

__version__ = "0.1.0"
