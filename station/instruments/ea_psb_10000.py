"""EA-PSB 10080-340: 80 V, 340 A, 10 kW in both directions; one box as supply, as load, or as both.

Its replies carry units. It wants 5 ms between messages and takes five commands in one, so a setting and its read-back
are one message. Asking for errors acknowledges alarms, so that is done only to clear, or where errors wait.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from typing import ClassVar

from station.instruments.boxes import OUTPUT, LoadSide, Look, SupplySide, TwoQuadrantBox
from station.instruments.errors import BadReply, InstrumentError, SettingRefused, Tripped
from station.instruments.roles import Identity, Ratings


class Say(StrEnum):
    """How the PSB 10000 series spells it (EA guide "Programming ModBus & SCPI", 5)."""

    OFF = "SYST:LOCK ON;:OUTP OFF;:OUTP?;:SYST:LOCK:OWN?"
    VOLTAGE = "VOLT"
    CURRENT = "CURR"
    POWER = "POW"
    SINK_CURRENT = "SINK:CURR"
    SINK_POWER = "SINK:POW"
    OVER_VOLTAGE = "VOLT:PROT"
    OVER_CURRENT = "CURR:PROT"
    SINK_OVER_CURRENT = "SINK:CURR:PROT"
    SINK_OVER_POWER = "SINK:POW:PROT"
    READING = "MEAS:ARR?;:OUTP?;:STAT:QUES:COND?;:STAT:OPER:COND?"
    STATE = "STAT:QUES:COND?;:STAT:OPER:COND?"
    ERRORS = "SYST:ERR:ALL?"
    WATCHDOG = "SYST:COMM:MON:ACT"
    PATIENCE = "SYST:COMM:MON:TIM"


RATINGS = Ratings(voltage=80.0, current=340.0, power=10_000.0)
RESOLUTION: Mapping[str, float] = {"V": 0.01, "A": 0.1, "W": 1.0, "s": 0.5}
"""What a setting may differ by when it is read back, by its unit."""
STAYS_OFF = ("SYST:ALAR:ACT:OTEM", "SYST:ALAR:ACT:PF", "SYST:CONF:OUTP:REST", "POW:STAG:AFT:REM")
"""What would switch the output on by itself, or leave it on without the station; each is set to OFF."""
ALARMS: Mapping[int, str] = {
    1: "over-voltage",
    2: "over-current",
    4: "over-power",
    8: "over-temperature",
    16: "over-voltage supervision",
    32: "under-voltage supervision",
    64: "over-current supervision",
    128: "under-current supervision",
    256: "over-power supervision",
    8192: "mains fault",
    16384: "master-slave protection",
}
"""Bits of STATus:QUEStionable that switch the output off."""
TIMED_OUT, CONSTANT_VOLTAGE = 128, 256
"""Bits of STATus:OPERation."""
ERRORS_WAIT = 4
"""Bit of the status byte."""

_ERROR = re.compile(r'([-+]?\d+)\s*,\s*"?([^",]*)"?')


class EaPsb10000(TwoQuadrantBox):
    """What both roles of the box have in common."""

    ratings: ClassVar[Ratings] = RATINGS

    def identify(self) -> Identity:
        """Who answers; EA writes `PSB 10080-340` with a blank, a bench file with a hyphen."""
        identity = super().identify()
        return replace(identity, model=identity.model.replace(" ", "-"))

    def on(self) -> None:
        """Switch on in this role, proven by reading back; raises Tripped, and RoleError where nothing was prepared."""
        self._refuse_if_unprepared()
        self._refuse_if_tripped()
        if not self._stands():
            self._take()
        self._word(OUTPUT, "ON")

    def off(self) -> None:
        """Take remote control and switch the box off whatever its role, proven by reading back."""
        found, owner = self._scpi.parts(Say.OFF, 2)
        if found.upper() != "OFF":
            raise SettingRefused(self._scpi.role, Say.OFF, found, f"in control: {owner}")

    def clear(self) -> str:
        """Acknowledge alarms and name those that were; the output stays off. A cause that persists stays latched."""
        tripped = self._trips()
        self.off()
        self._scpi.ask(Say.ERRORS)
        return tripped

    def watchdog(self, seconds: float) -> None:
        """Switch off by itself after `seconds` (1 to 36000) without a word, read back; 0 disarms."""
        if seconds:
            self._number(Say.PATIENCE, seconds)
        self._word(Say.WATCHDOG, "ON" if seconds else "OFF")

    def _take(self) -> None:
        """Remote, output off, nothing that comes on by itself, and all settings of this role."""
        self.off()
        self._refuse_if_tripped()
        for command in STAYS_OFF:
            self._word(command, "OFF")
        for setting, value in self._settings.items():
            self._number(setting, value)

    def _stands(self) -> bool:
        """Whether every setting of this role is still what it was."""
        return all(self._is(say, self._scpi.ask(f"{say}?"), value) for say, value in self._settings.items())

    def _set(self, setting: str, value: float) -> None:
        self._number(setting, value)
        self._settings[setting] = value

    def _number(self, say: str, value: float) -> None:
        text = f"{say} {value:.7g}"
        found = self._change(text, f"{say}?")
        if not self._is(say, found, value):
            raise SettingRefused(self._scpi.role, text, found)

    def _word(self, command: str, word: str) -> None:
        found = self._change(f"{command} {word}", f"{command}?")
        if found.upper() != word:
            raise SettingRefused(self._scpi.role, f"{command} {word}", found)

    def _change(self, text: str, query: str) -> str:
        """Send a setting and return what reads back; raises Tripped, and InstrumentError where errors wait.

        The status byte tells whether any do, so that an alarm that comes at this moment is not acknowledged unseen.
        """
        found, *state, byte = self._scpi.parts(f"{text};:{query};:{Say.STATE};*STB?", 4)
        if tripped := self._tripped(*state):
            raise Tripped(self._scpi.role, tripped)
        if self._bits(byte) & ERRORS_WAIT:
            self._raise_error(text)
        return found

    def _raise_error(self, text: str) -> None:
        errors = self._scpi.ask(Say.ERRORS)
        match = _ERROR.match(errors)
        if match is None:
            raise BadReply(self._scpi.role, Say.ERRORS, errors, "no error number and text")
        raise InstrumentError(self._scpi.role, text, int(match[1]), match[2])

    def _is(self, say: str, found: str, value: float) -> bool:
        unit = _unit(say)
        return abs(self._scpi.parsed(f"{say}?", found, unit) - value) <= RESOLUTION[unit] * (1 + 1e-9)

    def _trips(self) -> str:
        return self._tripped(*self._scpi.parts(Say.STATE, 2))

    def _tripped(self, questionable: str, operation: str) -> str:
        alarms, status = self._bits(questionable), self._bits(operation)
        names = [name for bit, name in ALARMS.items() if alarms & bit]
        return ", ".join(names + (["communication time-out"] if status & TIMED_OUT else []))

    def _bits(self, reply: str) -> int:
        if not reply.isdecimal():
            raise BadReply(self._scpi.role, Say.STATE, reply, "expected a number of status bits")
        return int(reply)

    def _look(self) -> Look:
        values, on, *state = self._scpi.parts(Say.READING, 4)
        fields = values.split(",")
        if len(fields) != 3:
            raise BadReply(self._scpi.role, Say.READING, values, "expected voltage, current and power")
        return Look(
            self._scpi.parsed(Say.READING, fields[0], "V"),
            self._scpi.parsed(Say.READING, fields[1], "A"),
            self._scpi.is_on(Say.READING, on),
            self._tripped(*state),
            bool(self._bits(state[1]) & CONSTANT_VOLTAGE),
        )


class EaPsbSupply(EaPsb10000, SupplySide):
    """The box as a supply; it never draws, since its sink is set to 0 A."""

    def prepare(self, voltage: float, current: float, over_voltage: float, over_current: float) -> None:
        """Remote, output off, protections (V, A) and settings (V, A), all read back; raises Tripped, clears nothing."""
        self._prepare(
            {
                Say.SINK_CURRENT: 0.0,
                Say.OVER_VOLTAGE: over_voltage,
                Say.OVER_CURRENT: over_current,
                Say.VOLTAGE: voltage,
                Say.CURRENT: current,
                Say.POWER: RATINGS.power,
            }
        )

    def set_current(self, amperes: float) -> None:
        """Set the current limit, proven by reading back."""
        self._set(Say.CURRENT, amperes)


class EaPsbLoad(EaPsb10000, LoadSide):
    """The box as a load; it never feeds, since its source is set to 0 A."""

    def prepare(self, max_current: float, max_power: float, *, starts_at: float = 0.0, slew: float = 1e6) -> None:
        """Remote, input off, constant current at 0 A, limits, all read back; raises Tripped and clears nothing.

        Units A, W, V and A/s. The box draws only above its voltage, which `starts_at` therefore is; it has no slew
        rate to set, so `slew` must be the default. Raises ValueError for another one.
        """
        if slew != 1e6:
            raise ValueError(f"{self._scpi.role}: the current of this box changes at a rate of its own")
        self._prepare(
            {
                Say.CURRENT: 0.0,
                Say.SINK_CURRENT: 0.0,
                Say.OVER_VOLTAGE: 1.1 * RATINGS.voltage,
                Say.SINK_OVER_CURRENT: max_current,
                Say.SINK_OVER_POWER: max_power,
                Say.SINK_POWER: RATINGS.power,
                Say.VOLTAGE: starts_at,
            }
        )

    def set_current(self, amperes: float) -> None:
        """Set the current, proven by reading back."""
        self._set(Say.SINK_CURRENT, amperes)


def _unit(say: str) -> str:
    """The unit of a setting."""
    if say == Say.PATIENCE:
        return "s"
    return "V" if say.startswith("VOLT") else "W" if "POW" in say else "A"
