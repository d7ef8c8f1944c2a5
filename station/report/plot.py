"""A waveform as a chart: one panel for each unit over a common time, with the moments and levels that mattered.

Moments and levels carry numbers, which the legend below explains: labels inside the chart would sooner or later cover
one another or the curve.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from reportlab.lib.colors import HexColor
from reportlab.platypus import Flowable

from station.model.record import Channel, Mark, Waveform
from station.report import glyphs
from station.report.figures import plain
from station.report.glyphs import BOLD, REGULAR, printable, wrapped
from station.report.style import INK, LINE, MUTED, PAPER, short
from station.report.wording import Wording

PANEL, GAP = 54.0, 7.0
LEFT, RIGHT, TOP, BOTTOM = 30.0, 13.0, 12.0, 19.0
TITLE_SIZE, TEXT_SIZE = 7.5, 6.3
LEADING = 8.0
TAG = 8.0
ICON = 14.0
SURPLUS = 0.08
MOST_POINTS = 240
COLOURS = (HexColor("#1d4f91"), HexColor("#b35c00"), HexColor("#3b7d3f"), MUTED)
DASHES: tuple[tuple[float, ...], ...] = ((), (3, 1.4), (1, 1.2), (4, 1.2, 1, 1.2))


@dataclass(frozen=True, slots=True)
class Axis:
    """A stretch of a quantity on a stretch of the page."""

    start: float
    end: float
    origin: float
    length: float

    def place(self, value: float) -> float:
        """Where `value` stands on the page, in points."""
        return self.origin + self.length * (value - self.start) / (self.end - self.start)

    def ticks(self, most: int) -> list[float]:
        """At most about `most` round values on the axis."""
        raw = (self.end - self.start) / most
        power = 10.0 ** math.floor(math.log10(raw))
        step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * 0.999)
        first = math.ceil(self.start / step - 1e-9)
        count = math.floor(self.end / step + 1e-9) - first
        return [round((first + i) * step, 12) for i in range(count + 1)]


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the legend: a piece of a curve, or the number of a mark."""

    text: str
    curve: int | None = None
    tag: int | None = None


class Chart(Flowable):
    """The chart of one waveform, `width` points wide."""

    def __init__(self, waveform: Waveform, wording: Wording, width: float) -> None:
        """Show `waveform`, which has at least one sample."""
        super().__init__()
        self.width = width
        self.channels = [channel for channel in waveform.channels if channel.t_s]
        self.marks = list(enumerate(waveform.marks, 1))
        self.units = list(dict.fromkeys(channel.unit for channel in self.channels))
        self.wording = wording
        self.title = wrapped(printable(short(waveform.title)), TITLE_SIZE, width, BOLD)
        self.legend = list(_flow(self._entries(), width))

    def wrap(self, width: float, height: float) -> tuple[float, float]:
        """Title, panels and legend, one below the other."""
        panels = len(self.units) * (PANEL + GAP) - GAP
        self.height = len(self.title) * 9 + TOP + panels + BOTTOM + len(self.legend) * LEADING + 8
        return self.width, self.height

    def draw(self) -> None:
        """Draw it at the origin."""
        y = self._lines(self.height, self.title, BOLD, TITLE_SIZE, 9)
        top = y - TOP
        time = self._time_axis()
        for row, unit in enumerate(self.units):
            self._panel(unit, time, top - row * (PANEL + GAP) - PANEL)
        bottom = top - len(self.units) * (PANEL + GAP) + GAP
        self._time_labels(time, bottom)
        self._moments(time, top, bottom)
        self._draw_legend(bottom - BOTTOM)

    def _entries(self) -> list[Entry]:
        unit = self.wording.unit
        curves = [
            Entry(f"{printable(short(c.name))} / {printable(unit(c.unit))}", curve=self._index(c))
            for c in self.channels
        ]
        return curves + [Entry(printable(self._mark_text(mark)), tag=tag) for tag, mark in self.marks]

    def _mark_text(self, mark: Mark) -> str:
        text, label = self.wording.waveforms, short(mark.label)
        if mark.level is not None:
            label = text.level.format(label=label, level=plain(mark.level), unit=self.wording.unit(mark.unit))
        return label if mark.at_s is None else text.at.format(label=label, seconds=plain(mark.at_s))

    def _index(self, channel: Channel) -> int:
        """Which of the channels with its unit it is; that decides dash and colour."""
        return [other for other in self.channels if other.unit == channel.unit].index(channel)

    def _time_axis(self) -> Axis:
        times = [t for channel in self.channels for t in (min(channel.t_s), max(channel.t_s))]
        times += [mark.at_s for _, mark in self.marks if mark.at_s is not None]
        return _axis(times, 0.0, LEFT, self.width - LEFT - RIGHT)

    def _panel(self, unit: str, time: Axis, bottom: float) -> None:
        channels = [channel for channel in self.channels if channel.unit == unit]
        levels = [(tag, mark.level) for tag, mark in self.marks if mark.level is not None and mark.unit == unit]
        values = [value for channel in channels for value in (min(channel.values), max(channel.values))]
        axis = _axis(values + [level for _, level in levels], SURPLUS, bottom, PANEL)
        self._axes(axis, time, unit)
        for index, channel in enumerate(channels):
            self._curve(channel, index, time, axis)
        self._levels(levels, axis)

    def _axes(self, axis: Axis, time: Axis, unit: str) -> None:
        canvas = self.canv
        canvas.setLineWidth(0.35)
        canvas.setStrokeColor(LINE)
        canvas.setFillColor(MUTED)
        canvas.setFont(REGULAR, TEXT_SIZE)
        for tick in axis.ticks(4):
            y = axis.place(tick)
            canvas.line(LEFT, y, self.width - RIGHT, y)
            canvas.drawRightString(LEFT - 3, y - 2.2, plain(tick))
        for tick in time.ticks(6):
            canvas.line(time.place(tick), axis.origin, time.place(tick), axis.origin + PANEL)
        canvas.setStrokeColor(MUTED)
        canvas.rect(LEFT, axis.origin, self.width - LEFT - RIGHT, PANEL, fill=0)
        canvas.saveState()
        canvas.translate(6, axis.origin + PANEL / 2)
        canvas.rotate(90)
        canvas.setFont(BOLD, TEXT_SIZE)
        canvas.drawCentredString(0, 0, printable(self.wording.unit(unit)))
        canvas.restoreState()

    def _curve(self, channel: Channel, index: int, time: Axis, axis: Axis) -> None:
        points = _thinned(list(zip(channel.t_s, channel.values, strict=False)))
        path = self.canv.beginPath()
        path.moveTo(time.place(points[0][0]), axis.place(points[0][1]))
        for t, value in points[1:]:
            path.lineTo(time.place(t), axis.place(value))
        self._pen(index)
        self.canv.drawPath(path, stroke=1, fill=0)
        self.canv.setDash()

    def _pen(self, index: int) -> None:
        self.canv.setStrokeColor(COLOURS[index % len(COLOURS)])
        self.canv.setLineWidth(1.0)
        self.canv.setLineJoin(1)
        self.canv.setDash(list(DASHES[index % len(DASHES)]))

    def _levels(self, levels: Sequence[tuple[int, float]], axis: Axis) -> None:
        places = [axis.place(level) for _, level in levels]
        spread = _spread(places, TAG + 1, axis.origin + TAG / 2, axis.origin + PANEL - TAG / 2)
        for (tag, _), y, label_y in zip(levels, places, spread, strict=True):
            self._rule(LEFT, y, self.width - RIGHT, y)
            self.canv.line(self.width - RIGHT, y, self.width - RIGHT + 4, label_y)
            self._tag(tag, self.width - RIGHT + 4 + TAG / 2, label_y)

    def _moments(self, time: Axis, top: float, bottom: float) -> None:
        moments = [(tag, mark.at_s) for tag, mark in self.marks if mark.at_s is not None]
        places = [time.place(at) for _, at in moments]
        spread = _spread(places, TAG + 1, LEFT, self.width - RIGHT)
        for (tag, _), x, label_x in zip(moments, places, spread, strict=True):
            self._rule(x, bottom, x, top)
            self.canv.line(x, top, label_x, top + 3)
            self._tag(tag, label_x, top + 3 + TAG / 2)

    def _rule(self, x1: float, y1: float, x2: float, y2: float) -> None:
        self.canv.setStrokeColor(INK)
        self.canv.setLineWidth(0.6)
        self.canv.setDash([2, 1.5])
        self.canv.line(x1, y1, x2, y2)
        self.canv.setDash()

    def _tag(self, tag: int, x: float, y: float) -> None:
        self.canv.setFillColor(INK)
        self.canv.roundRect(x - TAG / 2, y - TAG / 2, TAG, TAG, 1.5, stroke=0, fill=1)
        self.canv.setFillColor(PAPER)
        self.canv.setFont(BOLD, TEXT_SIZE)
        self.canv.drawCentredString(x, y - 2.3, str(tag))

    def _time_labels(self, time: Axis, bottom: float) -> None:
        self.canv.setFillColor(MUTED)
        self.canv.setFont(REGULAR, TEXT_SIZE)
        for tick in time.ticks(6):
            self.canv.drawCentredString(time.place(tick), bottom - 7.5, plain(tick))
        self.canv.setFont(BOLD, TEXT_SIZE)
        self.canv.drawCentredString(time.origin + time.length / 2, bottom - 15, self.wording.waveforms.time)

    def _draw_legend(self, y: float) -> None:
        for row in self.legend:
            y -= LEADING
            for x, entry, text in row:
                self._icon(entry, x, y)
                self.canv.setFillColor(INK)
                self.canv.setFont(REGULAR, TEXT_SIZE)
                self.canv.drawString(x + ICON, y, text)

    def _icon(self, entry: Entry, x: float, y: float) -> None:
        if entry.curve is not None:
            self._pen(entry.curve)
            self.canv.line(x, y + 2.2, x + ICON - 3, y + 2.2)
            self.canv.setDash()
        elif entry.tag is not None:
            self._tag(entry.tag, x + TAG / 2, y + 2.3)

    def _lines(self, y: float, lines: Sequence[str], font: str, size: float, leading: float) -> float:
        self.canv.setFillColor(INK)
        self.canv.setFont(font, size)
        for line in lines:
            y -= leading
            self.canv.drawString(0, y + 2, line)
        return y


def _axis(values: Sequence[float], surplus: float, origin: float, length: float) -> Axis:
    low, high = min(values), max(values)
    beyond = (high - low) * surplus if high > low else abs(low) * 0.1 or 1.0
    return Axis(low - beyond, high + beyond, origin, length)


def _spread(places: Sequence[float], apart: float, lowest: float, highest: float) -> list[float]:
    """The places moved as little as needed to stand `apart`, in the same order, between lowest and highest."""
    order = sorted(range(len(places)), key=lambda i: places[i])
    moved = list(places)
    floor = lowest
    for i in order:
        moved[i] = max(moved[i], floor)
        floor = moved[i] + apart
    ceiling = highest
    for i in reversed(order):
        moved[i] = min(moved[i], ceiling)
        ceiling = moved[i] - apart
    return moved


def _thinned(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Least and greatest of each bin, in order of time: no spike is lost."""
    if len(points) <= MOST_POINTS:
        return points
    size = math.ceil(len(points) / (MOST_POINTS // 2))
    bins = (points[i : i + size] for i in range(0, len(points), size))
    kept = ({min(part, key=lambda p: p[1]), max(part, key=lambda p: p[1])} for part in bins)
    return [points[0], *(point for pair in kept for point in sorted(pair)), points[-1]]


def _flow(entries: Sequence[Entry], width: float) -> Iterator[list[tuple[float, Entry, str]]]:
    """The legend in rows of (x, entry, text); an entry wider than a row goes on in the next ones."""
    row: list[tuple[float, Entry, str]] = []
    x = 0.0
    for entry in entries:
        first, *more = wrapped(entry.text, TEXT_SIZE, width - ICON) or [""]
        needed = ICON + glyphs.width(first, TEXT_SIZE) + 8
        if row and x + needed - 8 > width:
            yield row
            row, x = [], 0.0
        row.append((x, entry, first))
        x += needed
        for line in more:
            yield row
            row, x = [(0.0, Entry(line), line)], width
    if row:
        yield row
