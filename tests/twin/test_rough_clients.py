"""What clients do to a socket that no manual tells of: pieces, floods, junk, half a goodbye. Nobody else notices."""

from __future__ import annotations

import itertools
import random
import socket
import struct
from collections.abc import Iterator
from contextlib import closing

import pytest
from instrument_makers import multimeter

from station.clock import WallClock
from station.twin.server import Server

PATIENCE = 5.0
IDENTITY = b"Keysight Technologies,34465A,"


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Where a multimeter answers, alone on a server."""
    meter = multimeter()
    server = Server(WallClock(), meter.tick, lambda: meter.next_due)
    server.add_instrument("meter", meter)
    server.start()
    yield int(server.addresses["meter"].split("::")[2])
    server.stop()


@pytest.fixture
def client(port: int) -> Iterator[socket.socket]:
    """A client that finds nothing in the error queue."""
    with closing(connected(port)) as end:
        end.sendall(b"*CLS\n")
        yield end


def connected(port: int) -> socket.socket:
    """One more client."""
    return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)


def lines(end: socket.socket, count: int) -> list[bytes]:
    """The next replies, without their ends."""
    said = b""
    while said.count(b"\n") < count:
        more = end.recv(65_536)
        assert more, f"closed after {said!r}"
        said += more
    return said.splitlines()


def asked(end: socket.socket, message: bytes) -> bytes:
    """What it answers."""
    end.sendall(message + b"\n")
    (said,) = lines(end, 1)
    return said


@pytest.mark.parametrize("length", [20_000, 70_000, 200_000])
def test_a_line_that_is_too_long_is_refused_whole_however_it_arrives(client: socket.socket, length: int) -> None:
    for _ in range(length // 10_000):
        client.sendall(b"*ESE 60;\t " * 1000)
    client.sendall(b";*SRE 48\n")
    assert asked(client, b"SYST:ERR?") == b'-363,"Input buffer overrun"'
    assert asked(client, b"SYST:ERR?;*ESE?;*SRE?") == b'+0,"No error";+0;+0'


def test_a_message_comes_in_any_pieces_and_several_in_one(client: socket.socket) -> None:
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for piece in (b"*I", b"DN", b"?", b"\r", b"\n*OPC?\r\n*ES", b"R?\n"):
        client.sendall(piece)
    identity, *rest = lines(client, 3)
    assert identity.startswith(IDENTITY)
    assert rest == [b"1", b"+0"]


def test_who_says_goodbye_after_asking_is_answered(port: int) -> None:
    with closing(connected(port)) as end:
        end.sendall(b"*IDN?\n")
        end.shutdown(socket.SHUT_WR)
        assert lines(end, 1)[0].startswith(IDENTITY)
        assert end.recv(1) == b""


def test_a_message_without_an_end_is_none(port: int, client: socket.socket) -> None:
    with closing(connected(port)) as end:
        end.sendall(b"*ESE 60")
        end.shutdown(socket.SHUT_WR)
        assert end.recv(1) == b""
    assert asked(client, b"*ESE?") == b"+0"


def test_junk_is_an_error_and_not_the_end(client: socket.socket) -> None:
    client.sendall(random.Random(1).randbytes(5_000) + b"\n")
    assert asked(client, b"*IDN?").startswith(IDENTITY)
    assert asked(client, b"SYST:ERR?").startswith(b"-1")


def test_clients_that_come_and_go_leave_the_instrument_to_those_that_stay(port: int, client: socket.socket) -> None:
    for _ in range(50):
        with closing(connected(port)) as end:
            end.sendall(b"*IDN?\nREAD?\n")
    with closing(connected(port)):
        assert asked(client, b"*OPC?") == b"1"


def test_forty_clients_at_once_are_each_told_their_own(port: int) -> None:
    ends = [connected(port) for _ in range(40)]
    for end, question in zip(ends, itertools.cycle((b"TRIG:SOUR?", b"*OPC?", b"SYST:VERS?")), strict=False):
        end.sendall((question + b"\n") * 3)
    for end, reply in zip(ends, itertools.cycle((b"IMM", b"1", b"1994.0")), strict=False):
        assert lines(end, 3) == [reply] * 3
        end.close()


def test_bytes_that_look_like_an_end_arrive_as_they_are(client: socket.socket) -> None:
    client.sendall(b"*RST;:FORM REAL;:SAMP:COUN 500;:VOLT:NPLC MIN;:READ?\n")
    said = b""
    while len(said) < 6 + 8 * 500 + 1:
        said += client.recv(65_536)
    assert said[:6] == b"#44000"
    assert {round(volts, 1) for (volts,) in struct.iter_unpack(">d", said[6:-1])} == {51.2}
    client.sendall(b"*RST\n")
