"""The watchdog relay of the simulated bench, in the coil of the contactor: it drops when its heartbeat stands still."""

from __future__ import annotations

import math

DROPS_AFTER = 5.0
"""Seconds without an edge after which it lets go, as set on it; the station beats every second."""


class WatchdogRelay:
    """Not in use, and closed, until its input changes for the first time; from then on every edge holds it closed."""

    def __init__(self) -> None:
        """As fitted."""
        self.drops_after = DROPS_AFTER
        self.level = False
        self._drops = math.inf

    def see(self, level: bool, now: float) -> None:
        """Take the level of the heartbeat output at a time in seconds."""
        if level != self.level:
            self.level, self._drops = level, now + self.drops_after

    def closed(self, now: float) -> bool:
        """Whether it lets the contactor close."""
        return now < self._drops
