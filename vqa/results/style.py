"""One look for all figures: column width, colour-blind-safe, the same bytes every time."""

import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from vqa.system.files import atomic

# Okabe and Ito's palette: distinguishable under the common colour-vision deficiencies.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
COLUMN_INCHES = 3.5
_RC: dict[Any, Any] = {
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e5e5e5",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "lines.linewidth": 1.2,
    "lines.markersize": 4,
    "pdf.fonttype": 42,
    "savefig.bbox": "tight",
    "figure.constrained_layout.use": True,
}


@contextmanager
def figure(
    folder: Path, name: str, rows: int, columns: int, dpi: int, note: str = "", height: float = 2.2, **subplots: Any
) -> Iterator[list[list[Axes]]]:
    """Draw into the yielded grid of axes; saved as `<name>.png` and `.pdf` on leaving."""
    with plt.rc_context(_RC):
        width = COLUMN_INCHES if columns == 1 else min(7.2, 2.6 * columns)
        drawn, axes = plt.subplots(rows, columns, figsize=(width, height * rows), squeeze=False, **subplots)
        try:
            yield axes.tolist()
            if note:
                drawn.supxlabel(textwrap.fill(note, int(width * 24)), fontsize=6, color="#555555")
            _save(drawn, folder, name, dpi)
        finally:
            plt.close(drawn)


def _save(drawn: Figure, folder: Path, name: str, dpi: int) -> None:
    for suffix, metadata in (("png", {"Software": None}), ("pdf", {"CreationDate": None, "Producer": None})):
        with atomic(folder / f"{name}.{suffix}") as part:
            drawn.savefig(part, format=suffix, dpi=dpi, metadata=metadata)


def series(number: int) -> dict[str, str]:
    """Colour and marker of the n-th series: never told apart by colour alone."""
    return {"color": COLOURS[number % len(COLOURS)], "marker": MARKERS[number % len(MARKERS)]}


def legend_below(panels: Sequence[Axes], columns: int = 4) -> None:
    """One legend of the figure for all panels, each label once."""
    found = [pair for axes in panels for pair in zip(*axes.get_legend_handles_labels(), strict=True)]
    handles = {label: handle for handle, label in reversed(found)}
    if handles:
        labels = list(dict.fromkeys(label for _, label in found))
        panels[0].figure.legend([handles[label] for label in labels], labels, loc="outside upper center", ncols=columns)
