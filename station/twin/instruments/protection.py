"""Protections of supplies and loads: they trip after a delay, stay latched, and refuse ON until they are cleared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(slots=True)
class Protection:
    """One cause of a trip: its status bit, whether it holds now, and for how many seconds it must hold."""

    bit: int
    exceeded: Callable[[], bool]
    delay: Callable[[], float]
    since: float | None = None

    def trips(self, now: float) -> bool:
        """Whether the cause has held long enough at the time `now`."""
        if not self.exceeded():
            self.since = None
            return False
        self.since = now if self.since is None else self.since
        return now - self.since >= self.delay()


@dataclass(slots=True)
class Latch:
    """All protections of one device and the status bits of those that have tripped."""

    protections: Sequence[Protection] = ()
    bits: int = 0

    def watch(self, now: float) -> int:
        """The bits that trip at the time `now`."""
        return sum(protection.bit for protection in self.protections if protection.trips(now))

    def clear(self) -> None:
        """Forget all trips; a cause that persists trips again after its delay."""
        self.bits = 0
        for protection in self.protections:
            protection.since = None
