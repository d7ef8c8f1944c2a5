"""The station at one end of an RS232 cable: gaps, resynchronisation, repeated questions, and a count of it all."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar

from station.bms.errors import BmsError, DamagedAnswer, PackRefused, PackSilent, WrongAnswer
from station.bms.line import TRIES, LineStatistics, Wire
from station.clock import Clock
from station.codecs import pace_ascii
from station.codecs.pace_ascii import MEANINGS, Request, Rtn
from station.codecs.pace_commands import Commands
from station.codecs.pace_values import BadInformation
from station.wires.errors import NoAnswer

BETWEEN = 0.2
"""Seconds of silence that end an answer without its CR; bridges and boards pause within a frame."""

T = TypeVar("T")


class AsciiLine:
    """One exchange at a time, at least the protocol's gap apart; `pause(seconds)` lets the gap pass."""

    def __init__(
        self, wire: Wire, commands: Commands, clock: Clock, pause: Callable[[float], None] | None = None
    ) -> None:
        """Begin with empty statistics; timing and addresses come from the protocol."""
        self.statistics = LineStatistics()
        self.answered_from: int | None = None
        """The address in the last answer."""
        self._wire, self._clock = wire, clock
        self._timing, self._addresses = commands.timing, commands.addresses
        self._pause = pause or clock.wait
        self._free_at = clock.now()

    def ask(self, request: Request, read: Callable[[bytes], T], tries: int = TRIES) -> T:
        """What `read` makes of the answer's information, in at most `tries` tries.

        A BadInformation of `read` is a WrongAnswer; raises PackRefused at once, else what tells most.
        """
        failed: BmsError | None = None
        for attempt in range(tries):
            self.statistics.repeated += attempt > 0
            try:
                return self._once(request, read)
            except (PackSilent, DamagedAnswer, WrongAnswer) as error:
                failed = failed if failed is not None and isinstance(error, PackSilent) else error
        assert failed is not None
        raise failed

    def _once(self, request: Request, read: Callable[[bytes], T]) -> T:
        self._resynchronise()
        self.statistics.exchanges += 1
        try:
            received = self._wire.exchange(
                request.frame.wire(), partial(pace_ascii.needed, request=request), self._timing.first_byte, BETWEEN
            )
        except NoAnswer:
            received = b""
        finally:
            self._free_at = self._clock.now() + self._timing.gap
        try:
            return read(self._judge(request, pace_ascii.find_answer(received, request)))
        except BadInformation as bad:
            self.statistics.foreign += 1
            raise WrongAnswer(f"{request}: {bad}") from None

    def _resynchronise(self) -> None:
        """Keep the gap, then throw away what nobody waits for any more."""
        left = self._free_at - self._clock.now()
        if left > 0:
            self._pause(left)
            self._clock.wait(self._free_at - self._clock.now())
        stale = self._wire.drain()
        if stale:
            late = pace_ascii.has_frame(stale)
            self.statistics.late += late
            self.statistics.foreign += not late

    def _judge(self, request: Request, outcome: pace_ascii.Outcome) -> bytes:
        """The information of the answer."""
        match outcome:
            case pace_ascii.Answer(frame, rest):
                self.statistics.foreign += bool(rest)
                self._see_address(request, frame.address)
                self._see_return_code(request, frame.code)
                return frame.info
            case pace_ascii.Misfit(reason):
                self.statistics.foreign += 1
                raise WrongAnswer(f"{request}: {reason}")
            case pace_ascii.Noise(rest, reason) if rest:
                self.statistics.damaged += 1
                raise DamagedAnswer(f"{request}: {len(rest)} bytes without a sound frame ({reason}): {rest[:24]!r}")
            case _:
                self.statistics.silent += 1
                raise PackSilent(f"{request}: no answer")

    def _see_address(self, request: Request, address: int) -> None:
        """RS232 is one to one, and a BMS answers with its own address; beyond the switch there is none."""
        if address not in self._addresses:
            self.statistics.foreign += 1
            raise WrongAnswer(f"{request}: answered from address {address}, which no pack can have")
        self.answered_from = address

    def _see_return_code(self, request: Request, code: int) -> None:
        """A request that arrived damaged was not refused: it may be repeated."""
        if code in (Rtn.CHECKSUM, Rtn.LENGTH_CHECKSUM):
            self.statistics.damaged += 1
            raise DamagedAnswer(f"{request}: the pack received it damaged ({MEANINGS[code]})")
        if code != Rtn.OK:
            raise PackRefused(str(request), code, MEANINGS[code])
