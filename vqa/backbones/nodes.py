"""Cutting a network at a node of its graph, and trying it on shapes alone before any video is read."""

import contextlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from vqa.backbones import layout
from vqa.backbones.layout import Layout, Shape
from vqa.system.errors import one_line

_SHOWN = 6
_QUIET = {"suppress_diff_warning": True}


def _feature_extraction() -> Any:
    """torchvision's tracer, which takes a second to import: a network that is cut nowhere starts without it."""
    from torchvision.models import feature_extraction

    return feature_extraction


class Traced(nn.Module):
    """A network up to one node of its traced graph."""

    def __init__(self, network: nn.Module, node: str):
        super().__init__()
        self.network = _feature_extraction().create_feature_extractor(network, {node: "maps"}, **_QUIET)

    def forward(self, x: Tensor) -> Tensor:
        """[B, 3, *size] -> the node's maps"""
        maps: Tensor = self.network(x)["maps"]
        return maps


class Hooked(nn.Module):
    """A network up to one of its modules, for networks whose trace is not what they compute."""

    def __init__(self, network: nn.Module, node: str):
        super().__init__()
        self.network = network
        network.get_submodule(node).register_forward_hook(self._stop)

    @staticmethod
    def _stop(module: nn.Module, inputs: object, given: Any) -> None:
        raise _Reached(given[0] if isinstance(given, tuple) else given)

    def forward(self, x: Tensor) -> Tensor:
        """[B, 3, *size] -> the module's maps, the first thing it gives"""
        try:
            self.network(x)
        except _Reached as reached:
            return reached.maps
        raise ValueError("the module is never called")


class _Reached(Exception):
    """The rest of the network need not run."""

    def __init__(self, maps: Tensor):
        super().__init__()
        self.maps = maps


@dataclass(frozen=True)
class Tried:
    """How a network is tried.

    inputs: shapes: two of different sizes, or one for a network that takes no other.
    allowed: a regular expression of the nodes that may be pooled.
    modules: nodes are modules.
    """

    inputs: Sequence[Shape]
    allowed: str = ".*"
    modules: bool = False


@dataclass(frozen=True)
class Cut:
    """A network up to a node; layout and shape of the maps that it gave when it was tried."""

    trunk: nn.Module
    layout: Layout
    shape: Shape


def cut(network: nn.Module, node: str, tried: Tried) -> Cut:
    """The network up to `node`.

    Raises `ValueError` with what is wrong and which nodes would work.
    """
    known = _nodes(network, tried.modules)
    try:
        if not any(each == node or each.startswith(f"{node}.") for each in known):
            raise ValueError(f"no node '{node}'" if node else "has no default node")
        if not re.fullmatch(tried.allowed, node):
            raise ValueError(f"node '{node}' cannot be pooled")
        trunk = Hooked(network, node) if tried.modules else Traced(network, node)
        found = [_shape(maps) for maps in dry(trunk, tried.inputs)]
        try:
            return Cut(trunk, layout.of(found), found[0])
        except ValueError as error:
            raise ValueError(f"node '{node}' {error} (its shape is {'x'.join(map(str, found[-1][1:]))})") from None
    except ValueError as error:
        works = ", ".join(_that_work(network, known, tried)[-_SHOWN:])
        raise ValueError(f"{error}; nodes that work are {works or 'none'}") from None


def _nodes(network: nn.Module, modules: bool) -> list[str]:
    if modules:
        return [name for name, _ in network.named_modules()]
    try:
        names: list[str] = _feature_extraction().get_graph_node_names(network, **_QUIET)[1]
    except Exception as error:  # tracing runs the network's own code
        raise ValueError(f"its graph cannot be traced ({one_line(error)})") from None
    return names


def dry(network: nn.Module, inputs: Sequence[Shape]) -> list[Any]:
    """What the network gives for each shape of input: tensors without data, at no cost."""
    state = {name: value.to("meta") for name, value in (*network.named_parameters(), *network.named_buffers())}
    try:
        return [
            functional_call(network, state, (torch.empty(shape, device="meta"),), tie_weights=False) for shape in inputs
        ]
    except Exception as error:  # the network's own code, of any kind
        raise ValueError(f"it does not run ({one_line(error)})") from None


def _that_work(network: nn.Module, known: list[str], tried: Tried) -> list[str]:
    """Stages, blocks and layers whose maps can be pooled, in the network's order."""
    if tried.modules:
        return [node for node in known if re.fullmatch(tried.allowed, node)]
    last = {".".join(node.split(".")[:depth]): node for depth in (1, 2) for node in known}
    traced = _feature_extraction().create_feature_extractor(network, {node: node for node in known}, **_QUIET)
    passes = dry(traced, tried.inputs)
    works = []
    for stage, node in last.items():
        with contextlib.suppress(ValueError):
            layout.of([_shape(each[node]) for each in passes])
            works.append(stage)
    works = [stage for stage in works if re.fullmatch(tried.allowed, stage)]
    return sorted(works, key=lambda stage: known.index(last[stage]))


def _shape(maps: object) -> Shape:
    return tuple(maps.shape) if isinstance(maps, Tensor) else ()
