"""The Modbus client against a small pack in the test: exact frames, damaged lines, doubtful writes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from station.bms import DamagedAnswer, NotStored, PaceModbus, PackLate, PackRefused, PackSilent, WrongAnswer
from station.bms.line import BETWEEN
from station.clock import VirtualClock
from station.codecs.modbus import with_crc
from station.model.protocol import NotEncodable, Protocol, read_protocol
from station.wires.errors import NoAnswer

PROTOCOL = read_protocol(Path(__file__).parents[2] / "fixtures/protocols/pace-modbus.yaml")
ASCII_POLL = b"~250246900000FDA4\r"
Mangle = Callable[[bytes], bytes]


def as_it_is(answer: bytes) -> bytes:
    return answer


class Pack:
    """A wire with a pack at its far end: 180 registers, and a list of things to do to the next answers."""

    def __init__(self, clock: VirtualClock) -> None:
        self.words = [0] * 180
        self.sent: list[bytes] = []
        self.sent_at: list[float] = []
        self.first_bytes: list[tuple[float, float]] = []
        self.unasked = b""
        self.mangle: list[Mangle] = []
        self.stores: Callable[[int, int], int] = lambda address, word: word
        self.refuses: int | None = None
        self._clock = clock

    def exchange(
        self, request: bytes, length_of: Callable[[bytes], int | None], first_byte: float, between: float
    ) -> bytes:
        self.sent.append(request)
        self.sent_at.append(self._clock.now())
        self.first_bytes.append((first_byte, between))
        answer = (self.mangle.pop(0) if self.mangle else as_it_is)(self._answer(request))
        self._clock.wait(0.03 + len(answer) / 960)
        if not answer:
            raise NoAnswer("test")
        assert length_of(answer) in (None, len(answer))
        return answer

    def drain(self) -> bytes:
        unasked, self.unasked = self.unasked, b""
        return unasked

    def reopen(self) -> None:
        """Nothing to do; the port of this test is always there."""

    def _answer(self, request: bytes) -> bytes:
        address = int.from_bytes(request[2:4], "big")
        count = int.from_bytes(request[4:6], "big")
        if self.refuses is not None:
            return with_crc([request[0], request[1] | 0x80, self.refuses])
        if request[1] == 3:
            words = self.words[address : address + count]
            return with_crc([request[0], 3, 2 * count, *b"".join(word.to_bytes(2, "big") for word in words)])
        for i in range(count):
            word = int.from_bytes(request[7 + 2 * i : 9 + 2 * i], "big")
            self.words[address + i] = self.stores(address + i, word)
        return with_crc(request[:6])


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def pack(clock: VirtualClock) -> Pack:
    return Pack(clock)


@pytest.fixture
def client(pack: Pack, clock: VirtualClock) -> PaceModbus:
    return PaceModbus(pack, PROTOCOL, 1, clock, cells=15)


def put(pack: Pack, **values: float | str | frozenset[str]) -> None:
    for name, value in values.items():
        register = PROTOCOL.by_name[name.replace("__", ".")]
        pack.words[register.address : register.end] = register.encode(value)


def test_the_whole_data_block_is_one_frame(pack: Pack, client: PaceModbus) -> None:
    put(pack, current=-20.5, pack_voltage=52.41, soc=87.0, cycles=3.0, mosfet_temperature=-3.5)
    put(pack, status=frozenset({"discharging", "charge_fet", "discharge_fet"}), balancing=frozenset({"cell_15"}))
    for number in range(1, 16):
        put(pack, **{f"cell_voltage_{number}": 3.4 + number / 1000})
    readings = client.readings()
    assert pack.sent == [bytes.fromhex("01 03 00 00 00 25 84 11")]
    assert (readings.current, readings.pack_voltage, readings.soc, readings.cycles) == (-20.5, 52.41, 87.0, 3.0)
    assert readings.mosfet_temperature == -3.5
    assert readings.status == {"discharging", "charge_fet", "discharge_fet"}
    assert readings.balancing == {"cell_15"}
    assert readings.protection == frozenset()
    assert len(readings.cell_voltages) == 15
    assert readings.cell_voltages[14] == 3.415
    assert len(readings.cell_temperatures) == 4


def test_names_far_apart_cost_one_frame_where_boards_answer_what_lies_between(pack: Pack, client: PaceModbus) -> None:
    client.read(["current", "ambient_temperature"])
    client.read(["soc", "cell_overvoltage.trip", "version"])
    assert [(frame[3], frame[5]) for frame in pack.sent] == [(0, 37), (2, 1), (65, 1), (150, 10)]


def test_the_parameters_are_one_frame_and_can_be_written_back(pack: Pack, client: PaceModbus) -> None:
    pack.words[60:115] = range(1000, 1055)
    parameters = client.parameters()
    assert parameters == {60 + i: 1000 + i for i in range(55)}
    pack.words[60:115] = [0] * 55
    client.write_words(parameters)
    assert pack.words[60:115] == list(range(1000, 1055))
    assert [frame[:6].hex(" ") for frame in pack.sent] == [
        "01 03 00 3c 00 37",
        "01 10 00 3c 00 37",
        "01 03 00 3c 00 37",
    ]


def test_a_write_is_one_frame_for_neighbours_and_is_read_back(pack: Pack, client: PaceModbus) -> None:
    client.write({"cell_overvoltage.trip": 3.65})
    assert pack.sent[0] == bytes.fromhex("01 10 00 41 00 01 02 0E 42 2D 10")
    client.write({"cell_overvoltage.alarm": 3.6, "cell_overvoltage.release": 3.38, "cell_overvoltage.trip": 3.7})
    assert [(frame[1], frame[3], frame[5]) for frame in pack.sent] == [(16, 65, 1), (3, 65, 1), (16, 64, 3), (3, 64, 3)]
    assert pack.words[64:67] == [3600, 3700, 3380]


def test_a_value_that_was_not_kept_is_named_with_both_values(pack: Pack, client: PaceModbus) -> None:
    pack.stores = lambda address, word: 3690 if address == 65 else word
    with pytest.raises(NotStored, match=r"cell_overvoltage\.trip: wrote 3\.65, reads back 3\.69") as caught:
        client.write({"cell_overvoltage.alarm": 3.6, "cell_overvoltage.trip": 3.65})
    assert (caught.value.name, caught.value.wrote, caught.value.read) == ("cell_overvoltage.trip", 3.65, 3.69)
    assert [frame[1] for frame in pack.sent] == [16, 3]


def test_nothing_is_sent_when_one_value_of_a_write_is_impossible(pack: Pack, client: PaceModbus) -> None:
    with pytest.raises(NotEncodable, match=r"cell_overvoltage\.delay"):
        client.write({"cell_overvoltage.trip": 3.65, "cell_overvoltage.delay": 30.0})
    with pytest.raises(ValueError, match="0 to 0 cannot be written"):
        client.write({"cell_overvoltage.trip": 3.65, "current": 1.0})
    assert pack.sent == []


def test_texts_come_without_padding_and_can_be_written(pack: Pack, client: PaceModbus) -> None:
    pack.words[150:160] = [0x5031, 0x3553, 0x2020, *[0xFFFF] * 6, 0x0000]
    assert client.text("version") == "P15S"
    client.write_text("pack_sn", "BALI48-000123")
    assert client.text("pack_sn") == "BALI48-000123"


@pytest.mark.parametrize(
    ("mangle", "count"),
    [
        (lambda answer: b"", "silent"),
        (lambda answer: answer[:-3], "damaged"),
        (lambda answer: answer[:8] + b"\x55" + answer[9:], "damaged"),
        (lambda answer: with_crc([2, *answer[1:-2]]), "foreign"),
        (lambda answer: with_crc([1, 3, 2, 0, 7]), "foreign"),
        (lambda answer: bytes.fromhex("01 10 00 41 00 01 51 DD"), "foreign"),
    ],
)
def test_one_bad_answer_is_counted_and_the_read_repeated(
    mangle: Mangle, count: str, pack: Pack, client: PaceModbus
) -> None:
    pack.words[2] = 55
    pack.mangle = [mangle]
    assert client.read(["soc", "soh", "pack_voltage", "current"])["soc"] == 55.0
    assert (client.statistics.exchanges, client.statistics.repeated) == (2, 1)
    assert getattr(client.statistics, count) == 1


@pytest.mark.parametrize(
    ("mangle", "error"),
    [
        (lambda answer: b"", PackSilent),
        (lambda answer: answer[:-3], DamagedAnswer),
        (lambda answer: with_crc([2, *answer[1:-2]]), WrongAnswer),
    ],
)
def test_three_bad_answers_are_an_error_of_their_kind(
    mangle: Mangle, error: type[Exception], pack: Pack, client: PaceModbus
) -> None:
    pack.mangle = [mangle] * 5
    with pytest.raises(error):
        client.readings()
    assert len(pack.sent) == 3


def test_a_pack_that_said_anything_at_all_is_not_called_silent(pack: Pack, client: PaceModbus) -> None:
    pack.mangle = [lambda answer: answer[:-3], lambda answer: b"", lambda answer: b""]
    with pytest.raises(DamagedAnswer):
        client.readings()


def test_the_station_s_own_echo_alone_is_silence(pack: Pack, client: PaceModbus) -> None:
    pack.mangle = [lambda answer: bytes.fromhex("01 03 00 00 00 25 84 11")] * 3
    with pytest.raises(PackSilent):
        client.readings()


def test_a_line_that_somebody_holds_down_is_silence(pack: Pack, client: PaceModbus) -> None:
    pack.mangle = [lambda answer: bytes(len(answer))] * 3
    with pytest.raises(PackSilent):
        client.readings()


def test_polls_of_a_pack_that_is_host_do_not_hide_the_answer(pack: Pack, client: PaceModbus) -> None:
    pack.words[2] = 55
    pack.mangle = [lambda answer: ASCII_POLL + answer]
    assert client.read(["soc"])["soc"] == 55.0
    assert client.statistics.foreign == 1
    assert client.statistics.repeated == 0


def test_what_came_unasked_is_thrown_away_and_counted(pack: Pack, client: PaceModbus) -> None:
    pack.unasked = ASCII_POLL
    client.read(["soc"])
    pack.unasked = with_crc([1, 3, 2, 0, 99])
    assert client.read(["soc"])["soc"] == 0.0
    assert (client.statistics.foreign, client.statistics.late) == (1, 1)


def test_an_answer_that_belongs_to_the_question_before_is_late_and_no_answer(pack: Pack, client: PaceModbus) -> None:
    def the_one_before_it(answer: bytes) -> bytes:
        pack.unasked = answer
        return answer

    pack.mangle = [lambda answer: b"", the_one_before_it]
    with pytest.raises(PackLate, match=r"answers come later than the 0\.2 s that the protocol allows"):
        client.read_words(0, 2)
    assert client.statistics.late == 1


def test_the_answer_after_a_question_that_none_was_given_to_may_be_its_own(pack: Pack, client: PaceModbus) -> None:
    def the_one_before_it(answer: bytes) -> bytes:
        pack.unasked = answer
        return answer

    pack.mangle = [lambda answer: b""] * 3
    with pytest.raises(PackSilent):
        client.read_words(0, 2)
    pack.mangle = [the_one_before_it]
    with pytest.raises(PackLate):
        client.read_words(0, 2)
    client.read_words(0, 2)


def answer_to_another(answer: bytes) -> bytes:
    return with_crc([1, 3, 2, 0, 99])


def answer_from_another(answer: bytes) -> bytes:
    return with_crc([2, 3, 4, 0, 7, 0, 8])


@pytest.mark.parametrize("rank", range(3))
def test_a_pack_that_is_silent_and_answers_another_question_is_late(rank: int, pack: Pack, client: PaceModbus) -> None:
    pack.mangle = [lambda answer: b""] * 3
    pack.mangle[rank] = answer_to_another
    with pytest.raises(PackLate, match=r"answers come later than the 0\.2 s that the protocol allows"):
        client.read_words(0, 2)


@pytest.mark.parametrize("others", [[answer_to_another] * 2, [answer_from_another, lambda answer: b""]])
def test_answers_to_other_questions_alone_or_from_others_are_no_lateness_of_the_pack(
    others: list[Mangle], pack: Pack, client: PaceModbus
) -> None:
    pack.mangle = [*others, others[0]]
    with pytest.raises(WrongAnswer):
        client.read_words(0, 2)


def test_after_a_silence_noise_is_no_second_answer(pack: Pack, client: PaceModbus) -> None:
    def then_noise(answer: bytes) -> bytes:
        pack.unasked = b"\x00\xff"
        return answer

    pack.words[0] = 7
    pack.mangle = [lambda answer: b"", then_noise]
    assert client.read_words(0, 1) == (7,)


def test_a_refusal_is_said_in_words_once_each_of_three_tries_brings_it(pack: Pack, client: PaceModbus) -> None:
    pack.refuses = 2
    with pytest.raises(PackRefused, match="no such register") as caught:
        client.readings()
    assert caught.value.code == 2
    pack.refuses = 3
    with pytest.raises(PackRefused, match="not allowed"):
        client.write({"cell_overvoltage.trip": 3.65})
    assert [frame[1] for frame in pack.sent] == [3] * 3 + [16] * 3


def test_a_write_that_is_refused_amid_line_errors_is_looked_at(pack: Pack, client: PaceModbus) -> None:
    pack.mangle = [lambda answer: with_crc([1, 0x90, 3]), lambda answer: answer[:-3]]
    client.write({"cell_overvoltage.trip": 3.65})
    assert [frame[1] for frame in pack.sent] == [16, 16, 3]


def test_a_doubtful_write_that_was_carried_out_is_not_sent_again(pack: Pack, client: PaceModbus) -> None:
    pack.mangle = [lambda answer: b""]
    client.write({"cell_overvoltage.trip": 3.65})
    assert [frame[1] for frame in pack.sent] == [16, 3]


def test_a_write_that_got_lost_is_sent_again_only_after_reading_back(pack: Pack, client: PaceModbus) -> None:
    lost = [3700]
    pack.words[65] = 3700
    pack.stores = lambda address, word: lost.pop() if lost else word
    pack.mangle = [lambda answer: b""]
    client.write({"cell_overvoltage.trip": 3.65})
    assert [frame[1] for frame in pack.sent] == [16, 3, 16, 3]
    assert pack.words[65] == 3650


def test_a_write_that_never_arrives_is_given_up_with_its_doubt(pack: Pack, client: PaceModbus) -> None:
    pack.stores = lambda address, word: 0
    pack.mangle = [lambda answer: b"", as_it_is] * 3
    with pytest.raises(PackSilent):
        client.write({"cell_overvoltage.trip": 3.65})
    assert [frame[1] for frame in pack.sent] == [16, 3] * 3


def test_frames_keep_their_distance_and_first_byte_its_time(
    pack: Pack, client: PaceModbus, clock: VirtualClock
) -> None:
    ends: list[float] = []
    for _ in range(4):
        client.read(["soc"])
        ends.append(clock.now())
    gaps = [sent - end for sent, end in zip(pack.sent_at[1:], ends, strict=False)]
    assert gaps == pytest.approx([0.1] * 3)
    assert set(pack.first_bytes) == {(0.2, BETWEEN)}


def test_the_run_lets_the_gap_pass_in_its_own_way(pack: Pack, clock: VirtualClock) -> None:
    asked: list[float] = []

    def sample(seconds: float) -> None:
        asked.append(seconds)
        clock.wait(0.01)  # returns too early

    client = PaceModbus(pack, PROTOCOL, 1, clock, sample, cells=15)
    client.read(["soc"])
    end = clock.now()
    client.read(["soc"])
    assert asked == pytest.approx([0.1])
    assert pack.sent_at[1] == pytest.approx(end + 0.1)


def test_an_address_that_no_pack_can_have_is_refused(pack: Pack, clock: VirtualClock) -> None:
    with pytest.raises(ValueError, match="0 to 16"):
        PaceModbus(pack, PROTOCOL, 17, clock, cells=15)


def test_no_frame_exceeds_what_the_protocol_allows(pack: Pack, clock: VirtualClock) -> None:
    functions = PROTOCOL.functions.model_copy(
        update={
            "read": PROTOCOL.functions.read.model_copy(update={"at_most": 20}),
            "write": PROTOCOL.functions.write.model_copy(update={"at_most": 7}),
        }
    )
    narrow: Protocol = PROTOCOL.model_copy(update={"functions": functions})
    client = PaceModbus(pack, narrow, 1, clock, cells=15)
    pack.words[60:115] = range(1000, 1055)
    client.write_words(client.parameters())
    assert max(frame[5] for frame in pack.sent if frame[1] == 3) <= 20
    assert max(frame[5] for frame in pack.sent if frame[1] == 16) <= 7
