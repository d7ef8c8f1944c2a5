"""Top balancing: the highest cells are bled until they are level with the lowest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from station.twin.bms.fitting import fitted
from station.twin.bms.lamps import Flow
from station.twin.ocv import Floats


@dataclass(slots=True)
class Balancing:
    """Balancing of `cells` cells (manual 4.2); the two start values come from the registers.

    `stop_difference` V · `current` A · only between `coldest` and `warmest` degC · while `charging` and while
    `resting`: the manual's charging and static equalisation, of which each can be switched off (I-25). Faults: `works`
    and `always` by cell (the bleed FET is dead, or welded), `displaced`: it is the cell so many further on that is
    flagged and bled.
    """

    cells: int
    stop_difference: float = 0.020
    current: float = 0.080
    coldest: float = 0.0
    warmest: float = 50.0
    charging: bool = True
    resting: bool = True
    works: npt.NDArray[np.bool_] = field(init=False)
    always: npt.NDArray[np.bool_] = field(init=False)
    displaced: int = 0
    active: tuple[bool, ...] = field(init=False)
    """The flags, by cell."""

    def __post_init__(self) -> None:
        """Nothing bleeds."""
        self.works = np.ones(self.cells, dtype=bool)
        self.always = np.zeros(self.cells, dtype=bool)
        self.active = (False,) * self.cells

    def fit(self, cells: int) -> None:
        """Serve another number of cells."""
        self.cells = cells
        self.works, self.always = fitted(self.works, cells, True), fitted(self.always, cells, False)
        self.stop()

    def stop(self) -> None:
        """Clear all flags."""
        self.active = (False,) * self.cells

    def may(self, flow: Flow, temperatures: Sequence[float]) -> bool:
        """Whether it may work now, with the cells at these degC."""
        asked = {"charging": self.charging, "standby": self.resting, "discharging": False}
        return asked[flow] and self.coldest <= min(temperatures) and max(temperatures) <= self.warmest

    def judge(self, volts: Sequence[float], start_voltage: float, start_difference: float) -> None:
        """Start and stop cells by their readings in V."""
        lowest = min(volts)
        start = start_difference - 1e-9
        stop = min(self.stop_difference + 5e-4, start)
        active = [
            cell >= start_voltage - 1e-9 and cell - lowest >= (stop if already else start)
            for cell, already in zip(volts, _rolled(self.active, -self.displaced), strict=True)
        ]
        self.active = _rolled(active, self.displaced)

    @property
    def bleed(self) -> Floats:
        """A that the balancer draws from each cell, in truth."""
        return np.where(self.always | (self.works & np.array(self.active)), self.current, 0.0)


def _rolled(flags: Sequence[bool], by: int) -> tuple[bool, ...]:
    by %= len(flags)
    return (*flags[len(flags) - by :], *flags[: len(flags) - by])
