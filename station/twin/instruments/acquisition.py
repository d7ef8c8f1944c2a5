"""Triggering and reading memory, which the 34465A and the DAQ970A share: INITiate, FETCh?, READ?, R?, DATA:REMove?."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from station.twin.scpi import Choice, Command, Optional, Quantity, nr1_signed, require

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Plan:
    """What an initiated instrument will do: samples for each trigger, triggers, and when (seconds).

    The first sample is ready `first` after its trigger, each other one `interval` after the one before. With `bus` each
    trigger is a *TRG, otherwise they follow one another.
    """

    samples: float
    triggers: float
    first: float
    interval: float
    bus: bool


class Acquisition(Generic[T]):
    """Takes samples when they are due into a memory that keeps the newest `depth` readings.

    `plan` tells at each start what to do, `take` makes one sample: one reading, or one for each channel of a scan list;
    `say` writes a reading, `packed` all of them as bytes where that was asked for (else it says None).
    """

    def __init__(
        self,
        plan: Callable[[], Plan],
        take: Callable[[], Sequence[T]],
        say: Callable[[T], str],
        depth: int,
        packed: Callable[[Sequence[T]], bytes | None] = lambda _readings: None,
    ) -> None:
        """Start idle, with an empty memory."""
        self._plan = plan
        self._take, self._say, self._packed = take, say, packed
        self._current: Plan | None = None
        self._memory = deque[T](maxlen=depth)
        self._depth = depth
        self._now = 0.0
        self._left = 0.0
        self._triggers = 0.0
        self.due = math.inf

    @property
    def waiting(self) -> bool:
        """Whether a *TRG is awaited."""
        return self._left <= 0 and self._triggers > 0

    @property
    def remaining(self) -> float:
        """Seconds until the last sample is ready; 0 when none is under way or there is no end to them."""
        if self._current is None or self._left <= 0 or math.isinf(self._left):
            return 0.0
        return max(0.0, self.due + (self._left - 1) * self._current.interval - self._now)

    def start(self) -> None:
        """Clear the memory and begin, or wait for the first *TRG; raises -213 when already begun."""
        require(self._left <= 0 and not self.waiting, -213)
        self._current = plan = self._plan()
        self._memory.clear()
        if plan.bus:
            self._triggers = plan.triggers
        else:
            self._begin(plan, plan.samples * plan.triggers)

    def trigger(self) -> None:
        """*TRG: begin the samples of one trigger; raises -211 when none is awaited."""
        require(self.waiting, -211)
        self._triggers -= 1
        if self._current is not None:
            self._begin(self._current, self._current.samples)

    def _begin(self, plan: Plan, samples: float) -> None:
        self._left = samples
        self.due = self._now + plan.first

    def abort(self) -> None:
        """Stop; what has been read stays in memory."""
        self._left = self._triggers = 0.0
        self.due = math.inf

    def reset(self) -> None:
        """Stop and forget everything."""
        self.abort()
        self._memory.clear()
        self._current = None

    def tick(self, now: float) -> None:
        """Take every sample that is due at the time `now`."""
        self._now = now
        if self._current is not None and self.due <= now:
            self._sample(min(self._left, 1 + math.floor((now - self.due) / self._current.interval)))

    def _finish(self) -> None:
        """Take all samples that are left at once."""
        self._sample(self._left)

    def _sample(self, count: float) -> None:
        """Take `count` samples now, but no more than fill the memory."""
        taken = 0
        for _ in range(int(min(count, self._depth))):
            readings = self._take()
            self._memory.extend(readings)
            taken += len(readings)
            if taken >= self._depth:
                break
        self._left -= count
        self.due += count * (self._current.interval if self._current else 0.0)
        if self._left <= 0:
            self.due = math.inf

    def commands(self) -> Iterable[Command]:
        """The commands that go with triggering and memory."""
        count = Quantity(1, self._depth, self._depth, decimals=0)
        yield Command("INITiate[:IMMediate]", self.start)
        yield Command("ABORt", self.abort)
        yield Command("*TRG", self.trigger)
        yield Command("FETCh?", self.fetch)
        yield Command("READ?", self.read)
        yield Command("R?", self._drain, Optional(count))
        yield Command("DATA:POINts?", lambda: nr1_signed(len(self._memory)))
        yield Command("DATA:REMove?", self._remove, count, Optional(Choice(("WAIT",))))

    def read(self) -> Generator[float, None, str]:
        """READ?: start, wait for the last sample, tell all readings."""
        self.start()
        return (yield from self.fetch())

    def fetch(self) -> Generator[float, None, str]:
        """FETCh?: wait for the last sample, tell all readings. Raises -214 (would never end) or -230 (none there)."""
        require(not self.waiting and not math.isinf(self._left), -214)
        yield self.remaining
        self._finish()
        require(bool(self._memory), -230)
        return self._joined(tuple(self._memory))

    def _drain(self, most: float | None) -> str:
        """R?: take up to `most` readings out of memory, as a block of definite length."""
        text = self._joined(self._pop(min(len(self._memory), int(most or self._depth))))
        return text if text.startswith("#") else block(text)

    def _remove(self, count: float, wait: str | None) -> Generator[float, None, str]:
        """DATA:REMove?: take that many readings out of memory; too few there is -222 unless they are waited for."""
        missing = int(count) - len(self._memory)
        if missing > 0 and self._current is not None:
            require(wait is not None and missing <= self._left, -222)
            yield self.due + (missing - 1) * self._current.interval - self._now
            missing = int(count) - len(self._memory)
            self._sample(max(0, missing))
        require(len(self._memory) >= count, -222)
        return self._joined(self._pop(int(count)))

    def _pop(self, count: int) -> list[T]:
        return [self._memory.popleft() for _ in range(count)]

    def _joined(self, readings: Sequence[T]) -> str:
        packed = self._packed(readings)
        return ",".join(map(self._say, readings)) if packed is None else block(packed.decode("latin-1"))


def block(text: str) -> str:
    """Text, or bytes as Latin-1, as a block of definite length (IEEE 488.2, 8.7.9)."""
    return f"#{len(str(len(text)))}{len(text)}{text}"
