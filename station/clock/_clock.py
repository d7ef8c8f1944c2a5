"""The two faces of time.

In virtual time the world of the twin moves in two places only: once for each complete exchange on a wire, and in
`Clock.wait`. Nothing sleeps, so a wait of 60 s costs milliseconds and every run gives the same numbers.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Literal, Protocol

SETTLE_AT_MOST = 20.0
"""Wall seconds after which bytes that were sent and never taken (a cut line) no longer hold up a virtual time-out."""


class Clock(Protocol):
    """Monotonic time for everything in a run: waits, time stamps, deadlines and time-outs, in seconds."""

    @property
    def kind(self) -> Literal["wall", "virtual"]:
        """Which of the two faces this is."""
        ...

    def now(self) -> float:
        """Monotonic time in seconds; only differences mean anything."""
        ...

    def wait(self, seconds: float) -> None:
        """Let `seconds` (>= 0) pass."""
        ...

    def poll(self, ready: Callable[[float], bool], timeout: float, since: float | None = None) -> bool:
        """Wait until `ready(s)`, which may block for up to `s` wall seconds, is true; False after `timeout` seconds.

        The time-out counts from `since`, a reading of this clock, or from now: in virtual time the world may move on
        between a request and the beginning of the wait for its reply.
        """
        ...

    def sent(self, count: int) -> None:
        """Note that `count` bytes were put on a wire, by either end."""
        ...

    def taken(self, count: int) -> None:
        """Note that `count` bytes were taken off a wire and have been dealt with, by either end."""
        ...

    def forget(self) -> None:
        """Note that a connection was reset: whatever was under way on it will never be taken."""
        ...


class WallClock:
    """Real time, from the monotonic clock of the machine; never scaled."""

    kind: Literal["wall", "virtual"] = "wall"

    def now(self) -> float:
        """Monotonic time in seconds."""
        return time.monotonic()

    def wait(self, seconds: float) -> None:
        """Sleep for `seconds`; none at all when it is not positive."""
        if seconds > 0:
            time.sleep(seconds)

    def poll(self, ready: Callable[[float], bool], timeout: float, since: float | None = None) -> bool:
        """Wait until `ready` is true, at most `timeout` seconds."""
        ends = (self.now() if since is None else since) + timeout
        while True:
            left = ends - self.now()
            if ready(max(0.0, left)):
                return True
            if left <= 0:
                return False

    def sent(self, count: int) -> None:
        """Nothing to note: in wall time nobody asks whether the wires are empty."""

    def taken(self, count: int) -> None:
        """Nothing to note."""

    def forget(self) -> None:
        """Nothing to note."""


class VirtualClock:
    """Time that moves only when somebody waits or a message crosses a wire.

    The twin attaches one function that carries its world to a given time. A time-out counts only when the wires are
    empty (every byte sent was taken), and then lasts exactly its nominal length, however slow the machine is.
    """

    kind: Literal["wall", "virtual"] = "virtual"

    def __init__(self, start: float = 0.0) -> None:
        """Begin at `start` seconds."""
        self._now = start
        self._world: Callable[[float], None] | None = None
        self._moving = threading.RLock()
        self._under_way = 0
        self._counting = threading.Lock()

    @property
    def under_way(self) -> int:
        """Bytes that were sent and not yet taken."""
        return self._under_way

    def attach(self, world: Callable[[float], None]) -> None:
        """Call `world(t)` whenever time moves to `t`, before anybody sees the new time."""
        self._world = world

    def now(self) -> float:
        """Virtual time in seconds."""
        return self._now

    def wait(self, seconds: float) -> None:
        """Move time forward by `seconds`; not at all when it is not positive."""
        if seconds <= 0:
            return
        with self._moving:
            target = self._now + seconds
            if self._world is not None:
                self._world(target)
            self._now = target

    def poll(self, ready: Callable[[float], bool], timeout: float, since: float | None = None) -> bool:
        """Wait until `ready` is true; when the wires have run empty, let the rest of `timeout` pass and give up."""
        ends = (self._now if since is None else since) + timeout
        given_up = time.monotonic() + SETTLE_AT_MOST
        while not ready(0.002):
            if self._under_way == 0 or time.monotonic() > given_up:
                if ready(0.0):
                    return True
                self.wait(ends - self._now)
                return ready(0.0)
        return True

    def sent(self, count: int) -> None:
        """Count bytes that are now under way."""
        with self._counting:
            self._under_way += count

    def taken(self, count: int) -> None:
        """Count bytes that have arrived; those of a connection that was reset meanwhile count for nothing."""
        with self._counting:
            self._under_way = max(0, self._under_way - count)

    def forget(self) -> None:
        """Drop what was under way on a connection that was reset."""
        with self._counting:
            self._under_way = 0
