"""The rules of the language: IEEE 488.2 and SCPI-99, tried on an instrument of three settings."""

from __future__ import annotations

from collections.abc import Generator, Iterable

import pytest

from station.twin.scpi import (
    Channels,
    Choice,
    Command,
    Dialect,
    Instrument,
    Optional,
    Quantity,
    ScpiError,
    Switch,
    Text,
    knob,
    nr2,
)


class Toy(Instrument):
    """An instrument with one setting of each kind and one operation that takes 3 s."""

    def __init__(self) -> None:
        self.voltage = Quantity(0, 60, 5, "V", nr2(3), 3)
        self.protection = Quantity(0, 66, 66, "V", nr2(3), 3)
        self.output = Switch()
        self.source = Choice(("IMMediate", "BUS"))
        self.label = Text(8)
        self.until = 0.0
        self.closed: tuple[int, ...] = ()
        super().__init__("Toy,1,2,3", Dialect(queue_depth=4), self._table())

    def _table(self) -> Iterable[Command]:
        yield from knob("[SOURce:]VOLTage[:LEVel][:IMMediate][:AMPLitude]", self.voltage)
        yield from knob("[SOURce:]VOLTage:PROTection[:LEVel]", self.protection)
        yield from knob("OUTPut[:STATe]", self.output)
        yield from knob("TRIGger:SOURce", self.source)
        yield from knob("DISPlay:TEXT", self.label)
        yield Command("CURRent:L<1-2>?", lambda which: f"L{which}")
        yield from knob("LEVel:L2", self.protection)
        yield Command("MOVE", self.move)
        yield Command("ROUTe:CLOSe", self.close, Channels((101, 102, 104, 201), (101, 102, 104)))
        yield Command("PAIR?", lambda first, listed: f"{first} {listed}", Optional(self.voltage), Optional(self._all()))
        yield Command("SLOW?", self.slow)

    def _all(self) -> Channels:
        return Channels((101, 102), (101, 102))

    def move(self) -> None:
        self.until = self.now + 3.0

    def close(self, channels: tuple[int, ...]) -> None:
        self.closed = channels

    def slow(self) -> Generator[float, None, str]:
        begun = self.now
        yield 2.5
        return f"{self.now - begun}"

    def pending(self) -> float:
        return max(0.0, self.until - self.now)

    def reset(self) -> None:
        self.voltage.reset()


@pytest.fixture
def toy() -> Toy:
    return Toy()


def errors(instrument: Instrument) -> list[int]:
    """Empty the error queue."""
    found = []
    while (reply := instrument.execute("SYST:ERR?")) and not reply.lstrip("+").startswith("0,"):
        found.append(int(reply.split(",")[0]))
    return found


@pytest.mark.parametrize(
    "header",
    [
        "VOLT",
        "volt",
        "VOLTage",
        "VOLTAGE",
        ":VOLT",
        "SOUR:VOLT",
        "SOURCE:VOLTAGE:LEVEL",
        "sour:volt:lev:imm:ampl",
        "VOLT1",
    ],
)
def test_short_and_long_forms_optional_nodes_and_suffix_one_mean_the_same(toy: Toy, header: str) -> None:
    assert toy.execute(f"{header} 12.5") is None
    assert toy.execute(f" {header}? \r\n") == "12.500"
    assert errors(toy) == []


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("VOLTag 1", -113),
        ("VOL 1", -113),
        ("NONSENSE?", -113),
        ("VOLT:LEV:LEV 1", -113),
        ("*IDN", -113),
        ("VOLT2 1", -114),
        ("CURR:L3?", -114),
        ("VOLT", -109),
        ("VOLT ,", -109),
        ("VOLT 1,2", -108),
        ("*RST 1", -108),
        ("VOLT abc", -104),
        ("VOLT 'x'", -104),
        ("VOLT 61", -222),
        ("VOLT -0.1", -222),
        ("VOLT 9E999", -222),
        ("VOLT #HFFFFFF", -222),
        ("VOLT 1A", -131),
        ("*ESE 1V", -138),
        ("OUTP MAYBE", -224),
        ("TRIG:SOUR EXT", -224),
        ("TRIG:SOUR 5", -104),
        ("DISP:TEXT x", -104),
        ("DISP:TEXT 'x", -151),
        ("DISP:TEXT 'too long for it'", -222),
        ("VOLT::LEV 1", -102),
        ("?", -102),
        ("VOLT(1)", -111),
        ("\x00VOLT 1", -101),
        ("VOLT\xe9 1", -101),
        ("VOLTAGEVOLTAGE 1", -112),
        ("ROUT:CLOS (@101", -170),
        ("ROUT:CLOS 101", -104),
        ("ROUT:CLOS (@)", 113),
        ("ROUT:CLOS (@301)", 111),
        ("ROUT:CLOS (@103)", 112),
        ("ROUT:CLOS (@201)", 303),
    ],
)
def test_refused_command_queues_its_code_and_changes_nothing(toy: Toy, message: str, code: int) -> None:
    assert toy.execute(message) is None
    assert errors(toy) == [code]
    assert (toy.voltage.value, toy.output.value, toy.source.value, toy.closed) == (5, False, "IMM", ())


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("7", "7.000"),
        ("+7.", "7.000"),
        (".5", "0.500"),
        ("1.25E1", "12.500"),
        ("1.25 e +1", "12.500"),
        ("2500mV", "2.500"),
        ("0.002 kV", "2.000"),
        ("#H1F", "31.000"),
        ("#Q17", "15.000"),
        ("#B101", "5.000"),
        ("MIN", "0.000"),
        ("maximum", "60.000"),
        ("DEF", "5.000"),
        ("1.23456", "1.235"),
    ],
)
def test_numbers_come_in_all_forms_and_are_kept_to_the_resolution(toy: Toy, argument: str, value: str) -> None:
    assert toy.execute(f"VOLT\t{argument};VOLT?") == value


@pytest.mark.parametrize(("word", "value"), [("MIN", "0.000"), ("MAX", "60.000"), ("DEF", "5.000")])
def test_a_setting_tells_its_limits(toy: Toy, word: str, value: str) -> None:
    toy.execute("VOLT 30")
    assert toy.execute(f"VOLT? {word}") == value
    assert toy.execute("VOLT?") == "30.000"


@pytest.mark.parametrize(("sent", "kept"), [("ON", "1"), ("1", "1"), ("off", "0"), ("0.4", "0"), ("7", "1")])
def test_a_switch_takes_words_and_numbers(toy: Toy, sent: str, kept: str) -> None:
    assert toy.execute(f"OUTP {sent};:OUTP?") == kept


def test_strings_may_contain_separators_and_doubled_quotes(toy: Toy) -> None:
    assert toy.execute("DISP:TEXT 'a;b,''c';TEXT?") == '"a;b,\'c"'
    assert toy.execute('DISP:TEXT "d""e";TEXT?') == '"d""e"'


def test_choice_is_said_back_in_its_short_form(toy: Toy) -> None:
    assert toy.execute("TRIG:SOUR IMMediate;SOUR?") == "IMM"


def test_several_queries_of_a_message_answer_in_one_line(toy: Toy) -> None:
    assert toy.execute("*IDN?;VOLT?;:OUTP?") == "Toy,1,2,3;5.000;0"


def test_path_goes_on_behind_a_semicolon_and_a_colon_resets_it(toy: Toy) -> None:
    assert toy.execute("VOLT:PROT 60;LEV 7;:VOLT:LEV?;PROT?") == "7.000;60.000"
    assert toy.execute("VOLT:PROT 50;OUTP ON") is None
    assert errors(toy) == [-113]


def test_common_commands_keep_the_path(toy: Toy) -> None:
    assert toy.execute("VOLT:LEV 8;*OPC?;PROT?") == "1;66.000"


def test_a_refused_unit_stops_nothing_else(toy: Toy) -> None:
    assert toy.execute("VOLT 12;VOLT 999;NONSENSE;:VOLT?") == "12.000"
    assert errors(toy) == [-222, -113]


@pytest.mark.parametrize("message", ["", "\n", " \r", ";", ";;  ;", b"\r\n"])
def test_an_empty_message_is_no_error(toy: Toy, message: str | bytes) -> None:
    assert toy.execute(message) is None
    assert errors(toy) == []


def test_channel_list_expands_ranges_over_the_channels_that_exist(toy: Toy) -> None:
    toy.execute("ROUT:CLOS (@101:104, 102)")
    assert toy.closed == (101, 102, 104)


def test_what_may_be_left_out_is_told_apart_by_its_kind(toy: Toy) -> None:
    assert toy.execute("PAIR?;PAIR? 3;PAIR? (@101);PAIR? 3,(@101:102)") == (
        "None None;3.0 None;None (101,);3.0 (101, 102)"
    )
    toy.execute("PAIR? (@101),3")
    assert errors(toy) == [-108]


def test_numeric_suffix_reaches_the_handler(toy: Toy) -> None:
    assert toy.execute("CURR:L?;L1?;L2?") == "L1;L1;L2"


def test_a_name_may_end_in_a_digit_of_its_own(toy: Toy) -> None:
    assert toy.execute("LEV:L2 7;L2?") == "7.000"
    toy.execute("LEV:L?")
    assert errors(toy) == [-113]


def test_error_queue_is_first_in_first_out_and_ends_in_overflow(toy: Toy) -> None:
    toy.execute("BAD;VOLT 99;VOLT;VOLT 1,2;VOLT abc")
    assert toy.execute("SYST:ERR:COUN?") == "4"
    assert errors(toy) == [-113, -222, -109, -350]
    assert toy.execute("SYST:ERR?") == '0,"No error"'


def test_errors_set_their_bits_in_the_event_register_and_the_status_byte(toy: Toy) -> None:
    assert toy.execute("*ESR?;*ESR?") == "128;0"
    toy.execute("BAD;VOLT 99;ROUT:CLOS (@103);*ESE 32;*SRE 255")
    assert toy.execute("*STB?") == str(4 + 32 + 64)
    assert toy.execute("*ESR?") == str(32 + 16 + 8)
    assert toy.execute("*STB?") == str(4 + 64)


def test_cls_empties_events_and_queue_and_keeps_the_enables(toy: Toy) -> None:
    toy.execute("*ESE 60;*SRE 32;STAT:QUES:ENAB 3;BAD;*CLS")
    assert toy.execute("*ESR?;*ESE?;*SRE?;:STAT:QUES:ENAB?;:SYST:ERR?") == '0;60;32;3;0,"No error"'


def test_rst_resets_settings_and_leaves_status_alone(toy: Toy) -> None:
    toy.execute("VOLT 9;*ESE 60;BAD;*RST")
    assert toy.execute("VOLT?;*ESE?") == "5.000;60"
    assert errors(toy) == [-113]


def test_event_registers_latch_and_conditions_live(toy: Toy) -> None:
    register = toy.status.questionable
    register.update(2)
    register.update(0)
    toy.execute("STAT:QUES:ENAB 2;:*SRE 8")
    assert toy.execute("STAT:QUES:COND?;EVEN?;EVEN?") == "0;2;0"
    register.update(2)
    assert int(toy.execute("*STB?") or 0) & 8
    assert toy.execute("STAT:PRES;QUES:ENAB?") == "0"


def test_opc_query_takes_as_long_as_what_is_pending(toy: Toy) -> None:
    assert toy.latency("MOVE;*OPC?") == pytest.approx(3.0 + toy.response_time)
    toy.tick(3.0)
    assert toy.execute("MOVE;*OPC?") == "1"


def test_opc_sets_its_bit_when_the_operation_is_over(toy: Toy) -> None:
    toy.execute("*CLS;MOVE;*OPC")
    toy.tick(2.9)
    assert toy.execute("*ESR?") == "0"
    toy.tick(3.0)
    assert toy.execute("*ESR?") == "1"


def test_wai_holds_up_the_rest_of_the_message(toy: Toy) -> None:
    steps = toy.run("MOVE;*WAI;VOLT 9;VOLT?")
    assert next(steps) == 3.0
    assert toy.voltage.value == 5
    with pytest.raises(StopIteration) as done:
        next(steps)
    assert done.value.value == "9.000"


def test_what_a_message_asks_for_begins_when_it_arrives(toy: Toy) -> None:
    assert toy.latency("SLOW?") == pytest.approx(2.5 + toy.response_time)
    toy.tick(2.5)
    assert toy.execute("SLOW?") == "2.5"
    assert toy.execute("SLOW?") == "0.0"


def test_an_answer_nobody_fetched_is_not_given_to_the_next(toy: Toy) -> None:
    toy.latency("VOLT?")
    toy.execute("VOLT 9")
    toy.latency("VOLT?")
    assert toy.execute("VOLT?") == "9.000"


def test_a_silent_instrument_takes_and_says_nothing(toy: Toy) -> None:
    toy.silent = True
    assert toy.execute("VOLT 9;VOLT?") is None
    toy.silent = False
    assert toy.execute("VOLT?") == "5.000"


def test_garbled_replies_are_spoilt_and_identity_and_delay_can_be_wrong(toy: Toy) -> None:
    toy.garbled = True
    assert toy.execute("*IDN?") == "?oy?1"
    toy.garbled, toy.identity, toy.response_time = False, "Other,2,3,4", 1.5
    assert toy.latency("*IDN?") == 1.5
    assert toy.execute("*IDN?") == "Other,2,3,4"


def test_an_overlong_message_is_refused_whole(toy: Toy) -> None:
    assert toy.execute("VOLT 9;" * 4000) is None
    assert errors(toy) == [-363]
    assert toy.voltage.value == 5


def test_an_error_without_text_cannot_be_raised() -> None:
    with pytest.raises(KeyError):
        ScpiError(-999)
