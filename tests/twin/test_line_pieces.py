"""Bytes that a program writes in several goes, and requests that it does not wait for: a wire keeps their order."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twin.serial_bench import READ, SerialBench, framed

from station.codecs.pace_ascii import Frame, parse
from station.twin.exchanges import Connection, Timers

READ_VERSION = b"~250146C10000FD9A\r"
ANALOG = Frame(1, 0x42, b"\x01").wire()
PARAMETERS = framed("01 03 003C 0037")
MOMENT = 0.0005
"""Seconds between two writes of a program, in which no byte crosses a line of 9600 baud."""


@dataclass
class WallBench:
    """A line on which exchanges overlap as they do in wall time."""

    port: str = "rs485_a"
    bench: SerialBench = field(default_factory=SerialBench)
    timers: Timers = field(default_factory=Timers)
    heard: bytearray = field(default_factory=bytearray)

    def write(self, data: bytes, then: float) -> None:
        """Write, and go on `then` s later."""
        exchange = self.bench.serial.lines[self.port].exchange(data, self.heard.extend)
        nowhere = Connection(self.port, self.port, bytes, len, int, lambda _: exchange, lines=False)
        self.timers.begin(nowhere, exchange, self.bench.now)
        self.wait(then)

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        ends = self.bench.now + seconds
        while self.timers.due <= ends:
            self.bench.now = self.timers.due
            self.timers.go_on(self.bench.now)
        self.bench.now = ends

    def pieces(self, data: bytes, cuts: set[int], then: float = MOMENT) -> bytes:
        """What is heard to `data`, written in pieces."""
        self.wait(1.0)
        self.heard.clear()
        for begin, end in pairwise([0, *sorted(cuts), len(data)]):
            self.write(data[begin:end], then)
        self.wait(1.0)
        return bytes(self.heard)


def set_parameters() -> bytes:
    """A write of all parameters as they are, the longest frame that a program has a reason to send."""
    words = SerialBench().ask(PARAMETERS)[3:-2]
    return framed("01 10 003C 0037 6E" + words.hex())


@given(cuts=st.sets(st.integers(1, 100), max_size=5), then=st.floats(0.0, 0.01))
def test_a_frame_written_in_pieces_arrives_in_their_order(cuts: set[int], then: float) -> None:
    assert WallBench().pieces(set_parameters(), cuts, then) == framed("01 10 003C 0037")


@given(cuts=st.sets(st.integers(1, len(ANALOG) - 1), max_size=5), then=st.floats(0.0, 0.1))
def test_a_frame_of_the_other_protocol_does_too(cuts: set[int], then: float) -> None:
    assert len(parse(WallBench("rs232").pieces(ANALOG, cuts, then)).info) == 60


def test_an_answer_does_not_overtake_the_one_before_it() -> None:
    wall = WallBench("rs232")
    wall.write(ANALOG, 0.08)
    wall.write(READ_VERSION, 1.0)
    analog, version = bytes(wall.heard).split(b"\r")[:2]
    assert len(parse(analog + b"\r").info) == 60
    assert parse(version + b"\r").info == b"P15S100A-V1.4       "


@pytest.mark.parametrize("pause", [0.0, MOMENT])
def test_two_requests_without_a_silence_between_them_are_no_frame(pause: float) -> None:
    wall = WallBench()
    wall.write(READ, pause)
    wall.write(READ, 1.0)
    assert not wall.heard


def test_where_time_stands_still_every_request_is_answered_and_no_time_is_owed() -> None:
    """A program that looks on while a run holds the clock."""
    bench = SerialBench()
    for _ in range(50):
        for _ in bench.line.exchange(READ, bench.heard.extend):
            pass
    assert len(bench.heard) == 50 * 79
    began = bench.now
    assert len(bench.ask(READ)) == 79
    assert bench.now - began == pytest.approx(0.1 + bench.line.port.seconds(8 + 79) + bench.line.port.turnaround)
