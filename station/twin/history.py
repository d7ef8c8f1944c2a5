"""What happened to a pack before it came to the bench: charged, floated, left on, left alone.

Hours pass in steps that lengthen as less and less changes; the cells are exact over any step of one current.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from station.twin.cells import Cells

PATH = 6e-3
"""Ohm between the cells and the posts (domain notes, 3.2)."""
SHORTEST, GROWTH = 1.0, 0.05
"""Seconds of the first step, and by what share of the time that is over the next ones are longer."""
NEARING = 20.0
"""Seconds of charge for a volt that is missing: at the knee a pack at 20 A needs 45."""


@dataclass(frozen=True, slots=True)
class Charger:
    """Constant voltage (V at the posts), never more than so many A, in a room of so many degC."""

    voltage: float
    current: float
    ambient: float = 25.0

    def charge(self, cells: Cells, until: float) -> None:
        """Charge until no more than `until` A flow, which must be less than the charger's current."""
        current, volts = self._feed(cells, SHORTEST)
        while current > until:
            current, volts = self._feed(cells, max(SHORTEST, (self.voltage - volts) * NEARING))

    def hold(self, cells: Cells, seconds: float) -> None:
        """Float the cells; what a charger cannot do is discharge them."""
        for dt in _lengthening(seconds):
            self._feed(cells, dt)

    def _feed(self, cells: Cells, dt: float) -> tuple[float, float]:
        """Let `dt` s pass; returns the current and the voltage at the posts in the end."""
        ahead = cells.outlook(dt)
        emf, resistance = float(ahead.emf.sum()), float(ahead.resistance.sum()) + PATH
        current = min(max((self.voltage - emf) / resistance, 0.0), self.current)
        cells.follow(ahead, current, self.ambient)
        return current, emf + current * resistance


def _lengthening(seconds: float) -> Iterator[float]:
    """Steps that add up to so many seconds."""
    over = 0.0
    while over < seconds:
        step = min(max(SHORTEST, over * GROWTH), seconds - over)
        yield step
        over += step
