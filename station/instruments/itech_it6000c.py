"""ITECH IT6010C-80-300: 80 V, 300 A, 10 kW in both directions; one box as supply, as load, or as both.

As a supply it gives priority to the voltage, as a load to the current. A change of priority copies values across, so
that everything is written again after it.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import ClassVar, Literal

from station.instruments.errors import BadReply, RoleError, SettingRefused, Tripped
from station.instruments.roles import Identity, LoadReading, Ratings, SupplyReading
from station.instruments.scpi import Scpi, Wire


class Say(StrEnum):
    """How the IT6000C series spells it."""

    REMOTE = "SYST:REM"
    OUTPUT = "OUTP"
    PRIORITY = "FUNC"
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
    MEASURE = "MEAS:CURR?"
    CLEAR = "OUTP:PROT:CLE"
    WATCHDOG = "OUTP:PROT:WDOG:STAT"
    PATIENCE = "OUTP:PROT:WDOG:DEL"


RATINGS = Ratings(voltage=80.0, current=300.0, power=10_000.0)
RESOLUTION = 0.01
"""V, A, W, A/ms and s; what a setting may differ by when it is read back."""
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


class ItechIt6000C:
    """What both roles of the box have in common. The settings of a role are written again if the other role used it."""

    ratings: ClassVar[Ratings] = RATINGS
    priority: ClassVar[str]
    """What the role regulates, in the long form in which the box says it back."""

    def __init__(self, wire: Wire, role: str) -> None:
        """`role` is named in errors; nothing is sent yet."""
        self._scpi = Scpi(wire, role)
        self._settings: dict[Say, float] = {}

    def identify(self) -> Identity:
        """Who answers."""
        return self._scpi.identity()

    def on(self) -> None:
        """Switch on in this role, proven by reading back; raises Tripped, and RoleError where nothing was prepared."""
        if not self._settings:
            raise RoleError(self._scpi.role, "`prepare` it before it is switched on")
        self._refuse_if_tripped()
        if self._scpi.ask(f"{Say.PRIORITY}?").upper() != self.priority:
            self._take()
        try:
            self._scpi.choice(Say.OUTPUT, "ON")
        except SettingRefused:
            self._refuse_if_tripped()
            raise

    def off(self) -> None:
        """Switch the box off whatever its role, proven by reading back."""
        self._scpi.switch(Say.OUTPUT, "OFF")

    def clear(self) -> str:
        """Release latched protections and name those that were; the output stays off."""
        tripped = self._tripped(self._scpi.ask(Say.STATE))
        self.off()
        self._scpi.command(Say.CLEAR)
        return tripped

    def watchdog(self, seconds: float) -> None:
        """Switch off by itself after `seconds` (1 to 3600) without a word, read back; 0 disarms."""
        if seconds:
            self._scpi.setting(Say.PATIENCE, seconds, RESOLUTION)
        self._scpi.choice(Say.WATCHDOG, "ON" if seconds else "OFF")

    def feed(self) -> None:
        """Say a word; raises Tripped when the watchdog has bitten or another protection is latched."""
        self._refuse_if_tripped()

    def _prepare(self, settings: dict[Say, float]) -> None:
        self._settings = settings
        self._take()

    def _take(self) -> None:
        """Remote, output off, the priority and all settings of this role, protections on."""
        self._scpi.command(Say.REMOTE)
        self.off()
        self._refuse_if_tripped()
        self._scpi.choice(Say.PRIORITY, self.priority)
        self._scpi.choice(Say.SHAPE, "FIXED")
        for setting, value in self._settings.items():
            self._scpi.setting(setting, value, RESOLUTION)
        for protection in (Say.OVER_VOLTAGE, Say.OVER_CURRENT, Say.OVER_POWER):
            self._scpi.choice(f"{protection}:STAT", "ON")

    def _set(self, say: Say, value: float) -> None:
        self._scpi.setting(say, value, RESOLUTION)
        self._settings[say] = value

    def _refuse_if_tripped(self) -> None:
        if tripped := self._tripped(self._scpi.ask(Say.STATE)):
            raise Tripped(self._scpi.role, tripped)

    def _tripped(self, reply: str) -> str:
        if not reply.isdecimal():
            raise BadReply(self._scpi.role, Say.STATE, reply, "expected a number of status bits")
        names = [name for bit, name in PROTECTIONS.items() if int(reply) & bit]
        unknown = int(reply) & ~sum(PROTECTIONS)
        return ", ".join(names + ([f"code {reply}"] if unknown else []))

    def _look(self) -> tuple[float, float, bool, str]:
        """Voltage, current (negative when it draws), whether it is on, and what has tripped."""
        volts, amperes, on, state = self._scpi.parts(Say.READING, 4)
        return (
            self._scpi.parsed(Say.READING, volts, "V"),
            self._scpi.parsed(Say.READING, amperes, "A"),
            self._scpi.is_on(Say.READING, on),
            self._tripped(state),
        )


class ItechSupply(ItechIt6000C):
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

    def set_voltage(self, volts: float) -> None:
        """Set the voltage, proven by reading back."""
        self._set(Say.VOLTAGE, volts)

    def set_current(self, amperes: float) -> None:
        """Set the current limit, proven by reading back."""
        self._set(Say.CURRENT_HIGH, amperes)

    def reading(self) -> SupplyReading:
        """Voltage, current and state in one exchange; 0 A while the box draws."""
        volts, amperes, on, tripped = self._look()
        wanted = self._settings.get(Say.VOLTAGE, 0.0)
        mode: Literal["CV", "CC", "OFF"] = "OFF" if not on else "CV" if abs(volts - wanted) <= HELD * wanted else "CC"
        return SupplyReading(volts, max(0.0, amperes), mode, on, tripped)

    def current(self) -> float:
        """The current alone, A; 0 while the box draws."""
        return max(0.0, self._scpi.number(Say.MEASURE, "A"))


class ItechLoad(ItechIt6000C):
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

    def reading(self) -> LoadReading:
        """Voltage, current and state in one exchange; 0 A while the box feeds."""
        volts, amperes, on, tripped = self._look()
        return LoadReading(volts, max(0.0, -amperes), on, tripped)

    def current(self) -> float:
        """The current alone, A; 0 while the box feeds."""
        return max(0.0, -self._scpi.number(Say.MEASURE, "A"))
