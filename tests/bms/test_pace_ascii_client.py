"""The RS232 client against a small pack in the test: exact frames, damaged lines, commands in doubt."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from station.bms.errors import BmsError, DamagedAnswer, NotStored, PackRefused, PackSilent, WrongAnswer
from station.bms.exchanges import AROUND
from station.bms.pace_ascii import PaceAscii
from station.clock import VirtualClock
from station.codecs import pace_values
from station.codecs.pace_ascii import Frame, Rtn, parse
from station.codecs.pace_commands import Commands, commands
from station.codecs.pace_values import Alarms, Analog, Capacity
from station.model.library import Library
from station.model.protocol import read_protocol
from station.wires.errors import NoAnswer

LIBRARY = Library.default()
REGISTERS = read_protocol(LIBRARY.find("protocol", "pace-modbus"))
COMMANDS: Commands = commands(LIBRARY.open("protocol", "pace-ascii"), REGISTERS)
POLL = b"~250246900000FDA4\r"
ANALOG = Analog((3.336,) * 15, (25.0, 25.1, 24.9, 25.2, 28.0, None), -20.5, 50.04, 87.5, 2, 100.0, 3, 100.0, b"\x58")
ALARMS = Alarms((0,) * 15, (0,) * 6, 0, 0, 0, 0x0101, 0x46, 0x10, 0x04, 0x4000, 0x8001)
Mangle = Callable[[bytes], bytes]


def as_it_is(answer: bytes) -> bytes:
    return answer


class Pack:
    """A wire with a pack at its far end: an answer for each command, and a list of things to do to the next ones."""

    def __init__(self, clock: VirtualClock) -> None:
        self.address = 1
        self.sent: list[bytes] = []
        self.sent_at: list[float] = []
        self.unasked = b""
        self.mangle: list[Mangle] = []
        self.answers: dict[int, bytes] = {
            0x42: pace_values.answer(1, [ANALOG]),
            0x44: pace_values.answer(1, [ALARMS]),
            0xC1: b"P15S100A-V1.4".ljust(20),
            0xC2: b"PB00000001".ljust(20) + b"BALI48-000001".ljust(20),
            0xA6: Capacity(87.5, 100.0, 100.0).encode(),
            0x90: b"\x01",
            0x99: b"",
            0xB2: b"",
        }
        self.date: datetime | None = None
        self.set_at = 0.0
        self._clock = clock

    def exchange(
        self, request: bytes, length_of: Callable[[bytes], int | None], first_byte: float, between: float
    ) -> bytes:
        assert (first_byte, between) == (2.0, 0.2)
        self.sent.append(request)
        self.sent_at.append(self._clock.now())
        answer = (self.mangle.pop(0) if self.mangle else as_it_is)(self._answer(parse(request)))
        self._clock.wait(0.05 + len(answer) / 960)
        if not answer:
            self._clock.wait(first_byte)
            raise NoAnswer("test")
        assert length_of(answer) in (None, len(answer))
        return answer

    def drain(self) -> bytes:
        unasked, self.unasked = self.unasked, b""
        return unasked

    def reopen(self) -> None:
        """Nothing to do; the port of this test is always there."""

    @property
    def asked(self) -> list[str]:
        return [frame[7:9].decode() for frame in self.sent]

    def _answer(self, request: Frame) -> bytes:
        if request.code == 0xB2:
            self.date, self.set_at = pace_values.clock(request.info), self._clock.now()
        if request.code == 0xB1 and self.date is not None:
            running = timedelta(seconds=self._clock.now() - self.set_at)
            return Frame(self.address, Rtn.OK, pace_values.clock_information(self.date + running)).wire()
        if request.code not in self.answers:
            return Frame(self.address, Rtn.COMMAND).wire()
        return Frame(self.address, Rtn.OK, self.answers[request.code]).wire()


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def pack(clock: VirtualClock) -> Pack:
    return Pack(clock)


@pytest.fixture
def client(pack: Pack, clock: VirtualClock) -> PaceAscii:
    return PaceAscii(pack, COMMANDS, REGISTERS, 1, clock, cells=15)


def silent(answer: bytes) -> bytes:
    return b""


def test_the_readings_are_two_frames(pack: Pack, client: PaceAscii) -> None:
    readings = client.readings()
    assert pack.sent == [b"~25014642E00201FD30\r", b"~25014644E00201FD2E\r"]
    assert (readings.current, readings.pack_voltage, readings.soc, readings.soh) == (-20.5, 50.04, 88.0, 100.0)
    assert readings.cell_voltages == (3.336,) * 15
    assert readings.cell_temperatures == (25.0, 25.1, 24.9, 25.2)
    assert readings.mosfet_temperature == 28.0
    assert math.isnan(readings.ambient_temperature)
    assert readings.warning == {"cell_overvoltage", "soc_low"}
    assert readings.protection == {"cell_overvoltage", "charge_overtemperature"}
    assert readings.status == {"sensor_fault", "charge_fet", "discharge_fet", "shutdown"}
    assert readings.balancing == {"cell_15"}


def test_a_pack_with_another_number_of_cells_can_still_say_so(pack: Pack, client: PaceAscii) -> None:
    pack.answers[0x42] = pace_values.answer(1, [replace(ANALOG, cells=(3.336,) * 16)])
    assert len(client.analog().cells) == 16
    with pytest.raises(WrongAnswer, match="16 cells and 6 temperatures instead of 15 and 6"):
        client.readings()


def test_texts_go_by_the_names_of_the_registers(pack: Pack, client: PaceAscii) -> None:
    assert client.text("version") == "P15S100A-V1.4"
    assert client.text("model_sn") == "PB00000001"
    assert client.text("pack_sn") == "BALI48-000001"
    assert client.serial_numbers() == ("PB00000001", "BALI48-000001")
    pack.answers[0xC2] = b"PB00000001".ljust(20)
    assert client.text("pack_sn") == ""
    assert client.serial_numbers() == ("PB00000001", "")
    with pytest.raises(ValueError, match="no text serial; there are version, model_sn, pack_sn"):
        client.text("serial")


def test_capacity_count_and_group_are_asked_in_one_frame_each(pack: Pack, client: PaceAscii) -> None:
    assert client.capacity() == Capacity(87.5, 100.0, 100.0)
    assert client.pack_count() == 1
    pack.answers[0x42] = pace_values.answer(0xFF, [ANALOG, replace(ANALOG, current=1.0)])
    assert [each.current for each in client.packs()] == [-20.5, 1.0]
    assert pack.sent[-1] == b"~25014642E002FFFD05\r"


def test_parameters_come_in_station_units(pack: Pack, client: PaceAscii) -> None:
    pack.answers[0xD1] = bytes.fromhex("010E100E740D340A")
    assert client.parameters("cell_overvoltage") == {
        "cell_overvoltage.alarm": 3.6,
        "cell_overvoltage.trip": 3.7,
        "cell_overvoltage.release": 3.38,
        "cell_overvoltage.delay": 1.0,
    }


@pytest.mark.parametrize(
    ("mangle", "count"),
    [
        (silent, "silent"),
        (lambda answer: answer[:-3], "damaged"),
        (lambda answer: answer[:20] + b"\x55" + answer[21:], "damaged"),
        (lambda answer: Frame(1, Rtn.CHECKSUM).wire(), "damaged"),
        (lambda answer: Frame(1, Rtn.LENGTH_CHECKSUM).wire(), "damaged"),
        (lambda answer: POLL, "foreign"),
        (lambda answer: Frame(1, Rtn.OK, b"\x01").wire(), "foreign"),
        (lambda answer: Frame(77, Rtn.OK, pace_values.answer(1, [ANALOG])).wire(), "foreign"),
        (
            lambda answer: Frame(1, Rtn.OK, pace_values.answer(1, [replace(ANALOG, cells=(0.0,) * 15)])).wire(),
            "foreign",
        ),
        (
            lambda answer: Frame(1, Rtn.OK, pace_values.answer(1, [replace(ANALOG, cells=(3.3,) * 16)])).wire(),
            "foreign",
        ),
    ],
)
def test_one_bad_answer_is_counted_and_the_question_repeated(
    mangle: Mangle, count: str, pack: Pack, client: PaceAscii
) -> None:
    pack.mangle = [mangle]
    assert client.readings().cell_voltages == ANALOG.cells
    assert (client.statistics.exchanges, client.statistics.repeated) == (3, 1)
    assert getattr(client.statistics, count) == 1


@pytest.mark.parametrize(
    ("mangle", "error", "reason"),
    [
        (silent, PackSilent, r"analog \(42H\) of pack 1: no answer"),
        (lambda answer: answer[:-3], DamagedAnswer, "a frame without its end"),
        (lambda answer: Frame(1, Rtn.OK).wire(), WrongAnswer, "0 bytes hold no pack"),
        (lambda answer: Frame(1, Rtn.OK, answer[:9]).wire(), WrongAnswer, "ends within the cell voltages"),
    ],
)
def test_three_bad_answers_are_an_error_that_says_why(
    mangle: Mangle, error: type[BmsError], reason: str, pack: Pack, client: PaceAscii
) -> None:
    pack.mangle = [mangle] * 5
    with pytest.raises(error, match=reason):
        client.readings()
    assert len(pack.sent) == 3


def test_a_pack_that_said_anything_at_all_is_not_called_silent(pack: Pack, client: PaceAscii) -> None:
    pack.mangle = [silent, lambda answer: answer[:-3], silent]
    with pytest.raises(DamagedAnswer):
        client.analog()


def refused(answer: bytes) -> bytes:
    return Frame(1, Rtn.FORMAT).wire()


def damaged(answer: bytes) -> bytes:
    return answer[:-3]


def test_a_refusal_counts_once_each_of_three_tries_brings_it_and_says_its_meaning(
    pack: Pack, client: PaceAscii
) -> None:
    with pytest.raises(PackRefused, match="no such command") as caught:
        client.clock()
    assert caught.value.code == Rtn.COMMAND
    assert len(pack.sent) == 3


def test_a_refusal_that_does_not_come_again_was_a_request_that_arrived_garbled(pack: Pack, client: PaceAscii) -> None:
    pack.mangle = [refused, refused]
    assert client.alarms() == ALARMS
    assert (len(pack.sent), client.statistics.repeated) == (3, 2)


@pytest.mark.parametrize("mangle", [
    [refused, refused, damaged],
    [damaged, refused, refused],
    [refused, silent, refused],
    [refused, lambda answer: Frame(1, Rtn.VERSION).wire(), refused],
])  # fmt: skip
def test_a_refusal_amid_line_errors_is_the_fault_of_the_line(
    mangle: list[Mangle], pack: Pack, client: PaceAscii
) -> None:
    pack.mangle = mangle
    with pytest.raises(DamagedAnswer, match=r"refused, exception 5 .* the line garbles bytes"):
        client.alarms()


def test_a_refusal_soon_after_a_line_error_is_the_fault_of_the_line_and_later_on_the_packs(
    pack: Pack, client: PaceAscii, clock: VirtualClock
) -> None:
    pack.mangle = [damaged, as_it_is, refused, refused, refused]
    client.alarms()
    with pytest.raises(DamagedAnswer, match="the line garbles bytes"):
        client.alarms()
    clock.wait(AROUND)
    pack.mangle = [refused] * 3
    with pytest.raises(PackRefused, match="form of the command wrong"):
        client.alarms()


def test_any_address_may_answer_and_is_remembered(pack: Pack, client: PaceAscii) -> None:
    seen = [client.answered_from]
    for pack.address in (0, 2):
        assert client.pack_count() == 1
        seen.append(client.answered_from)
    assert seen == [None, 0, 2]
    with pytest.raises(ValueError, match="address 16 is outside 0 to 15"):
        PaceAscii(pack, COMMANDS, REGISTERS, 16, VirtualClock(), cells=15)


def test_questions_are_200_ms_apart_and_the_pause_is_the_runs_own(pack: Pack, clock: VirtualClock) -> None:
    pauses: list[float] = []
    client = PaceAscii(pack, COMMANDS, REGISTERS, 1, clock, pauses.append, cells=15)
    client.text("version")
    ended = clock.now()
    client.text("version")
    assert pauses == [pytest.approx(0.2)]
    assert pack.sent_at[1] == pytest.approx(ended + 0.2)


def test_what_came_unasked_is_thrown_away_and_counted(pack: Pack, client: PaceAscii) -> None:
    pack.unasked = b"\x00\xff"
    client.pack_count()
    pack.unasked = Frame(1, Rtn.OK, b"\x07").wire()
    assert client.pack_count() == 1
    assert (client.statistics.foreign, client.statistics.late) == (1, 1)


# --- commands ---------------------------------------------------------------------------------------------------------


def test_the_limiter_is_switched_once_and_looked_at(pack: Pack, client: PaceAscii) -> None:
    client.limiter(False)
    assert pack.asked == ["99", "44"]
    assert pack.sent[0] == b"~25014699E0020BFD13\r"
    with pytest.raises(NotStored, match="charge limiter: wrote on, reads back off"):
        client.limiter(True)
    pack.answers[0x44] = pace_values.answer(1, [replace(ALARMS, control=0)])
    client.limiter(True)
    assert parse(pack.sent[-2]).info == b"\x0a"


def test_a_command_without_an_answer_is_looked_at_and_never_repeated(pack: Pack, client: PaceAscii) -> None:
    pack.mangle = [silent]
    client.limiter(False)
    assert pack.asked == ["99", "44"]


def test_a_command_that_arrived_damaged_was_not_done_and_is_sent_again(pack: Pack, client: PaceAscii) -> None:
    pack.mangle = [lambda answer: Frame(1, Rtn.CHECKSUM).wire()] * 2
    client.limiter(False)
    assert pack.asked == ["99", "99", "99", "44"]
    pack.answers[0x44] = pace_values.answer(1, [replace(ALARMS, control=0)])
    pack.mangle = [lambda answer: Frame(1, Rtn.CHECKSUM).wire()] * 3
    with pytest.raises(DamagedAnswer, match="the pack received it damaged"):
        client.limiter(False)


def test_a_command_that_was_not_answered_and_not_done_keeps_its_error(pack: Pack, client: PaceAscii) -> None:
    pack.mangle = [silent]
    with pytest.raises(PackSilent, match=r"control \(99H\)"):
        client.limiter(True)
    assert pack.asked == ["99", "44"]


def test_a_command_that_is_refused_is_not_looked_at(pack: Pack, client: PaceAscii) -> None:
    pack.mangle = [lambda answer: Frame(1, Rtn.FAILED).wire()] * 3
    with pytest.raises(PackRefused, match="not carried out"):
        client.limiter(True)
    assert pack.asked == ["99"] * 3


def test_a_command_that_is_refused_and_then_left_in_doubt_is_looked_at(pack: Pack, client: PaceAscii) -> None:
    pack.mangle = [refused, silent]
    client.limiter(False)
    assert pack.asked == ["99", "99", "44"]


def test_the_clock_is_set_and_read_back_however_long_that_takes(pack: Pack, client: PaceAscii) -> None:
    pack.mangle = [as_it_is, silent, silent]
    client.set_clock(datetime(2026, 11, 23, 20, 30, 59, 900_000))
    assert pack.asked == ["B2", "B1", "B1", "B1"]
    assert pack.date == datetime(2026, 11, 23, 20, 30, 59)


def test_a_clock_is_right_however_late_the_station_is_between_two_frames(pack: Pack, clock: VirtualClock) -> None:
    client = PaceAscii(pack, COMMANDS, REGISTERS, 1, clock, lambda seconds: clock.wait(seconds + 5), cells=15)
    client.alarms()
    client.set_clock(datetime(2026, 11, 23, 20, 30))
    assert pack.asked[-2:] == ["B2", "B1"]


def test_a_clock_that_did_not_take_the_time_is_said(pack: Pack, client: PaceAscii) -> None:
    pack.mangle = [as_it_is, lambda answer: Frame(1, Rtn.OK, bytes((0, 1, 1, 0, 0, 0))).wire()]
    with pytest.raises(NotStored, match="clock: wrote 2026-11-23"):
        client.set_clock(datetime(2026, 11, 23, 20, 30))


def test_the_command_of_the_pack_file_is_sent_and_the_state_decides(pack: Pack, client: PaceAscii) -> None:
    client.limiter(False, "99/0A")
    assert pack.sent[0] == b"~25014699E0020AFD14\r"
    assert client.limiter_is_on() is False
    pack.answers[0x44] = pace_values.answer(1, [replace(ALARMS, control=0)])
    assert client.limiter_is_on() is True
    for written in ("99-0B", "9/0B", "99/0", "99/0b", "limiter off"):
        with pytest.raises(ValueError, match="is no command, such as `99/0B`"):
            client.limiter(True, written)


def test_a_serial_number_is_written_once_and_read_back(pack: Pack, client: PaceAscii) -> None:
    pack.answers[0xC4] = b""
    client.write_text("pack_sn", "BALI48-000001")
    assert pack.asked == ["C4", "C2"]
    assert parse(pack.sent[0]).info == b"BALI48-000001".ljust(20)
    with pytest.raises(NotStored, match="pack_sn: wrote BALI48-000002, reads back BALI48-000001"):
        client.write_text("pack_sn", "BALI48-000002")
    with pytest.raises(ValueError, match="no text version can be written; there are model_sn, pack_sn"):
        client.write_text("version", "V2")


def test_the_history_is_read_record_by_record_until_there_are_no_more(pack: Pack, client: PaceAscii) -> None:
    record = bytes.fromhex(
        "18021D020038 10 0D970D990D9A0D990D990D970D990D980D990D980D800D980D980D990D980D98"
        "06 0B740B750B770B760B710B79 FF6E D9D7 286A 286A 0000 00 0000 06 0043 FF FF FFFF"
    )  # recorded
    pack.answers[0xA1] = record
    (first, second) = client.history(2)
    assert first == second
    assert (first.time, first.current, first.voltage) == (datetime(2024, 2, 29, 2, 0, 56), -1.46, 55.767)
    assert [parse(frame).info for frame in pack.sent] == [b"\x00\x00", b"\x00\x01"]
    pack.answers[0xA1] = b""
    assert client.history(400) == ()
    pack.answers[0xA1] = record[:-1]
    with pytest.raises(WrongAnswer, match="19 bytes behind the temperatures"):
        client.history(1)
