"""PACE ASCII frames: what real boards sent, what is wrong with damaged ones, and answers found in noise."""

from __future__ import annotations

import re
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from station.codecs import pace_ascii, pace_values
from station.codecs.pace_ascii import Answer, BadFrame, Frame, Misfit, Noise, Request, Rtn, find_answer, parse
from station.codecs.pace_commands import Commands, commands
from station.codecs.pace_history import history
from station.model.files import read
from station.model.library import Library
from station.model.protocol import read_protocol

FILE = Path(__file__).parent / "captures/pace-ascii.yaml"
CAPTURES = cast("dict[str, dict[str, str]]", read(FILE).data["frames"])
LIBRARY = Library.default()
PROTOCOL = read_protocol(LIBRARY.find("protocol", "pace-modbus"))
REGISTERS = PROTOCOL.by_name
COMMANDS: Commands = commands(LIBRARY.open("protocol", "pace-ascii"), PROTOCOL)
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


def again(what: str, info: bytes) -> bytes:
    """The information of an answer, understood and built again."""
    if what in ("analog", "group"):
        command = pace_values.ALL_PACKS if what == "group" else info[1]
        return pace_values.answer(command, pace_values.analog(info, group=what == "group"), info[0])
    if what == "alarms":
        return pace_values.answer(info[1], pace_values.alarms(info), info[0])
    if what == "serial_numbers":
        return b"".join(map(pace_values.text_information, pace_values.texts(info)))
    if what == "history":
        record = history(info)
        return b"" if record is None else record.encode()
    if what == "capacity":
        return pace_values.capacity(info).encode()
    return pace_values.clock_information(pace_values.clock(info)) if what == "clock" else info


@pytest.mark.parametrize("name", captured("answer"))
def test_a_recorded_answer_is_understood_and_built_again_byte_for_byte(name: str) -> None:
    frame, what = parse(characters(name)), CAPTURES[name]["answer"]
    assert frame.code == Rtn.OK
    assert Frame(frame.address, Rtn.OK, again(what, frame.info)).wire() == characters(name)
    if what == "version":
        assert re.fullmatch(r"P\d+S\d+A-[0-9A-Z]+-\d\.\d\d[A-Z]?", pace_values.texts(frame.info)[0])


def test_recorded_packs_have_the_cells_and_sensors_that_they_count() -> None:
    """8 cells with 4 sensors, 15 and 16 with 6; every cell is plausible, and so is the voltage of their pack."""
    packs = [
        pack
        for what in ("analog", "group")
        for name, each in CAPTURES.items()
        if each.get("answer") == what
        for pack in pace_values.analog(parse(characters(name)).info, group=what == "group")
    ]
    assert {(len(pack.cells), len(pack.temperatures)) for pack in packs} == {(8, 4), (15, 6), (16, 6)}
    assert all(pack.is_plausible for pack in packs)
    assert {len(pack.tail) for pack in packs} == {0, 1, 8, 14}


@pytest.mark.parametrize("name", captured("reads"))
def test_a_recorded_question_for_parameters_is_what_we_would_ask(name: str) -> None:
    frame = parse(characters(name))
    assert Frame(frame.address, COMMANDS.parameters[CAPTURES[name]["reads"]].read).wire() == characters(name)


@pytest.mark.parametrize("kind", ["holds", "writes"])
def test_recorded_parameters_are_understood_and_built_again_byte_for_byte(kind: str) -> None:
    recorded = captured(kind)
    assert sorted(CAPTURES[name][kind] for name in recorded) == sorted(COMMANDS.parameters)
    for name in recorded:
        frame, parameters = parse(characters(name)), COMMANDS.parameters[CAPTURES[name][kind]]
        assert frame.code == (Rtn.OK if kind == "holds" else parameters.write)
        words = parameters.decode(frame.info, REGISTERS, answer=kind == "holds")
        info = parameters.encode(words, REGISTERS, answer=kind == "holds")
        assert Frame(frame.address, frame.code, info).wire() == characters(name)


@pytest.mark.parametrize("name", captured("declined"))
def test_a_recorded_refusal_is_one(name: str) -> None:
    frame = parse(characters(name))
    assert frame.code == int(CAPTURES[name]["declined"]) != Rtn.OK
    assert find_answer(characters(name), ASKED) == Answer(frame, b"")
    assert frame.wire() == characters(name)


@pytest.mark.parametrize("name", captured("refused"))
def test_a_damaged_or_foreign_recording_is_refused_with_the_reason(name: str) -> None:
    with pytest.raises(BadFrame, match=CAPTURES[name]["refused"]):
        parse(characters(name))


def test_no_recording_is_left_out() -> None:
    words = ("request", "answer", "reads", "writes", "holds", "declined", "refused")
    assert sorted(name for word in words for name in captured(word)) == sorted(CAPTURES)
    assert len(captured("refused")) == 18


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
