"""The ASCII side of the simulated BMS, character by character, with a whole BMS behind it."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twin.rig import Rig, protocol

from station.codecs import pace_values
from station.codecs.pace_ascii import Frame, Rtn, parse
from station.codecs.pace_commands import Commands, commands
from station.codecs.pace_values import ABOVE, BELOW, Capacity
from station.model.library import Library
from station.twin.ascii_board import AsciiBoard, Tail
from station.twin.pace_ascii import PaceAsciiServer

COMMANDS: Commands = commands(Library.default().open("protocol", "pace-ascii"), protocol())
READ_VERSION = b"~250146C10000FD9A\r"


class Line:
    """A client's end of the line: sends at the true baud rate, and waits."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.server = PaceAsciiServer(AsciiBoard(rig.bms, protocol(), COMMANDS), COMMANDS)
        self.now = 1.0

    def send(self, data: bytes) -> None:
        self.now += self.server.seconds(len(data))
        self.server.received(data, self.now)

    def ask(self, data: bytes) -> bytes | None:
        self.send(data)
        self.now += self.server.turnaround
        return self.server.reply(self.now)

    def command(self, name: str, info: bytes = b"", address: int = 1) -> Frame:
        return self.code(COMMANDS.commands[name], info, address)

    def code(self, code: int, info: bytes = b"", address: int = 1) -> Frame:
        answer = self.ask(Frame(address, code, info).wire())
        assert answer is not None
        return parse(answer)

    def told(self, name: str, info: bytes = b"") -> bytes:
        answer = self.command(name, info)
        assert answer.code == Rtn.OK, Rtn(answer.code)
        return answer.info


@pytest.fixture
def line() -> Line:
    return Line(Rig().started())


def test_a_question_is_answered_whatever_its_address_with_that_of_the_pack(line: Line) -> None:
    assert line.ask(READ_VERSION) == Frame(1, Rtn.OK, b"P15S100A-V1.4       ").wire()
    line.rig.bms.address = 3
    for address in (0, 1, 3, 15):
        assert line.command("version", address=address).address == 3


@pytest.mark.parametrize(("tail", "kind", "length"), [("none", 3, 0x76), ("soc", 2, 0x78), ("long", 9, 0x92)])
def test_the_analog_answer_has_the_lengths_of_real_boards(line: Line, tail: Tail, kind: int, length: int) -> None:
    line.server.board.tail = tail
    info = line.told("analog", b"\x01")
    assert 2 * len(info) == length
    (pack,) = pace_values.analog(info)
    assert (pack.kind, len(pack.cells), len(pack.temperatures)) == (kind, 15, 6)
    assert (pack.soc, pack.soh) == (line.rig.value("soc"), line.rig.value("soh"))
    assert 2 * len(line.told("alarms", b"\x01")) == 0x4A


def test_a_pack_alone_knows_itself_and_no_other(line: Line) -> None:
    for command, count in ((0, 0), (1, 1), (0xFF, 1)):
        assert line.told("analog", bytes((command,)))[:2] == bytes((0, count))
    assert line.command("analog", b"\x02") == Frame(1, Rtn.NO_DATA)
    assert line.told("pack_count") == b"\x01"


@pytest.mark.parametrize(
    ("request_", "rtn"),
    [
        (READ_VERSION.replace(b"FD9A", b"FD9B"), Rtn.CHECKSUM),
        (b"~25014642D00201FD31\r", Rtn.LENGTH_CHECKSUM),
        (b"~20024642E00202FD33\r", Rtn.VERSION),  # recorded: the other family
        (b"~2501\r", Rtn.FORMAT),
        (b"~250146c10000FD9A\r", Rtn.FORMAT),
        (Frame(1, 0x43, b"\x00\x00").wire(), Rtn.COMMAND),
        (Frame(1, 0x42).wire(), Rtn.FORMAT),
        (Frame(1, 0xC1, b"\x00").wire(), Rtn.FORMAT),
        (Frame(1, 0xC4, b"short").wire(), Rtn.FORMAT),
        (Frame(1, 0xC4, b"\x01" * 20).wire(), Rtn.INVALID),
        (Frame(1, 0x99, b"\x77").wire(), Rtn.INVALID),
        (Frame(1, 0x99).wire(), Rtn.FORMAT),
        (Frame(1, 0xB2, bytes(6)).wire(), Rtn.INVALID),
        (Frame(1, 0xA7, bytes.fromhex("2711 2710 2710")).wire(), Rtn.INVALID),
        (Frame(1, 0xD0, bytes.fromhex("010E100D00")).wire(), Rtn.INVALID),
    ],
)
def test_what_the_bms_does_not_take_gets_its_return_code_and_changes_nothing(
    line: Line, request_: bytes, rtn: Rtn
) -> None:
    before = dict(line.rig.bms.memory.words)
    assert line.ask(request_) == Frame(1, rtn).wire()
    assert line.rig.bms.memory.words == before


def test_it_is_silent_while_the_board_is(line: Line) -> None:
    line.rig.bms.silent = True
    assert line.ask(READ_VERSION) is None
    line.rig.bms.silent = False
    assert line.ask(READ_VERSION) is not None
    assert line.server.reply(line.now + 1) is None


def test_a_frame_may_come_in_pieces_however_far_apart(line: Line) -> None:
    for piece in (READ_VERSION[:1], READ_VERSION[1:9], READ_VERSION[9:-1]):
        assert line.ask(piece) is None
        line.now += 1.0
    assert line.ask(READ_VERSION[-1:]) is not None


PACK_COUNT = b"~250146900000FDA5\r"
COUNTED = Frame(1, Rtn.OK, b"\x01").wire()


@pytest.mark.parametrize("between", [b"", b"\n", b"\x00\xff", READ_VERSION[:12]])
@pytest.mark.parametrize("at_once", [True, False])
def test_every_whole_question_is_answered_though_nobody_waited_for_the_answer_before(
    line: Line, between: bytes, at_once: bool
) -> None:
    """A board that was asked again while it answered did so (fancyui/Gobel-Battery-HA-Addon, log of 2026-06-23)."""
    both = PACK_COUNT + between, READ_VERSION
    for piece in (b"".join(both),) if at_once else both:
        line.send(piece)
    assert line.server.reply(line.now + 0.05) == COUNTED + Frame(1, Rtn.OK, b"P15S100A-V1.4       ").wire()
    assert line.server.reply(line.now + 0.1) is None


def test_what_follows_the_command_to_go_to_sleep_is_not_answered(line: Line) -> None:
    line.send(Frame(1, 0x9C).wire() + PACK_COUNT)
    assert line.server.reply(line.now + 0.05) == Frame(1, Rtn.OK).wire()


def test_a_board_that_was_silent_does_not_answer_afterwards(line: Line) -> None:
    line.rig.bms.silent = True
    assert line.ask(READ_VERSION) is None
    line.rig.bms.silent = False
    assert line.ask(PACK_COUNT) == COUNTED


def test_a_line_without_end_is_forgotten_and_the_question_behind_it_answered(line: Line) -> None:
    assert line.ask(b"~" + b"0" * 9000) is None
    assert line.ask(b"0" * 9000 + b"\r") is None
    assert line.ask(PACK_COUNT) == COUNTED


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300))
def test_the_question_after_any_noise_is_answered(line: Line, noise: bytes) -> None:
    line.ask(noise)
    assert (line.ask(PACK_COUNT) or b"").endswith(COUNTED)
    line.send(noise)
    assert (line.ask(PACK_COUNT) or b"").endswith(COUNTED)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(sorted({*COMMANDS.commands.values()})), st.binary(max_size=60))
def test_every_command_with_any_information_gets_a_sound_answer(line: Line, code: int, info: bytes) -> None:
    assert line.code(code, info).code in (Rtn.OK, Rtn.FORMAT, Rtn.INVALID, Rtn.NO_DATA, Rtn.FAILED)
    line.rig.bms.power.enter("running", 0.0)
    line.rig.wait(0.2)


# --- one state behind both protocols ----------------------------------------------------------------------------------


def test_readings_are_those_of_the_registers(line: Line) -> None:
    line.rig.discharge(50.0)
    line.rig.wait(2.0)
    (pack,) = pace_values.analog(line.told("analog", b"\x01"))
    assert pack.cells == tuple(line.rig.value(f"cell_voltage_{cell}") for cell in range(1, 16))
    assert pack.temperatures[4:] == (line.rig.value("mosfet_temperature"), line.rig.value("ambient_temperature"))
    assert (pack.current, pack.voltage) == (line.rig.value("current"), line.rig.value("pack_voltage"))
    assert pack.current < -45.0


def test_flags_are_those_of_the_registers_and_each_value_shows_its_state(line: Line) -> None:
    line.rig.set(cell_overvoltage__alarm=3.3, cell_overvoltage__release=3.2, cell_overvoltage__trip=3.31)
    line.rig.set(discharge_undertemperature__alarm=28.0)
    line.rig.wait(3.0)
    (alarms,) = pace_values.alarms(line.told("alarms", b"\x01"))
    for name in ("warning", "protection", "balancing"):
        assert getattr(alarms, name) == line.rig.bms.read(protocol().by_name[name].address, 1)[0]
    assert alarms.protection & 1
    assert set(alarms.cells) == {ABOVE}
    assert alarms.temperatures == (BELOW,) * 4 + (0, 0)
    assert (alarms.charge_current, alarms.voltage, alarms.discharge_current) == (0, 0, 0)
    assert COMMANDS.names_of("instruction", alarms.instruction) == {"discharge_fet"}


def test_charging_and_discharging_have_words_of_their_own(line: Line) -> None:
    for word, amperes in (("pack_supplies", 20.0), ("ac_in", -10.0)):
        line.rig.discharge(max(amperes, 0.0))
        line.rig.charge(max(-amperes, 0.0))
        line.rig.wait(1.0)
        (alarms,) = pace_values.alarms(line.told("alarms", b"\x01"))
        assert COMMANDS.names_of("instruction", alarms.instruction) >= {word, "charge_fet", "discharge_fet"}


@pytest.mark.parametrize("name", sorted(COMMANDS.parameters))
def test_parameters_read_and_written_are_those_of_the_registers(line: Line, name: str) -> None:
    kind, registers, memory = COMMANDS.parameters[name], protocol().by_name, line.rig.bms.memory
    words = kind.decode(line.code(kind.read).info, registers)
    assert words == {each: memory.words[registers[each].address] for each in kind.names}
    first = kind.names[-1]
    changed = {**words, first: words[first] + 1}
    assert line.code(kind.write, kind.encode(changed, registers)) == Frame(1, Rtn.OK)
    assert kind.decode(line.code(kind.read).info, registers) == changed
    assert memory.words[registers[first].address] == words[first] + 1


def test_parameters_in_the_wrong_order_are_refused_as_on_the_other_side(line: Line) -> None:
    kind, registers = COMMANDS.parameters["cell_overvoltage"], protocol().by_name
    words = kind.decode(line.code(kind.read).info, registers)
    wrong = kind.encode({**words, "cell_overvoltage.trip": 3000}, registers)
    assert line.code(kind.write, wrong) == Frame(1, Rtn.INVALID)
    assert kind.decode(line.code(kind.read).info, registers) == words


def test_a_serial_number_written_here_is_read_there(line: Line) -> None:
    line.told("write_pack_sn", pace_values.text_information("BALI48-000777"))
    assert line.rig.bms.memory["pack_sn"] == "BALI48-000777"
    assert pace_values.texts(line.told("serial_numbers")) == ("PB00000001", "BALI48-000777")


# --- what only this side has ------------------------------------------------------------------------------------------


def test_the_limiter_obeys_and_the_control_state_says_so(line: Line) -> None:
    line.rig.discharge(0.0)
    line.rig.charge(60.0)
    line.rig.wait(1.0)
    limited = line.rig.value("current")
    answer = line.told("control", bytes((COMMANDS.control["limiter_off"],)))
    assert COMMANDS.names_of("control", answer[1]) == {"limiter_off"}
    assert not line.rig.bms.limiter.enabled
    line.rig.wait(1.0)
    assert limited < 22.0 < line.rig.value("current")
    answer = line.told("control", bytes((COMMANDS.control["limiter_on"],)))
    assert (answer[0], COMMANDS.names_of("control", answer[1])) == (COMMANDS.control["limiter_on"], frozenset())
    assert line.rig.bms.limiter.enabled


def test_the_clock_runs_and_can_be_set(line: Line) -> None:
    line.now = 61.0
    assert pace_values.clock(line.told("clock")) == datetime(2000, 1, 1, 0, 1, 1)
    line.told("write_clock", pace_values.clock_information(datetime(2026, 11, 23, 20, 30)))
    line.now += 3600.0
    assert pace_values.clock(line.told("clock")) == datetime(2026, 11, 23, 21, 30)


def test_capacities_can_be_written(line: Line) -> None:
    line.told("write_capacity", Capacity(50.0, 99.0, 100.0).encode())
    assert pace_values.capacity(line.told("capacity")) == Capacity(50.0, 99.0, 100.0)
    assert (line.rig.value("remaining_capacity"), line.rig.value("full_capacity")) == (50.0, 99.0)
