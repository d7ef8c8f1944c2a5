"""The Modbus side of the simulated BMS, byte by byte; frames marked `recorded` were checked with other programs."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymodbus.framer import FramerRTU
from twin.rig import Rig, protocol

from station.twin.bms import Refused
from station.twin.pace_modbus import PaceServer

CHARACTER = 10 / 9600


class Board:
    """Registers that echo their address, as far as address 200."""

    def __init__(self) -> None:
        self.address = 1
        self.answers = True
        self.written: dict[int, int] = {}

    def read(self, address: int, count: int) -> list[int]:
        if address + count > 200:
            raise Refused(2, "beyond")
        return [self.written.get(at, at) for at in range(address, address + count)]

    def write(self, address: int, words: Sequence[int]) -> None:
        if address < 60:
            raise Refused(3, "read-only")
        self.written.update(enumerate(words, address))


class Line:
    """A client's end of the line: sends at the true baud rate, and waits."""

    def __init__(self, board: Board | None = None) -> None:
        self.board = board or Board()
        self.server = PaceServer(self.board, protocol())
        self.now = 1.0

    def send(self, data: bytes, pause: float = 0.1) -> None:
        self.now += pause + self.server.seconds(len(data))
        self.server.received(data, self.now)

    def ask(self, data: bytes, pause: float = 0.1) -> bytes | None:
        self.send(data, pause)
        self.now += self.server.turnaround
        return self.server.reply(self.now)


@pytest.fixture
def line() -> Line:
    return Line()


def framed(text: str) -> bytes:
    body = bytes.fromhex(text)
    return body + FramerRTU.compute_CRC(body).to_bytes(2, "big")


READ = framed("01 03 0000 0002")
ANSWER = framed("01 03 04 0000 0001")


def test_a_read_is_answered_in_words(line: Line) -> None:
    assert line.ask(READ) == ANSWER


def test_a_write_is_done_and_echoed(line: Line) -> None:
    assert line.ask(bytes.fromhex("01 10 00 41 00 01 02 0E 42 2D 10")) == bytes.fromhex(
        "01 10 00 41 00 01 51 DD"
    )  # recorded
    assert line.board.written == {65: 3650}


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        ("01 06 0041 0E42", "01 86 01"),  # recorded: no single writes
        ("01 04 0000 0002", "01 84 01"),
        ("01 05 0000 FF00", "01 85 01"),
        ("01 2B 0E 01 00", "01 AB 01"),
        ("01 41 00", "01 C1 01"),
        ("01 03 0000 0000", "01 83 03"),  # no registers
        ("01 03 0000 007E", "01 83 03"),  # 126 registers
        ("01 03 0000 FFFF", "01 83 03"),
        ("01 03 00C7 0002", "01 83 02"),  # recorded: beyond the map
        ("01 03 0000 0002 00", "01 83 03"),  # a byte too many
        ("01 10 0000 0001 02 0001", "01 90 03"),  # read-only
        ("01 10 0041 0000 00", "01 90 03"),
        ("01 10 0041 0002 02 0001", "01 90 03"),  # byte count against register count
        ("01 10 0041 0001 04 0001", "01 90 03"),  # byte count against frame
        ("01 10 0041 007C F6" + " 0001" * 123, "01 90 03"),  # 124 registers
        ("01 10 0041", "01 90 03"),
    ],
)
def test_what_the_bms_does_not_do_gets_its_exception(line: Line, request_: str, answer: str) -> None:
    assert line.ask(framed(request_)) == framed(answer)
    assert line.board.written == {}


def test_an_exception_is_the_recorded_one(line: Line) -> None:
    assert line.ask(framed("01 03 00FF 0001")) == bytes.fromhex("01 83 02 C0 F1")


@pytest.mark.parametrize("address", [0, 2, 16, 247, 255])
def test_other_addresses_and_broadcasts_are_left_alone(line: Line, address: int) -> None:
    assert line.ask(framed(f"{address:02X} 03 0000 0002")) is None
    assert line.ask(framed(f"{address:02X} 10 0041 0001 02 0001")) is None
    assert line.board.written == {}


def test_it_answers_under_the_address_of_its_switch(line: Line) -> None:
    line.board.address = 3
    assert line.ask(READ) is None
    assert line.ask(framed("03 03 0000 0001")) == framed("03 03 02 0000")


NOISE = {
    "torn frame": READ[:5],
    "frame without its first byte": READ[1:],
    "wrong checksum": READ[:-1] + b"\x00",
    "poll of another pack": b"~250246900000FDA4\r",
    "one byte": b"\x01",
    "start of a long write": bytes.fromhex("01 10 00 3C 00 37 6E 00"),
    "unknown function": framed("01 65 00 00"),
    "answer of another pack": framed("02 03 04 0000 0001"),
    "exception of another pack": framed("01 83 02"),
    "a kilobyte": bytes(range(256)) * 4,
}


@pytest.mark.parametrize("noise", NOISE.values(), ids=NOISE.keys())
@pytest.mark.parametrize("asked_between", [True, False])
def test_the_request_after_any_noise_is_answered(line: Line, noise: bytes, asked_between: bool) -> None:
    if asked_between:
        line.ask(noise)
    else:
        line.send(noise)
    assert line.ask(READ) == ANSWER


@given(st.binary(max_size=300))
def test_no_bytes_break_the_server(noise: bytes) -> None:
    line = Line()
    line.ask(noise)
    assert line.ask(READ) == ANSWER


def test_random_damage_never_passes_for_a_frame(line: Line) -> None:
    rng = random.Random(1)
    request = framed("01 10 0041 0001 02 0E42")
    for _ in range(500):
        damaged = bytearray(request)
        damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
        assert line.ask(bytes(damaged)) is None
    assert line.board.written == {}


def test_a_frame_ends_with_three_and_a_half_characters_of_silence(line: Line) -> None:
    line.send(READ)
    assert line.server.reply(line.now + 3.4 * CHARACTER) is None
    assert line.server.reply(line.now + 3.6 * CHARACTER) == ANSWER
    assert line.server.reply(line.now + 1) is None


def test_a_frame_may_come_in_pieces_without_a_pause(line: Line) -> None:
    line.send(READ[:3])
    line.send(READ[3:], pause=CHARACTER)
    assert line.server.reply(line.now + 0.03) == ANSWER


def test_a_pause_within_a_frame_spoils_it(line: Line) -> None:
    line.send(READ[:3])
    line.send(READ[3:], pause=5 * CHARACTER)
    assert line.server.reply(line.now + 0.03) is None
    assert line.ask(READ) == ANSWER


def test_noise_right_before_a_request_spoils_it(line: Line) -> None:
    line.send(b"\xff\x00")
    line.send(READ, pause=0.0)
    assert line.server.reply(line.now + 0.03) is None


def test_frames_last_as_long_as_at_9600_baud(line: Line) -> None:
    assert line.server.seconds(79) == pytest.approx(0.0823, abs=1e-4)
    assert line.server.turnaround == 0.030


def test_a_silent_board_says_nothing(line: Line) -> None:
    line.board.answers = False
    assert line.ask(READ) is None
    line.board.answers = True
    assert line.ask(READ) == ANSWER


# --- what boards do differently, and where a computer stands between --------------------------------------------------


def test_the_address_in_an_answer_can_be_another_one(line: Line) -> None:
    line.server.address_error = 1
    assert line.ask(READ) == framed("02 03 04 0000 0001")
    assert line.ask(framed("01 06 0041 0E42")) == framed("02 86 01")


def test_reserved_registers_are_read_as_zero_or_refused_except_those_that_boards_read_across(line: Line) -> None:
    assert line.ask(framed("01 03 0024 0002")) == framed("01 03 04 0024 0025")
    line.server.habits.reserved = "refused"
    for block in ("0024 0002", "0025 0001", "0072 0002", "00B3 0002"):
        assert line.ask(framed(f"01 03 {block}")) == framed("01 83 02")
    for block in ("0007 0002", "000C 0003"):
        assert framed(f"01 03 {block}")[:2] == (line.ask(framed(f"01 03 {block}")) or b"")[:2]


def test_a_broadcast_is_obeyed_by_boards_that_do_so_and_never_answered(line: Line) -> None:
    line.server.habits.broadcast = "obeyed"
    assert line.ask(framed("00 10 0041 0001 02 0E42")) is None
    assert line.board.written == {65: 3650}
    assert line.ask(framed("00 03 0000 0002")) is None


def test_a_port_that_was_set_to_another_map_has_none_of_these_registers(line: Line) -> None:
    line.server.habits.other_map = True
    assert line.ask(bytes.fromhex("01 03 00 00 00 08 44 0C")) == bytes.fromhex("01 83 02 C0 F1")  # recorded, both
    assert line.ask(framed("01 10 0041 0001 02 0E42")) == framed("01 90 02")
    assert line.board.written == {}


@pytest.fixture
def patient() -> Line:
    line = Line()
    line.server = PaceServer(line.board, protocol(), patience=0.05)
    return line


@given(cuts=st.sets(st.integers(1, len(READ) - 1)), pause=st.floats(0.0, 0.049))
def test_a_patient_port_puts_the_pieces_of_a_frame_together(cuts: set[int], pause: float) -> None:
    line = Line()
    line.server = PaceServer(line.board, protocol(), patience=0.05)
    at = [0, *sorted(cuts), len(READ)]
    for begin, end in pairwise(at):
        line.send(READ[begin:end], pause=pause if begin else 0.1)
    assert line.server.reply(line.now + 0.03) == ANSWER


@pytest.mark.parametrize("noise", [READ[:5], READ[1:], b"\xff", b"~250246900000FDA4\r", framed("02 03 0000 0002")])
@pytest.mark.parametrize("pause", [0.004, 0.02, 0.06])
def test_a_patient_port_still_hears_the_request_right_behind_noise(patient: Line, noise: bytes, pause: float) -> None:
    for _ in range(20):
        patient.send(noise, pause)
    assert patient.ask(READ, pause) == ANSWER


def test_a_patient_port_forgets_a_piece_that_nothing_follows(patient: Line) -> None:
    patient.send(READ[:3])
    patient.send(READ[3:], pause=0.06)
    assert patient.server.reply(patient.now + 0.03) is None


# --- with a whole BMS behind it ---------------------------------------------------------------------------------------


def test_a_running_pack_answers_all_its_blocks() -> None:
    rig = Rig()
    line = Line()
    line.server.registers = rig.bms
    assert line.ask(READ) is None
    rig.started()
    for address, count in ((0, 37), (9, 4), (60, 55), (150, 10), (160, 10), (170, 10), (0, 119)):
        reply = line.ask(framed(f"01 03 {address:04X} {count:04X}"))
        assert reply is not None
        assert reply[:3] == bytes((1, 3, 2 * count))
        assert len(reply) == 5 + 2 * count
    assert line.ask(framed("01 03 00B4 0001")) == framed("01 83 02")


def test_a_write_that_breaks_the_order_is_refused_over_the_line() -> None:
    rig = Rig().started()
    line = Line()
    line.server.registers = rig.bms
    assert line.ask(framed("01 10 0041 0001 02 0D00")) == framed("01 90 03")
    assert rig.bms.memory["cell_overvoltage.trip"] == 3.7
    assert line.ask(framed("01 10 0040 0003 06 0CF8 0CF8 0CC6")) == framed("01 10 0040 0003")
    assert rig.bms.memory["cell_overvoltage.trip"] == 3.32
