"""The VISA wire against a real pyvisa-py and a small server: each trap that was measured has a test."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
import pyvisa

from station.clock import DeadlineExceeded, Ledger, Scopes, Stopped, Traffic, VirtualClock, WallClock
from station.wires.errors import ConnectionLost, Fenced, Garbled, NoAnswer, StuckGate
from station.wires.visa import VisaWire

Talk = Callable[[socket.socket, int], None]


class Server:
    """Serves one connection after the other in a thread; `talk(connection, number)` says what happens on each."""

    def __init__(self, talk: Talk) -> None:
        self.talk = talk
        self.accepted = 0
        self.lines: list[str] = []
        self.ended = threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.address = f"TCPIP::127.0.0.1::{self._listening.getsockname()[1]}::SOCKET"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self.accepted += 1
            with connection:
                try:
                    self.talk(connection, self.accepted)
                except ConnectionResetError:
                    self.ended.set()

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(2.0)


def lines(connection: socket.socket) -> Iterator[str]:
    """The lines that arrive, until the connection ends; a reset raises ConnectionResetError."""
    pending = b""
    while data := connection.recv(4096):
        pending += data
        while b"\n" in pending:
            line, _, pending = pending.partition(b"\n")
            yield line.decode()


@contextmanager
def serving(talk: Talk) -> Iterator[Server]:
    server = Server(talk)
    try:
        yield server
    finally:
        server.close()


@pytest.fixture(scope="module")
def manager() -> Iterator[pyvisa.ResourceManager]:
    found = pyvisa.ResourceManager("@py")
    yield found
    found.close()


@pytest.fixture
def scopes() -> Scopes:
    return Scopes(WallClock())


@contextmanager
def wire_to(server: Server, scopes: Scopes, manager: pyvisa.ResourceManager) -> Iterator[VisaWire]:
    wire = VisaWire(server.address, scopes, manager)
    try:
        yield wire
    finally:
        wire.close()


def echo(connection: socket.socket, number: int) -> None:
    for line in lines(connection):
        connection.sendall(f"{number}:{line}\n".encode())


def silent(connection: socket.socket, number: int) -> None:
    for _ in lines(connection):
        pass


def test_a_question_gets_its_reply(scopes: Scopes, manager: pyvisa.ResourceManager) -> None:
    with serving(echo) as server, wire_to(server, scopes, manager) as wire:
        assert wire.query("*IDN?") == "1:*IDN?"
        assert [wire.query(f"Q{i}?") for i in range(50)] == [f"1:Q{i}?" for i in range(50)]


def test_several_lines_go_out_and_the_last_one_is_answered(scopes: Scopes, manager: pyvisa.ResourceManager) -> None:
    heard: list[str] = []

    def talk(connection: socket.socket, _: int) -> None:
        for line in lines(connection):
            heard.append(line)
            if line.endswith("?"):
                connection.sendall(b'0,"No error"\r\n')

    with serving(talk) as server, wire_to(server, scopes, manager) as wire:
        assert wire.query("VOLT 5\nSYST:ERR?") == '0,"No error"'
    assert heard == ["VOLT 5", "SYST:ERR?"]


def test_a_refused_port_is_lost_at_once(scopes: Scopes, manager: pyvisa.ResourceManager) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    wire = VisaWire(f"TCPIP::127.0.0.1::{port}::SOCKET", scopes, manager)
    begun = time.monotonic()
    with pytest.raises(ConnectionLost, match=r"TCPIP::127\.0\.0\.1"):
        wire.query("*IDN?")
    assert time.monotonic() - begun < 1.0


def test_an_address_that_is_no_resource_is_lost_with_its_name(scopes: Scopes, manager: pyvisa.ResourceManager) -> None:
    with pytest.raises(ConnectionLost, match="nonsense"):
        VisaWire("nonsense", scopes, manager).query("*IDN?")


def test_a_peer_that_closes_is_noticed_at_once_and_costs_no_cpu(
    scopes: Scopes, manager: pyvisa.ResourceManager
) -> None:
    def talk(connection: socket.socket, _: int) -> None:
        next(lines(connection))

    with serving(talk) as server, wire_to(server, scopes, manager) as wire:
        begun, cpu = time.monotonic(), time.process_time()
        with pytest.raises(ConnectionLost, match="closed"):
            wire.query("MEAS?", timeout=10.0)
        assert time.monotonic() - begun < 1.0
        assert time.process_time() - cpu < 0.5


def test_a_reset_is_a_typed_error(scopes: Scopes, manager: pyvisa.ResourceManager) -> None:
    def talk(connection: socket.socket, _: int) -> None:
        next(lines(connection))
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    with serving(talk) as server, wire_to(server, scopes, manager) as wire, pytest.raises(ConnectionLost):
        wire.query("MEAS?")


def test_a_connection_that_was_closed_while_idle_is_opened_anew(
    scopes: Scopes, manager: pyvisa.ResourceManager
) -> None:
    def talk(connection: socket.socket, number: int) -> None:
        connection.sendall(f"{number}:{next(lines(connection))}\n".encode())

    with serving(talk) as server, wire_to(server, scopes, manager) as wire:
        assert wire.query("A?") == "1:A?"
        while not wire._stale():
            pass
        assert wire.query("B?") == "2:B?"


def test_a_late_reply_never_answers_the_next_question(scopes: Scopes, manager: pyvisa.ResourceManager) -> None:
    release = threading.Event()

    def talk(connection: socket.socket, number: int) -> None:
        for line in lines(connection):
            if number == 1:
                release.wait(2.0)
            connection.sendall(f"{line} answered\n".encode())

    with serving(talk) as server, wire_to(server, scopes, manager) as wire:
        with pytest.raises(NoAnswer, match=r"0\.05 s"):
            wire.query("VOLT?", timeout=0.05)
        release.set()
        assert wire.query("CURR?") == "CURR? answered"
        assert server.accepted == 2


def test_half_a_line_is_waited_for_and_kept_together(scopes: Scopes, manager: pyvisa.ResourceManager) -> None:
    def talk(connection: socket.socket, number: int) -> None:
        for _ in lines(connection):
            for part in (b"+5.1", b"2345E", b"+01\n"):
                connection.sendall(part)
                time.sleep(0.03)

    with serving(talk) as server, wire_to(server, scopes, manager) as wire:
        assert wire.query("READ?") == "+5.12345E+01"


def test_half_a_line_alone_is_no_answer_and_is_forgotten(scopes: Scopes, manager: pyvisa.ResourceManager) -> None:
    def talk(connection: socket.socket, number: int) -> None:
        for _ in lines(connection):
            connection.sendall(b"+5.12" if number == 1 else b"+6.5\n")

    with serving(talk) as server, wire_to(server, scopes, manager) as wire:
        with pytest.raises(NoAnswer, match=r"only b'\+5.12' came"):
            wire.query("READ?", timeout=0.1)
        assert wire.query("READ?") == "+6.5"


def test_waiting_for_the_rest_of_a_line_costs_no_cpu(scopes: Scopes, manager: pyvisa.ResourceManager) -> None:
    def talk(connection: socket.socket, number: int) -> None:
        for _ in lines(connection):
            connection.sendall(b"+5.12")

    with serving(talk) as server, wire_to(server, scopes, manager) as wire:
        cpu = time.process_time()
        with pytest.raises(NoAnswer):
            wire.query("READ?", timeout=0.5)
        assert time.process_time() - cpu < 0.25


def test_a_reply_longer_than_any_buffer_arrives_whole(scopes: Scopes, manager: pyvisa.ResourceManager) -> None:
    reply = ",".join(f"{i:+.8E}" for i in range(50_000))

    def talk(connection: socket.socket, number: int) -> None:
        for _ in lines(connection):
            connection.sendall(reply.encode() + b"\n")

    with serving(talk) as server, wire_to(server, scopes, manager) as wire:
        assert wire.query("FETC?", timeout=20.0) == reply


@pytest.mark.parametrize("reply", [b"1\n2\n", b"\xb5V\n", b"\n\n"])
def test_more_or_other_than_one_line_is_garbled_and_forgotten(
    reply: bytes, scopes: Scopes, manager: pyvisa.ResourceManager
) -> None:
    def talk(connection: socket.socket, number: int) -> None:
        for _ in lines(connection):
            connection.sendall(reply if number == 1 else b"3\n")

    with serving(talk) as server, wire_to(server, scopes, manager) as wire:
        with pytest.raises(Garbled):
            wire.query("READ?")
        assert wire.query("READ?") == "3"


def test_what_was_said_unasked_does_not_answer_the_next_question(
    scopes: Scopes, manager: pyvisa.ResourceManager
) -> None:
    def talk(connection: socket.socket, number: int) -> None:
        for line in lines(connection):
            connection.sendall(f"{number}:{line}\n".encode())
            if number == 1:
                unasked.wait(2.0)
                connection.sendall(b"hello\n")

    unasked = threading.Event()
    with serving(talk) as server, wire_to(server, scopes, manager) as wire:
        assert wire.query("A?") == "1:A?"
        unasked.set()
        while not wire._stale():
            pass
        assert wire.query("B?") == "2:B?"


def test_setting_the_wall_clock_back_changes_no_time_out(
    scopes: Scopes, manager: pyvisa.ResourceManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(silent) as server, wire_to(server, scopes, manager) as wire:
        wire.reopen()
        real, begun = time.time, time.monotonic()
        monkeypatch.setattr(time, "time", lambda: real() - 3600 * (time.monotonic() - begun > 0.1))
        with pytest.raises(NoAnswer):
            wire.query("READ?", timeout=0.3)
        assert 0.25 < time.monotonic() - begun < 1.0


def test_a_peer_that_takes_no_bytes_ends_in_no_answer(scopes: Scopes, manager: pyvisa.ResourceManager) -> None:
    release = threading.Event()

    def talk(connection: socket.socket, _: int) -> None:
        release.wait(5.0)

    with serving(talk) as server, wire_to(server, scopes, manager) as wire:
        flood = "\n".join(["X" * 4000] * 4000) + "\nREAD?"
        begun = time.monotonic()
        with pytest.raises(NoAnswer, match="takes no more bytes"):
            wire.query(flood, timeout=0.3)
        assert time.monotonic() - begun < 3.0
        release.set()


def test_no_call_outlives_the_deadline_of_its_scope_by_50_ms_of_wall_time(
    scopes: Scopes, manager: pyvisa.ResourceManager
) -> None:
    late = list[float]()
    with serving(silent) as server, wire_to(server, scopes, manager) as wire:
        for _ in range(5):
            begun = time.monotonic()
            with scopes.enter("window", 0.1), pytest.raises(DeadlineExceeded, match="window"):
                wire.query("READ?", timeout=5.0)
            late.append(time.monotonic() - begun - 0.1)
    assert min(late) >= 0
    assert min(late) < 0.05, "the best of five: a machine that tests many things at once keeps anybody waiting"


def test_a_stop_ends_a_wait_and_lets_nothing_more_out(scopes: Scopes, manager: pyvisa.ResourceManager) -> None:
    heard: list[str] = []

    def talk(connection: socket.socket, _: int) -> None:
        for line in lines(connection):
            heard.append(line)
            scopes.stop("operator")

    with serving(talk) as server, wire_to(server, scopes, manager) as wire:
        begun = time.monotonic()
        with pytest.raises(Stopped, match="operator"):
            wire.query("READ?", timeout=5.0)
        assert time.monotonic() - begun < 1.0
        with pytest.raises(Stopped):
            wire.query("OUTP ON\n*OPC?")
        assert heard == ["READ?"]


def test_after_a_stop_a_shielded_scope_can_still_make_safe(scopes: Scopes, manager: pyvisa.ResourceManager) -> None:
    with serving(echo) as server, wire_to(server, scopes, manager) as wire:
        wire.query("A?")
        scopes.stop("E-stop")
        with scopes.enter("safe state", 1.0, shielded=True):
            assert wire.query("OUTP?").endswith("OUTP?")


class Counted:
    """A far end that deals with everything at once and says only `said`."""

    def __init__(self, said: bytes = b"") -> None:
        self.said = said
        self.traffic = Traffic(0, 0)
        self.dealt_with = threading.Event()

    def talk(self, connection: socket.socket, _: int) -> None:
        for line in lines(connection):
            connection.sendall(self.said)
            self.traffic = Traffic(self.traffic.taken + len(line) + 1, self.traffic.sent + len(self.said))
            self.dealt_with.set()

    def join(self, connection: str) -> Traffic:
        return self.traffic

    def settle(self, ledger: Ledger) -> Traffic:
        assert self.dealt_with.wait(2.0)
        return self.traffic


@pytest.mark.parametrize(("said", "timeout"), [(b"", 60.0), (b"+5.", 5.0)], ids=["silence", "half-a-line"])
def test_a_virtual_time_out_lasts_exactly_as_long_as_it_says(
    said: bytes, timeout: float, manager: pyvisa.ResourceManager
) -> None:
    clock, far = VirtualClock(), Counted(said)
    clock.attach(lambda time: None, far)
    with serving(far.talk) as server, wire_to(server, Scopes(clock), manager) as wire:
        begun = time.monotonic()
        with pytest.raises(NoAnswer):
            wire.query("READ?", timeout=timeout)
        assert clock.now() == timeout
        assert time.monotonic() - begun < 0.9


@pytest.mark.parametrize(("fence", "arrives"), [(True, False), (False, True)])
def test_bytes_still_queued_arrive_after_a_plain_close_and_never_after_a_fence(
    fence: bool, arrives: bool, scopes: Scopes, manager: pyvisa.ResourceManager
) -> None:
    heard: list[str] = []
    closed, read = threading.Event(), threading.Event()

    def talk(connection: socket.socket, _: int) -> None:
        closed.wait(5.0)
        with suppress(ConnectionResetError):
            heard.extend(lines(connection))
        read.set()

    with serving(talk) as server:
        wire = VisaWire(server.address, scopes, manager)
        wire.reopen()
        for _ in range(300):
            wire._send(b"X" * 1000 + b"\n", 1.0)
        wire._send(b"OUTP ON\n", 1.0)
        if fence:
            wire.gate.fence()
        else:
            assert wire._socket is not None
            wire._socket.close()
        closed.set()
        assert read.wait(2.0)
        wire.close()
    assert ("OUTP ON" in heard) is arrives


def test_a_fenced_wire_neither_asks_nor_opens(scopes: Scopes, manager: pyvisa.ResourceManager) -> None:
    with serving(echo) as server:
        wire = VisaWire(server.address, scopes, manager)
        wire.query("A?")
        wire.gate.fence()
        with pytest.raises(Fenced):
            wire.query("OUTP ON\nSYST:ERR?")
        with pytest.raises(Fenced):
            wire.reopen()
        assert server.accepted == 1


def test_a_fence_frees_a_reader_and_resets_at_once(scopes: Scopes, manager: pyvisa.ResourceManager) -> None:
    with serving(silent) as server:
        wire = VisaWire(server.address, scopes, manager)
        wire.reopen()
        outcome: list[BaseException] = []

        def read() -> None:
            try:
                wire.query("READ?", timeout=10.0)
            except Exception as error:
                outcome.append(error)

        reader = threading.Thread(target=read)
        reader.start()
        time.sleep(0.05)
        begun = time.monotonic()
        wire.gate.fence()
        assert time.monotonic() - begun < 0.05
        assert server.ended.wait(1.0)
        reader.join(1.0)
        assert isinstance(outcome[0], Fenced)


def test_nothing_leaves_after_a_fence_however_often_it_races(manager: pyvisa.ResourceManager) -> None:
    heard: list[str] = []

    def talk(connection: socket.socket, _: int) -> None:
        for line in lines(connection):
            heard.append(line)
            connection.sendall(b"1\n")

    with serving(talk) as server:
        for _ in range(50):
            wire = VisaWire(server.address, Scopes(WallClock()), manager)
            wire.query("FIRST?")
            stopped = threading.Event()

            def chatter(wire: VisaWire = wire, stopped: threading.Event = stopped) -> None:
                with suppress(Fenced):
                    while True:
                        wire.query("MEAS?")
                stopped.set()

            thread = threading.Thread(target=chatter)
            thread.start()
            wire.gate.fence()
            count = len(heard)
            assert stopped.wait(2.0)
            thread.join()
            assert len(heard) <= count + 1  # what had arrived before the reset


def test_a_gate_that_is_held_is_reported_as_stuck(scopes: Scopes, manager: pyvisa.ResourceManager) -> None:
    wire = VisaWire("TCPIP::127.0.0.1::9::SOCKET", scopes, manager)
    holding, release = threading.Event(), threading.Event()

    def hold() -> None:
        with wire.gate.sending():
            holding.set()
            release.wait(2.0)

    holder = threading.Thread(target=hold)
    holder.start()
    assert holding.wait(1.0)
    with pytest.raises(StuckGate, match="50 ms"):
        wire.gate.fence()
    release.set()
    holder.join()
