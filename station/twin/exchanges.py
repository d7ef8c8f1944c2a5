"""A message and its answer as they take their time, and the connection that they cross."""

from __future__ import annotations

import heapq
import itertools
import math
import re
from collections import deque
from collections.abc import Callable, Generator
from dataclasses import dataclass, field

from station.clock import Traffic

GLANCE = 0.005
"""Seconds that have passed in virtual time when a mere question lets the world follow; nothing was due meanwhile, and
the devices themselves measure no more often than this.
"""
_DIGITAL = re.compile(rb":?SENS(?:E)?:DIG(?:ITAL)?:DATA(?::BYTE)?\?", re.IGNORECASE)

Exchange = Generator[float, None, None]
"""What is still to be done for a message: each value is the seconds to let pass before going on."""


@dataclass(eq=False)
class Connection:
    """One client of an instrument, or one serial line."""

    role: str
    name: str
    read: Callable[[], bytes]
    write: Callable[[bytes], None]
    close: Callable[[], None]
    begin: Callable[[bytes], Exchange]
    lines: bool
    """Messages end with a line end; else they are what arrives."""
    taken: int = 0
    """Bytes that were dealt with."""
    sent: int = 0
    awaited: int = 0
    """Bytes that the station says it has sent, once it has joined."""
    joined: bool = False
    """The station's own in virtual time: its exchanges move the clock."""
    gone: bool = False
    pending: bytearray = field(default_factory=bytearray)
    glance: float = math.inf
    """How old the world may be, in s, for what is under way if nothing was due meanwhile; see `glance`. A board on a
    serial line says what it knew in its last round, which was due then.
    """

    @property
    def traffic(self) -> Traffic:
        """What has passed."""
        return Traffic(self.taken, self.sent)

    @property
    def whole(self) -> bool:
        """Whether all that the station says it has sent is pending."""
        return self.taken + len(self.pending) >= self.awaited > self.taken


class Timers:
    """Exchanges in wall time: pieces of a serial line as they come, messages to an instrument one after the other.

    That holds whoever sends them: an instrument has one parser, and two clients that measure do not disturb each other.
    """

    def __init__(self) -> None:
        """Nothing is under way."""
        self._timers: list[tuple[float, int, Connection, Exchange]] = []
        self._order = itertools.count()
        self._waiting: dict[str, deque[tuple[Connection, Exchange]]] = {}
        """Messages by role, behind the one that its instrument is busy with."""

    @property
    def due(self) -> float:
        """When the next exchange goes on, in seconds of the clock; infinity: none is under way."""
        return self._timers[0][0] if self._timers else math.inf

    def begin(self, connection: Connection, exchange: Exchange, now: float) -> None:
        """Begin an exchange, or put it behind those of the same instrument."""
        if connection.lines and (waiting := self._waiting.get(connection.role)) is not None:
            waiting.append((connection, exchange))
            return
        if connection.lines:
            self._waiting[connection.role] = deque()
        self._go_on(connection, exchange, now)

    def go_on(self, now: float) -> None:
        """Go on with everything that is due."""
        while self.due <= now:
            due, _, connection, exchange = heapq.heappop(self._timers)
            self._go_on(connection, exchange, due)

    def hurry(self) -> None:
        """Finish everything that is under way, without letting time pass for it."""
        while self._timers:
            _, _, connection, exchange = heapq.heappop(self._timers)
            finish(exchange)
            for _, each in self._waiting.pop(connection.role, ()):
                finish(each)

    def forget(self, connection: Connection, now: float) -> None:
        """Finish at once what a client that is gone had asked, so that its instrument is there for the others."""
        held = [each for each in self._timers if each[2] is connection and connection.lines]
        for each in held:
            self._timers.remove(each)
        heapq.heapify(self._timers)
        for _, _, _, exchange in held:
            self._go_on(connection, exchange, now)

    def _go_on(self, connection: Connection, exchange: Exchange, now: float) -> None:
        while (seconds := self._next(connection, exchange)) is None:
            if not connection.lines:
                return
            waiting = self._waiting[connection.role]
            if not waiting:
                del self._waiting[connection.role]
                return
            connection, exchange = waiting.popleft()
        heapq.heappush(self._timers, (now + seconds, next(self._order), connection, exchange))

    @staticmethod
    def _next(connection: Connection, exchange: Exchange) -> float | None:
        """Seconds until an exchange goes on; None: it is over."""
        if connection.gone:
            finish(exchange)
        return next(exchange, None)


def glance(message: bytes) -> float:
    """How old the world may be for a SCPI message, in s: not at all for one that commands anything; `GLANCE` for a mere
    question; and as it likes for a look at a digital input, which moves by the clock or when something is due.
    """
    units = [unit.split(None, 1)[0] for unit in message.split(b";") if unit.strip()]
    if not all(unit.endswith(b"?") for unit in units):
        return 0.0
    return math.inf if all(_DIGITAL.fullmatch(unit) for unit in units) else GLANCE


def finish(exchange: Exchange) -> None:
    """Carry an exchange through without letting time pass."""
    for _ in exchange:
        pass


class IdleClients:
    """Which connections an instrument will close because nothing is said on them, and when."""

    def __init__(self) -> None:
        """Nobody is idle."""
        self._closed_at: dict[Connection, float] = {}
        self.next_due = math.inf
        """When the first is to be closed, in seconds of the clock."""

    def heard(self, connection: Connection, now: float, timeout: float) -> None:
        """Somebody speaks, and may be silent for `timeout` seconds from now on; infinity: for ever."""
        if timeout < math.inf:
            self._closed_at[connection] = now + timeout
        elif self._closed_at.pop(connection, None) is None:
            return
        self._look()

    def overdue(self, now: float) -> list[Connection]:
        """The connections to be closed at `now`, which are then forgotten."""
        found = [each for each, due in self._closed_at.items() if due <= now + 1e-9]
        for each in found:
            del self._closed_at[each]
        self._look()
        return found

    def _look(self) -> None:
        self.next_due = min(self._closed_at.values(), default=math.inf)
