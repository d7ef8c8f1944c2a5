"""Keysight RP7935A: 80 V, 250 A, 10 kW in both directions; one box as supply, as load, or as both.

As a supply it gives priority to the voltage, as a load to the current. It has no level for an over-current or an
over-power: the driver refuses a current beyond what was allowed, and the box keeps to its own 10 kW.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import ClassVar, Literal

from station.instruments.errors import BadReply, RoleError, Tripped
from station.instruments.roles import Identity, LoadReading, Ratings, SupplyReading
from station.instruments.scpi import Scpi, Wire


class Say(StrEnum):
    """How the RP7900 series spells it (operating and service guide, 5)."""

    REMOTE = "SYST:COMM:RLST"
    OUTPUT = "OUTP"
    PRIORITY = "FUNC"
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
    MEASURE = "MEAS:CURR?"
    CLEAR = "OUTP:PROT:CLE"
    WATCHDOG = "OUTP:PROT:WDOG"
    PATIENCE = "OUTP:PROT:WDOG:DEL"


RATINGS = Ratings(voltage=80.0, current=250.0, power=10_000.0)
RESOLUTION = 0.01
"""V, A, A/s and s; what a setting may differ by when it is read back."""
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


class KeysightRp7900:
    """What both roles of the box have in common. The settings of a role are written again if the other role used it."""

    ratings: ClassVar[Ratings] = RATINGS
    priority: ClassVar[str]
    """What the role regulates."""

    def __init__(self, wire: Wire, role: str) -> None:
        """`role` is named in errors; nothing is sent yet."""
        self._scpi = Scpi(wire, role)
        self._words: dict[Say, str] = {}
        self._settings: dict[Say, float] = {}
        self._most = 0.0

    def identify(self) -> Identity:
        """Who answers."""
        return self._scpi.identity()

    def on(self) -> None:
        """Switch on in this role, proven by reading back; raises Tripped, and RoleError where nothing was prepared.

        The output reads back as on while a protection keeps it disabled, so the protections are asked for again.
        """
        if not self._settings:
            raise RoleError(self._scpi.role, "`prepare` it before it is switched on")
        self._refuse_if_tripped()
        if self._scpi.ask(f"{Say.PRIORITY}?").upper() != self.priority:
            self._take()
        self._scpi.choice(Say.OUTPUT, "ON")
        self._refuse_if_tripped()

    def off(self) -> None:
        """Switch the box off whatever its role, proven by reading back."""
        self._scpi.switch(Say.OUTPUT, "OFF")

    def clear(self) -> str:
        """Release latched protections and name those that were.

        The box goes back to what its output was switched to, so it is switched off before, and shown to be off after.
        """
        tripped = self._tripped(*self._scpi.parts(Say.STATE, 2))
        self.off()
        self._scpi.command(Say.CLEAR)
        self.off()
        return tripped

    def watchdog(self, seconds: float) -> None:
        """Switch off by itself after `seconds` (1 to 3600) without a word, read back; 0 disarms."""
        if seconds:
            self._scpi.setting(Say.PATIENCE, seconds, RESOLUTION)
        self._scpi.choice(Say.WATCHDOG, "ON" if seconds else "OFF")

    def feed(self) -> None:
        """Say a word; raises Tripped when the watchdog has bitten or another protection is latched."""
        self._refuse_if_tripped()

    def _prepare(self, words: dict[Say, str], settings: dict[Say, float]) -> None:
        self._words, self._settings = words, settings
        self._take()

    def _take(self) -> None:
        """Remote, output off, the priority and all settings of this role."""
        self._scpi.choice(Say.REMOTE, "REM")
        self.off()
        self._refuse_if_tripped()
        self._scpi.choice(Say.PRIORITY, self.priority)
        for setting, value in self._settings.items():
            self._scpi.setting(setting, value, RESOLUTION)
        for setting, word in self._words.items():
            self._scpi.choice(setting, word)

    def _set(self, say: Say, value: float) -> None:
        self._scpi.setting(say, value, RESOLUTION)
        self._settings[say] = value

    def _allow(self, amperes: float) -> float:
        if amperes > self._most:
            raise ValueError(f"{self._scpi.role}: {amperes:g} A are more than the {self._most:g} A it was prepared for")
        return amperes

    def _refuse_if_tripped(self) -> None:
        if tripped := self._tripped(*self._scpi.parts(Say.STATE, 2)):
            raise Tripped(self._scpi.role, tripped)

    def _tripped(self, questionable: str, more: str) -> str:
        found = ((self._bits(questionable), PROTECTIONS), (self._bits(more), MORE_PROTECTIONS))
        return ", ".join(name for bits, names in found for bit, name in names.items() if bits & bit)

    def _bits(self, reply: str) -> int:
        match = _BITS.fullmatch(reply)
        if match is None:
            raise BadReply(self._scpi.role, Say.STATE, reply, "expected a number of status bits")
        return int(match[1])

    def _look(self) -> tuple[float, float, bool, str, bool]:
        """Voltage, current (negative when it draws), whether it is on, what has tripped, whether it holds voltage.

        The output stays switched on while a protection keeps it disabled; that counts as off.
        """
        volts, amperes, switched, *state, operation = self._scpi.parts(Say.READING, 6)
        tripped = self._tripped(*state)
        return (
            self._scpi.parsed(Say.READING, volts),
            self._scpi.parsed(Say.READING, amperes),
            self._scpi.is_on(Say.READING, switched) and not tripped,
            tripped,
            bool(self._bits(operation) & CONSTANT_VOLTAGE),
        )


class Rp7900Supply(KeysightRp7900):
    """The box as a supply; it never draws, since its negative current limit is 0 A."""

    priority: ClassVar[str] = "VOLT"

    def prepare(self, voltage: float, current: float, over_voltage: float, over_current: float) -> None:
        """Remote, output off, protections (V, A) and settings (V, A), all read back; raises Tripped, clears nothing.

        Raises ValueError for a current above `over_current`, as `set_current` does from then on.
        """
        self._most = over_current
        self._prepare(
            {Say.OVER_CURRENT_STATE: "OFF", Say.UNDER_VOLTAGE_STATE: "OFF"},
            {
                Say.CURRENT_LOW: 0.0,
                Say.OVER_VOLTAGE: over_voltage,
                Say.VOLTAGE: voltage,
                Say.CURRENT_HIGH: self._allow(current),
            },
        )

    def set_voltage(self, volts: float) -> None:
        """Set the voltage, proven by reading back."""
        self._set(Say.VOLTAGE, volts)

    def set_current(self, amperes: float) -> None:
        """Set the current limit, proven by reading back; raises ValueError beyond what was allowed."""
        self._set(Say.CURRENT_HIGH, self._allow(amperes))

    def reading(self) -> SupplyReading:
        """Voltage, current and state of one acquisition in one exchange; 0 A while the box draws."""
        volts, amperes, on, tripped, holds_voltage = self._look()
        mode: Literal["CV", "CC", "OFF"] = "OFF" if not on else "CV" if holds_voltage else "CC"
        return SupplyReading(volts, max(0.0, amperes), mode, on, tripped)

    def current(self) -> float:
        """The current alone, A; 0 while the box draws."""
        return max(0.0, self._scpi.number(Say.MEASURE))


class Rp7900Load(KeysightRp7900):
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
        self._prepare(
            {
                Say.SLEW_FASTEST: "ON" if slew >= FASTEST else "OFF",
                Say.OVER_CURRENT_STATE: "OFF",
                Say.UNDER_VOLTAGE_STATE: "ON" if starts_at else "OFF",
            },
            {
                Say.CURRENT: 0.0,
                Say.VOLTAGE_LIMIT: RATINGS.voltage,
                Say.SLEW: min(slew, FASTEST),
                Say.OVER_VOLTAGE: 1.2 * RATINGS.voltage,
                Say.UNDER_VOLTAGE: starts_at,
            },
        )

    def set_current(self, amperes: float) -> None:
        """Set the current, proven by reading back; raises ValueError beyond what was allowed."""
        self._set(Say.CURRENT, 0.0 - self._allow(amperes))

    def reading(self) -> LoadReading:
        """Voltage, current and state of one acquisition in one exchange; 0 A while the box feeds."""
        volts, amperes, on, tripped, _ = self._look()
        return LoadReading(volts, max(0.0, -amperes), on, tripped)

    def current(self) -> float:
        """The current alone, A; 0 while the box feeds."""
        return max(0.0, -self._scpi.number(Say.MEASURE))
