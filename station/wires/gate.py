"""The gate of one connection: everything that leaves the station passes it, and a fence closes it for good."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from station.clock import Scopes
from station.wires.errors import Fenced, StuckGate

FENCE_WITHIN = 0.05
"""Wall seconds that a fence waits for whoever is sending (feasibility: 16 ms was the longest seen)."""


def _nothing() -> None:
    """Nothing is open."""


class Gate:
    """One lock, held during each send; knows the scopes of the run and how to reset what is open.

    `fence` may be called from any thread; everything else belongs to the run's own.
    """

    def __init__(self, name: str, scopes: Scopes) -> None:
        """Begin open, with no connection behind it; `name` is the address that errors mention."""
        self.name = name
        self.scopes = scopes
        self._lock = threading.Lock()
        self._fenced = False
        self._reset: Callable[[], None] = _nothing
        self._interrupt: Callable[[], None] = _nothing

    @property
    def fenced(self) -> bool:
        """Whether the fence has fallen."""
        return self._fenced

    def left(self) -> float:
        """Seconds that the run may still act here; raises Fenced, Stopped or DeadlineExceeded."""
        self._refuse_if_fenced()
        return self.scopes.left()

    def allowed(self, timeout: float, since: float) -> float:
        """What the scopes leave of a time-out that counts from `since`; raises what `left` does."""
        return min(timeout, self.scopes.clock.now() - since + self.left())

    @contextmanager
    def sending(self) -> Iterator[None]:
        """Hold the gate while bytes leave; raises Fenced, Stopped or DeadlineExceeded before the first one does."""
        with self._lock:
            self.left()
            yield

    @contextmanager
    def talking(self) -> Iterator[None]:
        """Count the time of an exchange as spent on communication."""
        began = self.scopes.clock.now()
        try:
            yield
        finally:
            self.scopes.talked += self.scopes.clock.now() - began

    def opened(self, reset: Callable[[], None], interrupt: Callable[[], None] = _nothing) -> None:
        """Take over a fresh connection; raises Fenced, and resets it, when the fence fell while it was being made."""
        with self._lock:
            self._reset, self._interrupt = reset, interrupt
            if self._fenced:
                self._reset_now()
        self._refuse_if_fenced()

    def reset(self) -> None:
        """Reset what is open, so that neither queued bytes nor a late reply can arrive; nothing to do when closed."""
        with self._lock:
            self._reset_now()

    def fence(self) -> None:
        """Let nothing leave any more and reset the connection; raises StuckGate when a send holds the lock."""
        self._fenced = True
        self._interrupt()
        if not self._lock.acquire(timeout=FENCE_WITHIN):
            raise StuckGate(f"{self.name}: the gate was not free within {FENCE_WITHIN * 1000:.0f} ms")
        try:
            self._reset_now()
        finally:
            self._lock.release()

    def _reset_now(self) -> None:
        reset, self._reset, self._interrupt = self._reset, _nothing, _nothing
        reset()

    def _refuse_if_fenced(self) -> None:
        if self._fenced:
            raise Fenced(f"{self.name}: fenced; nothing is sent or read here any more")
