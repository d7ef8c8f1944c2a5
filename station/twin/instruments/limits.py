"""CALCulate:LIMit of the 34465A: readings are held against two bounds, and the questionable register tells."""

from __future__ import annotations

from collections.abc import Iterable

from station.twin.scpi import Command, Quantity, Settings, Switch, knob

HUGE = 1e15
"""Beyond what a limit may be."""


class Limits(Settings):
    """Two bounds that a reading may pass while they are switched on (Truevolt guide, CALCulate:LIMit)."""

    def __init__(self) -> None:
        """Off, both at 0."""
        self.on = Switch()
        self.lower, self.upper = Quantity(-HUGE, HUGE, 0), Quantity(-HUGE, HUGE, 0)
        self.failed = (False, False)

    def passed(self, reading: float) -> tuple[bool, bool]:
        """Whether a reading since the last clearing was below the lower bound, and whether one was above the upper."""
        if self.on.value:
            low, high = self.failed
            self.failed = low or reading < self.lower.value, high or reading > self.upper.value
        return self.failed

    def clear(self) -> None:
        """Forget what was passed."""
        self.failed = (False, False)

    def reset(self) -> None:
        """Off, and nothing was passed."""
        super().reset()
        self.clear()

    def commands(self) -> Iterable[Command]:
        """State, bounds, and what forgets."""
        yield from knob("CALCulate:LIMit[:STATe]", self.on, self.clear)
        yield from knob("CALCulate:LIMit:LOWer[:DATA]", self.lower)
        yield from knob("CALCulate:LIMit:UPPer[:DATA]", self.upper)
        yield Command("CALCulate:LIMit:CLEar[:IMMediate]", self.clear)
