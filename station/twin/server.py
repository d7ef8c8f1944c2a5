"""The twin on the wires: every socket and serial line of the simulated bench.

In virtual time an exchange moves the clock by what it would take on a real bench (bits at the true baud rate,
turnaround, the instrument's own time) and is over before the next byte is looked at; whoever waits in this process
serves the wires meanwhile, without a thread. In wall time a thread serves, and the same exchange waits in a queue of
timers.
"""

from __future__ import annotations

import heapq
import itertools
import math
import os
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Protocol

from station.clock import Clock, Ledger, SteppedClock, Traffic, VirtualClock
from station.twin.cables import Cable
from station.twin.hold import Hold
from station.twin.scpi import Instrument

LONGEST_LINE = 65_536
"""Bytes without a line end after which a client's input is thrown away."""
LOOK_EVERY = 0.05
"""Wall seconds between two steps of the world when nothing is due and nobody asks anything."""
PATIENCE = 0.02
"""Wall seconds to wait at a time for bytes that are under way."""
SETTLE_AT_MOST = 20.0
"""Wall seconds after which bytes that were sent and never arrived are waited for no more."""
KNOWN_WITHIN = 1.0
"""Wall seconds in which a connection that was made must be seen here, if it leads here."""

Exchange = Generator[float, None, None]
"""What is still to be done for a message: each value is the seconds to let pass before going on."""


class SerialDevice(Protocol):
    """What is at the other end of a serial line."""

    def exchange(self, data: bytes, send: Callable[[bytes], None]) -> Exchange:
        """Deal with bytes that arrived; `send` answers."""
        ...


@dataclass(eq=False)
class _Connection:
    """One client of an instrument, or one serial line."""

    role: str
    name: str
    read: Callable[[], bytes]
    write: Callable[[bytes], None]
    close: Callable[[], None]
    begin: Callable[[bytes], Exchange]
    lines: bool
    taken: int = 0
    """Bytes that were dealt with."""
    sent: int = 0
    awaited: int = 0
    """Bytes that the station says it has sent, once it has joined."""
    joined: bool = False
    """The station's own in virtual time: its exchanges move the clock."""
    gone: bool = False
    pending: bytearray = field(default_factory=bytearray)
    waiting: deque[Exchange] = field(default_factory=deque)
    busy: bool = False

    @property
    def traffic(self) -> Traffic:
        """What has passed."""
        return Traffic(self.taken, self.sent)


class Server:
    """Serves instruments on TCP and devices on serial lines until it is stopped."""

    def __init__(self, clock: Clock, advance: Callable[[float], None], due: Callable[[], float], seed: int = 1) -> None:
        """`advance(t)` brings the world to the time `t`, and `due()` says when something happens there next; in virtual
        time nobody but the clock moves it. `seed` is that of every chance on the wires.
        """
        self._clock = clock
        self._advance, self._due = advance, due
        self._seed = seed
        self._selector = selectors.DefaultSelector()
        self._wake_read, self._wake_write = socket.socketpair()
        self._selector.register(self._wake_read, selectors.EVENT_READ, lambda: self._wake_read.recv(64))
        self._timers: list[tuple[float, int, _Connection, Exchange]] = []
        self._order = itertools.count()
        self._named: dict[str, _Connection] = {}
        self._idle: dict[_Connection, float] = {}
        self._turning = threading.Lock()
        self._running = threading.Event()
        self._thread: threading.Thread | None = None
        self._failed: BaseException | None = None
        self._hold: Hold | None = None
        self._keep_open: list[int] = []
        self.addresses: dict[str, str] = {}
        """Where each role answers: a VISA resource, or a serial port."""
        self.counts: dict[str, list[int]] = {}
        """Bytes received and sent, and messages answered, by role."""
        self.cables: dict[str, Cable] = {}
        """The network cable of each instrument."""
        self.next_due = math.inf
        """When a connection has been idle for too long, in seconds of the clock; `tick` closes it then."""

    # ------------------------------------------------------------------------------------------------ what is served

    def add_instrument(self, role: str, instrument: Instrument, host: str = "127.0.0.1") -> None:
        """Serve an instrument on a free TCP port."""
        listener = socket.create_server((host, 0))
        listener.setblocking(False)
        self.addresses[role] = f"TCPIP::{host}::{listener.getsockname()[1]}::SOCKET"
        self.counts[role] = [0, 0, 0]
        self.cables[role] = Cable(chance=Random(f"{self._seed} {role}"))
        self.watch(listener, lambda: self._accept_client(role, listener, instrument))

    def add_line(self, role: str, device: SerialDevice) -> None:
        """Serve a device on a pseudo-terminal, or on `socket://` where there are none."""
        self.counts[role] = [0, 0, 0]
        if hasattr(os, "openpty"):
            self._add_pty(role, device)
        else:
            self._add_socket_line(role, device)

    def publish(self, step_began: Callable[[str], None]) -> str:
        """Let a run in another process hold the clock, which must be a stepped one; returns where, as `host:port`."""
        assert isinstance(self._clock, SteppedClock)
        self._hold = Hold(self, self._clock, step_began)
        return self._hold.address

    def _add_pty(self, role: str, device: SerialDevice) -> None:
        import tty

        master, slave = os.openpty()
        tty.setraw(slave)
        os.set_blocking(master, False)
        self._keep_open.append(slave)
        self.addresses[role] = os.ttyname(slave)
        connection = self._serial(
            role, os.ttyname(slave), device,
            lambda: os.read(master, 4096), lambda data: _write_all(master, data), lambda: os.close(master),
        )  # fmt: skip
        self._selector.register(master, selectors.EVENT_READ, lambda: self._receive(connection))

    def _add_socket_line(self, role: str, device: SerialDevice) -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        listener.setblocking(False)
        self.addresses[role] = f"socket://127.0.0.1:{listener.getsockname()[1]}"

        def accept() -> None:
            client = _accepted(listener)
            connection = self._serial(
                role, _name(client), device, lambda: client.recv(4096), client.sendall, lambda: self.forsake(client)
            )
            self.watch(client, lambda: self._receive(connection))

        self.watch(listener, accept)

    def _serial(
        self,
        role: str,
        name: str,
        device: SerialDevice,
        read: Callable[[], bytes],
        write: Callable[[bytes], None],
        close: Callable[[], None],
    ) -> _Connection:
        connection = _Connection(
            role, name, read, write, close,
            lambda data: device.exchange(data, lambda reply: self._send(connection, reply)),
            lines=False,
        )  # fmt: skip
        self._named[name] = connection
        return connection

    def _accept_client(self, role: str, listener: socket.socket, instrument: Instrument) -> None:
        client = _accepted(listener)
        connection = _Connection(
            role, _name(client), lambda: client.recv(65_536), client.sendall, lambda: self.forsake(client),
            lambda line: self._ask(connection, instrument, line),
            lines=True,
        )  # fmt: skip
        self._named = {name: each for name, each in self._named.items() if not each.gone}
        self._named[connection.name] = connection
        self.watch(client, lambda: self._receive(connection))
        self._heard(connection, instrument)
        if self.cables[role].cut:
            self._drop(connection)

    def _ask(self, connection: _Connection, instrument: Instrument, line: bytes) -> Exchange:
        """One SCPI message: the instrument's own time, then its reply."""
        cable = self.cables[connection.role]
        self._heard(connection, instrument)
        if cable.silent:
            return
        yield instrument.response_time
        reply = yield from instrument.run(line)
        if reply is not None:
            if cable.delay > 0:
                yield cable.delay
            self._send(connection, cable.spoilt(reply.encode("ascii", "replace") + b"\n"))

    # ------------------------------------------------------------------------------------------------ life

    def start(self) -> None:
        """Begin to serve: in a thread of its own, unless the clock is one that has the wires served by who waits."""
        if not isinstance(self._clock, VirtualClock):
            self._running.set()
            self._thread = threading.Thread(target=self._serve, name="twin", daemon=True)
            self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether it still serves; `stop` raises what it died of."""
        return self._failed is None

    def stop(self) -> None:
        """Close everything; raises what the thread died of, if it did."""
        if self._thread is not None:
            self._running.clear()
            self._wake_write.send(b"x")
            self._thread.join(timeout=5)
        for key in list(self._selector.get_map().values()):
            with suppress(OSError):
                os.close(key.fileobj) if isinstance(key.fileobj, int) else _close(key.fileobj)
        self._selector.close()
        self._wake_write.close()
        for descriptor in self._keep_open:
            with suppress(OSError):
                os.close(descriptor)
        self._keep_open.clear()
        if self._failed is not None:
            raise self._failed

    def _serve(self) -> None:
        try:
            while self._running.is_set():
                events = self._arrived()
                if self._clock.kind == "wall":
                    self._catch_up()
                for key, _ in events:
                    key.data()
                if self._hold is not None:
                    self._hold.answer()
        except BaseException as error:
            self._failed = error

    def _arrived(self) -> list[tuple[selectors.SelectorKey, int]]:
        """What has arrived by the time that something is due: a selector counts whole milliseconds, a sleep the rest."""
        patience = self._patience()
        if patience is None:
            return self._selector.select()
        whole = int(1000 * patience) / 1000
        events = self._selector.select(max(0.0, whole - 1e-6))
        if not events and patience > whole:
            time.sleep(patience - whole)
            events = self._selector.select(0)
        return events

    def _patience(self) -> float | None:
        """Wall seconds for which nothing is due; None: nothing ever is unless somebody speaks."""
        if self._clock.kind == "virtual":
            return PATIENCE if self._hold is not None and self._hold.waits else None
        due = min(self._due(), self._timers[0][0]) if self._timers else self._due()
        return min(LOOK_EVERY, max(0.0, due - self._clock.now()))

    def _catch_up(self) -> None:
        """Bring the world to the present, and go on with every exchange that is due."""
        now = self._clock.now()
        self._advance(now)
        while self._timers and self._timers[0][0] <= now:
            due, _, connection, exchange = heapq.heappop(self._timers)
            self._go_on(connection, exchange, due)

    def watch(self, connection: socket.socket, arrived: Callable[[], None]) -> None:
        """Call `arrived` when there is something to read, or somebody to accept."""
        self._selector.register(connection, selectors.EVENT_READ, arrived)

    def forsake(self, connection: socket.socket) -> None:
        """Watch no more, and close."""
        with suppress(KeyError, ValueError):
            self._selector.unregister(connection)
        _close(connection)

    # ------------------------------------------------------------------------------------------------ virtual time

    def join(self, connection: str) -> Traffic | None:
        """Let the exchanges of a connection move time, and say what has passed on it; None if nobody knows it."""
        if self._thread is None:
            self._turn_until(lambda: connection in self._named, KNOWN_WITHIN)
        known = self._named.get(connection)
        if known is None:
            return None
        known.joined, known.awaited = True, known.taken
        return known.traffic

    def settle(self, ledger: Ledger) -> Traffic:
        """Deal with all that the station sent, and say what has passed since."""
        if self.settled(ledger.connection, ledger.sent) is None:
            self._turn_until(lambda: self.settled(ledger.connection, ledger.sent) is not None, SETTLE_AT_MOST)
        elif not ledger.connection:
            self._turn(0.0)
        known = self._named.get(ledger.connection)
        return known.traffic if known else Traffic(ledger.sent, ledger.taken)

    def settled(self, connection: str, sent: int) -> Traffic | None:
        """What has passed on a connection once `sent` bytes were dealt with; None before."""
        known = self._named.get(connection)
        if known is None:
            return Traffic(-1, -1)
        if sent > known.awaited:
            known.awaited = sent
            if known.pending and not known.lines:
                self._hear(known)
        return known.traffic if known.taken >= sent or known.gone else None

    def part(self) -> None:
        """Let no connection's exchanges move time any more."""
        for connection in self._named.values():
            connection.joined = False

    def hurry(self) -> None:
        """Finish every exchange that is under way, without letting time pass for it."""
        while self._timers:
            _, _, connection, exchange = heapq.heappop(self._timers)
            for each in (exchange, *connection.waiting):
                _finish(each)
            connection.waiting.clear()
            connection.busy = False

    def _turn_until(self, done: Callable[[], bool], seconds: float) -> None:
        given_up = time.monotonic() + seconds
        while not done() and time.monotonic() < given_up:
            self._turn(PATIENCE)

    def _turn(self, seconds: float) -> None:
        with self._turning:
            for key, _ in self._selector.select(seconds):
                key.data()

    # ------------------------------------------------------------------------------------------------ clients

    def _receive(self, connection: _Connection) -> None:
        try:
            data = connection.read()
        except BlockingIOError:
            return
        except OSError:
            data = b""
        cable = self.cables.get(connection.role)
        if not data or (cable is not None and cable.cut):
            self._drop(connection)
            return
        self.counts[connection.role][0] += len(data)
        connection.pending += data
        if connection.lines:
            self._read_lines(connection)
        else:
            self._hear(connection)
        if cable is not None and 0 < cable.closed_after <= connection.taken:
            self._drop(connection)

    def _read_lines(self, connection: _Connection) -> None:
        *lines, rest = bytes(connection.pending).split(b"\n")
        connection.pending[:] = rest if len(rest) <= LONGEST_LINE else b""
        for line in lines:
            self._begin(connection, connection.begin(line.rstrip(b"\r")))
        connection.taken += sum(map(len, lines)) + len(lines) + len(rest) - len(connection.pending)

    def _hear(self, connection: _Connection) -> None:
        """Bytes of a serial line: in virtual time all that the station sent, else as they come."""
        whole = connection.taken + len(connection.pending) >= connection.awaited > connection.taken
        if connection.joined and self._clock.kind == "virtual" and not whole:
            return
        data = bytes(connection.pending)
        connection.pending.clear()
        self._begin(connection, connection.begin(data))
        connection.taken += len(data)

    def _drop(self, connection: _Connection) -> None:
        """End a connection; a pseudo-terminal stays."""
        if connection.name in self.addresses.values():
            return
        connection.gone = True
        self._idle.pop(connection, None)
        connection.close()

    def _send(self, connection: _Connection, data: bytes) -> None:
        connection.sent += len(data)
        self.counts[connection.role][1] += len(data)
        self.counts[connection.role][2] += 1
        with suppress(OSError):
            connection.write(data)

    # ------------------------------------------------------------------------------------------------ idle clients

    def _heard(self, connection: _Connection, instrument: Instrument) -> None:
        """Note when an instrument that closes idle connections will close this one."""
        timeout = float(getattr(instrument, "idle_timeout", math.inf))
        if timeout < math.inf:
            self._idle[connection] = self._clock.now() + timeout
        elif self._idle.pop(connection, None) is None:
            return
        self.next_due = min(self._idle.values(), default=math.inf)

    def tick(self, now: float) -> None:
        """Close the connections that have been idle for too long at `now`, in seconds of the clock."""
        if now < self.next_due - 1e-9:
            return
        for connection in [each for each, due in self._idle.items() if due <= now + 1e-9]:
            self._drop(connection)
        self.next_due = min(self._idle.values(), default=math.inf)

    # ------------------------------------------------------------------------------------------------ exchanges

    def _begin(self, connection: _Connection, exchange: Exchange) -> None:
        if self._hold is not None and not connection.joined:
            self._hold.overheard()
        if self._clock.kind == "wall":
            self._queue(connection, exchange)
        elif self._hold is None or connection.joined:
            for seconds in exchange:
                self._clock.wait(seconds)
        else:
            _finish(exchange)

    def _queue(self, connection: _Connection, exchange: Exchange) -> None:
        """In wall time: messages of a client one after the other, pieces of a serial line as they come."""
        if not connection.lines:
            self._go_on(connection, exchange, self._clock.now())
            return
        connection.waiting.append(exchange)
        if not connection.busy:
            self._next(connection, self._clock.now())

    def _next(self, connection: _Connection, now: float) -> None:
        connection.busy = bool(connection.waiting)
        if connection.waiting:
            self._go_on(connection, connection.waiting.popleft(), now)

    def _go_on(self, connection: _Connection, exchange: Exchange, now: float) -> None:
        try:
            seconds = next(exchange)
        except StopIteration:
            if connection.lines:
                self._next(connection, now)
            return
        heapq.heappush(self._timers, (now + seconds, next(self._order), connection, exchange))


def _finish(exchange: Exchange) -> None:
    """Carry an exchange through without letting time pass."""
    for _ in exchange:
        pass


def _accepted(listener: socket.socket) -> socket.socket:
    client, _ = listener.accept()
    client.setblocking(False)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return client


def _name(client: socket.socket) -> str:
    """What both ends call this connection: the end that made it, and this one."""
    return ">".join(f"{host}:{port}" for host, port, *_ in (client.getpeername(), client.getsockname()))


def _close(connection: object) -> None:
    assert isinstance(connection, socket.socket)
    connection.close()


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
