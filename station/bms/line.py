"""A line on which a BMS speaks Modbus: what comes back to a request is an answer, a refusal, or what went wrong."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from station.bms.errors import AnswerToAnother, DamagedAnswer, PackRefused, PackSilent, WrongAnswer
from station.bms.exchanges import TRIES, Exchanges, LineStatistics, Question, Wire
from station.clock import Clock
from station.codecs import modbus
from station.model.protocol import Protocol as RegisterMap

__all__ = ["BETWEEN", "TRIES", "Line", "LineStatistics", "Wire"]

BETWEEN = 0.05
"""Seconds of silence that end an answer: 1 ms a character at 9600 baud, and what a USB adapter holds back (16 ms)."""


class Line:
    """A Modbus line; timing and the meaning of exceptions come from the protocol."""

    def __init__(
        self,
        wire: Wire,
        protocol: RegisterMap,
        clock: Clock,
        pause: Callable[[float], None] | None = None,
        prove: Callable[[], None] | None = None,
    ) -> None:
        """Begin with empty statistics; `pause` and `prove` are those of `Exchanges`."""
        self._exchanges = Exchanges(wire, clock, protocol.timing, BETWEEN, modbus.has_frame, pause, prove)
        self._exceptions = protocol.exceptions

    @property
    def statistics(self) -> LineStatistics:
        """How the line has behaved so far."""
        return self._exchanges.statistics

    def ask(self, request: modbus.Request, tries: int = TRIES) -> tuple[int, ...]:
        """The registers of the answer, in at most `tries` tries; raises what tells most."""
        needed, judge = partial(modbus.needed, request=request), partial(self._judge, request)
        return self._exchanges.ask(Question(request.frame(), needed, judge), tries)

    def _judge(self, request: modbus.Request, received: bytes) -> tuple[int, ...]:
        match modbus.find_answer(received, request):
            case modbus.Answer(words, _, rest):
                self.statistics.foreign += bool(rest)
                return words
            case modbus.Refusal(code, _, _):
                raise PackRefused(str(request), code, self._exceptions.get(code, "unknown to the protocol"))
            case modbus.Misfit(reason, of_device):
                self.statistics.foreign += 1
                raise (AnswerToAnother if of_device else WrongAnswer)(f"{request}: {reason}")
            case modbus.Noise(rest, reason) if rest:
                self.statistics.damaged += 1
                begin = rest[:24].hex(" ")
                raise DamagedAnswer(f"{request}: {len(rest)} bytes without a sound frame ({reason}): {begin}")
            case _:
                self.statistics.silent += 1
                raise PackSilent(f"{request}: no answer")
