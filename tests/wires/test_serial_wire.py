"""The serial wire on a pseudo-terminal and over `socket://`."""

from __future__ import annotations

import os
import select
import socket
import threading
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from station.clock import DeadlineExceeded, Ledger, Scopes, Stopped, Traffic, VirtualClock, WallClock
from station.wires.errors import ConnectionLost, Fenced, NoAnswer
from station.wires.serial import LOOPS, PATTERN, SerialWire, loop_back

Reply = Callable[[bytes], list[bytes]]


class Far:
    """The far end of a line: answers each chunk it hears with the parts that `reply` gives, 20 ms apart."""

    def __init__(self, near: str, fd: int, reply: Reply, clock: VirtualClock | None = None) -> None:
        self.near, self.reply = near, reply
        self.heard = b""
        self._fd = fd
        self._said = self._dealt_with = 0
        self._quiet = threading.Condition()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        if clock is not None:
            clock.attach(lambda time: None, self)
        self._thread.start()

    def join(self, connection: str) -> Traffic:
        return Traffic(self._dealt_with, self._said)

    def settle(self, ledger: Ledger) -> Traffic:
        with self._quiet:
            assert self._quiet.wait_for(lambda: self._dealt_with >= ledger.sent, 2.0)
        return Traffic(self._dealt_with, self._said)

    def _run(self) -> None:
        while not self._stop.is_set():
            if not select.select([self._fd], [], [], 0.01)[0]:
                continue
            try:
                data = os.read(self._fd, 4096)
            except OSError:
                continue
            self.heard += data
            for number, part in enumerate(self.reply(data) if data else []):
                if number:
                    time.sleep(0.02)
                self.say(part)
            with self._quiet:
                self._dealt_with += len(data)
                self._quiet.notify_all()

    def say(self, data: bytes) -> None:
        self._said += len(data)
        os.write(self._fd, data)

    def close(self) -> None:
        self._stop.set()
        self._thread.join(1.0)


@contextmanager
def pty_line(reply: Reply, clock: VirtualClock | None = None) -> Iterator[Far]:
    master, slave = os.openpty()
    tty.setraw(slave)
    far = Far(os.ttyname(slave), master, reply, clock)
    try:
        yield far
    finally:
        far.close()
        os.close(master)
        os.close(slave)


@contextmanager
def socket_line(reply: Reply, clock: VirtualClock | None = None) -> Iterator[Far]:
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    near = socket.socket()
    accepted: list[Far] = []

    def accept() -> None:
        connection, _ = listening.accept()
        accepted.append(Far("", connection.detach(), reply, clock))

    threading.Thread(target=accept, daemon=True).start()
    outer = Far(f"socket://127.0.0.1:{port}", near.fileno(), lambda _: [])
    outer.close()
    try:
        yield outer
    finally:
        for far in accepted:
            far.close()
            os.close(far._fd)
        near.close()
        listening.close()


@pytest.fixture
def scopes() -> Scopes:
    return Scopes(WallClock())


@contextmanager
def wire_to(far: Far, scopes: Scopes) -> Iterator[SerialWire]:
    wire = SerialWire(far.near, scopes)
    try:
        yield wire
    finally:
        wire.close()


def until_quiet(received: bytes) -> int | None:
    return None


@pytest.mark.parametrize("line", [pty_line, socket_line])
def test_an_answer_is_collected_until_it_is_long_enough(
    line: Callable[[Reply], AbstractContextManager[Far]], scopes: Scopes
) -> None:
    with line(lambda data: [data.upper()[:2], data.upper()[2:]]) as far, wire_to(far, scopes) as wire:
        begun = time.monotonic()
        assert wire.exchange(b"abcdef", lambda received: 6, first_byte=1.0, between=5.0) == b"ABCDEF"
        assert wire.exchange(b"second", lambda received: 6, first_byte=1.0, between=5.0) == b"SECOND"
        assert time.monotonic() - begun < 2.0


def test_all_bytes_survive_the_line(scopes: Scopes) -> None:
    every = bytes(range(256))
    with pty_line(lambda data: [data]) as far, wire_to(far, scopes) as wire:
        assert wire.exchange(every, lambda received: 256, 1.0, 0.2) == every


def test_an_answer_of_unknown_length_ends_with_silence(scopes: Scopes) -> None:
    with pty_line(lambda data: [b"one", b"two"]) as far, wire_to(far, scopes) as wire:
        assert wire.exchange(b"?", until_quiet, first_byte=1.0, between=0.15) == b"onetwo"


def test_silence_is_no_answer_after_the_first_byte_time_and_the_request_itself() -> None:
    clock = VirtualClock()
    with pty_line(lambda data: [], clock) as far, wire_to(far, Scopes(clock)) as wire:
        with pytest.raises(NoAnswer, match="not one byte"):
            wire.exchange(b"12345678", until_quiet, first_byte=0.2, between=0.05)
        assert clock.now() == pytest.approx(0.2 + 80 / 9600, abs=1e-9)


def test_the_silence_after_a_part_costs_exactly_its_virtual_time() -> None:
    clock = VirtualClock()
    with pty_line(lambda data: [b"half"], clock) as far, wire_to(far, Scopes(clock)) as wire:
        assert wire.exchange(b"?", until_quiet, first_byte=0.2, between=0.05) == b"half"
        assert clock.now() == pytest.approx(0.05)


def test_drain_takes_what_came_unasked_and_lets_no_time_pass() -> None:
    clock = VirtualClock()
    with pty_line(lambda data: [], clock) as far, wire_to(far, Scopes(clock)) as wire:
        for _ in range(200):
            assert wire.drain() == b""
            far.say(b"~250246900000FDA4\r")
            assert wire.drain() == b"~250246900000FDA4\r"
        assert clock.now() == 0.0


def test_drain_in_wall_time_does_not_wait(scopes: Scopes) -> None:
    with pty_line(lambda data: []) as far, wire_to(far, scopes) as wire:
        wire.reopen()
        begun = time.monotonic()
        for _ in range(100):
            assert wire.drain() == b""
        assert time.monotonic() - begun < 0.1


def test_a_port_that_does_not_exist_is_lost_with_its_name(scopes: Scopes) -> None:
    for port in ("/dev/no-such-port", "socket://127.0.0.1:1", "socket://nonsense"):
        with pytest.raises(ConnectionLost, match=port):
            SerialWire(port, scopes).drain()


def test_a_line_that_goes_away_is_lost_at_once(scopes: Scopes) -> None:
    master, slave = os.openpty()
    wire = SerialWire(os.ttyname(slave), scopes)
    wire.reopen()
    os.close(slave)
    os.close(master)
    begun = time.monotonic()
    with pytest.raises(ConnectionLost):
        wire.exchange(b"?", until_quiet, first_byte=5.0, between=1.0)
    assert time.monotonic() - begun < 1.0


def test_a_second_program_cannot_open_the_same_port(scopes: Scopes) -> None:
    with pty_line(lambda data: []) as far, wire_to(far, scopes) as wire:
        wire.reopen()
        with pytest.raises(ConnectionLost, match="lock"):
            SerialWire(far.near, scopes).reopen()


def test_no_exchange_outlives_its_scope_or_a_stop(scopes: Scopes) -> None:
    with pty_line(lambda data: []) as far, wire_to(far, scopes) as wire:
        with scopes.enter("probe", 0.1), pytest.raises(DeadlineExceeded, match="probe"):
            wire.exchange(b"?", until_quiet, first_byte=5.0, between=1.0)
        threading.Timer(0.05, scopes.stop, ["operator"]).start()
        begun = time.monotonic()
        with pytest.raises(Stopped, match="operator"):
            wire.exchange(b"?", until_quiet, first_byte=5.0, between=1.0)
        assert time.monotonic() - begun < 1.0
        with pytest.raises(Stopped):
            wire.transmit(b"!")
        assert b"!" not in far.heard


@pytest.mark.parametrize("line", [pty_line, socket_line])
def test_a_fence_frees_a_reader_and_lets_nothing_more_out(
    line: Callable[[Reply], AbstractContextManager[Far]], scopes: Scopes
) -> None:
    with line(lambda data: []) as far:
        wire = SerialWire(far.near, scopes)
        wire.reopen()
        outcome: list[BaseException] = []

        def read() -> None:
            try:
                wire.exchange(b"?", until_quiet, first_byte=10.0, between=1.0)
            except Exception as error:
                outcome.append(error)

        reader = threading.Thread(target=read)
        reader.start()
        time.sleep(0.05)
        begun = time.monotonic()
        wire.gate.fence()
        assert time.monotonic() - begun < 0.1
        reader.join(1.0)
        assert isinstance(outcome[0], Fenced)
        with pytest.raises(Fenced):
            wire.transmit(b"!")


def test_a_fence_frees_a_writer_that_is_blocked(scopes: Scopes) -> None:
    master, slave = os.openpty()
    tty.setraw(slave)
    wire = SerialWire(os.ttyname(slave), scopes)
    wire.reopen()
    outcome: list[BaseException] = []

    def write() -> None:
        try:
            wire.transmit(b"x" * 1_000_000)  # nobody reads: the line is full after a few kilobytes
        except Exception as error:
            outcome.append(error)

    writer = threading.Thread(target=write)
    writer.start()
    time.sleep(0.05)
    begun = time.monotonic()
    wire.gate.fence()
    assert time.monotonic() - begun < 0.1
    writer.join(1.0)
    assert isinstance(outcome[0], Fenced)
    os.close(master)
    os.close(slave)


def test_the_loop_back_tells_a_good_line_from_a_dead_or_damaged_one(scopes: Scopes) -> None:
    for reply, good in ((lambda data: [data], True), (lambda data: [], False), (lambda data: [data[:-1]], False)):
        with pty_line(reply) as far, wire_to(far, scopes) as wire:
            assert loop_back(wire) is good
            assert far.heard == PATTERN * (LOOPS if good else 1)
