"""Modbus RTU frames: known vectors, and answers found in noise."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from station.codecs import modbus
from station.codecs.modbus import Answer, Misfit, Noise, Read, Refusal, Write, find_answer
from station.model.files import read

ASCII_POLL = b"~250246900000FDA4\r"
READ_37 = Read(1, 0, 37)
WORDS_37 = tuple(range(37))
ANSWER_37 = modbus.with_crc([1, 3, 74, *b"".join(word.to_bytes(2, "big") for word in WORDS_37)])


CAPTURES = cast(
    "dict[str, dict[str, object]]", read(Path(__file__).parent / "captures/pace-modbus.yaml").data["frames"]
)


def captured(word: str) -> list[str]:
    return [name for name, each in CAPTURES.items() if word in each]


def recorded(name: str) -> bytes:
    return bytes.fromhex(str(CAPTURES[name]["frame"]))


def request_of(name: str) -> Read:
    first, count = cast("list[int]", CAPTURES[name]["request"])
    return Read(1, first, count)


@pytest.mark.parametrize("name", captured("request"))
def test_a_recorded_request_is_what_we_would_send(name: str) -> None:
    assert request_of(name).frame() == recorded(name)


@pytest.mark.parametrize("name", captured("to"))
def test_a_recorded_answer_is_understood_and_built_again_byte_for_byte(name: str) -> None:
    outcome = find_answer(recorded(name), request_of(str(CAPTURES[name]["to"])))
    if "refusal" in CAPTURES[name]:
        assert outcome == Refusal(cast(int, CAPTURES[name]["refusal"]), 5, b"")
        assert modbus.with_crc([1, 0x83, cast(int, CAPTURES[name]["refusal"])]) == recorded(name)
    else:
        assert isinstance(outcome, Answer)
        assert read_answer(list(outcome.words)) == recorded(name)


@pytest.mark.parametrize("name", captured("refused"))
@pytest.mark.parametrize("asked", [Read(1, 0, 119), Read(2, 0, 84)])
def test_a_damaged_or_foreign_recording_is_refused_with_the_reason(name: str, asked: Read) -> None:
    outcome = find_answer(recorded(name), asked)
    assert isinstance(outcome, Noise)
    assert str(CAPTURES[name]["refused"]) in outcome.reason


def test_no_recording_is_left_out() -> None:
    assert sorted(CAPTURES) == sorted(name for word in ("request", "to", "refused") for name in captured(word))
    assert len(CAPTURES) == 12


def test_a_wrong_checksum_is_said_with_the_right_one() -> None:
    outcome = find_answer(ANSWER_37[:-1] + b"\x00", READ_37)
    assert isinstance(outcome, Noise)
    assert outcome.reason == f"checksum {ANSWER_37[-2]:02x} 00; the bytes before it make {ANSWER_37[-2:].hex(' ')}"


def read_answer(words: list[int], device: int = 1) -> bytes:
    return modbus.with_crc([device, 3, 2 * len(words), *b"".join(word.to_bytes(2, "big") for word in words)])


@pytest.mark.parametrize(
    ("request_", "frame"),
    [
        (Read(1, 0, 37), "01 03 00 00 00 25 84 11"),
        (Write(1, 65, (3650,)), "01 10 00 41 00 01 02 0E 42 2D 10"),
    ],
)
def test_requests_are_those_of_other_programs(request_: Read | Write, frame: str) -> None:
    assert request_.frame() == bytes.fromhex(frame)


def test_the_answer_to_a_write_repeats_its_address_and_count() -> None:
    assert find_answer(bytes.fromhex("01 10 00 41 00 01 51 DD"), Write(1, 65, (3650,))) == Answer((), 8, b"")
    assert find_answer(bytes.fromhex("01 86 01 83 A0"), Read(1, 0, 8)) == Noise(bytes.fromhex("01 86 01 83 A0"))


def test_counts_that_modbus_does_not_have_are_refused() -> None:
    for request in (Read(1, 0, 0), Read(1, 0, 126), Write(1, 60, ()), Write(1, 60, (0,) * 124)):
        with pytest.raises(ValueError, match=r"count|registers"):
            request.frame()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (ASCII_POLL, b""),
        (ASCII_POLL * 3, b""),
        (READ_37.frame(), b""),
        (READ_37.frame() + ASCII_POLL, b"\xff"),
        (b"\x01\x03", b""),
        (b"\x01\x03\x4a\x00", b""),
        (b"\x01", b"\x01\x03"),
        (bytes.fromhex("FD ED F7 CA 82 82 82 82 82 11 05 0D"), ASCII_POLL),
    ],
)
def test_an_answer_is_found_among_other_bytes(before: bytes, after: bytes) -> None:
    outcome = find_answer(before + ANSWER_37 + after, READ_37)
    assert isinstance(outcome, Answer)
    assert outcome.words == WORDS_37


@given(before=st.binary(max_size=40), after=st.binary(max_size=20))
def test_any_noise_around_an_answer_leaves_the_answer(before: bytes, after: bytes) -> None:
    outcome = find_answer(before + ANSWER_37 + after, READ_37)
    assert isinstance(outcome, Answer)
    assert outcome.words == WORDS_37


@given(position=st.integers(0, len(ANSWER_37) - 1), flip=st.integers(1, 255))
def test_a_damaged_answer_is_never_taken(position: int, flip: int) -> None:
    damaged = bytearray(ANSWER_37)
    damaged[position] ^= flip
    assert not isinstance(find_answer(bytes(damaged), READ_37), Answer)


def test_an_answer_that_does_not_fit_is_told_from_noise() -> None:
    assert isinstance(find_answer(read_answer([1]), Read(1, 0, 2)), Misfit)  # one register for two
    assert isinstance(find_answer(read_answer([1, 2], device=2), Read(1, 0, 2)), Misfit)
    assert isinstance(find_answer(bytes.fromhex("01 10 00 41 00 01 51 DD"), Read(1, 65, 1)), Misfit)
    assert isinstance(find_answer(bytes.fromhex("01 10 00 41 00 01 51 DD"), Write(1, 66, (1,))), Misfit)
    assert isinstance(find_answer(bytes.fromhex("01 83 02 C0 F1"), Write(1, 65, (1,))), Misfit)


def test_the_right_answer_behind_a_foreign_frame_is_taken() -> None:
    outcome = find_answer(read_answer([7, 7], device=2) + read_answer([1, 2]), Read(1, 0, 2))
    assert isinstance(outcome, Answer)
    assert outcome.words == (1, 2)
    assert outcome.rest == read_answer([7, 7], device=2)


def test_the_request_alone_coming_back_is_no_answer_at_all() -> None:
    assert find_answer(READ_37.frame(), READ_37) == Noise(b"")
    write = Write(1, 65, (3650,))
    assert find_answer(write.frame(), write) == Noise(b"")


def test_the_length_is_known_from_the_header() -> None:
    assert modbus.expected_length(b"\x01\x03") is None
    assert modbus.expected_length(b"\x01\x03\x4a") == 79
    assert modbus.expected_length(b"\x01\x83\x02") == 5
    assert modbus.expected_length(b"\x01\x10\x00") == 8
    assert modbus.expected_length(b"\x01\x03\x03") is None  # half a register
    assert modbus.expected_length(b"\x01\x45\x00") is None
    assert modbus.needed(ANSWER_37[:-1], READ_37) is None
    assert modbus.needed(b"~" + ANSWER_37, READ_37) == 80


@given(st.binary(max_size=300))
def test_no_bytes_can_upset_the_parser(received: bytes) -> None:
    assert isinstance(find_answer(received, Read(1, 0, 2)), Answer | Refusal | Misfit | Noise)
