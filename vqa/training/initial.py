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

_ORIGIN = ("backbone", "node", "cube_input", "class_token", "every", "code", "weights_sha256")


def require_same_origin(
    path: Path, trained: dict[str, Any], features: dict[str, Any], named: str = "these features"
) -> None:
    """That the head in `path` was trained on features made as `features` were (`feature_origin`), told as `named`.

    Of joined features each backbone's, in their order; of imported ones the name. Nothing where one does not say.
    """
    theirs, ours = (list(each.get("joined", [each] if each else [])) for each in (trained, features))
    if theirs and ours and len(theirs) != len(ours):
        raise UserError(f"{path}: was trained on {len(theirs)} joined backbones; {named} are of {len(ours)}")
    for origin, own in zip(theirs, ours, strict=False):
        told = [{**each, "imported": "imported" in each} for each in (origin, own)]
        for key in (*_ORIGIN, "imported") if origin and own else ():
            there, here = (each.get(key) for each in told)
            if there != here:
                raise UserError(f"{path}: was trained on features of {key} {there}; {named} are of {here}")


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
    require_same_origin(path, made_by.get("features", {}), features)
    size = next(iter(index.values())).dim
    if head.input_size != size:
        raise UserError(f"{path}: takes {head.input_size} values a frame, and these features have {size}")
    return head
