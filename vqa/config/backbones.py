"""What a study may say of a backbone."""

from typing import Literal

from pydantic import Field

from vqa.config.base import ADDED, Model
from vqa.config.fields import NODE, BackboneName, FilePath


class BackboneSettings(Model):
    """A variant: a network and its settings, whose features have a folder of their own."""

    network: BackboneName | None = Field(
        None,
        description="the network, where NAME is the variant's own: several settings of one network side by side; "
        "default: NAME",
        json_schema_extra=ADDED,
    )
    every: int = Field(
        1,
        ge=1,
        description="K: the network sees every K-th frame only (0, K, 2K, ...), of 3D networks every K-th cube",
        json_schema_extra=ADDED,
    )
    weights: FilePath | None = Field(
        None, description="checkpoint file; default: <results>/weights/<network>.pth, made by the workflow"
    )
    cube_input: Literal["crop112", "native"] = Field(
        "crop112",
        description="3D networks: short side to 112 and centre crop as in their training, or native size",
    )
    node: str | None = Field(None, pattern=NODE, description="torchvision/<name>: the graph node whose maps are pooled")
