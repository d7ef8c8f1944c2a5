"""The Keysight RP7935A from both sides: its dialect as a client sees it, and what its drivers say to it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from instrument_makers import errors, finds
from instruments.dialogue import CLEAN, NO_ERROR, Turn, expecting, setting

from station.instruments import Rp7900Load, Rp7900Supply
from station.instruments.errors import BadReply, SettingRefused, Tripped
from station.instruments.roles import LoadReading, SupplyReading
from station.twin.instruments import KeysightRp7900
from station.twin.instruments.keysight_rp7900 import SDP
from station.twin.terminals import SinkTerminals, SourceTerminals

STATE = "STAT:QUES:COND?;:STAT:QUES2:COND?"
READING = f"MEAS:VOLT?;:FETC:CURR?;:OUTP?;:{STATE};:STAT:OPER:COND?"


@pytest.fixture
def device() -> KeysightRp7900:
    made = KeysightRp7900(
        serial="MY59001234", rng=np.random.default_rng(1), source=SourceTerminals(), sink=SinkTerminals()
    )
    for meter in (made.output.voltmeter, made.output.ammeter):
        meter.gain, meter.offset, meter.noise = 1.0, 0.0, 0.0
    return made


# ------------------------------------------------------------------------------------------------ the device


def test_identity_names_vendor_model_serial_and_firmware(device: KeysightRp7900) -> None:
    assert str(device.execute("*IDN?")).split(",")[:3] == ["Keysight Technologies", "RP7935A", "MY59001234"]


def test_numbers_are_signed_and_have_an_exponent(device: KeysightRp7900) -> None:
    device.execute("VOLT 54;:CURR:LIM 20;:CURR:LIM:NEG -0.5kA")
    assert device.execute("VOLT?;:CURR:LIM?") == "+5.40000000E+01;+2.00000000E+01"
    assert errors(device) == [-222]
    assert device.execute("SYST:ERR?") == '+0,"No error"'


def test_fetch_tells_what_the_last_measurement_found(device: KeysightRp7900) -> None:
    assert device.execute("FETC:CURR?") is None
    assert errors(device) == [-230]
    finds(device, 50, -100)
    volts, amperes, watts = str(device.execute("MEAS:VOLT?;:FETC:CURR?;:FETC:POW?")).split(";")
    assert float(watts) == pytest.approx(float(volts) * float(amperes))
    assert float(amperes) == pytest.approx(-100, abs=0.01)
    finds(device, 40, -10)
    assert device.execute("FETC:VOLT?;CURR?") == f"{volts};{amperes}"
    assert device.execute("MEAS:VOLT?") != volts


@pytest.mark.parametrize(
    ("settings", "volts", "amperes", "seconds", "bits"),
    [
        ("VOLT:PROT 57", 57.1, 0, 0.001, "+1;+0"),
        ("VOLT:PROT:LOW 37;:VOLT:PROT:LOW:STAT ON", 36.9, 0, 0.03, "+0;+64"),
        ("VOLT 0", 80, 140, 0.05, "+8;+0"),
        ("FUNC CURR;:CURR -240", 80, -140, 0.05, "+32;+0"),
    ],
)
def test_a_protection_disables_an_output_that_stays_switched_on(
    device: KeysightRp7900, settings: str, volts: float, amperes: float, seconds: float, bits: str
) -> None:
    device.execute(f"{settings};:OUTP ON")
    finds(device, volts, amperes, seconds)
    assert device.execute(f"OUTP?;:{STATE};:STAT:OPER:COND?") == f"1;{bits};+4"
    assert not device.output.source.on
    assert not device.output.sink.on


def test_clearing_a_protection_brings_the_output_back_unless_it_was_switched_off(device: KeysightRp7900) -> None:
    on = []
    for message in ("OUTP ON", "OUTP:PROT:CLE", "OUTP OFF;OUTP:PROT:CLE"):
        device.execute(message)
        on.append(device.output.source.on)
        device.trip()
        assert not device.output.source.on
    assert on == [True, True, False]


def test_the_over_current_protection_trips_at_the_limit_after_its_delay(device: KeysightRp7900) -> None:
    device.execute("VOLT 54;:CURR:LIM 20;:CURR:PROT:STAT ON;DEL 0.1;:OUTP ON")
    device.output.source.mode = "CC"
    finds(device, 52, 20, 0.09)
    assert device.execute("STAT:QUES:COND?") == "+128"
    finds(device, 52, 20, 0.02)
    assert device.execute("STAT:QUES:COND?") == "+2"


def test_registers_tell_what_is_regulated(device: KeysightRp7900) -> None:
    assert device.execute("STAT:OPER:COND?") == "+4"
    device.execute("VOLT 54;:CURR:LIM 20;:OUTP ON")
    for mode, operation, questionable in (("CV", "+1", "+0"), ("CC", "+2", "+128")):
        device.output.source.mode = "CV" if mode == "CV" else "CC"
        finds(device, 52, 10)
        assert device.execute("STAT:OPER:COND?;:STAT:QUES:COND?") == f"{operation};{questionable}"
    device.execute("FUNC CURR;:CURR -50")
    finds(device, 52, -50)
    assert device.execute("STAT:OPER:COND?;:STAT:QUES:COND?") == "+2;+0"


def test_the_second_questionable_register_latches_its_events(device: KeysightRp7900) -> None:
    device.trip(SDP)
    device.execute("OUTP:PROT:CLE")
    assert device.execute("STAT:QUES2:COND?;:STAT:QUES2?;:STAT:QUES2?") == "+0;+32;+0"


def test_the_slew_rate_reaches_the_drawn_current(device: KeysightRp7900) -> None:
    device.execute("FUNC CURR;:CURR:SLEW 500")
    assert device.output.sink.slew_rise == math.inf
    device.execute("CURR:SLEW:MAX OFF")
    assert device.output.sink.slew_rise == 500


def test_the_watchdog_waits_a_minute_unless_told_otherwise_and_latches(device: KeysightRp7900) -> None:
    assert device.execute("OUTP:PROT:WDOG?;WDOG:DEL?") == "0;+6.00000000E+01"
    device.execute("OUTP:PROT:WDOG:DEL 2;:OUTP:PROT:WDOG ON;:OUTP ON")
    for _ in range(3):
        device.tick(device.now + 1.9)
        assert device.execute("STAT:QUES:COND?") == "+0"
    device.tick(device.next_due)
    assert device.execute("STAT:QUES:COND?") == "+2048"
    assert not device.output.source.on
    device.execute("OUTP:PROT:WDOG:DEL 0.5")
    assert errors(device) == [-222]


def test_hours_are_counted_in_both_directions_until_they_are_reset(device: KeysightRp7900) -> None:
    output = device.output
    output.source.terminal_voltage = output.sink.terminal_voltage = 50.0
    output.sink.terminal_current = 100.0
    device.tick(device.now + 36.0)
    assert [float(each) for each in (device.execute("FETC:AHO?;:FETC:WHO?") or "").split(";")] == [-1.0, -50.0]
    device.execute("SENS:AHO:RES")
    assert [float(each) for each in (device.execute("FETC:AHO?;:FETC:WHO?") or "").split(";")] == [0.0, -50.0]


def test_reset_switches_off_and_releases(device: KeysightRp7900) -> None:
    device.execute("SYST:COMM:RLST REM;:FUNC CURR;:CURR -130;:OUTP ON")
    device.trip()
    device.execute("*RST")
    assert device.execute(f"OUTP?;:FUNC?;:{STATE};:SYST:COMM:RLST?") == "0;VOLT;+0;+0;REM"


def test_a_trigger_steps_the_levels_that_are_in_step_mode(device: KeysightRp7900) -> None:
    device.execute("VOLT 50;VOLT:TRIG 54;MODE STEP;:CURR:TRIG 20;*TRG")
    assert errors(device) == [-211]
    device.execute("INIT:TRAN;:STAT:OPER?")
    assert device.execute("STAT:OPER:COND?;:VOLT?") == "+20;+5.00000000E+01"
    device.execute("*TRG")
    assert device.execute("STAT:OPER:COND?;:VOLT?;:CURR?") == "+4;+5.40000000E+01;+0.00000000E+00"
    device.execute("VOLT:TRIG 55;:TRIG:TRAN:SOUR IMM;:INIT:TRAN")
    assert device.execute("VOLT?") == "+5.50000000E+01"
    device.execute("INIT:TRAN;*TRG;:TRIG:TRAN:SOUR EXT;:INIT:TRAN;:INIT:TRAN;:ABOR:TRAN;:TRIG:TRAN")
    assert errors(device) == [-211, -213, -211]


def test_a_drawn_current_stops_at_the_lower_voltage_limit(device: KeysightRp7900) -> None:
    device.execute("FUNC CURR;:CURR -50;:VOLT:LIM:LOW 30;:OUTP ON")
    finds(device, 40, 0)
    assert device.output.sink.on
    finds(device, 29, 0)
    assert not device.output.sink.on


# ------------------------------------------------------------------------------------------------ the drivers


TAKEN: tuple[Turn, ...] = (*setting("SYST:COMM:RLST", "REM", "REM"), ("OUTP OFF\nOUTP?", "0"), (STATE, "+0;+0"))
SUPPLY_PREPARED: tuple[Turn, ...] = (
    *TAKEN,
    *setting("FUNC", "VOLT", "VOLT"),
    *setting("CURR:LIM:NEG", "0", "+0.00000000E+00"),
    *setting("VOLT:PROT", "57", "+5.70000000E+01"),
    *setting("VOLT", "52.4", "+5.24000000E+01"),
    *setting("CURR:LIM", "20", "+2.00000000E+01"),
    *setting("CURR:PROT:STAT", "OFF", "0"),
    *setting("VOLT:PROT:LOW:STAT", "OFF", "0"),
)


def test_a_supply_is_prepared_with_everything_read_back() -> None:
    with expecting(*SUPPLY_PREPARED) as wire:
        Rp7900Supply(wire, "supply").prepare(52.4, 20.0, 57.0, 95.0)


def test_a_load_is_prepared_with_everything_read_back() -> None:
    with expecting(
        *TAKEN,
        *setting("FUNC", "CURR", "CURR"),
        *setting("CURR", "0", "+0.00000000E+00"),
        *setting("VOLT:LIM", "80", "+8.00000000E+01"),
        *setting("CURR:SLEW", "500", "+5.00000000E+02"),
        *setting("VOLT:PROT", "96", "+9.60000000E+01"),
        *setting("VOLT:PROT:LOW", "37", "+3.70000000E+01"),
        *setting("CURR:SLEW:MAX", "OFF", "0"),
        *setting("CURR:PROT:STAT", "OFF", "0"),
        *setting("VOLT:PROT:LOW:STAT", "ON", "1"),
        *setting("CURR", "-130", "-1.30000000E+02"),
    ) as wire:
        load = Rp7900Load(wire, "load")
        load.prepare(150.0, 9000.0, starts_at=37.0, slew=500.0)
        load.set_current(130.0)


def test_a_current_beyond_what_was_allowed_never_reaches_the_box() -> None:
    with expecting(*SUPPLY_PREPARED) as wire:
        supply = Rp7900Supply(wire, "supply")
        supply.prepare(52.4, 20.0, 57.0, 95.0)
        with pytest.raises(ValueError, match=r"supply: 96 A are more than the 95 A"):
            supply.set_current(96.0)
        with pytest.raises(ValueError, match="more than the 10 A"):
            supply.prepare(52.4, 20.0, 57.0, 10.0)
        with pytest.raises(ValueError, match="12000 W is more than the box can take"):
            Rp7900Load(wire, "load").prepare(150.0, 12_000.0)


def test_a_role_is_switched_on_where_its_priority_stands_and_asked_for_trips_again() -> None:
    with expecting(
        *SUPPLY_PREPARED,
        (STATE, "+0;+0"),
        ("FUNC?", "VOLT"),
        *setting("OUTP", "ON", "1"),
        (STATE, "+1;+0"),
    ) as wire:
        supply = Rp7900Supply(wire, "supply")
        supply.prepare(52.4, 20.0, 57.0, 95.0)
        with pytest.raises(Tripped, match=r"supply: .*over-voltage"):
            supply.on()


def test_a_role_is_prepared_again_where_the_other_one_had_its_priority() -> None:
    with expecting(
        *SUPPLY_PREPARED,
        (STATE, "+0;+0"),
        ("FUNC?", "CURR"),
        *SUPPLY_PREPARED,
        *setting("OUTP", "ON", "1"),
        (STATE, "+128;+0"),
    ) as wire:
        supply = Rp7900Supply(wire, "supply")
        supply.prepare(52.4, 20.0, 57.0, 95.0)
        supply.on()


@pytest.mark.parametrize(
    ("reply", "supply", "load"),
    [
        ("+5.4E+01;+1.2E+00;1;+0;+0;+1", SupplyReading(54.0, 1.2, "CV", True), LoadReading(54.0, 0.0, True)),
        ("+5.2E+01;+2.0E+01;1;+128;+0;+2", SupplyReading(52.0, 20.0, "CC", True), LoadReading(52.0, 0.0, True)),
        ("+5.1E+01;-1.3E+02;1;+0;+0;+2", SupplyReading(51.0, 0.0, "CC", True), LoadReading(51.0, 130.0, True)),
        ("+5.2E+01;+0.0E+00;0;+0;+0;+4", SupplyReading(52.0, 0.0, "OFF", False), LoadReading(52.0, 0.0, False)),
        (
            "+5.2E+01;+0.0E+00;1;+2048;+64;+4",
            SupplyReading(52.0, 0.0, "OFF", False, "watchdog, under-voltage"),
            LoadReading(52.0, 0.0, False, "watchdog, under-voltage"),
        ),
    ],
)
def test_each_role_reads_its_own_direction_in_one_exchange(
    reply: str, supply: SupplyReading, load: LoadReading
) -> None:
    with expecting((READING, reply), (READING, reply)) as wire:
        assert Rp7900Supply(wire, "supply").reading() == supply
        assert Rp7900Load(wire, "load").reading() == load


@pytest.mark.parametrize("reply", ["1;2;1;+0;+0", "1;2;1;x;+0;+1", "1;2;x;+0;+0;+1", "9.9E37;2;1;+0;+0;+1"])
def test_half_a_reading_is_no_reading(reply: str) -> None:
    with expecting((READING, reply)) as wire, pytest.raises(BadReply):
        Rp7900Load(wire, "load").reading()


def test_clearing_switches_off_before_and_proves_it_after() -> None:
    off = ("OUTP OFF\nOUTP?", "0")
    with expecting((STATE, "+0;+32"), off, ("OUTP:PROT:CLE\nSYST:ERR?", NO_ERROR), off) as wire:
        assert Rp7900Supply(wire, "supply").clear() == "safety disconnect"


def test_an_output_that_comes_back_is_never_taken_for_off() -> None:
    with (
        expecting(
            (STATE, "+1;+0"),
            ("OUTP OFF\nOUTP?", "0"),
            ("OUTP:PROT:CLE\nSYST:ERR?", NO_ERROR),
            ("OUTP OFF\nOUTP?", "1"),
            CLEAN,
        ) as wire,
        pytest.raises(SettingRefused, match="OUTP OFF"),
    ):
        Rp7900Supply(wire, "supply").clear()


def test_the_watchdog_is_armed_fed_and_disarmed() -> None:
    with expecting(
        *setting("OUTP:PROT:WDOG:DEL", "5", "+5.00000000E+00"),
        *setting("OUTP:PROT:WDOG", "ON", "1"),
        (STATE, "+0;+0"),
        (STATE, "+2048;+0"),
        *setting("OUTP:PROT:WDOG", "OFF", "0"),
    ) as wire:
        load = Rp7900Load(wire, "load")
        load.watchdog(5.0)
        load.feed()
        with pytest.raises(Tripped, match="watchdog"):
            load.feed()
        load.watchdog(0.0)
