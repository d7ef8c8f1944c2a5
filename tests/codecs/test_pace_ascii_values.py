"""What PACE ASCII frames carry: the lengths that boards really send, groups of packs, parameters, texts, times."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from station.codecs import pace_values
from station.codecs.pace_commands import Commands, commands
from station.codecs.pace_values import ALL_PACKS, Alarms, Analog, BadInformation, Capacity
from station.model.files import InvalidFile, parse
from station.model.library import Library
from station.model.protocol import read_protocol

LIBRARY = Library.default()
REGISTERS = read_protocol(LIBRARY.find("protocol", "pace-modbus"))
DOCUMENT = LIBRARY.open("protocol", "pace-ascii")
COMMANDS: Commands = commands(DOCUMENT, REGISTERS)
LONG = bytes((87,)) + bytes(8) + bytes((96,)) + bytes(4)
LONGER = LONG + bytes(8)
MIDDLING = bytes.fromhex("0000544D0000AFA1")
"""What a pack of 15 cells says behind kind 3 (Interster/Battery4_8kW, README)."""
SHORTER = LONG[:10]
"""Without voltage and current (nkinnan/esphome-pace-bms, 57: ten packs of 16 cells in one answer)."""


def pack(kind: int = 3, tail: bytes = b"", cells: int = 15) -> Analog:
    return Analog(
        cells=(3.336,) * cells,
        temperatures=(25.0, 25.1, 24.9, None, -5.0, 31.2),
        current=-20.5,
        voltage=round(3.336 * cells, 2),
        remaining=87.5,
        kind=kind,
        full=100.0,
        cycles=12,
        design=102.0,
        tail=tail,
    )


def shown(cells: int = 15, tail: bytes = b"") -> Alarms:
    return Alarms(
        cells=(0, 1, 2) + (0,) * (cells - 3),
        temperatures=(0, 0, 0, 0, 0xF0, 2),
        charge_current=0,
        voltage=2,
        discharge_current=0,
        protection=0x1234,
        instruction=6,
        control=0x10,
        fault=4,
        balancing=0x4001,
        warning=0x8001,
        tail=tail,
    )


@pytest.mark.parametrize(
    ("cells", "kind", "tail", "length"),
    [
        (15, 3, b"", 0x76),
        (16, 3, b"", 0x7A),
        (15, 0, b"", 0x76),
        (15, 2, b"\x57", 0x78),
        (16, 4, b"\x57", 0x7C),
        (15, 9, LONG, 0x92),
        (16, 9, LONG, 0x96),
        (16, 9, LONGER, 0xA6),
        (15, 3, LONG, 0x92),
        (15, 2, LONG, 0x92),
        (15, 3, b"\x01\x02\x03", 0x7C),
        (15, 3, MIDDLING, 0x86),
        (16, 2, SHORTER, 0x8E),
    ],
)
def test_every_length_that_boards_send_is_read_and_kept(cells: int, kind: int, tail: bytes, length: int) -> None:
    sent = pack(kind, tail, cells)
    info = pace_values.answer(1, [sent])
    assert 2 * len(info) == length
    assert pace_values.analog(info) == (sent,)


def test_charge_and_health_are_said_or_follow_from_the_capacities() -> None:
    assert (pack().soc, pack().soh) == (88.0, 98.0)
    assert (pack(2, b"\x57").soc, pack(2, b"\x57").soh) == (87.0, 98.0)
    assert (pack(9, LONG).soc, pack(9, LONG).soh) == (87.0, 96.0)
    assert (pack(3, LONG).soc, pack(3, LONG).soh) == (87.0, 98.0)
    assert pack(3, b"\x00").soc == 88.0  # a flag between two packs, not a state of charge
    assert math.isnan(replace(pack(), full=0.0).soc)


TAILS = st.sampled_from(
    [
        (3, b""),
        (3, b"\x00"),
        (2, b"\x57"),
        (2, b"\x57\x00"),
        (9, LONG),
        (9, LONGER),
        (2, LONG),
        (3, LONG),
        (3, MIDDLING),
        (2, SHORTER),
    ]
)


@given(st.lists(TAILS, min_size=1, max_size=5), st.sampled_from([13, 14, 15, 16]))
def test_the_packs_of_a_group_are_told_apart_whatever_ends_them(tails: list[tuple[int, bytes]], cells: int) -> None:
    packs = tuple(pack(kind, tail, cells) for kind, tail in tails)
    assert pace_values.analog(pace_values.answer(ALL_PACKS, packs), group=True) == packs


@given(st.integers(0, 100))
def test_a_state_of_charge_that_looks_like_a_count_of_cells_misleads_nobody(percent: int) -> None:
    packs = (pack(2, bytes((percent,))), pack(2, bytes((percent,))))
    assert pace_values.analog(pace_values.answer(ALL_PACKS, packs), group=True) == packs


@given(st.data())
def test_a_pack_with_a_dead_cell_or_none_that_answers_is_told_apart_by_its_share(data: st.DataObject) -> None:
    """A slave that is not there is all zeros (nkinnan/esphome-pace-bms, 24); a torn wire reads 0 V on one cell."""
    kind, tail = data.draw(TAILS)
    whole = pack(kind, tail)
    absent = replace(whole, cells=(0.0,) * 15, temperatures=(0.0,) * 6, voltage=0.0)
    torn = replace(whole, cells=(0.0, *whole.cells[1:]))
    packs = tuple(data.draw(st.lists(st.sampled_from([whole, absent, torn]), min_size=2, max_size=5)))
    assert pace_values.analog(pace_values.answer(ALL_PACKS, packs), group=True) == packs


@given(st.lists(st.sampled_from([b"", b"\x00", b"\x00" * 5]), min_size=1, max_size=5))
def test_the_alarms_of_a_group_are_told_apart_too(tails: list[bytes]) -> None:
    packs = tuple(shown(tail=tail) for tail in tails)
    assert pace_values.alarms(pace_values.answer(ALL_PACKS, packs), group=True) == packs


def test_a_group_that_does_not_count_its_packs_right_is_refused() -> None:
    info = pace_values.answer(ALL_PACKS, (pack(), pack()))
    with pytest.raises(BadInformation, match="2 packs can be told apart where the count says 3"):
        pace_values.analog(info[:1] + b"\x03" + info[2:], group=True)
    assert len(pace_values.analog(info[:1] + b"\xff" + info[2:], group=True)) == 2


def test_alarm_answers_have_the_documented_lengths_and_order() -> None:
    info = pace_values.answer(1, [shown()])
    assert 2 * len(info) == 0x4A
    assert 2 * len(pace_values.answer(1, [shown(16)])) == 0x4C
    assert info[25:].hex(" ") == "00 02 00 34 12 06 10 04 01 40 01 80"
    assert pace_values.alarms(info) == (shown(),)
    assert pace_values.alarms(pace_values.answer(1, [shown(tail=b"\x00")])) == (shown(tail=b"\x00"),)


@given(st.binary(max_size=120), st.booleans())
def test_no_information_upsets_the_decoders(info: bytes, group: bool) -> None:
    for read in (pace_values.analog, pace_values.alarms):
        try:
            packs = read(info, group=group)
        except BadInformation:
            continue
        assert len(packs) >= 1


@pytest.mark.parametrize("length", range(2, 59))
def test_an_analog_answer_that_ends_too_early_is_refused(length: int) -> None:
    with pytest.raises(BadInformation, match="ends within"):
        pace_values.analog(pace_values.answer(1, [pack()])[:length])


# --- parameters -------------------------------------------------------------------------------------------------------

REAL_16S: dict[str, tuple[str, dict[str, float]]] = {
    "cell_overvoltage": ("010E100E740D340A", {"alarm": 3.6, "trip": 3.7, "release": 3.38, "delay": 1.0}),
    "cell_undervoltage": ("010AF009C40B540A", {"alarm": 2.8, "trip": 2.5, "release": 2.9, "delay": 1.0}),
    "pack_overvoltage": ("01E100E740D2F00A", {"alarm": 57.6, "trip": 59.2, "release": 54.0, "delay": 1.0}),
    "pack_undervoltage": ("01AF009C40B5400A", {"alarm": 44.8, "trip": 40.0, "release": 46.4, "delay": 1.0}),
    "charge_overcurrent": ("010068006E0A", {"alarm": 104, "trip": 110, "delay": 1.0}),
    "discharge_overcurrent": ("01FF97FF920A", {"alarm": 105, "trip": 110, "delay": 1.0}),
    "overcurrent_2": (
        "009604009604",
        {
            "discharge_overcurrent_2.trip": 150,
            "discharge_overcurrent_2.delay": 0.1,
            "charge_overcurrent_2.trip": 150,
            "charge_overcurrent_2.delay": 0.1,
        },
    ),
    "short_circuit": ("0C", {"delay": 300e-6}),
    "balancing": ("0D48001E", {"start_voltage": 3.4, "start_difference": 0.03}),
    "sleep": ("0C1C0005", {"cell_sleep_voltage": 3.1, "cell_sleep_delay": 300}),
    "full_charge": ("DAC007D005", {"full_charge_voltage": 56.0, "full_charge_current": 2.0, "soc_low.alarm": 5}),
    "overtemperature": (
        "010CA80CD00C9E0CDA0D020CD0",
        {
            "charge_overtemperature.alarm": 51,
            "charge_overtemperature.trip": 55,
            "charge_overtemperature.release": 50,
            "discharge_overtemperature.alarm": 56,
            "discharge_overtemperature.trip": 60,
            "discharge_overtemperature.release": 55,
        },
    ),
    "undertemperature": (
        "010AAA0A780AAA0A1409E20A14",
        {
            "charge_undertemperature.alarm": 0,
            "charge_undertemperature.trip": -5,
            "charge_undertemperature.release": 0,
            "discharge_undertemperature.alarm": -15,
            "discharge_undertemperature.trip": -20,
            "discharge_undertemperature.release": -15,
        },
    ),
    "mosfet_overtemperature": ("010E2E0EF60DFC", {"alarm": 90, "trip": 110, "release": 85}),
    "ambient_temperature": (
        "0109E209B009E20D340D660D34",
        {
            "ambient_undertemperature.alarm": -20,
            "ambient_undertemperature.trip": -25,
            "ambient_undertemperature.release": -20,
            "ambient_overtemperature.alarm": 65,
            "ambient_overtemperature.trip": 70,
            "ambient_overtemperature.release": 65,
        },
    ),
}
"""What the maker's tool read from a real board of 16 cells."""


@pytest.mark.parametrize("name", REAL_16S)
def test_parameters_of_a_real_board_are_understood_and_built_again(name: str) -> None:
    kind, info = COMMANDS.parameters[name], bytes.fromhex(REAL_16S[name][0])
    words = kind.decode(info, REGISTERS.by_name)
    values = {each: REGISTERS.by_name[each].decode((word,)) for each, word in words.items()}
    expected = {key if key in values else f"{name}.{key}": value for key, value in REAL_16S[name][1].items()}
    assert values == pytest.approx(expected)
    assert kind.encode(words, REGISTERS.by_name, answer=True) == info


def test_discharge_currents_are_written_positive_and_read_negative() -> None:
    kind = COMMANDS.parameters["discharge_overcurrent"]
    words = kind.decode(bytes.fromhex("010069006E0A"), REGISTERS.by_name, answer=False)
    assert kind.encode(words, REGISTERS.by_name) == bytes.fromhex("010069006E0A")
    assert kind.encode(words, REGISTERS.by_name, answer=True) == bytes.fromhex("01FF97FF920A")


def test_only_what_came_later_may_be_missing() -> None:
    assert COMMANDS.parameters["overcurrent_2"].decode(bytes.fromhex("009604"), REGISTERS.by_name) == {
        "discharge_overcurrent_2.trip": 150,
        "discharge_overcurrent_2.delay": 4,
    }
    for name, info, reason in (
        ("overcurrent_2", "00960400", "`charge_overcurrent_2.trip` is missing"),
        ("cell_overvoltage", "010E100E740D34", "`cell_overvoltage.delay` is missing"),
        ("cell_overvoltage", "010E100E740D340A00", "1 bytes too many"),
        ("cell_overvoltage", "000E100E740D340A", "switched off"),
    ):
        with pytest.raises(BadInformation, match=reason):
            COMMANDS.parameters[name].decode(bytes.fromhex(info), REGISTERS.by_name)


def test_only_what_came_later_may_be_left_out_of_a_write() -> None:
    words = COMMANDS.parameters["overcurrent_2"].decode(bytes.fromhex("009604"), REGISTERS.by_name)
    assert COMMANDS.parameters["overcurrent_2"].encode(words, REGISTERS.by_name) == bytes.fromhex("009604")
    for incomplete in ({"discharge_overcurrent_2.trip": 150}, {**words, "charge_overcurrent_2.delay": 4}):
        with pytest.raises(KeyError, match="charge_overcurrent_2"):
            COMMANDS.parameters["overcurrent_2"].encode(incomplete, REGISTERS.by_name)


def test_every_writable_number_of_the_register_map_travels_in_one_set() -> None:
    names = [name for kind in COMMANDS.parameters.values() for name in kind.names]
    numbers = [each.name for each in REGISTERS.by_name.values() if each.writable and each.type != "text"]
    assert sorted(names) == sorted(numbers)


@given(st.data())
def test_any_words_come_back_as_they_were(data: st.DataObject) -> None:
    kind = COMMANDS.parameters[data.draw(st.sampled_from(sorted(COMMANDS.parameters)))]
    words = {}
    for name in kind.names:
        register = REGISTERS.by_name[name]
        highest = 0x7FFF if name in kind.read_negative else 0xFF if register.type == "u8" else 0xFFFF
        words[name] = data.draw(st.integers(0, highest))
    for answer in (True, False):
        info = kind.encode(words, REGISTERS.by_name, answer=answer)
        assert kind.decode(info, REGISTERS.by_name, answer=answer) == words


# --- the file ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "written", "reason"),
    [
        ("0xC2", "0xC1", r"`serial_numbers` is command C1, which is `version` already"),
        ("read: 0xE5", "read: 0xE4", r"`short_circuit` is command E4, which is `short_circuit` already"),
        ("full_charge_voltage", "full_charge_voltages", r"no register `full_charge_voltages`; did you mean"),
        ("0x90", "0x190", r"at most 255"),
    ],
)
def test_a_file_that_cannot_be_right_is_refused_in_its_place(found: str, written: str, reason: str) -> None:
    raw = DOCUMENT.path.read_bytes().replace(found.encode(), written.encode(), 1)
    with pytest.raises(InvalidFile, match=reason) as caught:
        commands(parse(raw, Path("pace-ascii.yaml")), REGISTERS)
    assert caught.value.faults[0].line > 1


def test_bits_have_names_both_ways() -> None:
    assert COMMANDS.names_of("control", 0x10) == {"limiter_off"}
    assert COMMANDS.byte_of("control", ["limiter_off", "buzzer", "something else"]) == 0x11
    for byte in range(256):
        assert COMMANDS.byte_of("instruction", COMMANDS.names_of("instruction", byte)) == byte


# --- texts, capacity, clock -------------------------------------------------------------------------------------------


def test_texts_come_without_padding_one_or_two_at_a_time() -> None:
    assert pace_values.texts(pace_values.text_information("P15S100A-V1.4")) == ("P15S100A-V1.4",)
    assert pace_values.texts(b"P16S200A-21382-2.02\x00" + b"\xff" * 20) == ("P16S200A-21382-2.02", "")
    with pytest.raises(BadInformation, match="19 characters"):
        pace_values.texts(b"x" * 19)
    for words in ("x" * 21, "Größe"):
        with pytest.raises(ValueError, match="no text of at most 20"):
            pace_values.text_information(words)


def test_capacities_go_in_steps_of_ten_milliampere_hours() -> None:
    assert Capacity(87.5, 100.0, 102.5).encode() == bytes.fromhex("222E 2710 280A")
    assert pace_values.capacity(bytes.fromhex("222E 2710 280A")) == Capacity(87.5, 100.0, 102.5)
    with pytest.raises(BadInformation):
        pace_values.capacity(bytes(5))


@given(st.datetimes(datetime(2000, 1, 1), datetime(2255, 12, 31, 23, 59, 59)))
def test_a_date_and_time_comes_back_to_the_second(moment: datetime) -> None:
    assert pace_values.clock(pace_values.clock_information(moment)) == moment.replace(microsecond=0)


@pytest.mark.parametrize("info", [bytes(6), bytes((26, 2, 30, 0, 0, 0)), bytes((26, 1, 1, 24, 0, 0)), bytes(5)])
def test_what_is_no_date_is_refused(info: bytes) -> None:
    with pytest.raises(BadInformation, match="no date and time"):
        pace_values.clock(info)
