"""Which temporal models there are and which options each takes, read from their source: torch stays out.

A head is named in a config by `name`, `file.py:Class` or `package.module:Class`, alone or in a mapping beside its
options. Its options are the parameters of its `__init__` after `input_size`: their defaults and annotations are
what a config is checked against.
"""

import ast
import difflib
import hashlib
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vqa.config.head_options import mistake

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
_KINDS: dict[str, tuple[type, ...]] = {"int": (int,), "float": (int, float), "bool": (bool,), "str": (str,)}


class HeadError(ValueError):
    """A head that is not there, or options that it does not take: one line."""


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
    text = json.dumps(value, sort_keys=True, separators=(",", ":")) if len(value) > 1 else str(value["name"])
    resolve(text)
    return text


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
        file = _find(module)
    parameters = _parameters(file, cls)
    for option, value in given.items():
        _check(name, option, value, parameters)
    if name in HEADS and (problem := mistake(cls, _defaults(file, cls) | fixed | given)):
        raise HeadError(f"'{name}': {problem}")
    return Head(name, file, cls, fixed | given)


def source(text: str) -> str:
    """The hash of a user's file and of the files beside it that it imports; empty for a registered head."""
    head = resolve(text)
    if not head.own:
        return ""
    hasher = hashlib.sha256()
    for file in _imported(head.file.resolve()):
        hasher.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return hasher.hexdigest()[:16]


def _find(module: str) -> Path:
    """The file of `path/to/file.py`, or of `package.module` on the import path, which is not imported."""
    if module.endswith(".py"):
        file = Path(module).expanduser()
        if not file.is_file():
            raise HeadError(f"there is no file {file.absolute()}")
        return file
    inner = Path(*module.split("."))
    for folder in map(Path, ["", *sys.path]):
        for file in (folder / inner.with_suffix(".py"), folder / inner / "__init__.py"):
            if file.is_file():
                return file
    raise HeadError(f"there is no module '{module}' to import")


def _tree(file: Path) -> ast.Module:
    try:
        return ast.parse(file.read_bytes(), str(file))
    except SyntaxError as error:
        raise HeadError(f"{file} line {error.lineno}: {error.msg}") from None
    except ValueError as error:
        raise HeadError(f"{file}: is not Python ({error})") from None


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
    classes = {node.name: node for node in _tree(file).body if isinstance(node, ast.ClassDef)}
    if cls not in classes:
        known = f"it has {', '.join(classes)}" if classes else "it has none"
        raise HeadError(f"{file} has no class '{cls}'; {known}")
    made = (node for node in classes[cls].body if isinstance(node, ast.FunctionDef) and node.name == "__init__")
    return next((node.args for node in made), None)


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


def _imported(file: Path, seen: tuple[Path, ...] = ()) -> tuple[Path, ...]:
    """The file and all beside it that it imports, theirs included, in a fixed order."""
    if file in seen:
        return seen
    seen = (*seen, file)
    for node in ast.walk(_tree(file)):
        for folder, parts in _modules(node, file):
            for depth in range(1, len(parts) + 1):
                inner = folder.joinpath(*parts[:depth])
                for beside in (inner.with_suffix(".py"), inner / "__init__.py"):
                    if beside.is_file():
                        seen = _imported(beside, seen)
    return seen


def _modules(node: ast.AST, file: Path) -> Iterator[tuple[Path, list[str]]]:
    """What an import statement may mean: a folder, and the names of a module below it."""
    level, names = 0, list[str]()
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        level, module = node.level, node.module or ""
        names = [f"{module}.{alias.name}".strip(".") for alias in node.names]  # a module or what is in it
    package = next((each for each in file.parents if not (each.parent / "__init__.py").is_file()), file.parent)
    for parts in (name.split(".") for name in names):
        yield file.parents[max(level - 1, 0)], parts
        if not level and (package / "__init__.py").is_file() and parts[0] == package.name:
            yield package.parent, parts
