"""Which values the options of this package's temporal models may take: told by the config, before torch is there."""

from collections.abc import Callable, Mapping
from typing import Any

from vqa.config.names import POOLINGS

_LEAST = {"width": 1, "hidden": 1, "layers": 1, "heads": 1, "filters": 1, "blocks": 1, "kernel": 2, "longest": 9}
_FARTHEST = 2**16  # frames that a convolution may reach: padding takes as many


def mistake(cls: str, options: Mapping[str, Any]) -> str:
    """Why there is no model of class `cls` with `options`, which are all that it takes; empty where there is one."""
    for option, least in _LEAST.items():
        if options.get(option, least) < least:
            return f"{option} must be at least {least}, got {options[option]}"
    if not 0 <= options.get("dropout", 0) < 1:
        return f"dropout must be at least 0 and below 1, got {options['dropout']}"
    if options.get("pooling", "mean") not in POOLINGS:
        return f"pooling '{options['pooling']}' is unknown; known are {', '.join(POOLINGS)}"
    return _RULES[cls](**options) if cls in _RULES else ""


def _transformer(width: int, heads: int, **others: Any) -> str:
    fits = width % 2 == 0 and width % heads == 0
    return "" if fits else f"width must be even and a multiple of heads, got width {width} and heads {heads}"


def _tcn(layers: int, kernel: int, causal: bool, **others: Any) -> str:
    if (kernel - 1) * 2**layers > 2 * _FARTHEST:
        return f"{layers} layers with kernel {kernel} look back over more than {_FARTHEST} frames; take fewer"
    return "" if causal or kernel % 2 else f"kernel must be odd where the network is not causal, got {kernel}"


def _inception_time(longest: int, **others: Any) -> str:
    return "" if longest % 2 else f"longest must be odd, got {longest}"


_RULES: dict[str, Callable[..., str]] = {"Transformer": _transformer, "TCN": _tcn, "InceptionTime": _inception_time}
