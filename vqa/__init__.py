"""vqa: does temporal modelling matter in video quality assessment?

An implementation of Fang et al., *Study of Spatio-Temporal Modeling in Video
Quality Assessment*, IEEE TIP 32:2693-2702, 2023, as a two-stage pipeline.

The names below are stable, and loaded when they are first used: `import vqa` alone imports no torch.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vqa import backbones, sampling, shards, temporal
    from vqa.evaluation.metrics import evaluate, fit_logistic
    from vqa.evaluation.statistics import corrected_ttest, paired_ttest
    from vqa.scoring import Scorer
    from vqa.temporal.checkpoint import load_head

__version__ = "0.1.0"
__all__ = [
    "Scorer", "backbones", "corrected_ttest", "evaluate", "fit_logistic", "load_head", "paired_ttest", "sampling",
    "shards", "temporal",
]  # fmt: skip
_PLACES = {
    "Scorer": "vqa.scoring",
    "corrected_ttest": "vqa.evaluation.statistics",
    "evaluate": "vqa.evaluation.metrics",
    "fit_logistic": "vqa.evaluation.metrics",
    "load_head": "vqa.temporal.checkpoint",
    "paired_ttest": "vqa.evaluation.statistics",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'vqa' has no attribute '{name}'")
    if name in _PLACES:
        return getattr(importlib.import_module(_PLACES[name]), name)
    return importlib.import_module(f"vqa.{name}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
