"""Drawing of each type of panel into its axes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from textwrap import fill

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, MaxNLocator, MultipleLocator

from demo.dashboards.panel import COLORS, FAINT, GRID, TEXT, Panel
from demo.dashboards.queries import Span
from demo.dashboards.units import write
from testbed.prometheus import Series

_PALETTE = ("#73bf69", "#f2cc0c", "#5794f2", "#ff9830", "#f2495c", "#b877d9", "#37872d", "#8ab8ff")
#: Series or lines of a panel, and characters of a cell, that are drawn.
_SHOWN, _LONGEST = 8, 32
#: Lines of a state timeline whose names have room for a second line.
_WRAPPED = 4
#: Pixels of a character of a legend, of the line before a name with its gap, and of a character in
#: the text of an empty panel.
_CHARACTER, _HANDLE, _WIDE_CHARACTER = 3.7, 24, 5.2
#: Seconds between two times on an axis.
_TICKS = (10, 15, 30, 60, 120, 300, 600, 1800, 3600)


def draw(axes: Axes, panel: Panel) -> None:
    """Draw the panel, or its text for no data."""
    if any(found for _, found in panel.found):
        _DRAWERS[panel.json["type"]](axes, panel)
    else:
        axes.set_axis_off()
        empty = fill(panel.defaults["noValue"], int(axes.bbox.width / _WIDE_CHARACTER))
        axes.text(0.5, 0.5, empty, color=FAINT, fontsize=7.5, ha="center", va="center")


def _stat(axes: Axes, panel: Panel) -> None:
    axes.set_axis_off()
    shown = [*panel.series()][:4]
    for place, (name, values) in enumerate(shown):
        text, color = panel.text_and_color(values[-1][1])
        color = panel.fixed_color(name) or color
        if panel.json["options"]["textMode"] == "name":
            text = fill(name, 20)
        left, width = place / len(shown), 1 / len(shown)
        axes.add_patch(_box(left, width, color))
        middle = left + width / 2
        longest = max(4, *(len(line) for line in text.splitlines()))
        size = min(17.0, 950 * axes.get_position().width * width / longest)
        axes.text(middle, 0.55, text, color="white", fontsize=size, ha="center", va="center")
        if text.replace("\n", " ") != name:
            axes.text(middle, 0.1, name[:34], color="white", fontsize=6, ha="center", va="center")


def _box(left: float, width: float, color: str) -> Rectangle:
    return Rectangle((left + 0.005, 0), width - 0.01, 1, color=color, linewidth=0)


def _timeseries(axes: Axes, panel: Panel) -> None:
    shown = [*panel.series()][:_SHOWN]
    custom = panel.defaults["custom"]
    if custom["stacking"]["mode"] == "normal":
        _stacked(axes, shown)
    else:
        for place, (name, values) in enumerate(shown):
            times, numbers = [time for time, _ in values], [value for _, value in values]
            color = _PALETTE[place]
            if custom["drawStyle"] == "bars":
                axes.vlines(times, 0, numbers, color=color, linewidth=1.5, label=name)
            else:
                axes.plot(times, numbers, color=color, linewidth=1.2, label=name)
    _time_axis(axes, panel)
    _value_axis(axes, panel)
    _legend(axes)


def _legend(axes: Axes) -> None:
    """Name the series in two lines below the axes, as many as fit."""
    handles, names = axes.get_legend_handles_labels()
    names = [name[:_LONGEST] for name in names]
    width = _CHARACTER * max(map(len, names), default=0) + _HANDLE
    columns = max(1, min(len(names), int(axes.bbox.width / width)))
    axes.legend(
        handles[: 2 * columns],
        names[: 2 * columns],
        loc="upper left",
        bbox_to_anchor=(-0.02, -0.16),
        ncols=columns,
        fontsize=6,
        frameon=False,
        labelcolor=TEXT,
        handlelength=1.2,
        columnspacing=1.0,
        borderpad=0,
    )


def _stacked(axes: Axes, shown: Sequence[tuple[str, list[tuple[float, float]]]]) -> None:
    times = sorted({time for _, values in shown for time, _ in values})
    numbers = [[dict(values).get(time, 0.0) for time in times] for _, values in shown]
    axes.stackplot(
        times,
        numbers,
        colors=_PALETTE,
        alpha=0.7,
        labels=[name for name, _ in shown],
    )


def _value_axis(axes: Axes, panel: Panel) -> None:
    defaults = panel.defaults
    unit = defaults["unit"]
    axes.set_ylim(bottom=0, top=defaults.get("max"))
    top = axes.get_ylim()[1]
    if defaults["custom"]["thresholdsStyle"]["mode"] != "off":
        for step in defaults["thresholds"]["steps"][1:]:
            if step["value"] <= 3 * top:
                axes.axhline(step["value"], color=COLORS[step["color"]], dashes=(4, 3), linewidth=1)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: write(value, unit, 0)))
    axes.yaxis.set_major_locator(MaxNLocator(5))


def _time_axis(axes: Axes, panel: Panel) -> None:
    axes.set_xlim(panel.span.start, panel.span.end)
    length = panel.span.end - panel.span.start
    step = next((step for step in _TICKS if length / step <= 6), _TICKS[-1])
    axes.xaxis.set_major_locator(MultipleLocator(step))
    axes.xaxis.set_major_formatter(FuncFormatter(_clock))
    axes.grid(color=GRID, linewidth=0.5)
    for color, found in panel.annotations:
        for series in found:
            times = [time for time, _ in series["values"]]
            axes.axvspan(times[0], times[-1], color=COLORS[color], alpha=0.25, lw=0)


def _state_timeline(axes: Axes, panel: Panel) -> None:
    shown = [*panel.series()]
    for place, (_, values) in enumerate(shown):
        for start, end, value in _runs(values, panel.span):
            text, color = panel.text_and_color(value)
            axes.fill_between([start, end], place - 0.4, place + 0.4, color=color, lw=0)
            if end - start > 0.04 * (panel.span.end - panel.span.start) and len(shown) < 8:
                middle = (start + end) / 2
                axes.text(middle, place, text, color="white", fontsize=7, ha="center", va="center")
    _time_axis(axes, panel)
    axes.grid(visible=False)
    short = len(shown) > _WRAPPED
    names = [name[-24:] if short else fill(name, 24) for name, _ in shown]
    axes.set_yticks(range(len(shown)), names)
    axes.set_ylim(len(shown) - 0.5, -0.5)


def _runs(
    values: Sequence[tuple[float, float]], span: Span
) -> Iterator[tuple[float, float, float]]:
    """Yield each period with the same value: its start, its end, the value."""
    start, last = values[0]
    for time, value in values[1:]:
        if value != last:
            yield start, time, last
            start, last = time, value
    yield start, min(values[-1][0] + span.step, span.end), last


def _heatmap(axes: Axes, panel: Panel) -> None:
    """Draw each bucket without the lower ones, which a histogram includes."""
    buckets = sorted(panel.series(), key=lambda bucket: float(bucket[0].replace("+Inf", "inf")))
    times = [time for time, _ in buckets[0][1]]
    below = dict.fromkeys(times, 0.0)
    rows = []
    for _, values in buckets:
        here = dict(values)
        rows.append([max(0.0, here.get(time, 0.0) - below[time]) ** 0.4 for time in times])
        below = {time: here.get(time, below[time]) for time in times}
    used = [place for place, row in enumerate(rows) if any(row)] or [0]
    first, last = max(0, used[0] - 1), used[-1] + 1
    axes.pcolormesh(
        times,
        range(last - first),
        rows[first:last],
        cmap="inferno",
        shading="nearest",
    )
    _time_axis(axes, panel)
    ticks = range(0, last - first, max(1, (last - first) // 6))
    names = [buckets[first + tick][0] for tick in ticks]
    unit = panel.defaults["unit"]
    axes.set_yticks(ticks, [n if n == "+Inf" else write(float(n), unit, 0) for n in names])
    axes.grid(visible=False)


def _table(axes: Axes, panel: Panel) -> None:
    axes.set_axis_off()
    columns: dict[str, str] = panel.json["transformations"][-1]["options"]["renameByName"]
    lines = _lines(panel, columns)
    titles = [title for title in columns.values() if any(line.get(title) for line in lines)]
    shown = [titles, *([line.get(title, "") for title in titles] for line in lines)]
    widths = [
        max(3, *(min(_LONGEST, len(line[place])) + 2 for line in shown))
        for place in range(len(titles))
    ]
    height = max(len(shown[:_SHOWN]), axes.bbox.height / 18)
    for number, line in enumerate(shown[:_SHOWN]):
        left = 0.0
        for text, width in zip(line, widths, strict=True):
            color = TEXT if number else COLORS["blue"]
            axes.text(
                left,
                1 - (number + 0.5) / height,
                text[:_LONGEST],
                color=color,
                fontsize=7,
                va="center",
            )
            left += width / sum(widths)


def _lines(panel: Panel, columns: dict[str, str]) -> list[dict[str, str]]:
    """Return the rows of a table by column: the results of the queries, joined by shared labels."""
    answers = [(query, found) for query, found in panel.found if found]
    shared = sorted(set.intersection(*(_labels(found) for _, found in answers)))
    lines: dict[tuple[str, ...], dict[str, str]] = {}
    order: dict[tuple[str, ...], float] = {}
    for query, found in answers:
        for series in found:
            metric, value = series["metric"], float(series["values"][-1][1])
            key = tuple(metric.get(label, "") for label in shared)
            line = lines.setdefault(key, {})
            line |= {columns[label]: text for label, text in metric.items()}
            if query.legend:
                line[query.legend] = panel.cell(query.legend, value)
            if query.legend in panel.sorted_by:
                order[key] = value
    return [lines[key] for key in sorted(lines, key=lambda key: -order.get(key, 0))]


def _labels(found: Sequence[Series]) -> set[str]:
    return {label for series in found for label in series["metric"]}


def _clock(seconds: float, _: object) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%H:%M:%S")


_DRAWERS: dict[str, Callable[[Axes, Panel], None]] = {
    "stat": _stat,
    "timeseries": _timeseries,
    "state-timeline": _state_timeline,
    "heatmap": _heatmap,
    "table": _table,
}
