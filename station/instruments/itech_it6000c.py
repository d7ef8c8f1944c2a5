"""ITECH IT6010C-80-300: 80 V, 300 A, 10 kW in both directions; one box as supply, as load, or as both.

As a supply it gives priority to the voltage, as a load to the current. A change of priority copies values across, so
that everything is written again after it.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import ClassVar

from station.instruments.boxes import LoadSide, Look, PriorityBox, SupplySide
from station.instruments.errors import BadReply
from station.instruments.roles import Ratings


class Say(StrEnum):
    """How the IT6000C series spells it."""

    REMOTE = "SYST:REM"
    SHAPE = "FUNC:MODE"
    VOLTAGE = "VOLT"
    VOLTAGE_HIGH = "VOLT:LIM"
    VOLTAGE_LOW = "VOLT:LIM:NEG"
    CURRENT = "CURR"
    CURRENT_HIGH = "CURR:LIM"
    CURRENT_LOW = "CURR:LIM:NEG"
    POWER_HIGH = "POW:LIM"
    POWER_LOW = "POW:LIM:NEG"
    RISE = "CURR:SLEW:POS"
    FALL = "CURR:SLEW:NEG"
    OVER_VOLTAGE = "VOLT:PROT"
    OVER_CURRENT = "CURR:PROT"
    OVER_POWER = "POW:PROT"
    READING = "MEAS:VOLT?;:MEAS:CURR?;:OUTP?;:STAT:QUES:COND?"
    STATE = "STAT:QUES:COND?"


RATINGS = Ratings(voltage=80.0, current=300.0, power=10_000.0)
FASTEST = 300.0
"""A/ms; what a faster slew rate comes down to."""
HELD = 0.005
"""Share of the voltage within which it counts as held; which status bits tell the mode is to be confirmed on a box."""
PROTECTIONS: Mapping[int, str] = {
    1: "over-voltage",
    2: "over-current",
    4: "over-power",
    8: "over-temperature",
    16: "under-voltage",
    32: "under-current",
    64: "watchdog",
}
"""Bits of STATus:QUEStionable, to be confirmed on a box; any other bit counts as a trip, too."""


class ItechIt6000C(PriorityBox):
    """What both roles of the box have in common."""

    ratings: ClassVar[Ratings] = RATINGS
    watchdog_switch: ClassVar[str] = "OUTP:PROT:WDOG:STAT"

    def _remote(self) -> None:
        self._scpi.command(Say.REMOTE)

    def _prioritise(self) -> None:
        super()._prioritise()
        self._scpi.choice(Say.SHAPE, "FIXED")

    def _prepare(self, settings: dict[str, float]) -> None:
        self._words = {
            f"{protection}:STAT": "ON" for protection in (Say.OVER_VOLTAGE, Say.OVER_CURRENT, Say.OVER_POWER)
        }
        super()._prepare(settings)

    def _trips(self) -> str:
        return self._tripped(self._scpi.ask(Say.STATE))

    def _tripped(self, reply: str) -> str:
        if not reply.isdecimal():
            raise BadReply(self._scpi.role, Say.STATE, reply, "expected a number of status bits")
        names = [name for bit, name in PROTECTIONS.items() if int(reply) & bit]
        unknown = int(reply) & ~sum(PROTECTIONS)
        return ", ".join(names + ([f"code {reply}"] if unknown else []))

    def _look(self) -> Look:
        volts, amperes, on, state = self._scpi.parts(Say.READING, 4)
        found, wanted = self._scpi.parsed(Say.READING, volts, "V"), self._settings.get(Say.VOLTAGE, 0.0)
        return Look(
            found,
            self._scpi.parsed(Say.READING, amperes, "A"),
            self._scpi.is_on(Say.READING, on),
            self._tripped(state),
            abs(found - wanted) <= HELD * wanted,
        )


class ItechSupply(ItechIt6000C, SupplySide):
    """The box as a supply; it never draws, since its negative current limit is 0 A."""

    priority: ClassVar[str] = "VOLTAGE"

    def prepare(self, voltage: float, current: float, over_voltage: float, over_current: float) -> None:
        """Remote, output off, protections (V, A) and settings (V, A), all read back; raises Tripped, clears nothing."""
        self._prepare(
            {
                Say.CURRENT_LOW: 0.0,
                Say.OVER_VOLTAGE: over_voltage,
                Say.OVER_CURRENT: over_current,
                Say.OVER_POWER: RATINGS.power,
                Say.VOLTAGE: voltage,
                Say.CURRENT_HIGH: current,
                Say.POWER_HIGH: RATINGS.power,
            }
        )

    def set_current(self, amperes: float) -> None:
        """Set the current limit, proven by reading back."""
        self._set(Say.CURRENT_HIGH, amperes)


class ItechLoad(ItechIt6000C, LoadSide):
    """The box as a load: a current that is never positive."""

    priority: ClassVar[str] = "CURRENT"

    def prepare(self, max_current: float, max_power: float, *, starts_at: float = 0.0, slew: float = 1e6) -> None:
        """Remote, input off, constant current at 0 A, limits, all read back; raises Tripped and clears nothing.

        Units A, W, V and A/s. It draws nothing below its lower voltage limit, which `starts_at` therefore is.
        """
        rate = min(slew / 1000, FASTEST)
        self._prepare(
            {
                Say.CURRENT: 0.0,
                Say.VOLTAGE_HIGH: RATINGS.voltage,
                Say.VOLTAGE_LOW: starts_at,
                Say.RISE: rate,
                Say.FALL: rate,
                Say.OVER_VOLTAGE: 1.1 * RATINGS.voltage,
                Say.OVER_CURRENT: max_current,
                Say.OVER_POWER: max_power,
                Say.POWER_LOW: -RATINGS.power,
            }
        )

    def set_current(self, amperes: float) -> None:
        """Set the current, proven by reading back."""
        self._set(Say.CURRENT, 0.0 - amperes)
