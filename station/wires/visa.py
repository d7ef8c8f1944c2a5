"""An instrument behind a VISA resource: one question, one line of reply, and never the reply to another question.

With pyvisa-py the waiting and the reading are ours. Its own reads spin on a closed connection, lose half a line and
measure time by a clock that can be set back, and its writes block for ever; so it is only asked to write where there
is room.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pyvisa
from pyvisa.constants import StatusCode
from pyvisa.resources import MessageBasedResource

from station.clock import Ledger, Scopes
from station.wires import sockets
from station.wires.errors import ConnectionLost, Fenced, Garbled, NoAnswer
from station.wires.gate import Gate

CONNECT_WITHIN = 2.0
"""Seconds for a connection to be made."""
SLICE = 0.02
"""Wall seconds after which a wait looks at the scopes again, so that a stop is heeded while an instrument is silent."""
AT_ONCE = 65_536
"""Bytes to take off the wire at a time."""
LONGEST_LINE = 4_000_000
"""Bytes of the longest reply that is taken: 50 000 readings of a 34465A with room to spare."""


class VisaWire:
    """A connection to one instrument.

    It opens itself at the first question, and again where it was reset, was closed by the other end, or holds bytes
    that nobody asked for.
    """

    def __init__(self, address: str, scopes: Scopes, manager: pyvisa.ResourceManager) -> None:
        """Nothing is opened yet; `address` is a VISA resource such as `TCPIP::dmm-1::5025::SOCKET`."""
        self.address = address
        self.gate = Gate(address, scopes)
        self._clock = scopes.clock
        self._manager = manager
        self._resource: MessageBasedResource | None = None
        self._socket: socket.socket | None = None
        self._ledger = Ledger()
        self._received = bytearray()

    def query(self, text: str, timeout: float = 2.0) -> str:
        """Send `text`, whose last line is a question, and return its reply without the line end.

        Raises NoAnswer after `timeout` seconds, ConnectionLost, Garbled, Fenced, and what the scopes raise; after any
        of them the connection is reset, so that a late reply cannot be taken for another.
        """
        if self._resource is None or self._stale():
            self.reopen()
        messages = [line.encode("ascii") + b"\n" for line in text.split("\n")]
        since = self._clock.now()
        with self._reset_on_error(), self.gate.talking():
            for message in messages:
                self._send(message, timeout)
            return self._line(timeout, since)

    def reopen(self) -> None:
        """Reset the connection and make a new one; raises ConnectionLost, Fenced, and what the scopes raise."""
        self.close()
        within = min(CONNECT_WITHIN, self.gate.left())
        resource = self._open(within)
        self._resource, self._socket = resource, _socket_of(resource)
        self.gate.opened(self._abort)
        with self._reset_on_error():
            self._check_connected(within)

    def close(self) -> None:
        """Reset the connection; the next question opens it again."""
        self.gate.reset()
        self._resource = self._socket = None
        self._ledger = Ledger()
        self._received.clear()

    def _open(self, within: float) -> MessageBasedResource:
        try:
            resource = self._manager.open_resource(self.address, open_timeout=max(1, round(within * 1000)))
        except Exception as error:  # pyvisa-py raises a bare Exception
            raise ConnectionLost(f"{self.address}: cannot be opened: {error}") from None
        if not isinstance(resource, MessageBasedResource):
            raise ConnectionLost(f"{self.address}: does not take messages")
        resource.read_termination = None
        return resource

    def _check_connected(self, within: float) -> None:
        """Where a port is refused, pyvisa-py has opened it all the same: ask the socket itself."""
        if self._socket is None:
            return
        error = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            raise OSError(error, "connection failed")
        self._socket.getpeername()
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.settimeout(within)
        self._ledger = self._clock.ledger(sockets.name(self._socket))

    def _abort(self) -> None:
        """Reset the connection; another VISA than pyvisa-py only knows a plain close."""
        resource, connection = self._resource, self._socket
        if connection is not None:
            sockets.abort(connection)
        if resource is not None:
            with suppress(pyvisa.errors.Error, OSError):
                resource.close()

    def _stale(self) -> bool:
        """Whether the other end has said something unasked or gone away since the last reply."""
        if self._socket is None:
            return False
        try:
            return sockets.readable(self._socket, 0.0)
        except (OSError, ValueError):
            return True

    def _send(self, message: bytes, timeout: float) -> None:
        """Wait for room outside the gate, then send without waiting, so that a fence never finds the gate held."""
        if not (self._room(0.0) or self._poll(self._room, timeout)):
            raise NoAnswer(f"{self.address}: takes no more bytes ({timeout:g} s)")
        assert self._resource is not None
        with self.gate.sending():
            self._ledger.sent += len(message)
            self._resource.write_raw(message)

    def _room(self, wait: float) -> bool:
        return self._socket is None or sockets.writable(self._socket, wait)

    def _line(self, timeout: float, since: float) -> str:
        if self._socket is None:
            return self._decoded(self._read_other_backend(timeout))
        self._received.clear()
        if not self._poll(self._arrived, timeout, since):
            kept = f"; only {bytes(self._received[:40])!r} came" if self._received else ""
            raise NoAnswer(f"{self.address}: no reply within {timeout:g} s{kept}")
        return self._decoded(bytes(self._received))

    def _arrived(self, wait: float) -> bool:
        """Take over what is there; true once the line is whole."""
        assert self._socket is not None
        if not sockets.readable(self._socket, wait):
            return False
        new = self._socket.recv(AT_ONCE)
        if not new:
            raise ConnectionLost(f"{self.address}: closed by the other end")
        self._ledger.taken += len(new)
        self._received += new
        if len(self._received) > LONGEST_LINE:
            raise Garbled(f"{self.address}: a reply without an end")
        return b"\n" in new

    def _read_other_backend(self, timeout: float) -> bytes:
        """An installed VISA waits by its own clock, which is bounded by ours before and after."""
        assert self._resource is not None
        self._poll(lambda _: True, 0.0)
        self._resource.timeout = max(1, round(min(timeout, self.gate.left()) * 1000))
        self._resource.read_termination = "\n"
        try:
            reply = self._resource.read_raw()
        except pyvisa.VisaIOError as error:
            if error.error_code == StatusCode.error_timeout:
                self.gate.left()
                raise NoAnswer(f"{self.address}: no reply within {timeout:g} s") from None
            raise
        return reply

    def _decoded(self, reply: bytes) -> str:
        try:
            line, end, extra = reply.decode("ascii").partition("\n")
        except UnicodeDecodeError:
            raise Garbled(f"{self.address}: {reply[:40]!r} is not ASCII") from None
        if extra or not end:
            raise Garbled(f"{self.address}: {reply[:40]!r} is not one line")
        return line.strip()

    def _poll(self, ready: Callable[[float], bool], timeout: float, since: float | None = None) -> bool:
        """Wait by the run's clock; raises what the scopes raise, also when the deadline is nearer than `timeout`."""

        def sliced(wait: float) -> bool:
            self.gate.left()
            return ready(min(wait, SLICE))

        since = self._clock.now() if since is None else since
        if self._clock.poll(sliced, self._ledger, self.gate.allowed(timeout, since), since):
            return True
        self.gate.left()
        return False

    @contextmanager
    def _reset_on_error(self) -> Iterator[None]:
        """Whatever ends an exchange before its reply is whole resets the connection; a fence explains any error."""
        try:
            yield
        except BaseException as error:
            self.close()
            if self.gate.fenced and isinstance(error, Exception):
                raise Fenced(f"{self.address}: fenced during an exchange") from None
            if isinstance(error, OSError | pyvisa.errors.Error):
                raise ConnectionLost(f"{self.address}: {error}") from None
            raise


def _socket_of(resource: MessageBasedResource) -> socket.socket | None:
    """The socket that pyvisa-py uses; None with another backend."""
    sessions = getattr(resource.visalib, "sessions", None)
    session = sessions.get(resource.session) if isinstance(sessions, dict) else None
    found = getattr(session, "interface", None)
    return found if isinstance(found, socket.socket) else None
