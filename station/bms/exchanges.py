"""The station as the only one that asks on a line: gaps, resynchronisation, repeated questions, a count of it all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from station.bms.errors import BmsError, DamagedAnswer, PackSilent, WrongAnswer
from station.clock import Clock
from station.model.protocol import Timing
from station.wires.errors import NoAnswer

TRIES = 3
"""How often a question is sent in all before the line or the pack is given up."""

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

    `pause(seconds)` lets the gap pass; a run hands in one that samples meanwhile.
    """

    def __init__(
        self,
        wire: Wire,
        clock: Clock,
        timing: Timing,
        between: float,
        has_frame: Callable[[bytes], bool],
        pause: Callable[[float], None] | None = None,
    ) -> None:
        """Begin with empty statistics; `between` s of silence end an answer that is not whole."""
        self.statistics = LineStatistics()
        self._wire, self._clock, self._timing = wire, clock, timing
        self._between, self._has_frame = between, has_frame
        self._pause = pause or clock.wait
        self._free_at = clock.now()

    def ask(self, question: Question[T], tries: int = TRIES) -> T:
        """What the question makes of its answer, in at most `tries` tries.

        Raises PackRefused at once, else of what went wrong the thing that tells most.
        """
        failed: BmsError | None = None
        for attempt in range(tries):
            self.statistics.repeated += attempt > 0
            try:
                return self._once(question)
            except (PackSilent, DamagedAnswer, WrongAnswer) as error:
                failed = failed if failed is not None and isinstance(error, PackSilent) else error
        assert failed is not None
        if isinstance(failed, PackSilent):
            failed.wire = self._wire
        raise failed

    def _once(self, question: Question[T]) -> T:
        self._resynchronise()
        self.statistics.exchanges += 1
        try:
            received = self._wire.exchange(question.frame, question.needed, self._timing.first_byte, self._between)
        except NoAnswer:
            received = b""
        finally:
            self._free_at = self._clock.now() + self._timing.gap
        return question.judge(received)

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
