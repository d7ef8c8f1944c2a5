"""A line on which a BMS speaks PACE ASCII: what comes back is an answer, a refusal, or what went wrong."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar

from station.bms.errors import ArrivedDamaged, DamagedAnswer, PackRefused, PackSilent, WrongAnswer
from station.bms.exchanges import TRIES, Exchanges, LineStatistics, Question, Wire
from station.clock import Clock
from station.codecs import pace_ascii
from station.codecs.pace_ascii import MEANINGS, Request, Rtn
from station.codecs.pace_commands import Commands
from station.codecs.pace_values import BadInformation

BETWEEN = 0.2
"""Seconds of silence that end an answer without its CR; bridges and boards pause within a frame."""

T = TypeVar("T")


class AsciiLine:
    """A PACE ASCII line; timing and addresses come from the protocol."""

    def __init__(
        self,
        wire: Wire,
        commands: Commands,
        clock: Clock,
        pause: Callable[[float], None] | None = None,
        prove: Callable[[], None] | None = None,
    ) -> None:
        """Begin with empty statistics; `pause` and `prove` are those of `Exchanges`."""
        self.answered_from: int | None = None
        """The address in the last answer."""
        self._exchanges = Exchanges(wire, clock, commands.timing, BETWEEN, pace_ascii.has_frame, pause, prove)
        self._addresses = commands.addresses

    @property
    def statistics(self) -> LineStatistics:
        """How the line has behaved so far."""
        return self._exchanges.statistics

    def ask(self, request: Request, read: Callable[[bytes], T], tries: int = TRIES) -> T:
        """What `read` makes of the answer's information, in at most `tries` tries.

        A BadInformation of `read` is a WrongAnswer; raises of what went wrong what tells most.
        """

        def judge(received: bytes) -> T:
            try:
                return read(self._information(request, pace_ascii.find_answer(received, request)))
            except BadInformation as bad:
                self.statistics.foreign += 1
                raise WrongAnswer(f"{request}: {bad}") from None

        needed = partial(pace_ascii.needed, request=request)
        return self._exchanges.ask(Question(request.frame.wire(), needed, judge), tries)

    def _information(self, request: Request, outcome: pace_ascii.Outcome) -> bytes:
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
            raise ArrivedDamaged(f"{request}: the pack received it damaged ({MEANINGS[code]})")
        if code != Rtn.OK:
            raise PackRefused(str(request), code, MEANINGS[code])
