"""Chroma 62050P-100-100: a DC supply of 100 V, 100 A, 5 kW in the role `supply`."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from station.instruments.errors import BadReply, Tripped
from station.instruments.roles import Identity, Ratings, SupplyReading
from station.instruments.scpi import Scpi, Wire


class Say(StrEnum):
    """How the 62000P series spells it."""

    REMOTE = ":CONF:REM ON"
    OUTPUT = ":CONF:OUTP"
    VOLTAGE = ":SOUR:VOLT"
    CURRENT = ":SOUR:CURR"
    OVER_VOLTAGE = ":SOUR:VOLT:PROT:HIGH"
    OVER_CURRENT = ":SOUR:CURR:PROT:HIGH"
    READING = ":MEAS:VOLT?;:MEAS:CURR?;:FETC:STAT?"
    STATE = ":FETC:STAT?"
    MEASURE = ":MEAS:CURR?"
    CLEAR = ":OUTP:PROT:CLE"


RESOLUTION = 0.01
"""V and A; what a setting may differ by when it is read back."""
PROTECTIONS = (
    "over-voltage",
    "over-current",
    "over-power",
    "remote inhibit",
    "over-temperature",
    "fan locked",
    "sense fault",
    "series fault",
    "bus over-voltage",
    "mains fault",
    "fold-back CV to CC",
    "fold-back CC to CV",
)
"""Bits of the first field of FETCh:STATus?, from bit 0."""


class Chroma62050P:
    """The supply; nothing is sent before the first call."""

    ratings: ClassVar[Ratings] = Ratings(voltage=100.0, current=100.0, power=5000.0)

    def __init__(self, wire: Wire, role: str = "supply") -> None:
        """`role` is named in errors."""
        self._scpi = Scpi(wire, role)

    def identify(self) -> Identity:
        """Who answers."""
        return self._scpi.identity()

    def reset(self) -> None:
        """Forget what others have set and left behind."""
        self._scpi.reset()

    def prepare(self, voltage: float, current: float, over_voltage: float, over_current: float) -> None:
        """Remote, output off, protections (V, A) and settings (V, A), all read back; raises Tripped, clears nothing."""
        self._scpi.command(Say.REMOTE)
        self.off()
        self._refuse_if_tripped()
        self._scpi.setting(Say.OVER_VOLTAGE, over_voltage, RESOLUTION)
        self._scpi.setting(Say.OVER_CURRENT, over_current, RESOLUTION)
        self.set_voltage(voltage)
        self.set_current(current)

    def on(self) -> None:
        """Switch on, proven by reading back; raises Tripped when a protection forbids it."""
        self._refuse_if_tripped()
        self._scpi.choice(Say.OUTPUT, "ON")

    def off(self) -> None:
        """Switch off, proven by reading back."""
        self._scpi.switch(Say.OUTPUT, "OFF")

    def set_voltage(self, volts: float) -> None:
        """Set the voltage, proven by reading back."""
        self._scpi.setting(Say.VOLTAGE, volts, RESOLUTION)

    def set_current(self, amperes: float) -> None:
        """Set the current limit, proven by reading back."""
        self._scpi.setting(Say.CURRENT, amperes, RESOLUTION)

    def reading(self) -> SupplyReading:
        """Voltage, current and state in one exchange."""
        volts, amperes, state = self._scpi.parts(Say.READING, 3)
        tripped, on, mode = self._state(state)
        return SupplyReading(
            voltage=self._scpi.parsed(Say.READING, volts, "V"),
            current=self._scpi.parsed(Say.READING, amperes, "A"),
            mode="OFF" if not on else "CC" if mode == "CC" else "CV",
            on=on,
            tripped=tripped,
        )

    def current(self) -> float:
        """The current alone, A."""
        return self._scpi.number(Say.MEASURE, "A")

    def clear(self) -> str:
        """Release latched protections and name those that were; the output stays off."""
        tripped, _, _ = self._state(self._scpi.ask(Say.STATE))
        self.off()
        self._scpi.command(Say.CLEAR)
        return tripped

    def _refuse_if_tripped(self) -> None:
        tripped, _, _ = self._state(self._scpi.ask(Say.STATE))
        if tripped:
            raise Tripped(self._scpi.role, tripped)

    def _state(self, reply: str) -> tuple[str, bool, str]:
        """What has tripped, whether the output is on, and the mode, from `<bits>,<ON|OFF>,<CV|CC>`."""
        fields = [field.strip().upper() for field in reply.split(",")]
        if len(fields) != 3 or not fields[0].isdigit() or fields[2] not in ("CV", "CC"):
            raise BadReply(self._scpi.role, Say.STATE, reply, "expected `<bits>,<ON|OFF>,<CV|CC>`")
        names = [name for bit, name in enumerate(PROTECTIONS) if int(fields[0]) >> bit & 1]
        unknown = int(fields[0]) >> len(PROTECTIONS)
        tripped = ", ".join(names + ([f"code {fields[0]}"] if unknown else []))
        return tripped, self._scpi.is_on(Say.STATE, fields[1]), fields[2]
