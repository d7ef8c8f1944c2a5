"""How long, and whether at all, somebody may still act.

The idea is trio's cancel scope without its machinery: a run enters a scope for each step, everything that touches a
wire or lets time pass asks the scope first, and cleaning up happens in a shielded scope that no stop can interrupt.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from station.clock._clock import Clock


class Stopped(Exception):
    """Somebody or something stopped the run; the text says who or what."""


class DeadlineExceeded(Exception):
    """The time allowed for a step, or for an exchange within it, is over."""


@dataclass(frozen=True, slots=True)
class Scope:
    """A deadline on the run's clock, in seconds; a shielded scope is deaf to stops."""

    name: str
    deadline: float = math.inf
    shielded: bool = False


def _nobody() -> None:
    """Nobody listens."""


class Scopes:
    """The scopes of one run, innermost last, and the stop flag that they share.

    `stop` may be called from any thread or signal handler; everything else belongs to the run's own thread.
    """

    def __init__(self, clock: Clock) -> None:
        """Start without any limit."""
        self.clock = clock
        self._stack = [Scope("run")]
        self._stopped: str | None = None
        self.progress: Callable[[], None] = _nobody
        """Called whenever the run asks what is left, which is before everything it does; a guard listens here."""
        self.talked = 0.0
        """Seconds that exchanges on wires have taken while nothing else was waited for."""
        self.utc: Callable[[], datetime] = lambda: datetime.now(UTC)
        """The date and time of day, for what people read; it may jump, and nothing is measured with it."""

    @property
    def stopped(self) -> str | None:
        """Who or what stopped the run, or None."""
        return self._stopped

    def stop(self, reason: str) -> None:
        """Ask for a stop; the first reason stays."""
        if self._stopped is None:
            self._stopped = reason

    @contextmanager
    def enter(self, name: str, seconds: float = math.inf, *, shielded: bool = False) -> Iterator[Scope]:
        """Limit what happens inside to `seconds` and, unless shielded, to what is left of the scope around it."""
        deadline = self.clock.now() + seconds
        if not shielded:
            deadline = min(deadline, self._stack[-1].deadline)
            shielded = self._stack[-1].shielded
        scope = Scope(name, deadline, shielded)
        self._stack.append(scope)
        try:
            yield scope
        finally:
            self._stack.remove(scope)

    def left(self) -> float:
        """Seconds until the innermost deadline; raises `Stopped` or `DeadlineExceeded` when nothing is allowed any
        more.
        """
        self.progress()
        scope = self._stack[-1]
        if self._stopped is not None and not scope.shielded:
            raise Stopped(self._stopped)
        left = scope.deadline - self.clock.now()
        if left <= 0:
            raise DeadlineExceeded(f"{scope.name}: its time is over")
        return left
