"""The few things that a wire does to a socket itself, on every operating system."""

from __future__ import annotations

import os
import select
import socket
import struct
from contextlib import suppress

_LINGER_NONE = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)


def abort(connection: socket.socket) -> None:
    """Close with a reset instead of a farewell: bytes that are still queued are thrown away and never arrive.

    Shutting the reading side down first wakes a thread that waits for this socket and would keep it open.
    """
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NONE)
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RD)
    connection.close()


def readable(connection: socket.socket, seconds: float) -> bool:
    """Whether bytes, or the end of the stream, are there within `seconds` of wall time."""
    return bool(select.select([connection], [], [], seconds)[0])


def writable(connection: socket.socket, seconds: float) -> bool:
    """Whether there is room to send within `seconds` of wall time."""
    return bool(select.select([], [connection], [], seconds)[1])


def name(connection: socket.socket) -> str:
    """What both ends call this connection: the end that made it, and the other; neither is unique on its own."""
    return ">".join(f"{host}:{port}" for host, port, *_ in (connection.getsockname(), connection.getpeername()))
