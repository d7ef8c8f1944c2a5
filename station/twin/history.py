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
        dt = SHORTEST
        while (current := self._fed(cells, dt)) > until:
            cells.step(current, dt, self.ambient)
            missing = self.voltage - float(cells.voltages(current).sum()) - current * PATH
            dt = max(SHORTEST, missing * NEARING)

    def hold(self, cells: Cells, seconds: float) -> None:
        """Float the cells; what a charger cannot do is discharge them."""
        for dt in _lengthening(seconds):
            cells.step(self._fed(cells, dt), dt, self.ambient)

    def _fed(self, cells: Cells, dt: float) -> float:
        ahead = cells.outlook(dt)
        wanted = (self.voltage - float(ahead.emf.sum())) / (float(ahead.resistance.sum()) + PATH)
        return min(max(wanted, 0.0), self.current)


def _lengthening(seconds: float) -> Iterator[float]:
    """Steps that add up to so many seconds."""
    over = 0.0
    while over < seconds:
        step = min(max(SHORTEST, over * GROWTH), seconds - over)
        yield step
        over += step
