"""What a study may say of a backbone."""

from typing import Literal, Self

from pydantic import Field, model_validator

from vqa.config.base import ADDED, Model
from vqa.config.fields import NODE, BackboneName, FilePath, Name
from vqa.config.names import ClassToken


class NameList(Model):
    """The names that rows or numbered files belong to, in their order."""

    path: FilePath = Field(description="a table (CSV), a .txt of one name a line, or a .mat such as VSFA's info.mat")
    column: str | None = Field(
        None, description="the table's column, or the variable of a .mat (video_names); a .txt has none"
    )
    separator: str = Field(",", min_length=1, max_length=1, description="between the table's columns")


class ImportedFeatures(Model):
    """A dataset's features as others made them."""

    path: FilePath = Field(
        description="one matrix, a row a video (.mat, .csv, .npy, .npz, .h5), or a folder with a file a video"
    )
    variable: str | None = Field(None, description="of a file that holds several arrays, the one that is meant")
    names: NameList | None = Field(
        None, description="whose the rows of the matrix, or the numbered files of the folder, are: `{path, column}`"
    )
    ending: str | None = Field(
        None, description="of files in a folder, what follows the video's name or number: _resnet-50_res5c.npy"
    )


class BackboneSettings(Model):
    """A variant: a network and its settings, or imported features. They have a folder of their own."""

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
    imported: dict[Name, ImportedFeatures] = Field(
        default_factory=dict,
        alias="import",
        description="features that others made, in place of a network: DATASET: {path, ...}; their rows, where a video "
        "has several, are `every` frames apart",
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
    class_token: ClassToken = Field(
        "leave-out",
        description="timm/<name> that has one: append its class token to mean and std over the positions, or take it "
        "only, in their place",
        json_schema_extra=ADDED,
    )

    @model_validator(mode="after")
    def _network_or_import(self) -> Self:
        own = self.model_dump(
            include={"network", "weights", "cube_input", "node", "class_token"}, exclude_defaults=True
        )
        if self.imported and own:
            raise ValueError(f"'{next(iter(own))}' is of a network, and `import` takes the place of one; leave it out")
        return self
