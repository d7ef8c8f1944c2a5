"""Nothing that an instrument says is believed until it is checked."""

from __future__ import annotations

import pytest
from dialogue import NO_ERROR, expecting

from station.instruments.errors import BadReply, CommandFailed, InstrumentError, Overload, RoleError, SettingRefused
from station.instruments.roles import Identity
from station.instruments.scpi import Scpi
from station.wires.errors import ConnectionLost, Fenced, Garbled, NoAnswer


@pytest.mark.parametrize(
    ("reply", "unit", "value"),
    [
        ("+5.12345E+01", "", 51.2345),
        ("51.2", "V", 51.2),
        ("43.50V", "V", 43.5),
        ("-20.0 A", "A", -20.0),
        ("0", "", 0.0),
        (".5", "", 0.5),
    ],
)
def test_a_number_is_read_with_its_unit(reply: str, unit: str, value: float) -> None:
    with expecting(("Q?", reply)) as wire:
        assert Scpi(wire, "load").number("Q?", unit) == value


@pytest.mark.parametrize("reply", ["", "ERR", "nan", "inf", "1,2", "12 34", "5.1V", "1e", "--1", "0x10", "1_0"])
def test_what_is_no_number_in_the_right_unit_is_never_a_value(reply: str) -> None:
    with expecting(("MEAS:CURR?", reply)) as wire, pytest.raises(BadReply, match="load: `MEAS:CURR"):
        Scpi(wire, "load").number("MEAS:CURR?", "A")


@pytest.mark.parametrize("reply", ["+9.9E+37", "-9.90000000E+37", "9.91E37"])
def test_an_overload_is_never_a_value(reply: str) -> None:
    with expecting(("READ?", reply)) as wire, pytest.raises(Overload, match="beyond the range"):
        Scpi(wire, "voltmeter").number("READ?")


def test_a_command_is_followed_by_the_error_queue() -> None:
    with expecting(("VOLT 5\nSYST:ERR?", '+0,"No error"')) as wire:
        Scpi(wire, "supply").command("VOLT 5")


def test_the_whole_error_queue_is_emptied_and_its_first_error_raised() -> None:
    with expecting(
        ("VOLT 500\nSYST:ERR?", '-222,"Data out of range"'),
        ("SYST:ERR?", '-350,"Queue overflow"'),
        ("SYST:ERR?", NO_ERROR),
    ) as wire:
        with pytest.raises(InstrumentError, match="supply: `VOLT 500` gave error -222, Data out of range") as caught:
            Scpi(wire, "supply").command("VOLT 500")
        assert (caught.value.role, caught.value.code) == ("supply", -222)


def test_an_error_queue_that_never_empties_does_not_hang() -> None:
    turns = [("VOLT 5\nSYST:ERR?", '4,"Execution Error"'), *[("SYST:ERR?", '4,"Execution Error"')] * 40]
    with expecting(*turns) as wire, pytest.raises(InstrumentError):
        Scpi(wire, "supply").command("VOLT 5")


def test_an_error_queue_that_talks_nonsense_is_a_bad_reply() -> None:
    with expecting(("VOLT 5\nSYST:ERR?", "OK")) as wire, pytest.raises(BadReply):
        Scpi(wire, "supply").command("VOLT 5")


def test_a_setting_is_read_back_within_the_resolution() -> None:
    clean = ("SYST:ERR?", NO_ERROR)
    with expecting(("CURR 12.34567\nCURR?", "12.35"), clean, ("CURR 0.1\nCURR?", "0.11"), clean) as wire:
        scpi = Scpi(wire, "supply")
        scpi.setting("CURR", 12.34567, 0.01)
        scpi.setting("CURR", 0.1, 0.01)


def test_a_setting_that_was_not_taken_over_says_what_it_is_and_why() -> None:
    with (
        expecting(
            ("CURR 120\nCURR?", "100.00"), ("SYST:ERR?", '-222,"Data out of range"'), ("SYST:ERR?", NO_ERROR)
        ) as wire,
        pytest.raises(SettingRefused, match=r"`CURR 120` .* reads back `100\.00` \(error -222"),
    ):
        Scpi(wire, "supply").setting("CURR", 120.0, 0.01)


def test_a_choice_may_read_back_as_a_number_and_must_be_the_one_asked_for() -> None:
    with expecting(
        ("OUTP ON\nOUTP?", "1"), ("SYST:ERR?", NO_ERROR), ("OUTP OFF\nOUTP?", "ON"), ("SYST:ERR?", NO_ERROR)
    ) as wire:
        scpi = Scpi(wire, "supply")
        scpi.choice("OUTP", "ON")
        with pytest.raises(SettingRefused, match="reads back `ON`"):
            scpi.choice("OUTP", "OFF")


def test_an_error_in_the_queue_refuses_even_a_setting_that_reads_back_as_it_should() -> None:
    error = '-221,"Settings conflict"'
    with (
        expecting(("CURR 20\nCURR?", "20.00"), ("SYST:ERR?", error), ("SYST:ERR?", NO_ERROR)) as wire,
        pytest.raises(InstrumentError, match="Settings conflict"),
    ):
        Scpi(wire, "supply").setting("CURR", 20.0, 0.01)


def test_switching_off_is_held_up_by_no_error_in_the_queue() -> None:
    with expecting(("OUTP OFF\nOUTP?", "0")) as wire:
        Scpi(wire, "supply").switch("OUTP", "OFF")


@pytest.mark.parametrize("trouble", [NoAnswer("dmm: no reply"), ConnectionLost("dmm: closed")])
def test_a_command_without_a_reply_is_failed_and_not_sent_again(trouble: Exception) -> None:
    with expecting(
        ("OUTP ON\nSYST:ERR?", trouble), ("*IDN?", "A,B,C,D"), ("SYST:ERR?", '-113,"Undefined header"')
    ) as wire:
        with pytest.raises(CommandFailed, match="alive") as caught:
            Scpi(wire, "supply").command("OUTP ON")
        assert caught.value.alive
        assert "-113" in str(caught.value)
        assert wire.reopened == 1


def test_an_instrument_that_does_not_identify_itself_either_is_dead() -> None:
    with expecting(("MEAS?", NoAnswer("dmm: no reply")), ("*IDN?", NoAnswer("dmm: no reply"))) as wire:
        with pytest.raises(CommandFailed, match="does not answer") as caught:
            Scpi(wire, "voltmeter").ask("MEAS?")
        assert not caught.value.alive


def test_a_fence_is_not_an_instrument_s_fault() -> None:
    with expecting(("MEAS?", Fenced("dmm: fenced"))) as wire:
        with pytest.raises(Fenced):
            Scpi(wire, "voltmeter").ask("MEAS?")
        assert wire.reopened == 0


def test_a_garbled_line_is_a_bad_reply() -> None:
    with expecting(("MEAS?", Garbled("dmm: not ASCII"))) as wire, pytest.raises(BadReply, match="not ASCII"):
        Scpi(wire, "voltmeter").ask("MEAS?")


def test_an_identity_has_four_fields_or_more() -> None:
    with expecting(
        ("*IDN?", "Chroma, 62050P-100-100,62050P01234,01.70"), ("*IDN?", "A,B,C,D,E,F"), ("*IDN?", "A,B")
    ) as wire:
        scpi = Scpi(wire, "supply")
        assert scpi.identity() == Identity("Chroma", "62050P-100-100", "62050P01234", "01.70")
        assert scpi.identity().firmware == "D"
        with pytest.raises(RoleError):
            scpi.identity()
