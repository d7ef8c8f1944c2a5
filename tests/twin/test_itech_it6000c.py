"""The ITECH IT6010C-80-300 from both sides: its dialect as a client sees it, and what its drivers say to it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from instrument_makers import errors, finds
from instruments.dialogue import CLEAN, NO_ERROR, Turn, expecting, setting

from station.instruments import ItechLoad, ItechSupply
from station.instruments.errors import BadReply, SettingRefused, Tripped
from station.instruments.roles import LoadReading, SupplyReading
from station.twin.instruments import ItechIt6000C
from station.twin.terminals import SinkTerminals, SourceTerminals

READING = "MEAS:VOLT?;:MEAS:CURR?;:OUTP?;:STAT:QUES:COND?"
STATE = "STAT:QUES:COND?"


@pytest.fixture
def device() -> ItechIt6000C:
    made = ItechIt6000C(
        serial="800123456", rng=np.random.default_rng(1), source=SourceTerminals(), sink=SinkTerminals()
    )
    for meter in (made.output.voltmeter, made.output.ammeter):
        meter.gain, meter.offset, meter.noise = 1.0, 0.0, 0.0
    return made


# ------------------------------------------------------------------------------------------------ the device


def test_identity_has_six_fields(device: ItechIt6000C) -> None:
    assert device.execute("*IDN?") == "ITECH Electronics,IT6010C-80-300,800123456,000.006.101,640.R,132.R"


@pytest.mark.parametrize(
    ("command", "query", "reply"),
    [("FUNC CURR", "FUNC?", "CURRent"), ("FUNC voltage", "FUNC?", "VOLTage"), ("FUNC:MODE LIST", "FUNC:MODE?", "LIST")],
)
def test_words_are_said_back_in_their_long_form(device: ItechIt6000C, command: str, query: str, reply: str) -> None:
    device.execute(command)
    assert device.execute(query) == reply


@pytest.mark.parametrize(
    ("priority", "refused", "taken"),
    [
        ("VOLT", ("VOLT:LIM 50", "VOLT:LIM:NEG 5"), ("CURR:LIM 50", "CURR:LIM:NEG -50")),
        ("CURR", ("CURR:LIM 50", "CURR:LIM:NEG -50"), ("VOLT:LIM 50", "VOLT:LIM:NEG 5")),
    ],
)
def test_limits_are_writable_only_in_the_other_priority(
    device: ItechIt6000C, priority: str, refused: tuple[str, ...], taken: tuple[str, ...]
) -> None:
    device.execute(f"FUNC {priority}")
    for command in refused:
        device.execute(command)
        assert errors(device) == [-221]
    for command in taken:
        device.execute(command)
        assert errors(device) == []


def test_a_change_of_priority_copies_values_and_the_same_priority_again_does_not(device: ItechIt6000C) -> None:
    device.execute("VOLT 54;:CURR:LIM 20;:FUNC CURR")
    assert device.execute("VOLT:LIM?;:CURR?") == "54.0000;20.0000"
    device.execute("VOLT:LIM 50;:CURR -130;:FUNC CURR")
    assert device.execute("VOLT:LIM?;:CURR?") == "50.0000;-130.0000"
    device.execute("FUNC VOLT")
    assert device.execute("VOLT?;:CURR:LIM?;:CURR:LIM:NEG?") == "50.0000;0.0000;-130.0000"


@pytest.mark.parametrize(
    ("settings", "fed", "drawn"),
    [
        ("VOLT 54;:CURR:LIM 20;:CURR:LIM:NEG -30", 20, 30),
        ("FUNC CURR;:CURR -130", 0, 130),
        ("FUNC CURR;:VOLT:LIM 54;:CURR 60", 60, 0),
    ],
)
def test_each_priority_reaches_both_terminals(device: ItechIt6000C, settings: str, fed: float, drawn: float) -> None:
    device.execute(f"{settings};:OUTP ON")
    finds(device, 60, 0)
    finds(device, 60, -1)
    source, sink = device.output.source, device.output.sink
    assert (source.on, source.current, sink.current) == (True, fed, drawn)
    assert sink.on == (drawn > 0)


@pytest.mark.parametrize(
    ("settings", "volts", "amperes", "bit"),
    [
        ("VOLT:PROT 57;:VOLT:PROT:STAT ON", 57.1, 0, 1),
        ("CURR:PROT 100;:CURR:PROT:STAT ON", 50, 100.1, 2),
        ("CURR:OVER:PROT 100;:CURR:OVER:PROT:STAT ON", 50, -100.1, 2),
        ("POW:PROT 1000;:POW:PROT:STAT ON", 50, -20.1, 4),
        ("VOLT:UND:PROT 37;:VOLT:UND:PROT:STAT ON", 36.9, 0, 16),
        ("CURR:UND:PROT 5;:CURR:UND:PROT:STAT ON", 50, 4.9, 32),
    ],
)
def test_a_protection_latches_and_refuses_on_until_cleared(
    device: ItechIt6000C, settings: str, volts: float, amperes: float, bit: int
) -> None:
    device.execute(f"{settings};:OUTP ON")
    finds(device, volts, amperes)
    assert device.execute(f"OUTP?;:{STATE}") == f"0;{bit}"
    assert not device.output.source.on
    finds(device, 50, 10)
    device.execute("OUTP ON")
    assert errors(device) == [-221]
    assert device.execute(f"OUTP:PROT:CLE;:{STATE}") == "0"
    assert device.execute("OUTP ON;OUTP?;:STAT:OPER:COND?") == "1;256"


def test_a_protection_that_is_not_switched_on_does_not_trip(device: ItechIt6000C) -> None:
    device.execute("VOLT:PROT 57;:OUTP ON")
    finds(device, 60, 0)
    assert device.execute("OUTP?") == "1"


def test_a_protection_waits_for_its_delay_and_its_warm_up(device: ItechIt6000C) -> None:
    device.execute("VOLT:UND:PROT 37;:VOLT:UND:PROT:STAT ON;DEL 0.05;WARM 0.1;:OUTP ON")
    finds(device, 30, 0, 0.099)
    assert device.next_due == math.inf
    finds(device, 30, 0, 0.04)
    assert device.execute("OUTP?") == "1"
    finds(device, 30, 0, 0.02)
    assert device.execute("OUTP?") == "0"


def test_protections_are_cleared_only_with_the_output_off(device: ItechIt6000C) -> None:
    device.execute("OUTP ON;OUTP:PROT:CLE")
    assert errors(device) == [-221]


def test_the_watchdog_is_off_until_armed_and_any_message_feeds_it(device: ItechIt6000C) -> None:
    assert device.execute("OUTP:PROT:WDOG:STAT?;DEL?") == "0;30.0"
    device.execute("OUTP:PROT:WDOG:DEL 2;STAT ON;:OUTP ON")
    for _ in range(3):
        device.tick(device.now + 1.9)
        assert device.execute("OUTP?") == "1"
    device.tick(device.next_due)
    assert device.execute(f"OUTP?;:{STATE}") == "0;64"


def test_reset_switches_off_releases_and_gives_priority_to_the_voltage(device: ItechIt6000C) -> None:
    device.execute("FUNC CURR;:CURR -130;:OUTP ON")
    device.trip()
    device.execute("*RST")
    assert device.execute(f"OUTP?;:FUNC?;:CURR?;:{STATE}") == "0;VOLTage;0.0000;0"


def test_an_output_obeys_after_its_delay(device: ItechIt6000C) -> None:
    device.execute("OUTP:DEL:RISE 0.5;FALL 0.2;:OUTP ON")
    assert device.execute("OUTP?;:STAT:OPER:COND?") == "1;0"
    assert (device.pending(), device.next_due) == (0.5, 0.5)
    device.tick(0.49)
    assert not device.output.source.on
    device.tick(0.5)
    assert device.output.source.on
    device.execute("OUTP OFF")
    assert device.output.source.on
    device.tick(0.71)
    assert not device.output.source.on
    device.execute("OUTP ON")
    device.tick(2.0)
    device.trip()
    assert not device.output.source.on


def test_a_sink_can_be_a_resistor(device: ItechIt6000C) -> None:
    device.execute("CURR:LIM:NEG -100;:SINK:RES 2;:SINK:RES:STAT ON;:OUTP ON")
    finds(device, 50, -1)
    assert device.output.sink.current == pytest.approx(25)
    device.execute("SINK:RES:STAT OFF")
    assert device.output.sink.current == pytest.approx(100)


def test_one_slew_for_both_ways_reaches_the_terminals(device: ItechIt6000C) -> None:
    device.execute("SOURce:VOLTage:SLEW:BOTH 5;:CURR:SLEW 2;:FUNC CURR")
    assert device.execute("VOLT:SLEW:POS?;NEG?;BOTH?;:CURR:SLEW?") == "5.000;5.000;5.000;2.000"
    assert (device.output.source.slew_voltage, device.output.sink.slew_rise) == (5000, 2000)


def test_the_error_queue_is_cleared_by_a_command_of_its_own(device: ItechIt6000C) -> None:
    device.execute("NONSENSE;*ESE 4;:SYST:CLE")
    assert (errors(device), device.execute("*ESE?")) == ([], "4")


def test_the_slower_slew_of_the_voltage_reaches_the_terminals(device: ItechIt6000C) -> None:
    device.execute("VOLT:SLEW:POS 0.5;:VOLT:SLEW:NEG 2")
    assert device.output.source.slew_voltage == 500


# ------------------------------------------------------------------------------------------------ the drivers


TAKEN: tuple[Turn, ...] = (("SYST:REM\nSYST:ERR?", NO_ERROR), ("OUTP OFF\nOUTP?", "0"), (STATE, "0"))
GUARDED = tuple(turn for name in ("VOLT", "CURR", "POW") for turn in setting(f"{name}:PROT:STAT", "ON", "1"))
SUPPLY_PREPARED: tuple[Turn, ...] = (
    *TAKEN,
    *setting("FUNC", "VOLTAGE", "VOLTage"),
    *setting("FUNC:MODE", "FIXED", "FIXed"),
    *setting("CURR:LIM:NEG", "0", "0.0000"),
    *setting("VOLT:PROT", "57", "57.0000"),
    *setting("CURR:PROT", "95", "95.0000"),
    *setting("POW:PROT", "10000", "10000.0000"),
    *setting("VOLT", "52.4", "52.4000"),
    *setting("CURR:LIM", "20", "20.0000"),
    *setting("POW:LIM", "10000", "10000.0"),
    *GUARDED,
)


def test_a_supply_gives_priority_to_the_voltage_and_writes_everything_after_it() -> None:
    with expecting(*SUPPLY_PREPARED) as wire:
        ItechSupply(wire, "supply").prepare(52.4, 20.0, 57.0, 95.0)


def test_a_load_gives_priority_to_the_current_which_is_never_positive() -> None:
    with expecting(
        *TAKEN,
        *setting("FUNC", "CURRENT", "CURRent"),
        *setting("FUNC:MODE", "FIXED", "FIXed"),
        *setting("CURR", "0", "0.0000"),
        *setting("VOLT:LIM", "80", "80.0000"),
        *setting("VOLT:LIM:NEG", "30", "30.0000"),
        *setting("CURR:SLEW:POS", "300", "300.000"),
        *setting("CURR:SLEW:NEG", "300", "300.000"),
        *setting("VOLT:PROT", "88", "88.0000"),
        *setting("CURR:PROT", "150", "150.0000"),
        *setting("POW:PROT", "9000", "9000.0000"),
        *setting("POW:LIM:NEG", "-10000", "-10000.0"),
        *GUARDED,
        *setting("CURR", "-130", "-130.0000"),
        *setting("CURR", "0", "0.0000"),
    ) as wire:
        load = ItechLoad(wire, "load")
        load.prepare(150.0, 9000.0, starts_at=30.0)
        load.set_current(130.0)
        load.set_current(0.0)


def test_a_role_is_switched_on_where_its_priority_stands() -> None:
    switched = (*setting("OUTP", "ON", "1"), (STATE, "0"))
    with expecting(*SUPPLY_PREPARED, (STATE, "0"), ("FUNC?", "VOLTage"), *switched) as wire:
        supply = ItechSupply(wire, "supply")
        supply.prepare(52.4, 20.0, 57.0, 95.0)
        supply.on()


def test_a_role_is_prepared_again_where_the_other_one_had_its_priority() -> None:
    with expecting(
        *SUPPLY_PREPARED,
        (STATE, "0"),
        ("FUNC?", "CURRent"),
        *SUPPLY_PREPARED,
        *setting("OUTP", "ON", "1"),
        (STATE, "0"),
    ) as wire:
        supply = ItechSupply(wire, "supply")
        supply.prepare(52.4, 20.0, 57.0, 95.0)
        supply.on()


def test_a_box_that_trips_at_once_is_told_as_tripped() -> None:
    with expecting(
        *SUPPLY_PREPARED, (STATE, "0"), ("FUNC?", "VOLTage"), ("OUTP ON\nOUTP?", "0"), CLEAN, (STATE, "1")
    ) as wire:
        supply = ItechSupply(wire, "supply")
        supply.prepare(52.4, 20.0, 57.0, 95.0)
        with pytest.raises(Tripped, match=r"supply: .*over-voltage"):
            supply.on()


def test_a_limit_that_is_not_writable_in_this_priority_is_refused() -> None:
    with (
        expecting(("CURR:LIM 50\nCURR:LIM?", "20.0000"), ("SYST:ERR?", '-221,"Settings conflict"'), CLEAN) as wire,
        pytest.raises(SettingRefused, match="Settings conflict"),
    ):
        ItechSupply(wire, "supply").set_current(50.0)


@pytest.mark.parametrize(
    ("reply", "supply", "load"),
    [
        ("54.0010;1.2000;1;0", SupplyReading(54.001, 1.2, "CV", True), LoadReading(54.001, 0.0, True)),
        ("52.4000;20.0000;1;0", SupplyReading(52.4, 20.0, "CC", True), LoadReading(52.4, 0.0, True)),
        ("51.2000;-130.0000;1;0", SupplyReading(51.2, 0.0, "CC", True), LoadReading(51.2, 130.0, True)),
        (
            "52.0000;0.0000;0;65",
            SupplyReading(52.0, 0.0, "OFF", False, "over-voltage, watchdog"),
            LoadReading(52.0, 0.0, False, "over-voltage, watchdog"),
        ),
        (
            "52.0000;0.0000;0;512",
            SupplyReading(52.0, 0.0, "OFF", False, "code 512"),
            LoadReading(52.0, 0.0, False, "code 512"),
        ),
    ],
)
def test_each_role_reads_its_own_direction_in_one_exchange(
    reply: str, supply: SupplyReading, load: LoadReading
) -> None:
    with expecting(*setting("VOLT", "54", "54.0000"), (READING, reply), (READING, reply)) as wire:
        driver = ItechSupply(wire, "supply")
        driver.set_voltage(54.0)
        assert driver.reading() == supply
        assert ItechLoad(wire, "load").reading() == load


@pytest.mark.parametrize("reply", ["52.4;20;1", "52.4;20;x;0", "52.4;20;1;-1", "52.4A;20;1;0", ";20;1;0"])
def test_half_a_reading_is_no_reading(reply: str) -> None:
    with expecting((READING, reply)) as wire, pytest.raises(BadReply):
        ItechLoad(wire, "load").reading()


def test_clearing_switches_off_before_and_proves_it_after() -> None:
    off = ("OUTP OFF\nOUTP?", "0")
    with expecting((STATE, "2"), off, ("OUTP:PROT:CLE\nSYST:ERR?", NO_ERROR), off) as wire:
        assert ItechLoad(wire, "load").clear() == "over-current"


def test_the_watchdog_is_armed_fed_and_disarmed() -> None:
    with expecting(
        *setting("OUTP:PROT:WDOG:DEL", "5", "5.0"),
        *setting("OUTP:PROT:WDOG:STAT", "ON", "1"),
        (STATE, "0"),
        (STATE, "64"),
        *setting("OUTP:PROT:WDOG:STAT", "OFF", "0"),
    ) as wire:
        load = ItechLoad(wire, "load")
        load.watchdog(5.0)
        load.feed()
        with pytest.raises(Tripped, match="watchdog"):
            load.feed()
        load.watchdog(0.0)
