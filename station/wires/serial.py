"""A serial port, or its stand-in behind a socket: bytes out, bytes in, and every wait on the run's clock."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import serial

from station.clock import Clock, Ledger, Scopes
from station.wires import sockets
from station.wires.errors import ConnectionLost, Fenced, NoAnswer
from station.wires.gate import Gate


def _port_errors() -> tuple[type[Exception], ...]:
    """What a port may raise: OSError, and outside of Windows the error of its terminal, which is none."""
    if sys.platform == "win32":
        return (OSError,)
    import termios

    return (OSError, termios.error)


_PORT_ERRORS = _port_errors()
_OPEN_ERRORS: tuple[type[Exception], ...] = (ValueError, *_PORT_ERRORS)

BITS = 10
"""Bits of a character with start and stop bit (8N1)."""
SLICE = 0.02
"""Wall seconds that pyserial may block at a time, after which a wait looks at the scopes again."""
WRITE_WITHIN = 1.0
"""Seconds for the driver to take a frame over; a second line behind the deadlines."""
LOOPS = 4
"""Patterns that must all come back."""
PATTERN = bytes.fromhex("55 AA 00 FF 0F F0 33 CC") + b"loop\r"
"""What a loop-back sends: no Modbus request to any pack (the first byte would be address 85), no PACE ASCII frame."""


class SerialWire:
    """One serial line. It opens itself when it is first used, and again after it was reset."""

    def __init__(self, port: str, scopes: Scopes, baud: int = 9600) -> None:
        """Nothing is opened yet; `port` is `COM7`, `/dev/ttyUSB0` or `socket://host:port`; 8N1."""
        self.port = port
        self.gate = Gate(port, scopes)
        self.baud = baud
        self._clock: Clock = scopes.clock
        self._line: serial.Serial | None = None
        self._ledger = Ledger()

    def exchange(
        self,
        request: bytes,
        length_of: Callable[[bytes], int | None],
        first_byte: float,
        between: float,
    ) -> bytes:
        """Send a request and collect what comes back; raises NoAnswer when nothing does, and the errors of `transmit`.

        The first byte has `first_byte` seconds from the end of the request on. The answer ends when it has as many
        bytes as `length_of` says, or, while that cannot tell, with a silence of `between` seconds; it may be anything.
        """
        since = self._clock.now()
        with self.gate.talking():
            self.transmit(request)
            return self.collect(length_of, first_byte + self.seconds(len(request)), between, since)

    def transmit(self, request: bytes) -> None:
        """Send bytes; raises ConnectionLost, Fenced, and what the scopes raise."""
        with self._lost_on_error() as line, self.gate.sending():
            self._ledger.sent += len(request)
            if line.write(request) != len(request):
                raise OSError("the port did not take all bytes")

    def collect(
        self,
        length_of: Callable[[bytes], int | None],
        first_byte: float,
        between: float,
        since: float | None = None,
    ) -> bytes:
        """The second half of `exchange`, with the same time-outs; `since` is when the request began."""
        received = bytearray()
        timeout = first_byte
        while self._more(received, timeout, since):
            since = None
            length = length_of(bytes(received))
            if length is not None and len(received) >= length:
                break
            timeout = between
        if not received:
            raise NoAnswer(f"{self.port}: not one byte within {first_byte:.3g} s")
        return bytes(received)

    def drain(self) -> bytes:
        """Take what came unasked; lets no time pass, and in virtual time misses nothing that is still under way."""
        received = bytearray()
        while self._more(received, 0.0):
            pass
        return bytes(received)

    def seconds(self, count: int) -> float:
        """How long `count` characters last on the line."""
        return count * BITS / self.baud

    def reopen(self) -> None:
        """Reset the port and open it again; raises ConnectionLost, Fenced, and what the scopes raise."""
        self.close()
        self.gate.left()
        try:
            line = serial.serial_for_url(
                self.port, baudrate=self.baud, timeout=SLICE, write_timeout=WRITE_WITHIN, exclusive=True
            )
        except _OPEN_ERRORS as error:
            raise ConnectionLost(f"{self.port}: cannot be opened: {error}") from None
        self.gate.opened(lambda: _abort(line), lambda: _interrupt(line))
        self._line = line
        self._ledger = self._clock.ledger(_name(line, self.port))

    def close(self) -> None:
        """Reset the port; its next use opens it again."""
        self.gate.reset()
        self._line = None

    def _more(self, received: bytearray, timeout: float, since: float | None = None) -> bool:
        """Wait for further bytes; false after `timeout` seconds without any."""

        def arrived(wait: float) -> bool:
            self.gate.left()
            with self._lost_on_error() as line:
                new = self._take(line, wait=wait > 0)
            received.extend(new)
            return bool(new)

        since = self._clock.now() if since is None else since
        if self._clock.poll(arrived, self._ledger, self.gate.allowed(timeout, since), since):
            return True
        self.gate.left()
        return False

    def _take(self, line: serial.Serial, *, wait: bool) -> bytes:
        """Everything that is there; `wait` for the first byte at most one slice."""
        received = b""
        while line.in_waiting or (wait and not received):
            new = line.read(line.in_waiting or 1)
            if not new:
                break
            received += new
        self._ledger.taken += len(received)
        return received

    @contextmanager
    def _lost_on_error(self) -> Iterator[serial.Serial]:
        """The open line; an error of the port resets it, and a fence explains any error."""
        if self._line is None:
            self.reopen()
        assert self._line is not None
        try:
            yield self._line
        except Exception as error:
            if self.gate.fenced:
                raise Fenced(f"{self.port}: fenced during an exchange") from None
            if isinstance(error, _PORT_ERRORS):
                self.close()
                raise ConnectionLost(f"{self.port}: {error}") from None
            raise


def loop_back(wire: SerialWire, times: int = LOOPS, within: float = 0.2) -> bool:
    """Whether the station's own line returns what it sends, as with a loop-back plug or a listening transceiver.

    Asked several `times`, so that a noisy line is not taken for a good one; `within`: seconds for each.
    """
    wire.drain()
    try:
        return all(wire.exchange(PATTERN, lambda received: len(PATTERN), within, 0.05) == PATTERN for _ in range(times))
    except NoAnswer:
        return False


def _name(line: serial.Serial, port: str) -> str:
    """What both ends call this line: its port, or the socket that stands in for it."""
    connection = getattr(line, "_socket", None)
    return sockets.name(connection) if isinstance(connection, socket.socket) else os.path.realpath(port)


def _interrupt(line: serial.Serial) -> None:
    """Free a thread that reads or writes, where the port can do that."""
    for name in ("cancel_read", "cancel_write"):
        cancel = getattr(line, name, None)
        if cancel is not None:
            with suppress(*_PORT_ERRORS):
                cancel()


def _abort(line: serial.Serial) -> None:
    """Throw away what is queued and close."""
    connection = getattr(line, "_socket", None)
    if isinstance(connection, socket.socket):
        sockets.abort(connection)
        line.is_open = False
        return
    with suppress(*_PORT_ERRORS):
        line.reset_output_buffer()
    with suppress(*_PORT_ERRORS):
        line.close()
