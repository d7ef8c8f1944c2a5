"""Keysight DAQ970A in the role `switch`: relays (DAQM903A in slot 2), measuring channels (DAQM901A), digital ports."""

from __future__ import annotations

import math
from collections.abc import Iterable
from enum import StrEnum
from typing import ClassVar

from station.instruments.errors import BadReply, Overload
from station.instruments.roles import Identity, Ratings
from station.instruments.scpi import Scpi, Wire


class Say(StrEnum):
    """How the DAQ970A spells it; a channel list follows."""

    CLOSE = "ROUT:CLOS"
    OPEN = "ROUT:OPEN"
    CLOSED = "ROUT:CLOS?"
    READ_PORT = "SENS:DIG:DATA:BYTE?"
    WRITE_PORT = "SOUR:DIG:DATA:BYTE"
    VOLTAGE = "MEAS:VOLT:DC?"
    RESISTANCE = "MEAS:RES?"
    TEMPERATURE = "MEAS:TEMP?"


RELAYS = range(201, 221)
"""The 20 relays of the DAQM903A in slot 2."""
TIMEOUT = 5.0
"""Seconds for a measurement that has to find its range."""


class KeysightDaq970A:
    """The switch; nothing is sent before the first call."""

    ratings: ClassVar[Ratings] = Ratings(voltage=300.0, current=1.0)

    def __init__(self, wire: Wire, role: str = "switch") -> None:
        """`role` is named in errors."""
        self._scpi = Scpi(wire, role)

    def identify(self) -> Identity:
        """Who answers."""
        return self._scpi.identity()

    def reset(self) -> None:
        """Forget what others have set and left behind."""
        self._scpi.reset()

    def close(self, channels: Iterable[int]) -> None:
        """Close relays, proven by reading back."""
        self._move(Say.CLOSE, "1", channels)

    def open(self, channels: Iterable[int]) -> None:
        """Open relays, proven by reading back."""
        self._move(Say.OPEN, "0", channels)

    def closed(self) -> frozenset[int]:
        """The relays of slot 2 that are closed."""
        query = f"{Say.CLOSED} (@{RELAYS[0]}:{RELAYS[-1]})"
        reply = self._scpi.ask(query)
        states = [state.strip() for state in reply.split(",")]
        if len(states) != len(RELAYS) or not set(states) <= {"0", "1"}:
            raise BadReply(self._scpi.role, query, reply, f"expected {len(RELAYS)} times 0 or 1")
        return frozenset(channel for channel, state in zip(RELAYS, states, strict=True) if state == "1")

    def read_port(self, port: int) -> int:
        """The 8 bits of a digital port (301 or 302), which becomes an input."""
        query = f"{Say.READ_PORT} (@{port})"
        value = self._scpi.number(query)
        if value not in range(256):
            raise BadReply(self._scpi.role, query, f"{value:g}", "expected 8 bits")
        return int(value)

    def write_port(self, port: int, byte: int) -> None:
        """Drive a digital port (301 or 302) with 8 bits, proven by reading back."""
        tail = f"(@{port})"
        self._scpi.put(Say.WRITE_PORT, byte, 0.0, query=f"{Say.WRITE_PORT}? {tail}", tail=f",{tail}")

    def voltage(self, channel: int) -> float:
        """DC voltage of a channel, V."""
        return self._measure(Say.VOLTAGE, channel)

    def resistance(self, channel: int) -> float:
        """Resistance of a channel, ohm; an overload (an open contact) reads as infinity."""
        try:
            return self._measure(Say.RESISTANCE, channel)
        except Overload:
            return math.inf

    def temperature(self, channel: int) -> float:
        """Temperature of a channel, degC."""
        return self._measure(Say.TEMPERATURE, channel)

    def _measure(self, what: Say, channel: int) -> float:
        return self._scpi.number(f"{what} (@{channel})", timeout=TIMEOUT)

    def _move(self, what: Say, state: str, channels: Iterable[int]) -> None:
        listed = sorted(channels)
        if listed:
            names = f"(@{','.join(map(str, listed))})"
            self._scpi.confirm(f"{what} {names}", f"{Say.CLOSED} {names}", ",".join([state] * len(listed)))
            if what is Say.CLOSE:
                self._scpi.refuse_errors(f"{what} {names}")
