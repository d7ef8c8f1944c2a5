"""Chroma 63210A-150-1000: an electronic load of 150 V, 1000 A, 10 kW in the role `load`."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from station.instruments.errors import BadReply, Tripped
from station.instruments.roles import Identity, LoadReading, Ratings
from station.instruments.scpi import Scpi, Wire


class Say(StrEnum):
    """How the 63200A series spells it."""

    REMOTE = "CONF:REM ON"
    INPUT = "LOAD"
    MODE = "MODE"
    CURRENT = "CURR:STAT:L1"
    RISE = "CURR:STAT:RISE"
    FALL = "CURR:STAT:FALL"
    STARTS_AT = "CONF:VOLT:ON"
    OVER_CURRENT = "CONF:OCP"
    OVER_POWER = "CONF:OPP"
    READING = "MEAS:VOLT?;:MEAS:CURR?;:LOAD?;:LOAD:PROT?"
    STATE = "LOAD:PROT?"
    MEASURE = "MEAS:CURR?"
    CLEAR = "LOAD:PROT:CLE"


RANGES = ((100.0, "CCL"), (500.0, "CCM"), (1000.0, "CCH"))
"""Upper end (A) of each range of constant current, and its name."""
RESOLUTION = 0.02
"""A and V; what a setting may differ by when it is read back (16 bits of 1000 A)."""
PROTECTIONS = {1: "over-temperature", 2: "over-voltage", 4: "over-power", 8: "reverse voltage", 32: "over-current"}
"""Bits of LOAD:PROTection?; only 32 was seen on a real load, the others are to be confirmed there."""


class Chroma63210A:
    """The load; nothing is sent before the first call."""

    ratings: ClassVar[Ratings] = Ratings(voltage=150.0, current=1000.0, power=10_000.0)

    def __init__(self, wire: Wire, role: str = "load") -> None:
        """`role` is named in errors."""
        self._scpi = Scpi(wire, role)

    def identify(self) -> Identity:
        """Who answers."""
        return self._scpi.identity()

    def reset(self) -> None:
        """Forget what others have set and left behind."""
        self._scpi.reset()

    def prepare(self, max_current: float, max_power: float, *, starts_at: float = 0.0, slew: float = 1e6) -> None:
        """Remote, input off, constant current at 0 A in the smallest range that fits, limits, all read back.

        Units A, W, V and A/s. Raises Tripped and clears nothing; ValueError for a current that no range reaches.
        """
        mode = next((name for end, name in RANGES if max_current <= end), None)
        if mode is None:
            raise ValueError(f"{self._scpi.role}: {max_current:g} A is more than the load can take")
        self._scpi.command(Say.REMOTE)
        self.off()
        self._refuse_if_tripped()
        self._scpi.choice(Say.MODE, mode)
        self.set_current(0.0)
        self._scpi.setting(Say.RISE, slew / 1e6, 0.001)
        self._scpi.setting(Say.FALL, slew / 1e6, 0.001)
        self._scpi.setting(Say.STARTS_AT, starts_at, RESOLUTION)
        self._scpi.setting(Say.OVER_CURRENT, max_current, RESOLUTION)
        self._scpi.setting(Say.OVER_POWER, max_power, 1.0)

    def on(self) -> None:
        """Switch on, proven by reading back; raises Tripped when a protection forbids it."""
        self._refuse_if_tripped()
        self._scpi.choice(Say.INPUT, "ON")

    def off(self) -> None:
        """Switch off, proven by reading back."""
        self._scpi.switch(Say.INPUT, "OFF")

    def set_current(self, amperes: float) -> None:
        """Set the current, proven by reading back."""
        self._scpi.setting(Say.CURRENT, amperes, RESOLUTION)

    def reading(self) -> LoadReading:
        """Voltage, current and state in one exchange."""
        volts, amperes, state, code = self._scpi.parts(Say.READING, 4)
        return LoadReading(
            voltage=self._scpi.parsed(Say.READING, volts, "V"),
            current=self._scpi.parsed(Say.READING, amperes, "A"),
            on=self._scpi.is_on(Say.READING, state),
            tripped=self._tripped(code),
        )

    def current(self) -> float:
        """The current alone, A."""
        return self._scpi.number(Say.MEASURE, "A")

    def clear(self) -> str:
        """Release latched protections and name those that were; the input stays off."""
        tripped = self._tripped(self._scpi.ask(Say.STATE))
        self.off()
        self._scpi.command(Say.CLEAR)
        return tripped

    def _refuse_if_tripped(self) -> None:
        if tripped := self._tripped(self._scpi.ask(Say.STATE)):
            raise Tripped(self._scpi.role, tripped)

    def _tripped(self, reply: str) -> str:
        code = reply.strip().removeprefix("+")
        if not code.isdigit():
            raise BadReply(self._scpi.role, Say.STATE, reply, "expected a number of status bits")
        names = [name for bit, name in PROTECTIONS.items() if int(code) & bit]
        unknown = int(code) & ~sum(PROTECTIONS)
        return ", ".join(names + ([f"code {code}"] if unknown else []))
