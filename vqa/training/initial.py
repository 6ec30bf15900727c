"""The trained head that a training begins from.

Labels are MOS over the scale of their own dataset (`training.label_scale`), so a head says how far up the scale a
video stands, and that carries over: no layer is rescaled, and its scores of a new dataset are on that one's scale.
"""

from pathlib import Path
from typing import Any

from vqa.config import Run
from vqa.features.index import Entry
from vqa.system.errors import UserError
from vqa.temporal.checkpoint import load_head
from vqa.temporal.model import TemporalModel
from vqa.temporal.svr import SVR

_ORIGIN = ("backbone", "node", "cube_input", "every", "code", "weights_sha256")


def initial_head(path: Path, run: Run, index: dict[str, Entry], features: dict[str, Any]) -> TemporalModel:
    """The head in `path`; raises `UserError` unless it is the run's, for these features.

    features: what made those of `index` (`feature_origin`). VSFA's published VSFA.pt tells no origin: it passes as
    `vsfa` for features of its size.
    """
    head, made_by = load_head(path)
    if changed := next((key for key in run.tune if key.startswith("head.")), ""):
        raise UserError(f"{path}: fits one head only; leave {changed} out of --tune")
    name = made_by.get("chosen", made_by.get("run", {})).get("head", "vsfa")
    if name != run.head:
        raise UserError(f"{path}: is a head '{name}', and the run asks for '{run.head}'; they must be equal")
    if isinstance(head, SVR) and (run.epochs or "epochs" in run.tune):
        raise UserError(f"{path}: is an svr, which is fitted at once, from nothing; only --epochs 0 takes it as it is")
    origin = made_by.get("features", {})
    for key in _ORIGIN:
        if (there := origin.get(key)) != (here := features.get(key)) and origin and features:
            raise UserError(f"{path}: was trained on features of {key} {there}; these are of {here}")
    size = next(iter(index.values())).dim
    if head.input_size != size:
        raise UserError(f"{path}: takes {head.input_size} values a frame, and these features have {size}")
    return head
