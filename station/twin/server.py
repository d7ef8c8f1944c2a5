"""The twin on the wires: one thread that serves every socket and serial line of the simulated bench.

In virtual time an exchange moves the clock by what it would take on a real bench (bits at the true baud rate,
turnaround, the instrument's own time) and is over before the next byte is looked at. In wall time the same exchange
waits in a queue of timers.
"""

from __future__ import annotations

import heapq
import itertools
import os
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from station.clock import Clock, VirtualClock
from station.twin.scpi import Instrument

LONGEST_LINE = 65_536
"""Bytes without a line end after which a client's input is thrown away."""
LOOK_EVERY = 0.01
"""Wall seconds between two steps of the world when nobody asks anything."""

RETRIES = 200
"""Milliseconds to wait for the rest of a frame that was sent whole."""

Exchange = Generator[float, None, None]
"""What is still to be done for a message: each value is the seconds to let pass before going on."""


class SerialDevice(Protocol):
    """What is at the other end of a serial line."""

    def exchange(self, data: bytes, send: Callable[[bytes], None]) -> Exchange:
        """Deal with bytes that arrived; `send` answers."""
        ...


@dataclass
class _Connection:
    """One client of an instrument, or one serial line."""

    read: Callable[[], bytes]
    write: Callable[[bytes], None]
    close: Callable[[], None]
    begin: Callable[[bytes], Exchange]
    lines: bool
    pending: bytearray = field(default_factory=bytearray)
    waiting: deque[tuple[Exchange, int]] = field(default_factory=deque)
    busy: bool = False
    owner: str = ""
    unaccounted: int = 0
    """Bytes of the message that is being dealt with, until its reply leaves."""


class Server:
    """Serves instruments on TCP and devices on serial lines until it is stopped.

    `cut` closes and refuses every connection of a role; bytes in both directions are counted for each.
    """

    def __init__(self, clock: Clock, advance: Callable[[float], None]) -> None:
        """`advance(t)` brings the world to the time `t`; in virtual time the clock itself does that."""
        self._clock = clock
        self._advance = advance
        self._selector = selectors.DefaultSelector()
        self._wake_read, self._wake_write = socket.socketpair()
        self._selector.register(self._wake_read, selectors.EVENT_READ, None)
        self._timers: list[tuple[float, int, _Connection, Exchange, int]] = []
        self._order = itertools.count()
        self._connections: list[_Connection] = []
        self._running = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="twin", daemon=True)
        self._failed: BaseException | None = None
        self.addresses: dict[str, str] = {}
        """Where each role answers: a VISA resource, or a serial port."""
        self.counts: dict[str, list[int]] = {}
        """Bytes received and sent, and messages answered, by role."""
        self.cut: set[str] = set()
        """Roles whose connections are cut."""
        self._keep_open: list[int] = []

    # ------------------------------------------------------------------------------------------------ what is served

    def add_instrument(self, role: str, instrument: Instrument, host: str = "127.0.0.1") -> None:
        """Serve an instrument on a free TCP port."""
        listener = socket.create_server((host, 0))
        listener.setblocking(False)
        self.addresses[role] = f"TCPIP::{host}::{listener.getsockname()[1]}::SOCKET"
        self.counts[role] = [0, 0, 0]
        self._selector.register(listener, selectors.EVENT_READ, lambda: self._accept_client(role, listener, instrument))

    def add_line(self, role: str, device: SerialDevice) -> None:
        """Serve a device on a pseudo-terminal, or on `socket://` where there are none."""
        self.counts[role] = [0, 0, 0]
        if hasattr(os, "openpty"):
            self._add_pty(role, device)
        else:
            self._add_socket_line(role, device)

    def _add_pty(self, role: str, device: SerialDevice) -> None:
        import tty

        master, slave = os.openpty()
        tty.setraw(slave)
        os.set_blocking(master, False)
        self._keep_open.append(slave)
        self.addresses[role] = os.ttyname(slave)
        connection = self._serial(
            role, device, lambda: os.read(master, 4096), lambda data: _write_all(master, data), lambda: os.close(master)
        )
        self._selector.register(master, selectors.EVENT_READ, lambda: self._receive(connection))

    def _add_socket_line(self, role: str, device: SerialDevice) -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        listener.setblocking(False)
        self.addresses[role] = f"socket://127.0.0.1:{listener.getsockname()[1]}"

        def accept() -> None:
            client, _ = listener.accept()
            client.setblocking(False)
            connection = self._serial(role, device, lambda: client.recv(4096), client.sendall, client.close)
            self._selector.register(client, selectors.EVENT_READ, lambda: self._receive(connection, client))

        self._selector.register(listener, selectors.EVENT_READ, accept)

    def _serial(
        self,
        role: str,
        device: SerialDevice,
        read: Callable[[], bytes],
        write: Callable[[bytes], None],
        close: Callable[[], None],
    ) -> _Connection:
        connection = _Connection(
            read,
            write,
            close,
            lambda data: device.exchange(data, lambda reply: self._send(connection, reply)),
            lines=False,
            owner=role,
        )
        self._connections.append(connection)
        return connection

    # ------------------------------------------------------------------------------------------------ life

    def start(self) -> None:
        """Begin to serve, in a thread of its own."""
        self._running.set()
        self._thread.start()

    def stop(self) -> None:
        """Close everything; raises what the thread died of, if it did."""
        if self._thread.is_alive():
            self._running.clear()
            self._wake_write.send(b"x")
            self._thread.join(timeout=5)
        for connection in self._connections:
            with suppress(OSError):
                connection.close()
        for key in list(self._selector.get_map().values()):
            if isinstance(key.fileobj, socket.socket):
                key.fileobj.close()
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
                self._turn()
        except BaseException as error:
            self._failed = error

    def _turn(self) -> None:
        virtual = self._clock.kind == "virtual"
        timeout = None if virtual else LOOK_EVERY
        if self._timers:
            timeout = max(0.0, min(timeout or LOOK_EVERY, self._timers[0][0] - self._clock.now()))
        events = self._selector.select(timeout)
        if not virtual:
            self._advance(self._clock.now())
            self._run_timers()
        for key, _ in events:
            if key.data is None:
                self._wake_read.recv(64)
            else:
                key.data()

    # ------------------------------------------------------------------------------------------------ clients

    def _accept_client(self, role: str, listener: socket.socket, instrument: Instrument) -> None:
        client, _ = listener.accept()
        if role in self.cut:
            client.close()
            return
        client.setblocking(False)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = _Connection(
            lambda: client.recv(65_536),
            client.sendall,
            client.close,
            lambda line: self._ask(connection, instrument, line),
            lines=True,
            owner=role,
        )
        self._connections.append(connection)
        self._selector.register(client, selectors.EVENT_READ, lambda: self._receive(connection, client))

    def _ask(self, connection: _Connection, instrument: Instrument, line: bytes) -> Exchange:
        """One SCPI message: the instrument's own time, then its reply."""
        yield instrument.response_time
        reply = yield from instrument.run(line)
        if reply is not None:
            self._send(connection, reply.encode("ascii", "replace") + b"\n")

    def _receive(self, connection: _Connection, client: socket.socket | None = None) -> None:
        try:
            data = connection.read()
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data or connection.owner in self.cut:
            self._clock.taken(len(data))
            self._drop(connection, client)
            return
        self.counts[connection.owner][0] += len(data)
        if not connection.lines:
            self._hear(connection, data)
            return
        connection.pending += data
        taken = 0
        while b"\n" in connection.pending:
            line, _, rest = bytes(connection.pending).partition(b"\n")
            connection.pending[:] = rest
            taken += len(line) + 1
            self._begin(connection, connection.begin(line.rstrip(b"\r")), len(line) + 1)
        if len(connection.pending) > LONGEST_LINE:
            self._clock.taken(len(connection.pending))
            connection.pending.clear()

    def _hear(self, connection: _Connection, data: bytes) -> None:
        """Bytes of a serial line: in virtual time all that were sent, in wall time as they come."""
        if isinstance(self._clock, VirtualClock):
            data += self._rest(connection, self._clock.under_way - len(data))
            self._begin(connection, connection.begin(data), len(data))
        else:
            self._go_on(connection, connection.begin(data), len(data), self._clock.now())

    def _rest(self, connection: _Connection, missing: int) -> bytes:
        """The bytes of a frame that the operating system delivers in a second piece; gives up after a moment."""
        rest = b""
        for _ in range(RETRIES):
            if len(rest) >= missing:
                break
            time.sleep(0.001)
            with suppress(BlockingIOError):
                rest += connection.read()
        return rest

    def _drop(self, connection: _Connection, client: socket.socket | None) -> None:
        if client is None:
            return
        with suppress(KeyError, ValueError):
            self._selector.unregister(client)
        with suppress(OSError):
            connection.close()
        if connection in self._connections:
            self._connections.remove(connection)
        self._clock.taken(len(connection.pending))

    def _account(self, connection: _Connection) -> None:
        """Note that the message which is being dealt with has been taken; before its reply leaves, so that nobody who
        has the reply sees the request still under way.
        """
        size, connection.unaccounted = connection.unaccounted, 0
        self._clock.taken(size)

    def _send(self, connection: _Connection, data: bytes) -> None:
        self._clock.sent(len(data))
        self._account(connection)
        self.counts[connection.owner][1] += len(data)
        self.counts[connection.owner][2] += 1
        with suppress(OSError):
            connection.write(data)

    # ------------------------------------------------------------------------------------------------ exchanges

    def _begin(self, connection: _Connection, exchange: Exchange, size: int) -> None:
        if self._clock.kind == "virtual":
            connection.unaccounted = size
            for seconds in exchange:
                self._clock.wait(seconds)
            self._account(connection)
            return
        connection.waiting.append((exchange, size))
        if not connection.busy:
            self._next(connection)

    def _next(self, connection: _Connection) -> None:
        connection.busy = bool(connection.waiting)
        if connection.waiting:
            self._go_on(connection, *connection.waiting.popleft(), self._clock.now())

    def _go_on(self, connection: _Connection, exchange: Exchange, size: int, now: float) -> None:
        try:
            seconds = next(exchange)
        except StopIteration:
            if connection.lines:
                self._next(connection)
            return
        heapq.heappush(self._timers, (now + seconds, next(self._order), connection, exchange, size))

    def _run_timers(self) -> None:
        now = self._clock.now()
        while self._timers and self._timers[0][0] <= now:
            due, _, connection, exchange, size = heapq.heappop(self._timers)
            self._go_on(connection, exchange, size, due)


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
