"""The twin's end of sockets and pseudo-terminals."""

from __future__ import annotations

import os
import socket
import sys
from contextlib import suppress


def listening(host: str = "127.0.0.1") -> socket.socket:
    """A socket on a free port at which clients are accepted."""
    listener = socket.create_server((host, 0))
    listener.setblocking(False)
    return listener


def accepted(listener: socket.socket) -> tuple[socket.socket, str] | None:
    """The next client, which waits for nobody, and what both ends call the connection: the end that made it, and this.

    None where the client has gone again before it was accepted.
    """
    try:
        client, peer = listener.accept()
    except OSError:
        return None
    try:
        client.setblocking(False)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        name = ">".join(f"{host}:{port}" for host, port, *_ in (peer, client.getsockname()))
    except OSError:
        client.close()
        return None
    return client, name


def address(listener: socket.socket) -> tuple[str, int]:
    """Host and port."""
    host, port = listener.getsockname()[:2]
    return str(host), int(port)


def pseudo_terminal() -> tuple[int, int, str]:
    """A serial line: master, slave, which must stay open, and the path of the port. Raises OSError on Windows."""
    if sys.platform == "win32":
        raise OSError("there are no pseudo-terminals on Windows")
    import tty

    master, slave = os.openpty()
    tty.setraw(slave)
    os.set_blocking(master, False)
    return master, slave, os.ttyname(slave)


def write_all(descriptor: int, data: bytes) -> None:
    """Write until nothing is left; raises OSError."""
    while data:
        data = data[os.write(descriptor, data) :]


def close(end: object) -> None:
    """Close a socket or a file descriptor, open or not."""
    with suppress(OSError):
        end.close() if isinstance(end, socket.socket) else os.close(end) if isinstance(end, int) else None
