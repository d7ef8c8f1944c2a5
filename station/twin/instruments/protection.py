"""Protections of supplies and loads: they trip after a delay, stay latched, and refuse ON until they are cleared."""

from __future__ import annotations

import math
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
    due: float = math.inf
    """When the next protection will trip if its cause persists, in seconds."""

    def watch(self, now: float) -> int:
        """The bits that trip at the time `now`."""
        self.due, bits = math.inf, 0
        for protection in self.protections:
            if protection.trips(now):
                bits |= protection.bit
            elif protection.since is not None:
                self.due = min(self.due, protection.since + protection.delay())
        return bits

    def rest(self) -> None:
        """Stop watching: causes count from the beginning when it goes on."""
        self.due = math.inf
        for protection in self.protections:
            protection.since = None

    def clear(self) -> None:
        """Forget all trips; a cause that persists trips again after its delay."""
        self.bits = 0
        self.rest()
