"""Readings of the data acquisition unit: scaled, held against limits, and said with what FORMat:READing asks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from station.twin.instruments.calendar import Calendar
from station.twin.instruments.statistics import Statistics
from station.twin.scpi import Choice, Quantity, Settings, Switch, Text, nr3

HUGE = 1e15
"""Beyond what a gain, an offset or a limit may be."""


class Reading(NamedTuple):
    """One reading: in `unit`, `since` seconds after the scan began, `at` seconds after power-up, on a channel.

    `alarm` is 0, 1 (below its lower limit) or 2 (above its upper one).
    """

    value: float
    unit: str
    since: float
    at: float
    channel: int
    alarm: int


class Format(Settings):
    """FORMat:READing: what goes with the value of a reading."""

    def __init__(self) -> None:
        """The value alone."""
        self.unit, self.time, self.channel, self.alarm = Switch(), Switch(), Switch(), Switch()
        self.kind = Choice(("RELative", "ABSolute"))

    def say(self, reading: Reading, calendar: Calendar) -> str:
        """A reading as it leaves the unit: `+2.61920000E+01 C,000000000.017,101,2`."""
        moment = f"{reading.since:013.3f}" if self.kind.value == "REL" else calendar.moment(reading.at)
        fields = (
            (True, nr3(reading.value) + f" {reading.unit}" * self.unit.value),
            (self.time.value, moment),
            (self.channel.value, str(reading.channel)),
            (self.alarm.value, str(reading.alarm)),
        )
        return ",".join(text for wanted, text in fields if wanted)


class Treatment(Settings):
    """CALCulate: what is done with the readings of one channel."""

    def __init__(self) -> None:
        """Nothing is done."""
        self.scaled = Switch()
        self.gain, self.offset = Quantity(-HUGE, HUGE, 1), Quantity(-HUGE, HUGE, 0)
        self.unit = Text(3)
        self.upper, self.lower = Quantity(-HUGE, HUGE, 0), Quantity(-HUGE, HUGE, 0)
        self.upper_on, self.lower_on = Switch(), Switch()

    def scale(self, value: float) -> float:
        """Gain and offset, where they are switched on."""
        return value * self.gain.value + self.offset.value if self.scaled.value else value

    def alarm(self, value: float) -> int:
        """0, or which limit is passed."""
        if self.upper_on.value and value > self.upper.value:
            return 2
        return 1 if self.lower_on.value and value < self.lower.value else 0


@dataclass(slots=True)
class History:
    """What one channel has measured since its scan began."""

    statistics: Statistics
    last: Reading | None = None
    lowest: Reading | None = None
    highest: Reading | None = None

    def take(self, reading: Reading) -> None:
        """Remember one more."""
        self.statistics.take(reading.value)
        self.last = reading
        if self.lowest is None or reading.value < self.lowest.value:
            self.lowest = reading
        if self.highest is None or reading.value > self.highest.value:
            self.highest = reading

    def clear(self) -> None:
        """Count anew; the last reading is still the last."""
        self.statistics.clear()
        self.lowest = self.highest = None
