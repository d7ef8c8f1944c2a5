"""What Keysight's multimeter and data acquisition unit have in common: a memory of readings, and a front panel."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Generic, TypeVar

from station.twin.instruments.acquisition import Acquisition
from station.twin.instruments.calendar import Calendar
from station.twin.instruments.kept import kept, told
from station.twin.instruments.multimeter import LINE_FREQUENCY
from station.twin.scpi import Command, Dialect, Instrument, Memories, Text, knob, nr1_signed

T = TypeVar("T")

_MEASURING, _AWAITING_TRIGGER = 16, 32
"""Bits of the operation register."""
KEPT_SWITCHES: Mapping[str, bool] = MappingProxyType(
    {
        "DISPlay[:STATe]": True,
        "SYSTem:BEEPer:STATe": True,
        "LXI:IDENtify[:STATe]": False,
        "MEMory:STATe:RECall:AUTO": False,
        "*PSC": True,
    }
)
TOLD: Mapping[str, str] = MappingProxyType(
    {
        "SYSTem:COMMunicate:LAN:IPADdress": '"127.0.0.1"',
        "SYSTem:COMMunicate:LAN:SMASk": '"255.0.0.0"',
        "SYSTem:COMMunicate:LAN:GATeway": '"0.0.0.0"',
        "SYSTem:COMMunicate:LAN:DHCP": "0",
        "CALibration:COUNt": "+1",
        "CALibration:STRing": '""',
        "CALibration:SECure:STATe": "1",
        "TEST:ALL": "+0",
    }
)
"""What never changes: the port as it is here, the calibration, a self-test that finds nothing."""


class BenchMeter(Instrument, Generic[T]):
    """An instrument that takes readings of the kind `T` when they are due."""

    def __init__(self, identity: str, acquisition: Acquisition[T], commands: Iterable[Command]) -> None:
        """`commands` are what only this instrument understands."""
        self.acquisition = acquisition
        self.calendar = Calendar(lambda: self.now)
        super().__init__(identity, Dialect(signed=True, version="1994.0"), commands)

    def _front_panel(self, places: range, keep: Callable[[], Callable[[], None]]) -> Iterable[Command]:
        """Display, clock, beeper, *SAV and *RCL, and what says that it is operated from afar."""
        text, label = Text(), Text()
        yield from kept(KEPT_SWITCHES, {})
        yield from told(TOLD)
        yield from knob("DISPlay:TEXT[:DATA]", text)
        yield Command("DISPlay:TEXT:CLEar", text.reset)
        yield from knob("SYSTem:LABel", label)
        for word in ("LOCal", "REMote", "RWLock", "BEEPer[:IMMediate]"):
            yield Command(f"SYSTem:{word}", lambda: None)
        yield Command("SYSTem:LFRequency?", lambda: nr1_signed(LINE_FREQUENCY))
        yield Command("SYSTem:PRESet", self.reset)
        yield Command("MEMory:NSTates?", lambda: nr1_signed(len(places)))
        yield from self.calendar.commands()
        yield from Memories(places, keep, self.reset).commands()

    def pending(self) -> float:
        """Seconds until all readings have been taken."""
        return self.acquisition.remaining

    @property
    def next_due(self) -> float:
        """When the next reading is due, in seconds."""
        return self.acquisition.due

    def tick(self, now: float) -> None:
        """Take the readings that are due."""
        self.now = now
        self.acquisition.tick(now)
        measuring = math.isfinite(self.acquisition.due)
        self.status.operation.update(_MEASURING * measuring | _AWAITING_TRIGGER * self.acquisition.waiting)
        super().tick(now)
