"""When the BMS sleeps, starts and runs."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

from station.twin.bms.timing import Hold

Mode = Literal["asleep", "starting", "running"]


@dataclass(slots=True)
class Power:
    """Times in s, voltages in V, currents in A.

    A start takes `boot`: all lamps lit, no answers, output off. A charger wakes it by raising the terminals
    `wake_margin` above the cells for `wake_for`; a parallel pack that starts does so by bringing them within
    `wake_window` of the cells, where they were not before (manual 6-7). It goes to sleep after `standby` without
    current, and dies while the cells give it less than `needs`. Faults: `dead`, not `sleeps` (a shutdown does nothing),
    `wakes_after` so long asleep, `reboots_above` so many A of discharge.
    """

    boot: float = 2.0
    wake_margin: float = 0.05
    wake_window: float = 0.5
    wake_for: float = 0.3
    needs: float = 20.0
    dead: bool = False
    standby: float = 4 * 3600.0
    consumption: float = 0.030
    consumption_asleep: float = 100e-6
    sleeps: bool = True
    wakes_after: float = math.inf
    reboots_above: float = math.inf
    mode: Mode = "asleep"
    since: float = 0.0
    """When it came into this mode."""
    returns: bool = False
    """It was running when its supply failed, and starts when that comes back."""
    _apart: bool = False
    _charger: Hold = field(default_factory=Hold)
    _neighbour: Hold = field(default_factory=Hold)
    _idle: Hold = field(default_factory=Hold)
    _low: Hold = field(default_factory=Hold)

    def enter(self, mode: Mode, now: float) -> None:
        """Change the mode at `now`."""
        self.mode, self.since = mode, now
        self.returns = self._apart = False
        self._charger, self._neighbour, self._idle, self._low = Hold(), Hold(), Hold(), Hold()

    def supplied(self, voltage: float) -> bool:
        """Whether `voltage` V of the cells keep it alive."""
        return not self.dead and voltage >= self.needs

    def is_woken(self, margin: float, now: float) -> bool:
        """Whether something other than the key wakes it; `margin`: terminals above cells."""
        self._apart = self._apart or margin < -self.wake_window
        arrived = self._apart and margin >= -self.wake_window
        neighbour = self._neighbour.lasted(arrived, now, self.wake_for)
        charger = self._charger.lasted(margin >= self.wake_margin, now, self.wake_for)
        return charger or neighbour or self.returns or now - self.since >= self.wakes_after

    def is_tired(self, *, idle: bool, low: bool, low_for: float, now: float) -> bool:
        """Whether it goes to sleep by itself: `idle` for the standby time, or a cell `low` for `low_for` s."""
        bored, empty = self._idle.lasted(idle, now, self.standby), self._low.lasted(low, now, low_for)
        return self.sleeps and (bored or empty)

    @property
    def drawn(self) -> float:
        """A that the board takes from the cells."""
        return self.consumption_asleep if self.mode == "asleep" else self.consumption
