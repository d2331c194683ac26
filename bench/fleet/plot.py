"""Curves as an SVG picture: both axes logarithmic, readable on light and dark pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10
from xml.sax.saxutils import escape

_WIDTH, _HEIGHT, _LEFT, _TOP, _RIGHT, _BOTTOM = 420, 300, 60, 40, 20, 50
#: Colors that people with color blindness can distinguish (Okabe and Ito), and a dash pattern each.
_COLORS = ("#0072b2", "#d55e00", "#009e73")
_DASHES = ("none", "6 3", "2 3")

_STYLE = """
text { font: 12px system-ui, sans-serif; fill: #24292f; }
.title { font-weight: 600; } .grid { stroke: #d0d7de; }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3; } .grid { stroke: #30363d; } }
"""


@dataclass(frozen=True, slots=True)
class Line:
    """One line: its name and its points (x, y), all positive."""

    name: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Panel:
    """One diagram; `x` and `y` are the titles of the axes, with units."""

    title: str
    x: str
    y: str
    lines: Sequence[Line]


def draw(panels: Sequence[Panel]) -> str:
    """Return the picture: the panels side by side, with the same vertical axis."""
    low, high = _decades([y for panel in panels for line in panel.lines for _, y in line.points])
    body = "\n".join(
        f'<g transform="translate({number * _WIDTH} 0)">\n{_panel(panel, low, high)}\n</g>'
        for number, panel in enumerate(panels)
    )
    width, height = _WIDTH * len(panels), _HEIGHT + 20 * max(len(panel.lines) for panel in panels)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">\n'
        f"<style>{_STYLE}</style>\n{body}\n</svg>\n"
    )


def _decades(values: Sequence[float]) -> tuple[int, int]:
    low, high = floor(log10(min(values))), ceil(log10(max(values)))
    return low, max(high, low + 1)


def _panel(panel: Panel, low: int, high: int) -> str:
    left, right = _decades([x for line in panel.lines for x, _ in line.points])

    def at(x: float, y: float) -> tuple[float, float]:
        across = (log10(x) - left) / (right - left) * (_WIDTH - _LEFT - _RIGHT)
        up = (log10(y) - low) / (high - low) * (_HEIGHT - _TOP - _BOTTOM)
        return round(_LEFT + across, 1), round(_HEIGHT - _BOTTOM - up, 1)

    parts = [_text(_LEFT, 20, panel.title, "title")]
    for power in range(left, right + 1):
        (x, top), (_, bottom) = at(10**power, 10**high), at(10**power, 10**low)
        parts += [
            _rule(x, top, x, bottom),
            _text(x, bottom + 16, f"{10**power:,}", anchor="middle"),
        ]
    for power in range(low, high + 1):
        (start, y), (end, _) = at(10**left, 10**power), at(10**right, 10**power)
        parts += [
            _rule(start, y, end, y),
            _text(start - 6, y + 4, f"{10.0**power:g}", anchor="end"),
        ]
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    parts += [_text(middle, _HEIGHT - 14, panel.x, anchor="middle"), _text(4, 34, panel.y)]
    for number, line in enumerate(panel.lines):
        parts += _line(line, number, [at(x, y) for x, y in line.points])
    return "\n".join(parts)


def _line(line: Line, number: int, points: Sequence[tuple[float, float]]) -> list[str]:
    color, dash = _COLORS[number], _DASHES[number]
    stroke = f'stroke="{color}" stroke-width="2" stroke-dasharray="{dash}" fill="none"'
    where = " ".join(f"{x},{y}" for x, y in points)
    y = _HEIGHT + 20 * number
    return [
        f'<polyline points="{where}" {stroke}/>',
        *(f'<circle cx="{x}" cy="{y}" r="3" fill="{color}"/>' for x, y in points),
        f'<line x1="{_LEFT}" y1="{y}" x2="{_LEFT + 30}" y2="{y}" {stroke}/>',
        _text(_LEFT + 38, y + 4, line.name),
    ]


def _rule(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="grid" x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}"/>'


def _text(x: float, y: float, text: str, kind: str = "", anchor: str = "start") -> str:
    return f'<text x="{x}" y="{y}" class="{kind}" text-anchor="{anchor}">{escape(text)}</text>'
