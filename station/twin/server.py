"""The twin on the wires: every socket and serial line of the simulated bench.

In virtual time an exchange moves the clock by what it would take on a real bench (bits at the true baud rate,
turnaround, the instrument's own time) and is over before the next byte is looked at; whoever waits in this process
serves the wires meanwhile, without a thread. In wall time a thread serves, and the same exchange waits in a queue of
timers.
"""

from __future__ import annotations

import math
import os
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import Protocol

from station.clock import Clock, Ledger, SteppedClock, Traffic, VirtualClock
from station.twin import ends
from station.twin.cables import Cable
from station.twin.exchanges import Connection, Exchange, IdleClients, Timers, finish, glance
from station.twin.hold import Hold
from station.twin.loop import Loop
from station.twin.scpi import Instrument

LONGEST_LINE = 65_536
"""Bytes without a line end that are kept; what goes on behind them is thrown away, and no instrument takes as many."""
LOOK_EVERY = 0.05
"""Wall seconds between two steps of the world when nothing is due and nobody asks anything."""
PATIENCE = 0.02
"""Wall seconds to wait at a time for bytes that are under way."""
SETTLE_AT_MOST = 20.0
"""Wall seconds after which bytes that were sent and never arrived are waited for no more."""
KNOWN_WITHIN = 1.0
"""Wall seconds in which a connection that was made must be seen here, if it leads here."""


class SerialDevice(Protocol):
    """What is at the other end of a serial line."""

    def exchange(self, data: bytes, send: Callable[[bytes], None]) -> Exchange:
        """Deal with bytes that arrived; `send` answers."""
        ...


class Server:
    """Serves instruments on TCP and devices on serial lines until it is stopped."""

    def __init__(self, clock: Clock, advance: Callable[[float], None], due: Callable[[], float], seed: int = 1) -> None:
        """`advance(t)` brings the world to the time `t`, and `due()` says when something happens there next; in virtual
        time nobody but the clock moves it. `seed` is that of every chance on the wires.
        """
        self._clock = clock
        self._advance, self._due = advance, due
        self._seed = seed
        self._loop = Loop()
        self._timers = Timers()
        self._idle = IdleClients()
        self._named: dict[str, Connection] = {}
        self._hold: Hold | None = None
        self._followed = -math.inf
        self._keep_open: list[int] = []
        self.addresses: dict[str, str] = {}
        """Where each role answers: a VISA resource, or a serial port."""
        self.counts: dict[str, list[int]] = {}
        """Bytes received and sent, and messages answered, by role."""
        self.cables: dict[str, Cable] = {}
        """The network cable of each instrument."""

    # ------------------------------------------------------------------------------------------------ what is served

    def add_instrument(self, role: str, instrument: Instrument, host: str = "127.0.0.1") -> None:
        """Serve an instrument on a free TCP port."""
        listener = ends.listening(host)
        self.addresses[role] = "TCPIP::{}::{}::SOCKET".format(*ends.address(listener))
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
        master, slave, port = ends.pseudo_terminal()
        self._keep_open.append(slave)
        self.addresses[role] = port
        connection = self._serial(
            role, port, device,
            lambda: os.read(master, 4096), lambda data: ends.write_all(master, data), lambda: os.close(master),
        )  # fmt: skip
        self._loop.watch(master, lambda: self._receive(connection))

    def _add_socket_line(self, role: str, device: SerialDevice) -> None:
        listener = ends.listening()
        self.addresses[role] = "socket://{}:{}".format(*ends.address(listener))

        def accept() -> None:
            found = ends.accepted(listener)
            if found is None:
                return
            client, name = found
            connection = self._serial(
                role, name, device, lambda: client.recv(4096), client.sendall, lambda: self.forsake(client)
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
    ) -> Connection:
        connection = Connection(
            role, name, read, write, close,
            lambda data: device.exchange(data, lambda reply: self._send(connection, reply)),
            lines=False,
        )  # fmt: skip
        self._named[name] = connection
        return connection

    def _accept_client(self, role: str, listener: socket.socket, instrument: Instrument) -> None:
        found = ends.accepted(listener)
        if found is None:
            return
        client, name = found
        connection = Connection(
            role, name, lambda: client.recv(65_536), client.sendall, lambda: self.forsake(client),
            lambda line: self._ask(connection, instrument, line),
            lines=True,
        )  # fmt: skip
        self._named = {name: each for name, each in self._named.items() if not each.gone}
        self._named[connection.name] = connection
        self.watch(client, lambda: self._receive(connection))
        self._listen(connection, instrument)
        if self.cables[role].cut:
            self._drop(connection)

    def _ask(self, connection: Connection, instrument: Instrument, line: bytes) -> Exchange:
        """One SCPI message: the instrument's own time, then its reply."""
        cable = self.cables[connection.role]
        self._listen(connection, instrument)
        if cable.silent:
            return
        connection.glance = glance(line)
        yield instrument.response_time
        reply = yield from instrument.run(line)
        if reply is not None:
            if cable.delay > 0:
                yield cable.delay
            self._send(connection, cable.spoilt(reply.encode("latin-1", "replace") + b"\n"))

    def _listen(self, connection: Connection, instrument: Instrument) -> None:
        """A client is there; some instruments close its connection where they do not hear of it for too long."""
        self._idle.heard(connection, self._clock.now(), float(getattr(instrument, "idle_timeout", math.inf)))

    # ------------------------------------------------------------------------------------------------ life

    def start(self) -> None:
        """Begin to serve: in a thread of its own, unless the clock is one that has the wires served by who waits."""
        if not isinstance(self._clock, VirtualClock):
            self._loop.start(self._patience, self._catch_up, self._answer)

    @property
    def alive(self) -> bool:
        """Whether it still serves; `stop` raises what it died of."""
        return self._loop.alive

    def stop(self) -> None:
        """Close everything; raises what the thread died of, if it did."""
        try:
            self._loop.stop()
        finally:
            for end in self._keep_open:
                ends.close(end)
            self._keep_open.clear()

    def _patience(self) -> float | None:
        """Wall seconds for which nothing is due; None: nothing ever is unless somebody speaks."""
        if self._clock.kind == "virtual":
            return PATIENCE if self._hold is not None and self._hold.waits else None
        due = min(self._due(), self._timers.due)
        return min(LOOK_EVERY, max(0.0, due - self._clock.now()))

    def _catch_up(self) -> None:
        """In wall time: bring the world to the present, and go on with every exchange that is due."""
        if self._clock.kind == "wall":
            now = self._clock.now()
            self._advance(now)
            self._timers.go_on(now)

    def _answer(self) -> None:
        """A question of the clock's holder may have come to something by now."""
        if self._hold is not None:
            self._hold.answer()

    def watch(self, end: socket.socket, arrived: Callable[[], object]) -> None:
        """Call `arrived` when there is something to read, or somebody to accept."""
        self._loop.watch(end, arrived)

    def forsake(self, end: socket.socket) -> None:
        """Watch no more, and close."""
        self._loop.forsake(end)

    # ------------------------------------------------------------------------------------------------ virtual time

    @property
    def next_due(self) -> float:
        """When the next idle connection is closed, in seconds of the clock; infinity: none is."""
        return self._idle.next_due

    def tick(self, now: float) -> None:
        """Close the connections that have been idle for too long at `now`, in seconds of the clock."""
        if now >= self._idle.next_due - 1e-9:
            for connection in self._idle.overdue(now):
                self._drop(connection)

    def join(self, connection: str) -> Traffic | None:
        """Let the exchanges of a connection move time, and say what has passed on it; None if nobody knows it."""
        if not self._loop.threaded:
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
            self._loop.turn(0.0)
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
        for connection in [each for each in self._named.values() if each.joined]:
            connection.joined = False
            if connection.pending and not connection.lines:
                self._hear(connection)

    def hurry(self) -> None:
        """Finish what is under way at once, without letting time pass for it."""
        self._timers.hurry()

    def _turn_until(self, done: Callable[[], bool], seconds: float) -> None:
        given_up = time.monotonic() + seconds
        while not done() and time.monotonic() < given_up:
            self._loop.turn(PATIENCE)

    # ------------------------------------------------------------------------------------------------ clients

    def _receive(self, connection: Connection) -> None:
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

    def _read_lines(self, connection: Connection) -> None:
        *lines, rest = bytes(connection.pending).split(b"\n")
        connection.pending[:] = rest[:LONGEST_LINE]
        for line in lines:
            self._begin(connection, connection.begin(line.rstrip(b"\r")))
        connection.taken += sum(map(len, lines)) + len(lines) + len(rest) - len(connection.pending)

    def _hear(self, connection: Connection) -> None:
        """Bytes of a serial line: in virtual time all that the station sent, else as they come."""
        if connection.joined and self._clock.kind == "virtual" and not connection.whole:
            return
        data = bytes(connection.pending)
        connection.pending.clear()
        self._begin(connection, connection.begin(data))
        connection.taken += len(data)

    def _drop(self, connection: Connection) -> None:
        """End a connection; a pseudo-terminal stays."""
        if connection.name in self.addresses.values():
            return
        connection.gone = True
        self._timers.forget(connection, self._clock.now())
        self._idle.heard(connection, 0.0, math.inf)
        connection.close()

    def _send(self, connection: Connection, data: bytes) -> None:
        connection.sent += len(data)
        self.counts[connection.role][1] += len(data)
        self.counts[connection.role][2] += 1
        with suppress(OSError):
            connection.write(data)

    # ------------------------------------------------------------------------------------------------ exchanges

    def _begin(self, connection: Connection, exchange: Exchange) -> None:
        if self._hold is not None and not connection.joined:
            self._hold.overheard()
        if self._clock.kind == "wall":
            self._timers.begin(connection, exchange, self._clock.now())
        elif self._hold is None or connection.joined:
            for seconds in exchange:
                self._clock.wait(seconds)
                self._follow(self._clock.now(), connection)
        else:
            finish(exchange)

    def _follow(self, now: float, connection: Connection) -> None:
        """Bring the world to the present, unless it was there a moment ago and an instrument is only asked again."""
        if now >= self._due() or now - self._followed > connection.glance:
            self._advance(now)
            self._followed = now
        if connection.glance == 0:
            self._followed = -math.inf
