"""torchvision's networks by family: where each is cut, and what size of picture it takes. Imports no torch."""

import re
from dataclasses import dataclass

RECIPE = 2  # how torchvision's networks are fed and pooled; 1 was version 0.1's


@dataclass(frozen=True)
class Family:
    """What networks of one design share.

    names: a regular expression of torchvision's names.
    node: whose maps are pooled by default: the last ones that still have positions.
    own_size: the network takes pictures of one size only. `nodes` are then those that may be
    pooled: [B, 1 + positions, C] with a class token in front, or [B, C, *positions].
    smaller: the network takes pictures smaller than its weights' `min_size`.
    modules: nodes are modules, not nodes of a traced graph.
    changed: the nodes whose features differ from version 0.1's.
    """

    names: str
    node: str
    own_size: bool = False
    nodes: str = ".*"
    smaller: bool = False
    modules: bool = False
    changed: str = ""


_ALL = ".*"
FAMILIES = (
    Family(r"(wide_)?resnet\d+(_2)?|resnext.*|r3d_18|mc3_18|r2plus1d_18", "layer4"),
    Family(r"alexnet|vgg.*|squeezenet.*|densenet.*|mobilenet.*|efficientnet_b\d|efficientnet_v2_[sm]", "features"),
    Family(r"efficientnet_v2_l", "features", changed=_ALL),  # its mean and std are 0.5
    Family(r"convnext_.*", "features", changed=r".*\.block\.[1-5]"),  # channels last inside a block
    Family(r"regnet_.*", "trunk_output"),
    Family(r"mnasnet.*", "layers"),
    Family(r"shufflenet_.*", "conv5"),
    Family(r"googlenet", "inception5b", changed=_ALL),  # its weights want transform_input
    Family(r"inception_v3", "Mixed_7c", changed=_ALL),  # likewise
    Family(r"swin(_v2)?_[tsb]", "features", smaller=True, changed=r"(?!(permute|features\.0\.0)$).*"),
    Family(r"s3d", "features", smaller=True),
    Family(r"swin3d_[tsb]", "features", smaller=True, changed=_ALL),
    Family(
        r"vit_.*", "encoder.ln", own_size=True, changed=_ALL,
        nodes=r"conv_proj|encoder|encoder\.ln|encoder\.layers(\.encoder_layer_\d+)?",
    ),
    Family(r"maxvit_t", "blocks.3", own_size=True, nodes=r"stem(\.\d)?|blocks\.\d(\.layers\.\d)?"),
    # Traced, mvit_v2_s loses the residual of its pooled queries: it is added in place, and its node has no user.
    Family(r"mvit_v\d_[bs]", "norm", own_size=True, modules=True, changed=_ALL, nodes=r"conv_proj|blocks\.\d+|norm"),
)  # fmt: skip
_UNKNOWN = Family(_ALL, "")


def family(name: str) -> Family:
    """The family of a torchvision model; one without a default node if none is known."""
    return next((each for each in FAMILIES if re.fullmatch(each.names, name)), _UNKNOWN)


def recipe(name: str, node: str | None) -> int | None:
    """`RECIPE` where a model's features at `node` are not what version 0.1 made, else None."""
    known = family(name)
    return RECIPE if known.changed and re.fullmatch(known.changed, node or known.node) else None
