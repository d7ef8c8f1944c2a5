"""Keysight RP7935A: 80 V, 250 A, 10 kW in both directions; one box as supply, as load, or as both.

As a supply it gives priority to the voltage, as a load to the current. It has no level for an over-current or an
over-power: the driver refuses a current beyond what was allowed, and the box keeps to its own 10 kW.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import ClassVar

from station.instruments.boxes import LoadSide, Look, PriorityBox, SupplySide
from station.instruments.errors import BadReply
from station.instruments.roles import Ratings
from station.instruments.scpi import Wire


class Say(StrEnum):
    """How the RP7900 series spells it (operating and service guide, 5)."""

    REMOTE = "SYST:COMM:RLST"
    VOLTAGE = "VOLT"
    VOLTAGE_LIMIT = "VOLT:LIM"
    CURRENT = "CURR"
    CURRENT_HIGH = "CURR:LIM"
    CURRENT_LOW = "CURR:LIM:NEG"
    SLEW = "CURR:SLEW"
    SLEW_FASTEST = "CURR:SLEW:MAX"
    OVER_VOLTAGE = "VOLT:PROT"
    UNDER_VOLTAGE = "VOLT:PROT:LOW"
    UNDER_VOLTAGE_STATE = "VOLT:PROT:LOW:STAT"
    OVER_CURRENT_STATE = "CURR:PROT:STAT"
    READING = "MEAS:VOLT?;:FETC:CURR?;:OUTP?;:STAT:QUES:COND?;:STAT:QUES2:COND?;:STAT:OPER:COND?"
    STATE = "STAT:QUES:COND?;:STAT:QUES2:COND?"


RATINGS = Ratings(voltage=80.0, current=250.0, power=10_000.0)
FASTEST = 1e6
"""A/s; from this slew rate on the box is told to be as fast as it can."""
PROTECTIONS: Mapping[int, str] = {
    1: "over-voltage",
    2: "over-current",
    4: "mains fault",
    8: "over-power while feeding",
    16: "over-temperature",
    32: "over-power while drawing",
    64: "negative over-voltage",
    512: "inhibited from outside",
    2048: "watchdog",
    4096: "excessive output dynamics",
    8192: "sense fault",
}
"""Bits of STATus:QUEStionable that disable the output; the others tell of limits and regulation."""
MORE_PROTECTIONS: Mapping[int, str] = {
    8: "current sharing fault",
    16: "master-slave protection",
    32: "safety disconnect",
    64: "under-voltage",
}
"""The same of STATus:QUEStionable2."""
CONSTANT_VOLTAGE = 1
"""Bit of STATus:OPERation."""

_BITS = re.compile(r"\+?(\d+)")


class KeysightRp7900(PriorityBox):
    """What both roles of the box have in common."""

    ratings: ClassVar[Ratings] = RATINGS
    watchdog_switch: ClassVar[str] = "OUTP:PROT:WDOG"

    def __init__(self, wire: Wire, role: str) -> None:
        """`role` is named in errors."""
        super().__init__(wire, role)
        self._most = 0.0

    def _remote(self) -> None:
        self._scpi.choice(Say.REMOTE, "REM")

    def _allow(self, amperes: float) -> float:
        if amperes > self._most:
            raise ValueError(f"{self._scpi.role}: {amperes:g} A are more than the {self._most:g} A it was prepared for")
        return amperes

    def _trips(self) -> str:
        return self._tripped(*self._scpi.parts(Say.STATE, 2))

    def _tripped(self, questionable: str, more: str) -> str:
        found = ((self._bits(questionable), PROTECTIONS), (self._bits(more), MORE_PROTECTIONS))
        return ", ".join(name for bits, names in found for bit, name in names.items() if bits & bit)

    def _bits(self, reply: str) -> int:
        match = _BITS.fullmatch(reply)
        if match is None:
            raise BadReply(self._scpi.role, Say.STATE, reply, "expected a number of status bits")
        return int(match[1])

    def _look(self) -> Look:
        """The output stays switched on while a protection keeps it disabled; that counts as off."""
        volts, amperes, switched, *state, operation = self._scpi.parts(Say.READING, 6)
        tripped = self._tripped(*state)
        return Look(
            self._scpi.parsed(Say.READING, volts),
            self._scpi.parsed(Say.READING, amperes),
            self._scpi.is_on(Say.READING, switched) and not tripped,
            tripped,
            bool(self._bits(operation) & CONSTANT_VOLTAGE),
        )


class Rp7900Supply(KeysightRp7900, SupplySide):
    """The box as a supply; it never draws, since its negative current limit is 0 A."""

    priority: ClassVar[str] = "VOLT"

    def prepare(self, voltage: float, current: float, over_voltage: float, over_current: float) -> None:
        """Remote, output off, protections (V, A) and settings (V, A), all read back; raises Tripped, clears nothing.

        Raises ValueError for a current above `over_current`, as `set_current` does from then on.
        """
        self._most = over_current
        self._words = {Say.OVER_CURRENT_STATE: "OFF", Say.UNDER_VOLTAGE_STATE: "OFF"}
        self._prepare(
            {
                Say.CURRENT_LOW: 0.0,
                Say.OVER_VOLTAGE: over_voltage,
                Say.VOLTAGE: voltage,
                Say.CURRENT_HIGH: self._allow(current),
            }
        )

    def set_current(self, amperes: float) -> None:
        """Set the current limit, proven by reading back; raises ValueError beyond what was allowed."""
        self._set(Say.CURRENT_HIGH, self._allow(amperes))


class Rp7900Load(KeysightRp7900, LoadSide):
    """The box as a load: a current that is never positive."""

    priority: ClassVar[str] = "CURR"

    def prepare(self, max_current: float, max_power: float, *, starts_at: float = 0.0, slew: float = 1e6) -> None:
        """Remote, input off, constant current at 0 A, limits, all read back; raises Tripped and clears nothing.

        Units A, W, V and A/s. Below `starts_at` its under-voltage protection switches it off. Raises ValueError for a
        `max_power` above the 10 kW to which the box keeps, which is the only bound it has.
        """
        if max_power > RATINGS.power:
            raise ValueError(f"{self._scpi.role}: {max_power:g} W is more than the box can take")
        self._most = max_current
        self._words = {
            Say.SLEW_FASTEST: "ON" if slew >= FASTEST else "OFF",
            Say.OVER_CURRENT_STATE: "OFF",
            Say.UNDER_VOLTAGE_STATE: "ON" if starts_at else "OFF",
        }
        self._prepare(
            {
                Say.CURRENT: 0.0,
                Say.VOLTAGE_LIMIT: RATINGS.voltage,
                Say.SLEW: min(slew, FASTEST),
                Say.OVER_VOLTAGE: 1.2 * RATINGS.voltage,
                Say.UNDER_VOLTAGE: starts_at,
            }
        )

    def set_current(self, amperes: float) -> None:
        """Set the current, proven by reading back; raises ValueError beyond what was allowed."""
        self._set(Say.CURRENT, 0.0 - self._allow(amperes))
