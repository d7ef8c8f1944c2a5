"""Each driver says exactly what its instrument is to hear."""

from __future__ import annotations

import math

import pytest
from dialogue import NO_ERROR, expecting

from station.instruments import DRIVERS, Chroma62050P, Chroma63210A, Keysight34465A, KeysightDaq970A
from station.instruments.errors import BadReply, Overload, SettingRefused, Tripped
from station.instruments.roles import Load, LoadReading, Supply, SupplyReading, Switch, Voltmeter
from station.wires.errors import NoAnswer

STATE = ":FETC:STAT?"
READING = ":MEAS:VOLT?;:MEAS:CURR?;:FETC:STAT?"
LOAD_READING = "MEAS:VOLT?;:MEAS:CURR?;:LOAD?;:LOAD:PROT?"


def test_every_driver_plays_its_role() -> None:
    with expecting() as wire:
        roles: tuple[Supply, Load, Voltmeter, Switch] = (
            Chroma62050P(wire),
            Chroma63210A(wire),
            Keysight34465A(wire),
            KeysightDaq970A(wire),
        )
    assert {type(role) for role in roles} <= set(DRIVERS.values())
    assert Chroma62050P.ratings.current == 100.0
    assert Chroma63210A.ratings.power == 10_000.0


def test_a_supply_is_prepared_with_everything_read_back() -> None:
    with expecting(
        (":CONF:REM ON\nSYST:ERR?", NO_ERROR),
        (":CONF:OUTP OFF\n:CONF:OUTP?", "OFF"),
        (STATE, "0,OFF,CV"),
        (":SOUR:VOLT:PROT:HIGH 57\n:SOUR:VOLT:PROT:HIGH?", "57.000"),
        ("SYST:ERR?", NO_ERROR),
        (":SOUR:CURR:PROT:HIGH 105\n:SOUR:CURR:PROT:HIGH?", "105.000"),
        ("SYST:ERR?", NO_ERROR),
        (":SOUR:VOLT 52.4\n:SOUR:VOLT?", "52.400"),
        ("SYST:ERR?", NO_ERROR),
        (":SOUR:CURR 20\n:SOUR:CURR?", "20.000"),
        ("SYST:ERR?", NO_ERROR),
    ) as wire:
        Chroma62050P(wire).prepare(52.4, 20.0, 57.0, 105.0)


def test_a_latched_supply_is_reported_and_nothing_cleared() -> None:
    with (
        expecting(
            (":CONF:REM ON\nSYST:ERR?", NO_ERROR), (":CONF:OUTP OFF\n:CONF:OUTP?", "OFF"), (STATE, "5,OFF,CV")
        ) as wire,
        pytest.raises(Tripped, match="supply: its protection has tripped: over-voltage, over-power"),
    ):
        Chroma62050P(wire).prepare(52.4, 20.0, 57.0, 105.0)


def test_a_supply_switches_on_and_off_with_proof() -> None:
    with expecting(
        (STATE, "0,OFF,CV"),
        (":CONF:OUTP ON\n:CONF:OUTP?", "ON"),
        ("SYST:ERR?", NO_ERROR),
        (":CONF:OUTP OFF\n:CONF:OUTP?", "OFF"),
        (":CONF:OUTP OFF\n:CONF:OUTP?", "OFF"),
    ) as wire:
        supply = Chroma62050P(wire)
        supply.on()
        supply.off()
        supply.off()


def test_an_output_that_does_not_go_off_is_never_taken_for_off() -> None:
    with (
        expecting((":CONF:OUTP OFF\n:CONF:OUTP?", "ON"), ("SYST:ERR?", NO_ERROR)) as wire,
        pytest.raises(SettingRefused, match="CONF:OUTP OFF"),
    ):
        Chroma62050P(wire).off()


@pytest.mark.parametrize(
    ("reply", "reading"),
    [
        ("52.401;19.998;0,ON,CC", SupplyReading(52.401, 19.998, "CC", True)),
        ("53.600;1.250;0,ON,CV", SupplyReading(53.6, 1.25, "CV", True)),
        ("51.900;0.000;0,OFF,CV", SupplyReading(51.9, 0.0, "OFF", False)),
        ("51.900;0.000;1,OFF,CV", SupplyReading(51.9, 0.0, "OFF", False, "over-voltage")),
        ("51.900;0.000;8192,OFF,CV", SupplyReading(51.9, 0.0, "OFF", False, "code 8192")),
    ],
)
def test_a_supply_is_read_in_one_exchange(reply: str, reading: SupplyReading) -> None:
    with expecting((READING, reply)) as wire:
        assert Chroma62050P(wire).reading() == reading


@pytest.mark.parametrize(
    "reply", ["52.4;20.0", "52.4;20.0;0,ON", "52.4;20.0;x,ON,CV", "52.4;20.0;0,MAYBE,CV", "52.4;;0,ON,CV"]
)
def test_half_a_reading_is_no_reading(reply: str) -> None:
    with expecting((READING, reply)) as wire, pytest.raises(BadReply):
        Chroma62050P(wire).reading()


def test_the_quick_reading_is_one_question() -> None:
    with expecting((":MEAS:CURR?", "20.001"), ("MEAS:CURR?", "129.98")) as wire:
        assert Chroma62050P(wire).current() == 20.001
        assert Chroma63210A(wire).current() == 129.98


def test_clearing_a_supply_names_what_was_latched() -> None:
    with expecting(
        (STATE, "1,OFF,CV"), (":CONF:OUTP OFF\n:CONF:OUTP?", "OFF"), (":OUTP:PROT:CLE\nSYST:ERR?", NO_ERROR)
    ) as wire:
        assert Chroma62050P(wire).clear() == "over-voltage"


def test_a_load_is_prepared_with_everything_read_back() -> None:
    with expecting(
        ("CONF:REM ON\nSYST:ERR?", NO_ERROR),
        ("LOAD OFF\nLOAD?", "OFF"),
        ("LOAD:PROT?", "0"),
        ("MODE CCM\nMODE?", "CCM"),
        ("SYST:ERR?", NO_ERROR),
        ("CURR:STAT:L1 0\nCURR:STAT:L1?", "0.000"),
        ("SYST:ERR?", NO_ERROR),
        ("CURR:STAT:RISE 1\nCURR:STAT:RISE?", "1.000"),
        ("SYST:ERR?", NO_ERROR),
        ("CURR:STAT:FALL 1\nCURR:STAT:FALL?", "1.000"),
        ("SYST:ERR?", NO_ERROR),
        ("CONF:VOLT:ON 0\nCONF:VOLT:ON?", "0.000"),
        ("SYST:ERR?", NO_ERROR),
        ("CONF:OCP 150\nCONF:OCP?", "150.000"),
        ("SYST:ERR?", NO_ERROR),
        ("CONF:OPP 8000\nCONF:OPP?", "8000.0"),
        ("SYST:ERR?", NO_ERROR),
    ) as wire:
        Chroma63210A(wire).prepare(150.0, 8000.0)


def test_a_load_takes_the_smallest_range_and_knows_its_end() -> None:
    with expecting() as wire, pytest.raises(ValueError, match="1200 A"):
        Chroma63210A(wire).prepare(1200.0, 8000.0)


def test_a_load_switches_with_proof_and_reports_a_trip() -> None:
    with expecting(
        ("LOAD:PROT?", "0"),
        ("LOAD ON\nLOAD?", "ON"),
        ("SYST:ERR?", NO_ERROR),
        ("CURR:STAT:L1 130\nCURR:STAT:L1?", "130.000"),
        ("SYST:ERR?", NO_ERROR),
        ("LOAD OFF\nLOAD?", "0"),
        ("LOAD:PROT?", "32"),
    ) as wire:
        load = Chroma63210A(wire)
        load.on()
        load.set_current(130.0)
        load.off()
        with pytest.raises(Tripped, match="over-current"):
            load.on()


@pytest.mark.parametrize(
    ("reply", "reading"),
    [
        ("51.20;129.97;ON;0", LoadReading(51.2, 129.97, True)),
        ("52.30;0.00;OFF;32", LoadReading(52.3, 0.0, False, "over-current")),
        ("52.30;0.00;OFF;+16", LoadReading(52.3, 0.0, False, "code 16")),
    ],
)
def test_a_load_is_read_in_one_exchange(reply: str, reading: LoadReading) -> None:
    with expecting((LOAD_READING, reply)) as wire:
        assert Chroma63210A(wire).reading() == reading


def test_a_voltmeter_has_time_for_long_integration() -> None:
    with expecting(
        ("CONF:VOLT:DC 100\nVOLT:RANG?", "+1.00000000E+02"),
        ("SYST:ERR?", NO_ERROR),
        ("VOLT:NPLC 100\nVOLT:NPLC?", "+1.00000000E+02"),
        ("SYST:ERR?", NO_ERROR),
        ("READ?", "+5.24012345E+01"),
    ) as wire:
        voltmeter = Keysight34465A(wire)
        voltmeter.prepare(100.0, 100.0)
        assert voltmeter.voltage() == 52.4012345
        assert wire.timeouts[-1] >= 2 * 100 * 0.02 + 1


def test_a_voltmeter_on_another_range_is_refused_and_its_overload_no_value() -> None:
    with expecting(
        ("CONF:VOLT:DC 60\nVOLT:RANG?", "+1.00000000E+02"),
        ("SYST:ERR?", NO_ERROR),
        ("READ?", "+9.90000000E+37"),
    ) as wire:
        voltmeter = Keysight34465A(wire)
        with pytest.raises(SettingRefused):
            voltmeter.prepare(60.0, 1.0)
        with pytest.raises(Overload):
            voltmeter.voltage()


def test_relays_move_with_proof() -> None:
    with expecting(
        ("ROUT:CLOS (@201,203)\nROUT:CLOS? (@201,203)", "1,1"),
        ("SYST:ERR?", NO_ERROR),
        ("ROUT:OPEN (@201)\nROUT:CLOS? (@201)", "0"),
        ("ROUT:CLOS? (@201:220)", "0,0,1" + ",0" * 17),
    ) as wire:
        switch = KeysightDaq970A(wire)
        switch.close([203, 201])
        switch.open([201])
        switch.open([])
        assert switch.closed() == {203}


def test_a_relay_that_sticks_is_refused() -> None:
    with (
        expecting(("ROUT:OPEN (@201)\nROUT:CLOS? (@201)", "1"), ("SYST:ERR?", NO_ERROR)) as wire,
        pytest.raises(SettingRefused, match="ROUT:OPEN"),
    ):
        KeysightDaq970A(wire).open([201])


def test_ports_are_eight_bits() -> None:
    with expecting(
        ("SENS:DIG:DATA:BYTE? (@301)", "+165"),
        ("SENS:DIG:DATA:BYTE? (@301)", "256"),
        ("SENS:DIG:DATA:BYTE? (@301)", "0.5"),
        ("SOUR:DIG:DATA:BYTE 3,(@302)\nSOUR:DIG:DATA:BYTE? (@302)", "+3"),
    ) as wire:
        switch = KeysightDaq970A(wire)
        assert switch.read_port(301) == 165
        for _ in range(2):
            with pytest.raises(BadReply, match="8 bits"):
                switch.read_port(301)
        switch.write_port(302, 3)


def test_channels_measure_and_an_open_contact_is_infinite() -> None:
    with expecting(
        ("MEAS:VOLT:DC? (@101)", "+5.24000000E+01"),
        ("MEAS:RES? (@102)", "+1.20000000E-01"),
        ("MEAS:RES? (@102)", "+9.90000000E+37"),
        ("MEAS:TEMP? (@103)", "+2.51000000E+01"),
        ("MEAS:VOLT:DC? (@101)", "+9.90000000E+37"),
    ) as wire:
        switch = KeysightDaq970A(wire)
        assert switch.voltage(101) == 52.4
        assert switch.resistance(102) == 0.12
        assert switch.resistance(102) == math.inf
        assert switch.temperature(103) == 25.1
        with pytest.raises(Overload):
            switch.voltage(101)


def test_errors_name_the_role_that_the_bench_gave() -> None:
    with (
        expecting(("READ?", NoAnswer("x")), ("*IDN?", NoAnswer("x"))) as wire,
        pytest.raises(Exception, match=r"^shunt: "),
    ):
        Keysight34465A(wire, "shunt").voltage()
