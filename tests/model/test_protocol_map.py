"""The register map as data: every register in its place, values there and back, faulty files refused by line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from station.model.files import InvalidFile
from station.model.protocol import NotEncodable, Protocol, Register, read_protocol

FILE = Path(__file__).parents[2] / "fixtures/protocols/pace-modbus.yaml"
PROTOCOL = read_protocol(FILE)
NUMBERS = [each for each in PROTOCOL.by_name.values() if each.type in ("u8", "u16", "i16")]


def register(name: str) -> Register:
    return PROTOCOL.by_name[name]


def test_the_map_covers_what_the_document_lists() -> None:
    assert set(PROTOCOL.by_address) == {*range(8), *range(9, 13), *range(15, 37), *range(60, 115), *range(150, 180)}
    writable = {address for address, each in PROTOCOL.by_address.items() if each.writable}
    assert writable == {*range(60, 115), *range(160, 180)}
    assert (PROTOCOL.functions.read.at_most, PROTOCOL.functions.write.at_most) == (125, 123)
    assert (PROTOCOL.timing.first_byte, PROTOCOL.timing.gap) == (0.2, 0.1)
    assert PROTOCOL.line.character == pytest.approx(10 / 9600)


@pytest.mark.parametrize(
    ("name", "address", "value", "word"),
    [
        ("current", 0, -130.0, 0xCD38),
        ("current", 0, 0.01, 1),
        ("pack_voltage", 1, 52.41, 5241),
        ("soc", 2, 87.0, 87),
        ("design_capacity", 6, 100.0, 10000),
        ("cell_voltage_15", 29, 3.333, 3333),
        ("ambient_temperature", 36, -20.5, 0xFF33),
        ("pack_overvoltage.trip", 61, 55.5, 55500),
        ("cell_overvoltage.delay", 67, 1.0, 10),
        ("discharge_overcurrent.trip", 80, 130.0, 130),
        ("discharge_overcurrent_2.delay", 83, 0.1, 4),
        ("charge_undertemperature.trip", 91, -5.0, 0xFFCE),
        ("ambient_overtemperature.alarm", 99, 65.0, 650),
        ("balancing.start_difference", 106, 0.03, 30),
        ("full_charge_current", 108, 2.0, 2000),
        ("cell_sleep_delay", 110, 300.0, 5),
        ("short_circuit.delay", 111, 300e-6, 12),
        ("charge_overcurrent_2.trip", 113, 150.0, 150),
    ],
)
def test_a_value_has_its_place_and_its_step(name: str, address: int, value: float, word: int) -> None:
    assert register(name).address == address
    assert register(name).encode(value) == (word,)
    assert register(name).decode((word,)) == value


@given(st.sampled_from(NUMBERS), st.data())
def test_every_raw_number_survives_decoding_and_encoding(each: Register, data: st.DataObject) -> None:
    raw = data.draw(st.sampled_from([each.raw[0], each.raw[-1]]) | st.integers(each.raw[0], each.raw[-1]))
    assert each.encode(each.decode((raw & 0xFFFF,))) == (raw & 0xFFFF,)


def test_flags_have_the_names_of_the_protections_in_both_orders() -> None:
    assert register("warning").decode((1 << 14,)) == frozenset({"mosfet_overtemperature"})
    assert register("protection").decode((1 << 14,)) == frozenset({"ambient_undertemperature"})
    assert register("protection").decode((1 << 12,)) == frozenset({"mosfet_overtemperature"})
    assert register("status").decode((0x0C00,)) == frozenset({"charge_fet", "discharge_fet"})
    assert register("balancing").decode((0x4001,)) == frozenset({"cell_1", "cell_15"})


@given(st.integers(0, 0xFFFF), st.sampled_from(["warning", "protection", "status", "balancing"]))
def test_no_set_bit_is_lost_not_even_a_reserved_one(word: int, name: str) -> None:
    names = register(name).decode((word,))
    assert isinstance(names, frozenset)
    assert len(names) == word.bit_count()
    assert register(name).encode(names) == (word,)


@pytest.mark.parametrize("padding", [b"\x00", b" ", b"\xff", b"\x00\xff \x00"])
def test_a_text_comes_without_its_padding(padding: bytes) -> None:
    raw = (b"P15S100A-V1.4" + padding * 20)[:20]
    words = [int.from_bytes(raw[i : i + 2], "big") for i in range(0, 20, 2)]
    assert register("version").decode(words) == "P15S100A-V1.4"


@given(st.binary(min_size=20, max_size=20))
def test_any_twenty_bytes_are_some_text(raw: bytes) -> None:
    words = [int.from_bytes(raw[i : i + 2], "big") for i in range(0, 20, 2)]
    text = register("pack_sn").decode(words)
    assert isinstance(text, str)
    assert text.isascii()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cell_overvoltage.delay", 0.0),
        ("cell_overvoltage.delay", 25.6),
        ("short_circuit.delay", 525e-6),
        ("cell_overvoltage.trip", -0.001),
        ("cell_overvoltage.trip", 65.536),
        ("soc_low.alarm", 101.0),
        ("current", 327.68),
        ("cell_overvoltage.trip", float("nan")),
        ("cell_overvoltage.trip", float("inf")),
        ("cell_overvoltage.trip", "3.65"),
        ("warning", frozenset({"no_such_flag"})),
        ("warning", 1.0),
        ("pack_sn", "BALI48-000123-TOO-LONG"),
        ("pack_sn", "BALI48\n"),
        ("pack_sn", "BÄLI48"),
    ],
)
def test_what_a_register_cannot_hold_is_refused_with_its_name(name: str, value: float | str | frozenset[str]) -> None:
    with pytest.raises(NotEncodable, match=name.replace(".", r"\.")):
        register(name).encode(value)


def test_reading_and_writing_know_the_map() -> None:
    assert PROTOCOL.is_readable(0, 37)
    assert PROTOCOL.is_readable(60, 55)
    assert PROTOCOL.is_readable(0, 119)
    assert not PROTOCOL.is_readable(0, 0)
    assert not PROTOCOL.is_readable(0, 126)
    assert not PROTOCOL.is_readable(175, 6)
    assert PROTOCOL.is_writable(60, 55)
    assert PROTOCOL.is_writable(160, 20)
    assert not PROTOCOL.is_writable(59, 2)
    assert not PROTOCOL.is_writable(114, 2)
    assert not PROTOCOL.is_writable(150, 1)
    assert not PROTOCOL.is_writable(60, 0)


def refusal(tmp_path: Path, old: str, new: str) -> str:
    text = FILE.read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "map.yaml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(InvalidFile) as caught:
        read_protocol(path)
    return str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("step: 10 mA}", "step: 10 mX}", "mX"),
        ("step: 10 mA}", "stp: 10 mA}", "stp"),
        ("{at: 1, ", "{at: 0, ", "`pack_voltage` lies at 0, which is `current` already"),
        ("{at: 7, ", "{at: 8, ", "`cycles` lies at 8, which is reserved already"),
        ("warning:\n", "wrning:\n", "`warning` has type bits"),
        ("{at: 9,   type: bits, access: r}", "{at: 9,   type: bits, access: r, step: 1}", "needs a `step`"),
        ("13 to 14, 37", "14 to 13, 37", "14 to 13"),
        ("raw: 1 to 20}", "raw: some}", "some"),
        ("title:", "tittle:", "title"),
        ("15: soc_low}", "16: soc_low}", "bits 0 to 15"),
        ("first_byte: 200 ms", "first_byte: 200 mV", "time"),
    ],
)
def test_a_faulty_file_is_refused_with_its_place(tmp_path: Path, old: str, new: str, says: str) -> None:
    message = refusal(tmp_path, old, new)
    place = message.split(":")
    assert says in message
    assert place[1].isdigit()
    assert place[2].isdigit()


def test_a_place_is_the_line_of_the_fault(tmp_path: Path) -> None:
    lines = FILE.read_text(encoding="utf-8").splitlines()
    wanted = next(number for number, line in enumerate(lines, 1) if line.strip().startswith("pack_voltage:"))
    assert f"map.yaml:{wanted}:" in refusal(tmp_path, "{at: 1, ", "{at: 0, ")


def test_a_protocol_is_a_value() -> None:
    assert read_protocol(FILE) == PROTOCOL
    assert isinstance(PROTOCOL, Protocol)
    with pytest.raises(Exception, match="frozen"):
        PROTOCOL.title = "another"
