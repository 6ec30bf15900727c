"""Which temporal models there are and which options each takes, read from their source: torch stays out.

A head is named in a config by `name`, `file.py:Class` or `package.module:Class`, alone or in a mapping beside its
options. Its options are the parameters of its `__init__` after `input_size`: their defaults and annotations are
what a config is checked against.
"""

import ast
import difflib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vqa.config import code
from vqa.config.head_options import mistake

HeadError = code.CodeError  # also for options that a head does not take
TEMPORAL = Path(__file__).parents[1] / "temporal"
# name -> (module:class below vqa/temporal, options that the name fixes, where it comes from)
HEADS: dict[str, tuple[str, dict[str, Any], str]] = {
    "vsfa": ("vsfa:VSFA", {}, "GRU and temporal pooling; Li et al., ACM MM 2019"),
    "gru-mean": ("vsfa:VSFA", {"pooling": "mean"}, "VSFA's GRU, plain mean"),
    "fc-pooling": ("vsfa:VSFA", {"recurrent": False}, "VSFA's pooling, no GRU"),
    "fc-mean": ("vsfa:VSFA", {"recurrent": False, "pooling": "mean"}, "neither: the plain mean of frame scores"),
    "lstm": ("recurrent:LSTM", {}, "Hochreiter and Schmidhuber, 1997"),
    "bigru": ("recurrent:BidirectionalGRU", {}, "Schuster and Paliwal, 1997"),
    "tcn": ("tcn:TCN", {}, "dilated convolutions; Bai et al., 2018"),
    "transformer": ("transformer:Transformer", {}, "encoder; Vaswani et al., 2017"),
    "transformer-set": ("transformer:Transformer", {"positions": False}, "the encoder without positions"),
    "attention": ("attention:AttentionPooling", {}, "attention pooling; Ilse et al., ICML 2018"),
    "inception-time": ("inception_time:InceptionTime", {}, "as PatchVQ; Ismail Fawaz et al., 2020"),
    "svr": ("svr:SVR", {}, "RBF-SVR on features averaged over time, as BRISQUE, VIDEVAL, RAPIQUE; fitted, not trained"),
    "mlp": ("averaged:MLP", {}, "one hidden layer on features averaged over time"),
}
_EXPONENT = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+")
_KINDS: dict[str, tuple[type, ...]] = {"int": (int,), "float": (int, float), "bool": (bool,), "str": (str,)}


@dataclass(frozen=True)
class Head:
    """A named temporal model: where its class is written, and the options it is built with."""

    name: str
    file: Path
    cls: str
    options: dict[str, Any]

    @property
    def own(self) -> bool:
        """It is a user's, not one of this package."""
        return self.name not in HEADS


def normalise(value: Any) -> str:
    """A config's `head` as one text: its name, or canonical JSON of name and options. Raises `HeadError`."""
    if isinstance(value, str) and value.startswith("{"):
        value = json.loads(value)
    if isinstance(value, str):
        value = {"name": value}
    if not isinstance(value, dict) or not isinstance(value.get("name"), str):
        raise HeadError("is a name, or a mapping with `name` and options")
    for key, each in value.items():
        if not isinstance(key, str) or not _is_json(each):
            raise HeadError(f"'{value['name']}': {key} is {each!r}; an option is a word, its value what JSON can say")
    value = {key: plain_number(each) for key, each in value.items()}
    text = json.dumps(value, sort_keys=True, separators=(",", ":")) if len(value) > 1 else str(value["name"])
    resolve(text)
    return text


def _is_json(value: Any) -> bool:
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_json(each) for key, each in value.items())
    return all(map(_is_json, value)) if isinstance(value, list) else isinstance(value, str | int | float | None)


def plain_number(value: Any) -> Any:
    """YAML 1.1 reads `1e-5` as text."""
    return float(value) if isinstance(value, str) and _EXPONENT.fullmatch(value) else value


def resolve(text: str) -> Head:
    """The head that a normalised text names, its options checked. Raises `HeadError`."""
    given = json.loads(text) if text.startswith("{") else {"name": text}
    name = given.pop("name")
    place, fixed, _ = HEADS.get(name, (name, {}, ""))
    module, _, cls = place.rpartition(":")
    if name in HEADS:
        file = TEMPORAL / f"{module}.py"
    elif not module:
        close = difflib.get_close_matches(name, HEADS, n=1)
        hint = f"did you mean '{close[0]}'?" if close else f"known are {', '.join(HEADS)}"
        raise HeadError(f"'{name}' is unknown; {hint} (your own: file.py:Class)")
    else:
        file = code.find(module)
    parameters = _parameters(file, cls)
    for option, value in given.items():
        if option in fixed and fixed[option] != value:
            rest = place, {key: each for key, each in fixed.items() if key != option}
            like = next(other for other, (*same, _) in HEADS.items() if tuple(same) == rest)
            raise HeadError(f"'{name}' has {option} {fixed[option]}; with another it is a '{like}'")
        _check(name, option, value, parameters)
    if name in HEADS and (problem := mistake(cls, _defaults(file, cls) | fixed | given)):
        raise HeadError(f"'{name}': {problem}")
    return Head(name, file, cls, fixed | given)


def source(text: str) -> str:
    """The hash of a user's file and of the files beside it that it imports; empty for a registered head."""
    head = resolve(text)
    return code.digest(head.name, head.file) if head.own else ""


def _parameters(file: Path, cls: str) -> dict[str, ast.expr | None] | None:
    """Option -> annotation, from the class's `__init__`; None where it takes any."""
    if not (args := _arguments(file, cls)):
        return {}
    named = [*args.posonlyargs, *args.args][1:]
    if not named:
        raise HeadError(f"{file}: {cls}.__init__ must take input_size, the values a frame has")
    options = {each.arg: each.annotation for each in [*named[1:], *args.kwonlyargs]}
    return None if args.kwarg else options


def _defaults(file: Path, cls: str) -> dict[str, Any]:
    """Option -> default, of a class of this package: each of its options has one."""
    args = _arguments(file, cls)
    names = [each.arg for each in args.args[2:]] if args else []
    return dict(zip(names, map(ast.literal_eval, args.defaults if args else []), strict=True))


def _arguments(file: Path, cls: str) -> ast.arguments | None:
    """Those of the class's own `__init__`."""
    body = code.definition(file, cls).body
    return next((node.args for node in body if isinstance(node, ast.FunctionDef) and node.name == "__init__"), None)


def _check(name: str, option: str, value: Any, parameters: dict[str, ast.expr | None] | None) -> None:
    if parameters is None:
        return
    if option not in parameters:
        close = difflib.get_close_matches(option, parameters, n=1)
        hint = f"did you mean '{close[0]}'?" if close else f"it takes {', '.join(parameters) or 'none'}"
        raise HeadError(f"'{name}' has no option '{option}'; {hint}")
    annotation = parameters[option]
    wanted = ast.unparse(annotation) if annotation else ""
    kinds = _KINDS.get(wanted)
    if kinds and (not isinstance(value, kinds) or (isinstance(value, bool) and wanted != "bool")):
        raise HeadError(f"'{name}': {option} must be {wanted}, got {value!r}")
