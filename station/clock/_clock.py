"""The two faces of time.

In virtual time the world of the twin moves in two places only: once for each complete exchange on a wire, and in
`Clock.wait`. Nothing sleeps, so a wait of 60 s costs milliseconds and every run gives the same numbers.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

SETTLE_AT_MOST = 20.0
"""Wall seconds after which bytes that were sent and never taken no longer hold up a virtual time-out."""
PATIENCE = 0.02
"""Wall seconds to wait at a time for bytes that are known to be under way."""

Kind = Literal["wall", "virtual"]
Ready = Callable[[float], bool]
"""Whether something has come; may block for as many wall seconds as it is given."""


@dataclass(slots=True)
class Ledger:
    """The bytes that the station's end of one connection has sent and taken since the connection was made."""

    connection: str = ""
    """The name that both ends know: the two ends of a socket, or the serial port; empty: not counted."""
    sent: int = 0
    taken: int = 0


class Traffic(NamedTuple):
    """The bytes of one connection that the twin has dealt with, and those that it has sent."""

    taken: int
    sent: int


class Clock(Protocol):
    """Monotonic time for everything in a run: waits, time stamps, deadlines and time-outs, in seconds."""

    @property
    def kind(self) -> Kind:
        """Which of the two faces this is."""
        ...

    def now(self) -> float:
        """Monotonic time in seconds; only differences mean anything."""
        ...

    def wait(self, seconds: float) -> None:
        """Let `seconds` (>= 0) pass."""
        ...

    def ledger(self, connection: str) -> Ledger:
        """An empty ledger for a connection that was just made; its wire writes down there what it sends and takes."""
        ...

    def poll(self, ready: Ready, ledger: Ledger, timeout: float, since: float | None = None) -> bool:
        """Wait until `ready` is true; False after `timeout` seconds.

        The time-out counts from `since`, a reading of this clock, or from now: in virtual time the world may move on
        between a request and the beginning of the wait for its reply.
        """
        ...


class FarEnd(Protocol):
    """The other end of every connection, as a virtual clock needs it."""

    def join(self, connection: str) -> Traffic | None:
        """What has passed on a connection so far; None if it does not lead here."""
        ...

    def settle(self, ledger: Ledger) -> Traffic:
        """Deal with all that the station sent, and say what has passed since."""
        ...


class WallClock:
    """Real time, from the monotonic clock of the machine; never scaled."""

    kind: Kind = "wall"

    def now(self) -> float:
        """Monotonic time in seconds."""
        return time.monotonic()

    def wait(self, seconds: float) -> None:
        """Sleep for `seconds`; none at all when it is not positive."""
        if seconds > 0:
            time.sleep(seconds)

    def ledger(self, connection: str) -> Ledger:
        """A ledger that nobody reads: in wall time nobody asks whether the wires are empty."""
        return Ledger(connection)

    def poll(self, ready: Ready, ledger: Ledger, timeout: float, since: float | None = None) -> bool:
        """Wait until `ready` is true, at most `timeout` seconds."""
        ends = (self.now() if since is None else since) + timeout
        while True:
            left = ends - self.now()
            if ready(max(0.0, left)):
                return True
            if left <= 0:
                return False


class VirtualClock:
    """Time that moves only when somebody waits or a message crosses a wire.

    The twin attaches the function that carries its world to a given time, and its end of the wires, which is served
    by whoever waits: in the run's own thread, so that nothing else moves meanwhile. A time-out counts only when the
    wires are empty, and then lasts exactly its nominal length, however slow the machine is.
    """

    kind: Kind = "virtual"

    def __init__(self, start: float = 0.0) -> None:
        """Begin at `start` seconds."""
        self._now = start
        self._world: Callable[[float], object] | None = None
        self._far: FarEnd | None = None
        self._moving = threading.RLock()

    def attach(self, world: Callable[[float], object], far: FarEnd | None = None) -> None:
        """Call `world(t)` whenever time moves to `t`, before anybody sees the new time; `far` is asked in `poll`."""
        self._world, self._far = world, far

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

    def ledger(self, connection: str) -> Ledger:
        """A ledger that agrees with what the twin has counted on this connection so far."""
        return agreed(connection, self._far.join(connection) if self._far else None)

    def poll(self, ready: Ready, ledger: Ledger, timeout: float, since: float | None = None) -> bool:
        """Wait until `ready` is true; when the wires have run empty, let the rest of `timeout` pass and give up."""
        ends = (self._now if since is None else since) + timeout
        if heard(ready, ledger, self._settle):
            return True
        if ends <= self._now:
            return False
        self.wait(ends - self._now)
        return heard(ready, ledger, self._settle)

    def _settle(self, ledger: Ledger) -> Traffic:
        return self._far.settle(ledger) if self._far else Traffic(ledger.sent, ledger.taken)


def agreed(connection: str, traffic: Traffic | None) -> Ledger:
    """The station's ledger of a connection on which nothing is under way; one that is not counted for no traffic."""
    return Ledger() if traffic is None else Ledger(connection, sent=traffic.taken, taken=traffic.sent)


def heard(ready: Ready, ledger: Ledger, settle: Callable[[Ledger], Traffic]) -> bool:
    """Whether `ready` comes true by the time that the twin has dealt with all and everything it sent has arrived."""
    given_up = time.monotonic() + SETTLE_AT_MOST
    while True:
        coming = settle(ledger).sent > ledger.taken
        if ready(PATIENCE if coming else 0.0):
            return True
        if not coming or time.monotonic() > given_up:
            return False
