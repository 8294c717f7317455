"""Curves of failed canaries over the size of the change, one small chart per shape, as SVG. Pure; see `judge_rates`."""

from collections.abc import Mapping, Sequence
from typing import Final

WIDTH: Final = 300
HEIGHT: Final = 200
MARGIN: Final = 40
COLUMNS: Final = 3
LEGEND: Final = 30
COLOURS: Final = ("#9ecae1", "#4292c6", "#08306b")

Curve = Sequence[tuple[float, float]]


def plot(curves: Mapping[str, Mapping[int, Curve]]) -> str:
    """`curves` by shape and by number of pairs: (how many times larger, failed percent)."""
    rows = -(-len(curves) // COLUMNS)
    width, height = COLUMNS * WIDTH, rows * HEIGHT + LEGEND
    charts = [
        _chart(name, sizes, index % COLUMNS * WIDTH, index // COLUMNS * HEIGHT)
        for index, (name, sizes) in enumerate(curves.items())
    ]
    legend = _legend(list(next(iter(curves.values()))), height - LEGEND / 3)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif"'
        f' font-size="11"><title>Canaries failed, in percent, by how many times larger their values are</title>'
        f'<rect width="{width}" height="{height}" fill="white"/>{"".join(charts)}{legend}</svg>\n'
    )


def _chart(name: str, sizes: Mapping[int, Curve], left: float, top: float) -> str:
    factors = [factor for factor, _ in next(iter(sizes.values()))]
    low, high = min(factors), max(factors)

    def across(factor: float) -> float:
        return left + MARGIN + (factor - low) / (high - low) * (WIDTH - 1.5 * MARGIN)

    def down(percent: float) -> float:
        return top + HEIGHT - MARGIN + percent / 100 * (1.75 * MARGIN - HEIGHT)

    parts = [f'<text x="{left + MARGIN:g}" y="{top + MARGIN / 2:g}" font-weight="bold">{name}</text>']
    for percent in (0, 50, 100):
        parts.append(_line(across(low), down(percent), across(high), down(percent)))
        parts.append(f'<text x="{left + MARGIN - 4:g}" y="{down(percent) + 4:.1f}" text-anchor="end">{percent}%</text>')
    for factor in factors:
        place = f'x="{across(factor):.1f}" y="{top + HEIGHT - MARGIN + 15:g}"'
        parts.append(f'<text {place} text-anchor="middle">{factor:g}</text>')
    for colour, curve in zip(COLOURS, sizes.values(), strict=True):
        points = " ".join(f"{across(factor):.1f},{down(percent):.1f}" for factor, percent in curve)
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
    return "".join(parts)


def _line(left: float, top: float, right: float, bottom: float) -> str:
    return f'<line x1="{left:.1f}" y1="{top:.1f}" x2="{right:.1f}" y2="{bottom:.1f}" stroke="#ddd"/>'


def _legend(sizes: Sequence[int], at: float) -> str:
    entries = [
        f'<text x="{MARGIN + index * 90}" y="{at:g}" fill="{colour}" font-weight="bold">{size} pairs</text>'
        for index, (size, colour) in enumerate(zip(sizes, COLOURS, strict=True))
    ]
    note = f'<text x="{MARGIN + len(sizes) * 90}" y="{at:g}">failed canaries, by the factor between the values</text>'
    return "".join(entries) + note
