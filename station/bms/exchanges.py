"""The station as the only one that asks on a line: gaps, resynchronisation, repeated questions, a count of it all."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass
from typing import Generic, Protocol, TypeVar

from station.bms.comeback import Comeback
from station.bms.errors import (
    AnswerToAnother,
    BmsError,
    DamagedAnswer,
    PackLate,
    PackRefused,
    PackSilent,
    WrongAnswer,
)
from station.clock import Clock
from station.model.protocol import Timing
from station.wires.errors import ConnectionLost, NoAnswer

TRIES = 3
"""How often a question is sent in all before the line or the pack is given up, or its refusal is believed."""
LATE = 0.5
"""Seconds after an answer in which the next would come, if it belonged to the question before: 0.35 s lie between."""
AROUND = 10.0
"""Seconds after a line error within which the line is blamed for a refusal, too."""

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


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

    def reopen(self) -> None:
        """Open the port again; raises ConnectionLost."""
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
    vanished: int = 0
    """Times that the port vanished and came back with the same pack on it."""

    def since(self, before: LineStatistics) -> LineStatistics:
        """What was added since."""
        return LineStatistics(*(now - then for now, then in zip(astuple(self), astuple(before), strict=True)))


@dataclass(frozen=True, slots=True)
class Question(Generic[T_co]):
    """A request, and what its protocol makes of the bytes that came back."""

    frame: bytes
    needed: Callable[[bytes], int | None]
    """How many bytes are enough; None: not these."""
    judge: Callable[[bytes], T_co]
    """The answer among the bytes; raises BmsError."""


class Exchanges:
    """One exchange at a time, at least the protocol's gap apart.

    `pause(seconds)` lets the gap pass; a run hands in one that samples meanwhile. `prove()` asks the pack who it is,
    after its port had vanished.
    """

    def __init__(
        self,
        wire: Wire,
        clock: Clock,
        timing: Timing,
        between: float,
        has_frame: Callable[[bytes], bool],
        pause: Callable[[float], None] | None = None,
        prove: Callable[[], None] | None = None,
    ) -> None:
        """Begin with empty statistics; `between` s of silence end an answer that is not whole."""
        self.statistics = LineStatistics()
        self._wire, self._clock, self._timing = wire, clock, timing
        self._between, self._has_frame = between, has_frame
        self._pause = pause or clock.wait
        self._free_at = clock.now()
        self._disturbed_at = -math.inf
        self._answered = self._unanswered = False
        self._comeback = Comeback(wire, clock, self._pause, prove)

    def ask(self, question: Question[T], tries: int = TRIES) -> T:
        """What the question makes of its answer, in at most `tries` tries.

        Raises of what went wrong the thing that tells most. PackRefused only where each of `TRIES` tries brings the
        same code on a line without errors: a request that arrives garbled may be refused, too.
        """
        failed: list[BmsError] = []
        while len(failed) < tries or (len(failed) == len(_refusals(failed)) < TRIES):
            self.statistics.repeated += bool(failed)
            try:
                answer = self._once(question)
            except BmsError as error:
                failed.append(error)
                if isinstance(error, DamagedAnswer | WrongAnswer):
                    self._disturbed_at = self._clock.now()
                self._unanswered = self._unanswered or isinstance(error, PackSilent)
            else:
                if self._unanswered:
                    self._see_that_it_was_the_last(question)
                self._unanswered = False
                return answer
        raise self._telling_most(failed)

    def _see_that_it_was_the_last(self, question: Question[T]) -> None:
        """After a silence: raise PackLate if a second answer comes, since then the first belonged to the silence."""
        self._pause(LATE)
        second = self._wire.drain()
        if not second:
            return
        try:
            question.judge(second)
        except BmsError:
            return
        raise self._late()

    def _late(self) -> PackLate:
        self.statistics.late += 1
        late = PackLate(f"answers come later than the {self._timing.first_byte:g} s that the protocol allows")
        late.wire = self._wire
        return late

    def _telling_most(self, failed: Sequence[BmsError]) -> BmsError:
        """The last error that is not silence; else a silence, which names the wire.

        A pack that is silent and then answers another question has answered the one before too late.
        """
        kinds = {type(error) for error in failed}
        if kinds == {PackSilent, AnswerToAnother}:
            return self._late()
        codes = _refusals(failed)
        if codes and (len(codes) < len(failed) or len(set(codes)) > 1 or self._disturbed()):
            refusal = next(error for error in failed if isinstance(error, PackRefused))
            return DamagedAnswer(f"{refusal}; the line garbles bytes, so the pack may have received something else")
        telling = next((error for error in reversed(failed) if not isinstance(error, PackSilent)), failed[-1])
        if isinstance(telling, PackSilent):
            telling.wire = self._wire
        return telling

    def _disturbed(self) -> bool:
        return self._clock.now() - self._disturbed_at < AROUND

    def _once(self, question: Question[T]) -> T:
        try:
            received = self._exchanged(question)
        except NoAnswer:
            received = b""
        except ConnectionLost as lost:
            if not self._answered:
                raise
            self._comeback.wait(lost)
            self.statistics.vanished += 1
            raise DamagedAnswer(f"{lost}; it came back with the same pack") from None
        answer = question.judge(received if any(received) else b"")  # nothing but zeros: somebody holds the line down
        self._answered = True
        return answer

    def _exchanged(self, question: Question[T]) -> bytes:
        self._comeback.see()
        self._resynchronise()
        self.statistics.exchanges += 1
        try:
            return self._wire.exchange(question.frame, question.needed, self._timing.first_byte, self._between)
        finally:
            self._free_at = self._clock.now() + self._timing.gap

    def _resynchronise(self) -> None:
        """Keep the gap, then throw away what nobody waits for any more."""
        left = self._free_at - self._clock.now()
        if left > 0:
            self._pause(left)
            self._clock.wait(self._free_at - self._clock.now())
        stale = self._wire.drain()
        if stale:
            late = self._has_frame(stale)
            self.statistics.late += late
            self.statistics.foreign += not late


def _refusals(failed: Sequence[BmsError]) -> list[int]:
    """The codes of the refusals among what went wrong."""
    return [error.code for error in failed if isinstance(error, PackRefused)]
