"""PACE ASCII frames: what real boards sent, what is wrong with damaged ones, and answers found in noise."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from station.codecs import pace_ascii, pace_values
from station.codecs.pace_ascii import Answer, BadFrame, Frame, Misfit, Noise, Request, Rtn, find_answer, parse
from station.codecs.pace_commands import Commands, commands
from station.model.files import read
from station.model.library import Library
from station.model.protocol import read_protocol

FILE = Path(__file__).parent / "captures/pace-ascii.yaml"
CAPTURES = cast("dict[str, dict[str, str]]", read(FILE).data["frames"])
LIBRARY = Library.default()
COMMANDS: Commands = commands(
    LIBRARY.open("protocol", "pace-ascii"), read_protocol(LIBRARY.find("protocol", "pace-modbus"))
)
POLL = b"~250246900000FDA4\r"
ASKED = Request("analog", Frame(1, 0x42, b"\x01"))


def captured(word: str) -> list[str]:
    return [name for name, each in CAPTURES.items() if word in each]


def characters(name: str) -> bytes:
    return CAPTURES[name]["frame"].encode() + b"\r"


ANSWER = characters("A27")


@pytest.mark.parametrize("name", captured("request"))
def test_a_recorded_request_is_what_we_would_send(name: str) -> None:
    frame = parse(characters(name))
    assert frame.code == COMMANDS.commands[CAPTURES[name]["request"]]
    assert Frame(frame.address, COMMANDS.commands[CAPTURES[name]["request"]], frame.info).wire() == characters(name)


@pytest.mark.parametrize("name", captured("answer"))
def test_a_recorded_answer_is_understood_and_built_again_byte_for_byte(name: str) -> None:
    frame, what = parse(characters(name)), CAPTURES[name]["answer"]
    assert frame.code == Rtn.OK
    again = frame.info
    if what in ("analog", "group"):
        packs = pace_values.analog(frame.info, group=what == "group")
        command = pace_values.ALL_PACKS if what == "group" else frame.info[1]
        again = pace_values.answer(command, packs, frame.info[0])
    elif what == "alarms":
        again = pace_values.answer(frame.info[1], pace_values.alarms(frame.info), frame.info[0])
    elif what == "serial_numbers":
        again = b"".join(map(pace_values.text_information, pace_values.texts(frame.info)))
    elif what == "version":
        (version,) = pace_values.texts(frame.info)
        assert version.startswith("P16S")
    assert Frame(frame.address, Rtn.OK, again).wire() == characters(name)


@pytest.mark.parametrize("name", captured("refused"))
def test_a_damaged_or_foreign_recording_is_refused_with_the_reason(name: str) -> None:
    with pytest.raises(BadFrame, match=CAPTURES[name]["refused"]):
        parse(characters(name))


def test_no_recording_is_left_out() -> None:
    words = ("request", "answer", "refused")
    assert sorted(name for word in words for name in captured(word)) == sorted(CAPTURES)
    assert len(captured("refused")) == 6


@pytest.mark.parametrize(
    ("characters_", "rtn", "reason"),
    [
        (b"", Rtn.FORMAT, "begin with ~"),
        (b"~25014642E00201FD30", Rtn.FORMAT, "end with CR"),
        (b"25014642E00201FD30\r", Rtn.FORMAT, "begin with ~"),
        (b"~250146\r", Rtn.FORMAT, "the shortest frame has 18"),
        (b"~2501464_E00201FD30\r", Rtn.FORMAT, "hexadecimal"),
        (b"~25014642e00201FD30\r", Rtn.FORMAT, "upper-case"),
        (b"~25014642D00201FD31\r", Rtn.LENGTH_CHECKSUM, "check digit D of the length 002, which has E"),
        (b"~25014642E0020101FCCF\r", Rtn.FORMAT, "4 characters of information, where the length says 2"),
        (b"~25014642E00201FD31\r", Rtn.CHECKSUM, "checksum FD31; the characters before it make FD30"),
        (b"~20014642E00201FD35\r", Rtn.VERSION, "version 20"),
        (b"~25014F42E00201FD20\r", Rtn.DEVICE, "device type 4F, not 46"),
        (b"~25014642100000FDB0\r", Rtn.LENGTH_CHECKSUM, "which has 0"),  # a bridge that writes five characters of it
    ],
)
def test_each_kind_of_damage_has_its_return_code_and_its_words(characters_: bytes, rtn: Rtn, reason: str) -> None:
    with pytest.raises(BadFrame, match=reason) as caught:
        parse(characters_)
    assert caught.value.rtn == rtn


def test_half_a_byte_of_information_is_refused() -> None:
    body = b"25014642F0010"
    characters_ = b"~" + body + f"{-sum(body) & 0xFFFF:04X}".encode() + b"\r"
    with pytest.raises(BadFrame, match="half a byte"):
        parse(characters_)


@given(st.integers(0, 255), st.integers(0, 255), st.binary(max_size=200))
def test_every_frame_comes_back_as_it_was(address: int, code: int, info: bytes) -> None:
    frame = Frame(address, code, info)
    assert parse(frame.wire()) == frame
    assert len(frame.wire()) == pace_ascii.OVERHEAD + 2 * len(info)


def test_what_fits_no_frame_is_not_sent() -> None:
    assert len(Frame(1, 0, bytes(2047)).wire()) == 18 + 4094
    for frame in (Frame(1, 0, bytes(2048)), Frame(256, 0), Frame(1, -1)):
        with pytest.raises(ValueError, match=r"at most 2047|range\(0, 256\)"):
            frame.wire()


@given(st.binary(max_size=300))
def test_no_bytes_can_upset_the_parser(received: bytes) -> None:
    assert isinstance(find_answer(received, ASKED), Answer | Misfit | Noise)
    with pytest.raises(BadFrame):
        parse(received)


@given(st.text(alphabet="~\r0123456789ABCDEFG", max_size=80))
def test_nearly_a_frame_is_none(text: str) -> None:
    with pytest.raises(BadFrame):
        parse(b"~250" + text.encode() + b"Z\r")


@given(st.integers(0, len(ANSWER) - 1), st.integers(1, 255))
def test_a_damaged_answer_is_never_taken(position: int, flip: int) -> None:
    damaged = bytearray(ANSWER)
    damaged[position] ^= flip
    assert not isinstance(find_answer(bytes(damaged), ASKED), Answer)


@given(st.integers(0, len(ANSWER) - 1))
def test_an_answer_that_is_not_all_there_is_waited_for(length: int) -> None:
    assert pace_ascii.needed(ANSWER[:length], ASKED) is None
    assert not isinstance(find_answer(ANSWER[:length], ASKED), Answer)


@given(st.binary(max_size=40), st.binary(max_size=20))
def test_any_noise_around_an_answer_leaves_the_answer(before: bytes, after: bytes) -> None:
    outcome = find_answer(before + ANSWER + after, ASKED)
    assert isinstance(outcome, Answer)
    assert outcome.frame == parse(ANSWER)
    assert pace_ascii.needed(before + ANSWER + after, ASKED) == len(before + ANSWER + after)


@pytest.mark.parametrize("before", [POLL, POLL * 3, ASKED.frame.wire(), ANSWER[:30], b"\xff~25\r", b"~"])
def test_an_answer_is_found_behind_polls_echoes_and_torn_frames(before: bytes) -> None:
    outcome = find_answer(before + ANSWER, ASKED)
    assert isinstance(outcome, Answer)
    assert outcome.rest == before.replace(ASKED.frame.wire(), b"")


def test_what_is_no_answer_is_told_apart() -> None:
    assert find_answer(b"", ASKED) == Noise(b"")
    assert find_answer(ASKED.frame.wire(), ASKED) == Noise(b"")
    assert find_answer(ANSWER[:40], ASKED) == Noise(ANSWER[:40], "a frame without its end")
    assert find_answer(b"\x82\x82\x05\r", ASKED) == Noise(b"\x82\x82\x05\r", "no ~, with which a frame begins")
    assert isinstance(find_answer(POLL, ASKED), Misfit)
    torn = find_answer(ANSWER[:40] + b"\r", ASKED)
    assert isinstance(torn, Noise)
    assert "where the length says 124" in torn.reason


def test_an_echo_of_a_command_that_is_a_return_code_too_is_no_answer() -> None:
    asked = Request("parameters", Frame(1, 0xE1))
    assert find_answer(b"\xff" + asked.frame.wire(), asked) == Noise(b"\xff", "no ~, with which a frame begins")


def test_a_refusal_is_an_answer() -> None:
    outcome = find_answer(Frame(1, Rtn.COMMAND).wire(), ASKED)
    assert outcome == Answer(Frame(1, Rtn.COMMAND), b"")


def test_there_is_a_frame_or_there_is_none() -> None:
    assert pace_ascii.has_frame(b"\x00" + POLL)
    assert not pace_ascii.has_frame(POLL[:-1])
