"""The station as the only master of an RS485 line: gaps, resynchronisation, repeated reads, and a count of it all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from station.bms.errors import BmsError, DamagedAnswer, PackRefused, PackSilent, WrongAnswer
from station.clock import Clock
from station.codecs import modbus
from station.model.protocol import Protocol as RegisterMap
from station.wires.errors import NoAnswer

TRIES = 3
"""How often a read is sent in all before the line or the pack is given up."""
BETWEEN = 0.05
"""Seconds of silence that end an answer: 1 ms a character at 9600 baud, and what a USB adapter holds back (16 ms)."""


class Wire(Protocol):
    """What a line needs of a serial wire."""

    def exchange(
        self, request: bytes, length_of: Callable[[bytes], int | None], first_byte: float, between: float
    ) -> bytes:
        """Send and collect; raises NoAnswer."""
        ...

    def drain(self) -> bytes:
        """Take what came unasked."""
        ...


@dataclass(slots=True)
class LineStatistics:
    """How the line behaved; every try counts."""

    exchanges: int = 0
    """Requests sent."""
    repeated: int = 0
    """Of these, the ones that had been sent before."""
    silent: int = 0
    """Requests that nothing answered."""
    damaged: int = 0
    """Answers without a sound frame."""
    foreign: int = 0
    """Times that bytes came which were nobody's answer to us: noise, ASCII polls, frames of others."""
    late: int = 0
    """Times that a sound frame came when nobody waited for one any more."""


class Line:
    """One exchange at a time, at least the protocol's gap apart.

    `pause(seconds)` lets the gap pass; a run hands in one that samples meanwhile.
    """

    def __init__(
        self, wire: Wire, protocol: RegisterMap, clock: Clock, pause: Callable[[float], None] | None = None
    ) -> None:
        """Begin with empty statistics; timing and the meaning of exceptions come from the protocol."""
        self.statistics = LineStatistics()
        self._wire, self._clock = wire, clock
        self._timing, self._exceptions = protocol.timing, protocol.exceptions
        self._pause = pause or clock.wait
        self._free_at = clock.now()

    def ask(self, request: modbus.Request, tries: int = TRIES) -> tuple[int, ...]:
        """The registers of the answer, in at most `tries` tries; raises PackRefused at once, else what tells most."""
        failed: BmsError | None = None
        for attempt in range(tries):
            self.statistics.repeated += attempt > 0
            try:
                return self._once(request)
            except (PackSilent, DamagedAnswer, WrongAnswer) as error:
                failed = failed if failed is not None and isinstance(error, PackSilent) else error
        assert failed is not None
        raise failed

    def _once(self, request: modbus.Request) -> tuple[int, ...]:
        self._resynchronise()
        self.statistics.exchanges += 1
        try:
            received = self._wire.exchange(
                request.frame(), partial(modbus.needed, request=request), self._timing.first_byte, BETWEEN
            )
        except NoAnswer:
            received = b""
        finally:
            self._free_at = self._clock.now() + self._timing.gap
        return self._judge(request, modbus.find_answer(received, request))

    def _resynchronise(self) -> None:
        """Keep the gap, then throw away what nobody waits for any more."""
        left = self._free_at - self._clock.now()
        if left > 0:
            self._pause(left)
            self._clock.wait(self._free_at - self._clock.now())
        stale = self._wire.drain()
        if stale:
            late = modbus.has_frame(stale)
            self.statistics.late += late
            self.statistics.foreign += not late

    def _judge(self, request: modbus.Request, outcome: modbus.Outcome) -> tuple[int, ...]:
        match outcome:
            case modbus.Answer(words, _, rest):
                self.statistics.foreign += bool(rest)
                return words
            case modbus.Refusal(code, _, _):
                raise PackRefused(str(request), code, self._exceptions.get(code, "unknown to the protocol"))
            case modbus.Misfit(reason):
                self.statistics.foreign += 1
                raise WrongAnswer(f"{request}: {reason}")
            case modbus.Noise(rest) if rest:
                self.statistics.damaged += 1
                raise DamagedAnswer(f"{request}: {len(rest)} bytes without a sound frame: {rest[:24].hex(' ')}")
            case _:
                self.statistics.silent += 1
                raise PackSilent(f"{request}: no answer")
