"""How far a value stood from its limits, as a small bar: limits, guard bands, and a marker shaped by the verdict."""

from __future__ import annotations

from dataclasses import dataclass

from reportlab.lib.colors import Color, HexColor
from reportlab.platypus import Flowable

from station.model.record import Measurement
from station.model.verdict import Verdict
from station.report.figures import number
from station.report.style import INK, LINE, PAPER

ACCEPTED = HexColor("#cfe3d6")
HATCH = HexColor("#7d858e")
SURPLUS = 0.18
"""Share of the tolerance that is shown beyond each limit."""


@dataclass(frozen=True, slots=True)
class Scale:
    """What a bar shows: a stretch of the quantity, and the limits and accepted range in it, open ends at its ends."""

    start: float
    end: float
    low: float
    high: float
    accept_low: float
    accept_high: float

    def share(self, number: float) -> float:
        """Where `number` stands between start (0) and end (1); less or more when it is outside."""
        return (number - self.start) / (self.end - self.start)


def scale(measurement: Measurement) -> Scale | None:
    """The scale for a measurement; None without a numeric value or limit."""
    value, low, high = (number(x) for x in (measurement.value, measurement.low, measurement.high))
    stretch = None if value is None else _stretch(value, low, high, _guard(measurement, low, high))
    if stretch is None:
        return None
    start, end = stretch
    low, high = (start if low is None else low), (end if high is None else high)
    accept_low = low if measurement.accept_low is None else measurement.accept_low
    accept_high = high if measurement.accept_high is None else measurement.accept_high
    return Scale(start, end, low, high, accept_low, accept_high)


def _stretch(value: float, low: float | None, high: float | None, guard: float) -> tuple[float, float] | None:
    """A little more than the tolerance; with one limit only, as far as that is from zero, or three guard bands."""
    if low is not None and high is not None:
        beyond = SURPLUS * (high - low) or abs(low) or 1.0
        return low - beyond, high + beyond
    if high is not None:
        reach = max(abs(high), 3 * guard) or abs(value) or 1.0
        return high - reach * 1.02, high + SURPLUS * reach
    if low is not None:
        reach = max(abs(low), 3 * guard) or abs(value) or 1.0
        return low - SURPLUS * reach, low + reach * 1.02
    return None


def _guard(measurement: Measurement, low: float | None, high: float | None) -> float:
    """The wider of the two guard bands."""
    limits = ((low, measurement.accept_low), (high, measurement.accept_high))
    return max(abs(accept - limit) if limit is not None and accept is not None else 0.0 for limit, accept in limits)


class MarginBar(Flowable):
    """The bar, as wide as its cell."""

    HEIGHT = 9.0

    def __init__(self, measurement: Measurement, alert: Color) -> None:
        """Show a measurement for which there is a `scale`; `alert` colours the marker of what is not accepted."""
        super().__init__()
        self.measurement = measurement
        self.alert = alert

    def wrap(self, width: float, height: float) -> tuple[float, float]:
        """Take the whole width."""
        self.width = width
        return width, self.HEIGHT

    def draw(self) -> None:
        """Draw it at the origin."""
        drawn = scale(self.measurement)
        if drawn is None:
            return
        self._line(0, self.width)
        self._zones(drawn)
        for limit in (self.measurement.low, self.measurement.high):
            if isinstance(limit, (int, float)):
                self._tick(self.width * drawn.share(limit))
        value = number(self.measurement.value)
        if value is not None:
            self._marker(drawn.share(value))

    def _line(self, x1: float, x2: float) -> None:
        self.canv.setStrokeColor(LINE)
        self.canv.setLineWidth(0.8)
        self.canv.line(x1, self.HEIGHT / 2, x2, self.HEIGHT / 2)

    def _tick(self, x: float) -> None:
        self.canv.setStrokeColor(INK)
        self.canv.setLineWidth(0.9)
        self.canv.line(x, 0.6, x, self.HEIGHT - 0.6)

    def _zones(self, drawn: Scale) -> None:
        low, high, accept_low, accept_high = (
            self.width * drawn.share(x) for x in (drawn.low, drawn.high, drawn.accept_low, drawn.accept_high)
        )
        self._hatched(low, min(accept_low, high))
        self._hatched(max(accept_high, low), high)
        if accept_high > accept_low:
            self.canv.setFillColor(ACCEPTED)
            self.canv.rect(accept_low, 2, accept_high - accept_low, self.HEIGHT - 4, stroke=0, fill=1)

    def _hatched(self, x1: float, x2: float) -> None:
        canvas = self.canv
        canvas.saveState()
        zone = canvas.beginPath()
        zone.rect(x1, 2, x2 - x1, self.HEIGHT - 4)
        canvas.setFillColor(PAPER)
        canvas.drawPath(zone, stroke=0, fill=1)
        canvas.clipPath(zone, stroke=0, fill=0)
        canvas.setStrokeColor(HATCH)
        canvas.setLineWidth(0.5)
        x = x1 - self.HEIGHT
        while x < x2:
            canvas.line(x, 2, x + self.HEIGHT - 4, self.HEIGHT - 2)
            x += 1.8
        canvas.restoreState()

    def _marker(self, share: float) -> None:
        accepted = self.measurement.verdict in (Verdict.PASS, None)
        colour = INK if accepted else self.alert
        self.canv.setStrokeColor(colour)
        self.canv.setFillColor(colour)
        x, y = self.width * min(1.0, max(0.0, share)), self.HEIGHT / 2
        if not 0 <= share <= 1:
            self._arrow(x, y, -1 if share < 0 else 1)
        elif not accepted:
            self.canv.setLineWidth(1.5)
            self.canv.line(x - 2.5, y - 2.5, x + 2.5, y + 2.5)
            self.canv.line(x - 2.5, y + 2.5, x + 2.5, y - 2.5)
        else:
            self.canv.setLineWidth(0.9)
            self.canv.circle(x, y, 2.1, stroke=1, fill=int(self.measurement.verdict is not None))

    def _arrow(self, x: float, y: float, direction: int) -> None:
        path = self.canv.beginPath()
        path.moveTo(x, y)
        path.lineTo(x - 5 * direction, y + 3.2)
        path.lineTo(x - 5 * direction, y - 3.2)
        path.close()
        self.canv.drawPath(path, stroke=0, fill=1)
