"""What IEEE 488.2 and SCPI-99 ask of any instrument, asked of all seven models, command by command."""

from __future__ import annotations

import re
from itertools import chain

import pytest
from instrument_makers import MAKERS

from station.twin.scpi import Instrument

NODE = re.compile(r"(\[?):?(\*?[A-Za-z][A-Za-z0-9]*)(?:<(\d+)-\d+>)?:?\]?")
UNDEFINED, TOO_LONG = -113, -112
SILENT = ("NOT:A:COMMAND", "NOT:A:COMMAND?", "*IDN", "VOLTag 1")


@pytest.fixture(params=MAKERS)
def device(request: pytest.FixtureRequest) -> Instrument:
    """One of each, awake, with its power-on event read; EA's box in remote control."""
    made = MAKERS[request.param]()
    made.execute("SYST:LOCK ON;*CLS")
    made.execute("*CLS")
    return made


def refusals(device: Instrument, message: str) -> list[int]:
    """The codes that a message leaves in the queue."""
    device.status.errors.clear()
    device.execute(message)
    return list(device.status.errors)


def integer(device: Instrument, message: str) -> int:
    """A count or a register, however the dialect writes it."""
    return int(device.execute(message) or "")


def spelt(header: str, *, long: bool, every: bool) -> str:
    """A declared header in its short or long form, with or without its optional nodes."""
    nodes = [
        (name if long else re.sub("[a-z]", "", name)) + first
        for optional, name, first in NODE.findall(header)
        if every or not optional
    ]
    return ":".join(nodes) + "?" * header.endswith("?")


# ------------------------------------------------------------------------------------------------ headers


@pytest.mark.parametrize("every", [False, True], ids=["without optional nodes", "with them"])
@pytest.mark.parametrize("long", [False, True], ids=["short", "long"])
def test_every_command_has_a_short_and_a_long_form_in_any_case(device: Instrument, long: bool, every: bool) -> None:
    ways = [spelt(header, long=long, every=every) for header in device.headers]
    ways += [way.lower() for way in ways] + [f":{way}" for way in ways if not way.startswith("*")]
    assert [way for way in ways if {UNDEFINED, TOO_LONG} & {*refusals(device, way)}] == []


def test_anything_between_short_and_long_is_undefined(device: Instrument) -> None:
    known = {node.upper() for header in device.headers for _, word, _ in NODE.findall(header) for node in forms(word)}
    cut = {header: spelt(header.rstrip("?"), long=True, every=True)[:-1] for header in device.headers}
    between = [way for way in cut.values() if way[-1:].islower() and way.split(":")[-1].upper() not in known]
    assert len(between) > 5
    assert [way for way in between if UNDEFINED not in refusals(device, way)] == []


def forms(word: str) -> tuple[str, str]:
    """The long and the short form."""
    return word, re.sub("[a-z]", "", word)


@pytest.mark.parametrize("message", SILENT)
def test_what_is_not_understood_is_silence_and_one_error(device: Instrument, message: str) -> None:
    assert device.execute(message) is None
    assert list(device.status.errors) == [UNDEFINED]
    assert integer(device, "*ESR?") == 32
    assert re.match(r"-1\d\d,\"", device.execute("SYST:ERR?") or "")
    assert re.fullmatch(r'\+?0,"No error"', device.execute("SYST:ERR?") or "")


@pytest.mark.parametrize("message", ["", "   ", "\r", ";", ";;;", "\t;\t"])
def test_empty_messages_are_nothing(device: Instrument, message: str) -> None:
    assert device.execute(message) is None
    assert list(device.status.errors) == []


# ------------------------------------------------------------------------------------------------ messages and values


@pytest.mark.parametrize(
    ("message", "reply"),
    [
        ("STAT:QUES:ENAB 5;ENAB?", [5]),
        ("STAT:QUES:ENAB 6;*OPC?;ENAB?", [1, 6]),
        (":STAT:QUES:ENAB 7;:STAT:OPER:ENAB 9;:STAT:QUES:ENAB?", [7]),
        ("*ESE 300;*ESE?;*OPC?", [0, 1]),
        ("*ese\t#h1F;*ESE?", [31]),
        ("*SRE #B10000;*SRE?", [16]),
        (" *ESE  3.2E1 ; *ESE? \r\n", [32]),
        ("*SRE 255;*SRE?", [191]),
    ],
)
def test_units_of_a_message_share_their_path_and_their_reply(
    device: Instrument, message: str, reply: list[int]
) -> None:
    assert [int(each) for each in (device.execute(message) or "").split(";")] == reply


@pytest.mark.parametrize(
    ("message", "code", "event"),
    [
        ("*ESE", -109, 32),
        ("*ESE 1,2", -108, 32),
        ("*ESE ABC", -104, 32),
        ("*ESE '1'", -104, 32),
        ("*ESE 1V", -138, 32),
        ("*ESE 256", -222, 16),
        ("*ESE -1", -222, 16),
        ("STAT:QUES2000000:ENAB 1", None, 32),
        ("*RST 1", -108, 32),
        ("*CLS;*ESE(1)", -111, 32),
    ],
)
def test_a_refusal_has_its_code_and_its_class_and_changes_nothing(
    device: Instrument, message: str, code: int | None, event: int
) -> None:
    device.execute("*ESE 4")
    found = refusals(device, message)
    assert found == ([code] if code else found[:1])
    assert integer(device, "*ESR?") == event
    assert integer(device, "*ESE?") == 4


def test_what_is_set_to_its_limit_is_read_back_or_refused_and_left_alone(device: Instrument) -> None:
    settings = [header for header in device.headers if f"{header}?" in device.headers]
    moved = 0
    for name in (spelt(header, long=False, every=False) for header in settings):
        for word in ("MIN", "MAX", "DEF"):
            limit, before = asked(device, f"{name}? {word}"), asked(device, f"{name}?")
            if limit is None:
                continue
            refused = bool(refusals(device, f"{name} {word}"))
            assert asked(device, f"{name}?") == (before if refused else limit), (name, word)
            moved += not refused
    assert moved >= 6


def asked(device: Instrument, query: str) -> str | None:
    """The reply, or None when the instrument refuses to say."""
    device.status.errors.clear()
    reply = device.execute(query)
    return None if device.status.errors else reply


# ------------------------------------------------------------------------------------------------ status


def test_power_on_is_an_event_that_is_read_once() -> None:
    for make in MAKERS.values():
        assert [integer(device := make(), "*ESR?"), integer(device, "*ESR?")] == [128, 0]


def test_the_queue_is_first_in_first_out_and_overflows_in_its_last_place(device: Instrument) -> None:
    depth = device.dialect.queue_depth
    for message in chain(["*ESE 300"], ["NONSENSE"] * (depth + 3)):
        device.execute(message)
    assert list(device.status.errors) == [-222, *[UNDEFINED] * (depth - 2), -350]
    assert [integer(device, "*STB?") & 4, device.execute("*CLS"), integer(device, "*STB?") & 4] == [4, None, 0]


def test_the_status_byte_sums_up_what_is_enabled(device: Instrument) -> None:
    device.execute("*ESE 32;*SRE 32")
    assert integer(device, "*STB?") == 0
    device.execute("NONSENSE")
    assert integer(device, "*STB?") == 64 + 32 + 4
    device.execute("*SRE 0")
    assert integer(device, "*STB?") == 32 + 4
    assert integer(device, "*ESR?") == 32
    assert integer(device, "*STB?") == 4


def test_clearing_status_keeps_the_enables_and_preset_clears_them(device: Instrument) -> None:
    device.execute("*ESE 60;*SRE 8;STAT:QUES:ENAB 3;:STAT:OPER:ENAB 5;*CLS")
    device.execute("*CLS")
    queries = ("*ESE?", "*SRE?", "STAT:QUES:ENAB?", "STAT:OPER:ENAB?")
    assert [integer(device, query) for query in queries] == [60, 8, 3, 5]
    device.execute("STAT:PRES")
    assert [integer(device, query) for query in queries] == [60, 8, 0, 0]


def test_reset_keeps_status_and_errors(device: Instrument) -> None:
    device.execute("*ESE 60;*SRE 8")
    device.execute("NONSENSE")
    device.execute("*RST")
    assert [integer(device, "*ESE?"), integer(device, "*SRE?"), integer(device, "*ESR?")] == [60, 8, 32]
    assert list(device.status.errors) == [UNDEFINED]


def test_operation_complete_is_said_and_noted_when_nothing_is_pending(device: Instrument) -> None:
    assert device.pending() == 0
    assert device.execute("*OPC?") == "1"
    device.execute("*OPC")
    assert integer(device, "*ESR?") == 1
    assert device.execute("*WAI;*OPC?") == "1"


def test_self_test_and_version_answer(device: Instrument) -> None:
    assert integer(device, "*TST?") == 0
    assert re.fullmatch(r"(19|20)\d\d\.\d|IT60xxSrc-v[\d.]+", device.execute("SYST:VERS?") or "")


def test_each_event_register_is_emptied_by_reading(device: Instrument) -> None:
    device.status.questionable.update(0)
    device.status.questionable.update(2)
    assert integer(device, "STAT:QUES:COND?") == 2
    assert integer(device, "STAT:QUES?") & 2
    assert integer(device, "STAT:QUES:EVEN?") & 2 == 0
    assert integer(device, "STAT:QUES:COND?") == 2


# ------------------------------------------------------------------------------------------------ faults


def test_a_silent_instrument_takes_nothing_and_a_garbled_one_spoils_its_answer(device: Instrument) -> None:
    device.silent = True
    assert device.execute("*ESE 60;*IDN?") is None
    device.silent, device.garbled = False, True
    assert "?" in (device.execute("*IDN?") or "")
    device.garbled = False
    assert integer(device, "*ESE?") == 0
