"""A frame-quality curve as a small SVG that takes its colours from the page."""

from collections.abc import Sequence
from html import escape
from typing import Any

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 320, 96, 40, 16, 6


def sketch(curve: dict[str, Any], video_id: str) -> str:
    """curve: as `vqa.results.curves.Curve`. In order a line, shuffled a dot a frame, both at the frame's own place."""
    place, both = curve["place"], [*curve["in_order"], *curve["shuffled"]]
    low, high, end = min(both), max(both), max(place[-1], 1)
    x = [LEFT + (WIDTH - LEFT - 4) * each / end for each in place]
    line, dots = (_heights(curve[order], low, high) for order in ("in_order", "shuffled"))
    told = f"{end / curve['rate']:.3g} s" if curve["rate"] else f"frame {end}"
    label = (
        f"Quality of each frame of {video_id}: in order {_span(curve['in_order'])}, shuffled {_span(curve['shuffled'])}"
    )
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, line, strict=True))
    path = "".join(f"M{a:.1f},{b:.1f}h0" for a, b in zip(x, dots, strict=True))
    base = HEIGHT - BOTTOM
    return (
        f'<svg class="sketch" role="img" aria-label="{escape(label)}" viewBox="0 0 {WIDTH} {HEIGHT}">'
        f'<path class="axis" d="M{LEFT},{TOP}V{base}H{WIDTH - 4}"/>'
        f'<path class="shuffled" d="{path}"/><polyline class="in-order" points="{points}"/>'
        f'<text x="{LEFT - 4}" y="{TOP + 8}" text-anchor="end">{high:.3g}</text>'
        f'<text x="{LEFT - 4}" y="{base}" text-anchor="end">{low:.3g}</text>'
        f'<text x="{LEFT}" y="{HEIGHT - 3}">0</text>'
        f'<text x="{WIDTH - 4}" y="{HEIGHT - 3}" text-anchor="end">{told}</text></svg>'
    )


def _heights(values: Sequence[float], low: float, high: float) -> list[float]:
    room = HEIGHT - BOTTOM - TOP
    return [TOP + room * ((high - value) / (high - low) if high > low else 0.5) for value in values]


def _span(values: Sequence[float]) -> str:
    return f"{min(values):.3g} to {max(values):.3g}"
