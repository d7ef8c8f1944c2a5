"""Virtual time across two processes: one run holds the clock of a twin, the others do not disturb it."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from visa_wires import visa_wire

from station.clock import ClockRefused, HeldClock, Scopes, SteppedClock
from station.twin import hold
from station.twin.exchanges import Exchange
from station.twin.scpi import Dialect, Instrument
from station.twin.server import Server
from station.wires.errors import NoAnswer
from station.wires.serial import SerialWire
from station.wires.visa import VisaWire

RESPONSE = 0.25
"""Seconds that the instrument takes for a reply."""


@dataclass
class Device:
    """At the far end of a serial line: 1 s after each frame it says how many bytes that had; a short one it ignores."""

    frames: list[int] = field(default_factory=list)

    def exchange(self, data: bytes, send: Callable[[bytes], None]) -> Exchange:
        self.frames.append(len(data))
        yield 1.0
        if len(data) > 1:
            send(b"%04d" % len(data))


@dataclass
class Served:
    """A twin of one instrument and one serial line, whose clock is published."""

    clock: SteppedClock
    server: Server
    device: Device
    at: str
    moved: list[float]
    steps: list[str]

    def address(self, role: str) -> tuple[str, int]:
        _, host, port, _ = filter(None, self.server.addresses[role].split(":"))
        return host, int(port)

    def ask(self, question: bytes) -> bytes:
        """As a program that knows nothing of clocks."""
        with socket.create_connection(self.address("meter"), timeout=5) as connection:
            connection.sendall(question + b"\n")
            return connection.recv(100)


@contextmanager
def serving() -> Iterator[Served]:
    clock, moved, steps = SteppedClock(), list[float](), list[str]()
    server = Server(clock, moved.append, lambda: clock.now() + 1.0)
    clock.attach(moved.append, server)
    instrument = Instrument("Maker,Model,1,0", Dialect(), [])
    instrument.response_time = RESPONSE
    device = Device()
    server.add_instrument("meter", instrument)
    server.add_line("line", device)
    at = server.publish(steps.append)
    server.start()
    try:
        yield Served(clock, server, device, at, moved, steps)
    finally:
        server.stop()


@pytest.fixture
def served() -> Iterator[Served]:
    with serving() as twin:
        yield twin


@pytest.fixture
def held(served: Served) -> Iterator[HeldClock]:
    with HeldClock(served.at) as clock:
        yield clock


@pytest.fixture
def meter(served: Served, held: HeldClock) -> Iterator[VisaWire]:
    with visa_wire(served.server.addresses["meter"], held) as wire:
        yield wire


def test_the_holder_moves_the_time_of_the_twin(served: Served, held: HeldClock) -> None:
    assert (held.now(), served.clock.now()) == (0.0, 0.0)
    held.wait(0.1)
    held.wait(0.2)
    held.wait(-1.0)
    assert held.now() == served.clock.now() == 0.1 + 0.2
    assert served.moved == [0.1, 0.1 + 0.2]


def test_an_exchange_moves_time_by_what_it_takes_and_a_silence_by_its_time_out(
    held: HeldClock, meter: VisaWire
) -> None:
    assert meter.query("*IDN?") == "Maker,Model,1,0"
    assert held.now() == RESPONSE
    begun = time.monotonic()
    with pytest.raises(NoAnswer):
        meter.query("*CLS", timeout=60.0)
    assert held.now() == RESPONSE + 60.0
    assert time.monotonic() - begun < 5.0
    assert meter.query("*OPC?") == "1"
    assert held.now() == RESPONSE + 60.0 + RESPONSE


def test_a_serial_frame_is_dealt_with_when_all_of_it_has_arrived(served: Served, held: HeldClock) -> None:
    wire = SerialWire(served.server.addresses["line"], Scopes(held))
    for count in (2, 700, 3000):
        answer = wire.exchange(b"x" * count, lambda received: 4, first_byte=2.0, between=0.5)
        assert answer == b"%04d" % count
    with pytest.raises(NoAnswer):
        wire.exchange(b"x", lambda received: 4, first_byte=2.0, between=0.5)
    assert served.device.frames == [2, 700, 3000, 1]
    assert held.now() == pytest.approx(3 * 1.0 + 2.0 + wire.seconds(1))
    wire.reopen()
    assert wire.exchange(b"xy", lambda received: 4, first_byte=2.0, between=0.5) == b"0002"
    wire.close()


def test_the_twin_learns_of_the_steps_of_the_run(served: Served, held: HeldClock) -> None:
    held.step_began("discharge-trips/at-standard-current")
    assert served.steps == ["discharge-trips/at-standard-current"]


def test_only_one_run_holds_the_clock(served: Served, held: HeldClock) -> None:
    with pytest.raises(ClockRefused, match=r"is held by process \d+ on .*: wait for it"):
        HeldClock(served.at)
    held.close()
    until(lambda: served.clock.kind == "wall")
    with HeldClock(served.at) as next_one:
        before = next_one.now()
        next_one.wait(1.0)
        assert next_one.now() == before + 1.0


@pytest.mark.parametrize("at", ["127.0.0.1:1", "nonsense", "127.0.0.1:99999", ""])
def test_a_clock_that_is_not_there_is_refused_with_its_address(at: str) -> None:
    with pytest.raises(ClockRefused, match=f"the clock at {at} does not answer"):
        HeldClock(at)


def test_time_stands_at_its_beginning_until_somebody_speaks_who_holds_no_clock(served: Served) -> None:
    with socket.create_connection(served.address("meter"), timeout=5):
        time.sleep(0.05)
    assert (served.clock.kind, served.clock.now()) == ("virtual", 0.0)
    assert served.ask(b"*OPC?") == b"1\n"
    assert served.clock.kind == "wall"
    assert served.clock.now() >= RESPONSE


def test_who_else_speaks_is_answered_at_once_and_moves_no_time(
    served: Served, held: HeldClock, meter: VisaWire
) -> None:
    meter.query("*OPC?")
    begun = time.monotonic()
    assert served.ask(b"*OPC?") == b"1\n"
    assert time.monotonic() - begun < RESPONSE
    assert served.clock.now() == held.now() == RESPONSE
    meter.query("*OPC?")
    assert held.now() == 2 * RESPONSE


def test_when_the_holder_is_frozen_time_goes_on_for_the_others_until_it_speaks_again(
    served: Served, held: HeldClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hold, "ABOUT", 0.05)
    held.wait(10.0)
    time.sleep(0.1)
    assert served.ask(b"*OPC?") == b"1\n"
    kinds = [served.clock.kind]
    assert served.clock.now() >= 10.0 + RESPONSE
    held.wait(1.0)
    assert [*kinds, served.clock.kind] == ["wall", "virtual"]
    assert held.now() == served.clock.now() >= 11.0 + RESPONSE


def test_when_the_run_vanishes_the_twin_goes_on_as_on_the_wall_and_serves_anybody(
    served: Served, held: HeldClock, meter: VisaWire
) -> None:
    meter.query("*OPC?")
    held.wait(100.0)
    held.close()
    until(lambda: served.clock.kind == "wall")
    assert served.ask(b"*IDN?") == b"Maker,Model,1,0\n"
    assert 100.0 + 2 * RESPONSE <= served.clock.now() < 110.0


def test_what_is_under_way_when_somebody_takes_hold_is_answered_at_once(served: Served) -> None:
    with socket.create_connection(served.address("meter"), timeout=5) as other:
        other.sendall(b"*OPC?\n*OPC?\n")
        until(lambda: served.clock.kind == "wall")
        with HeldClock(served.at) as held:
            stands_at = held.now()
            answers = b""
            while len(answers) < 4:
                answers += other.recv(100)
            assert answers == b"1\n1\n"
            assert served.clock.now() == stands_at


def test_when_the_twin_vanishes_time_goes_on_for_the_run() -> None:
    with serving() as served:
        held = HeldClock(served.at)
        held.wait(7.0)
    held.wait(0.01)
    before = held.now()
    held.wait(0.01)
    assert held.lost
    assert 7.01 <= before < held.now() < 12.0
    held.close()


HOLDING = (b"until x y", b"wait nan", b"wait inf", b"wait", b"reset", b"")
NONSENSE = (b"wait 5\n", b"until x y\n", b"\xff\xfe\n", b"x" * 5000, *(b"hold me\n%s\n" % each for each in HOLDING))


@pytest.mark.parametrize("said", NONSENSE, ids=lambda said: repr(said[:20]))
def test_nonsense_on_the_clocks_socket_ends_that_connection_and_nothing_else(served: Served, said: bytes) -> None:
    host, _, port = served.at.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=5) as other:
        other.sendall(said)
        answer = b""
        while data := other.recv(4096):
            answer += data
    assert answer.endswith(b"\n") or not answer
    with HeldClock(served.at) as held:
        held.wait(1.0)
        assert served.server.alive


def until(condition: Callable[[], bool]) -> None:
    ends = time.monotonic() + 5.0
    while not condition():
        assert time.monotonic() < ends, "it never came"
        time.sleep(0.005)
