"""Keysight 34465A: a multimeter of 6 1/2 digits in the role `voltmeter`."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from station.instruments.roles import Identity, Ratings
from station.instruments.scpi import TIMEOUT, Scpi, Wire


class Say(StrEnum):
    """How the Truevolt series spells it."""

    VOLTS = "CONF:VOLT:DC"
    RANGE = "VOLT:RANG?"
    CYCLES = "VOLT:NPLC"
    READ = "READ?"


CYCLE = 0.02
"""Seconds of a power line cycle at 50 Hz, the longer of the two."""


class Keysight34465A:
    """The voltmeter; nothing is sent before the first call."""

    ratings: ClassVar[Ratings] = Ratings(voltage=1000.0)

    def __init__(self, wire: Wire, role: str = "voltmeter") -> None:
        """`role` is named in errors."""
        self._scpi = Scpi(wire, role)
        self._timeout = TIMEOUT

    def identify(self) -> Identity:
        """Who answers."""
        return self._scpi.identity()

    def reset(self) -> None:
        """Forget what others have set and left behind."""
        self._scpi.reset()

    def prepare(self, range_v: float, nplc: float) -> None:
        """Fix range (one of 0.1, 1, 10, 100, 1000 V) and integration time (power line cycles), read back."""
        self._scpi.setting(Say.VOLTS, range_v, 0.0, query=Say.RANGE)
        self._scpi.setting(Say.CYCLES, nplc, 0.0)
        self._timeout = TIMEOUT + 4 * nplc * CYCLE

    def voltage(self) -> float:
        """One measurement, V; an overload raises BadReply."""
        return self._scpi.number(Say.READ, "VDC", self._timeout)
