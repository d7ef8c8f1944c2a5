"""What supplies, loads and boxes that are both have in common for a fault: two meters, and protections that trip."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from station.twin.instruments.metering import Meter
from station.twin.scpi import Instrument


class PoweredInstrument(Instrument, ABC):
    """An instrument that current flows through. Besides those of `Instrument`, a fault may change `voltmeter` and
    `ammeter`, of which `gain` and `offset` are short names of the latter's, and `trips`.
    """

    causes: ClassVar[Mapping[str, int]]
    """What may trip it, by the word of a fault file: the bit that it latches."""
    voltmeter: Meter
    ammeter: Meter
    _tripped = ""

    @property
    def gain(self) -> float:
        """Gain of the current channel: the reading over the true current, and the set point over the true one."""
        return self.ammeter.gain

    @gain.setter
    def gain(self, value: float) -> None:
        self.ammeter.gain = value

    @property
    def offset(self) -> float:
        """A that the current channel reads too much."""
        return self.ammeter.offset

    @offset.setter
    def offset(self, value: float) -> None:
        self.ammeter.offset = value

    @property
    def trips(self) -> str:
        """The protection that a fault has made trip, or nothing. It stays latched as any other when the fault ends."""
        return self._tripped

    @trips.setter
    def trips(self, cause: str) -> None:
        if cause and cause not in self.causes:
            raise ValueError(f"it has {', '.join(self.causes)}")
        self._tripped = cause
        if cause:
            self.trip(self.causes[cause])

    @abstractmethod
    def trip(self, bits: int) -> None:
        """Latch protections: no current, and ON refused until they are cleared."""
