"""The EA-PSB 10080-340 from both sides: its dialect as a client sees it, and what its drivers say to it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from instrument_makers import errors, finds
from instruments.dialogue import expecting

from station.instruments import EaPsbLoad, EaPsbSupply
from station.instruments.errors import BadReply, InstrumentError, SettingRefused, Tripped
from station.instruments.roles import LoadReading, SupplyReading
from station.twin.instruments import EaPsb10000
from station.twin.instruments.ea_psb_10000 import OT
from station.twin.terminals import SinkTerminals, SourceTerminals

OFF = "SYST:LOCK ON;:OUTP OFF;:OUTP?;:SYST:LOCK:OWN?"
STATE = "STAT:QUES:COND?;:STAT:OPER:COND?"
READING = f"MEAS:ARR?;:OUTP?;:{STATE}"


def fresh() -> EaPsb10000:
    made = EaPsb10000(serial="1234567890", rng=np.random.default_rng(1), source=SourceTerminals(), sink=SinkTerminals())
    for meter in (made.output.voltmeter, made.output.ammeter):
        meter.gain, meter.offset, meter.noise = 1.0, 0.0, 0.0
    return made


@pytest.fixture
def device() -> EaPsb10000:
    made = fresh()
    made.execute("SYST:LOCK ON")
    return made


# ------------------------------------------------------------------------------------------------ the device


def test_identity_has_five_fields(device: EaPsb10000) -> None:
    fields = str(device.execute("*IDN?")).split(",")
    assert fields[:3] == ["EA Elektro-Automatik GmbH & Co. KG", "PSB 10080-340", "1234567890"]
    assert len(fields) == 5


def test_replies_carry_units(device: EaPsb10000) -> None:
    device.execute("VOLT 43.5;CURR 20;:SINK:CURR 12.5;:POW 3.5kW")
    assert device.execute("VOLT?;CURR?;:SINK:CURR?;:POW?") == "43.50V;20.0A;12.5A;3500W"
    finds(device, 51.2, -130)
    assert device.execute("MEAS:VOLT?;CURR?;POW?;ARR?") == "51.20V;-130.0A;-6656W;51.20V, -130.0A, -6656W"


def test_nothing_is_changed_without_remote_control_and_everything_told() -> None:
    device = fresh()
    assert device.execute("SYST:LOCK:OWN?;:VOLT 50;VOLT?;OUTP ON;OUTP?") == "NONE;0.00V;OFF"
    assert device.execute("SYST:ERR?") == '-221,"Settings conflict"'
    device.execute("*CLS;SYST:LOCK ON;:VOLT 50")
    assert device.execute("SYST:LOCK:OWN?;:VOLT?;:SYST:ERR?") == 'REMOTE;50.00V;0,"No error"'


def test_somebody_at_the_panel_keeps_everybody_out(device: EaPsb10000) -> None:
    device.local = True
    assert device.execute("VOLT 50;SYST:LOCK ON;:SYST:LOCK:OWN?;:VOLT?") == "LOCAL;0.00V"
    assert device.execute("SYST:ERR:ALL?") == '-201,"Invalid while in local",-201,"Invalid while in local"'


def test_leaving_remote_control_switches_off_only_where_that_was_chosen(device: EaPsb10000) -> None:
    assert device.execute("OUTP ON;SYST:LOCK OFF;:OUTP?") == "ON"
    device.execute("SYST:LOCK ON;:POW:STAG:AFT:REM OFF;:SYST:LOCK OFF")
    assert device.execute("OUTP?") == "OFF"


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("NONSENSE 1", -100),
        ("VOLT", -100),
        ("VOLT abc", -100),
        ("VOLT:", -102),
        ("VOLT 1,2", -108),
        ("VOLT 81.7", -222),
        ("CURR 347", -222),
        ("SINK:POW 10201", -222),
        ("VOLT:PROT 88.1", -222),
        ("OUTP MAYBE", -224),
        ("VOLT 1;VOLT 2;VOLT 3;VOLT 4;VOLT 5;VOLT 6", -223),
        ("VOLT " + " " * 256 + "1", -223),
    ],
)
def test_errors_have_the_numbers_of_this_maker(device: EaPsb10000, message: str, code: int) -> None:
    device.execute(message)
    assert errors(device) == [code]
    assert device.execute("VOLT?") == "0.00V"


def test_set_points_go_to_102_percent_and_protections_to_110(device: EaPsb10000) -> None:
    device.execute("VOLT MAX;CURR 346.8;:SINK:CURR MAX;:POW 10200;:VOLT:PROT 88")
    assert device.execute("VOLT?;CURR?;:SINK:CURR?;:POW?;:VOLT:PROT?") == "81.60V;346.8A;346.8A;10200W;88.00V"


def test_the_queue_keeps_five_errors_and_is_read_one_by_one_or_whole(device: EaPsb10000) -> None:
    for _ in range(7):
        device.execute("NONSENSE")
    assert errors(device) == [-100] * 4 + [-350]
    device.execute("NONSENSE;VOLT 99")
    assert device.execute("SYST:ERR:ALL?") == '-100,"Command error",-222,"Data out of range"'
    assert device.execute("SYST:ERR:ALL?") == '0,"No error"'


def test_a_set_point_outside_the_adjustment_limits_is_ignored(device: EaPsb10000) -> None:
    device.execute("VOLT 50;VOLT:LIM:HIGH 57;:VOLT 58;:VOLT:LIM:HIGH 49")
    assert errors(device) == [-222, -221]
    assert device.execute("VOLT?;VOLT:LIM:HIGH?") == "50.00V;57.00V"


@pytest.mark.parametrize(
    ("setting", "volts", "amperes", "bit"),
    [
        ("VOLT:PROT 57", 57.1, 0, 1),
        ("CURR:PROT 60", 50, 60.1, 2),
        ("SINK:CURR:PROT 100", 50, -100.1, 2),
        ("POW:PROT 1000", 50, 20.1, 4),
        ("SINK:POW:PROT 1000", 50, -20.1, 4),
        ("SYST:CONF:OVD 55;OVD:ACT ALAR", 55.1, 0, 16),
        ("SYST:CONF:UVD 37;UVD:ACT ALAR", 36.9, 0, 32),
        ("SYST:CONF:OCD 90;OCD:ACT ALAR", 50, 90.1, 64),
    ],
)
def test_an_alarm_switches_off_and_stands_until_errors_are_asked_for(
    device: EaPsb10000, setting: str, volts: float, amperes: float, bit: int
) -> None:
    device.execute(f"{setting};:OUTP ON")
    finds(device, volts, amperes)
    assert device.execute("STAT:QUES:COND?;:OUTP?") == f"{bit | 1024};OFF"
    assert not device.output.source.on
    assert not device.output.sink.on
    finds(device, 50, 0)
    device.execute("OUTP ON")
    assert device.execute("OUTP?") == "OFF"
    assert device.execute("SYST:ERR?;:STAT:QUES:COND?") == '-221,"Settings conflict";1024'
    assert device.execute("OUTP ON;OUTP?") == "ON"


def test_an_alarm_whose_cause_persists_cannot_be_acknowledged(device: EaPsb10000) -> None:
    device.execute("VOLT:PROT 50;:OUTP ON")
    finds(device, 52, 0)
    assert device.execute("SYST:ERR?;:STAT:QUES:COND?") == '0,"No error";1025'
    finds(device, 49, 0)
    assert device.execute("SYST:ERR?;:STAT:QUES:COND?") == '0,"No error";1024'


def test_supervision_that_only_warns_does_not_switch_off(device: EaPsb10000) -> None:
    device.execute("SYST:CONF:UVD 37;UVD:ACT WARN;:OUTP ON")
    finds(device, 30, 0)
    assert device.execute("OUTP?") == "ON"


def test_registers_tell_the_owner_the_output_the_mode_and_the_direction(device: EaPsb10000) -> None:
    device.execute("VOLT 0;:SINK:CURR 100;:OUTP ON")
    finds(device, 52, 0)
    finds(device, 52, -100)
    assert device.execute(STATE) == f"{1024 | 2048};{512 | 4096}"
    device.output.source.mode = "CV"
    finds(device, 52, 5)
    assert device.execute(STATE) == f"{1024 | 2048};256"


def test_a_time_out_of_the_interface_shows_in_the_operation_register(device: EaPsb10000) -> None:
    device.execute("SYST:COMM:MON:TIM 2;ACT ON;:OUTP ON")
    assert device.next_due == pytest.approx(device.now + 2)
    device.tick(device.now + 2)
    assert device.execute("STAT:OPER:COND?;:STAT:QUES:COND?;:OUTP?") == "128;1024;OFF"
    assert device.execute("SYST:ERR?;:STAT:OPER:COND?") == '0,"No error";0'


def test_an_idle_socket_is_closed_after_five_seconds_unless_told_otherwise(device: EaPsb10000) -> None:
    assert device.idle_timeout == 5
    device.execute("SYST:COMM:LAN:TIM 60")
    assert device.idle_timeout == 60
    device.execute("SYST:COMM:LAN:TIME 70")
    device.execute("SYST:COMM:LAN:TIM 4")
    assert (errors(device), device.idle_timeout) == ([-100, -222], 60)
    device.execute("SYSTem:COMMunicate:LAN:TIMeout 0")
    assert device.idle_timeout == math.inf
    device.execute("SYST:COMM:LAN:TIM 5;KEEP ON")
    assert device.idle_timeout == math.inf


def test_reset_takes_remote_control_switches_off_and_clears_alarms() -> None:
    device = fresh()
    device.trip(OT)
    device.execute("*RST")
    assert device.execute("SYST:LOCK:OWN?;:OUTP?;:STAT:QUES:COND?;:VOLT?") == "REMOTE;OFF;1024;0.00V"


def test_alarms_are_counted_apart_by_the_direction_of_the_current(device: EaPsb10000) -> None:
    device.execute("SINK:CURR:PROT 100;:CURR:PROT 60")
    for amperes in (-101, 61, -102):
        device.execute("OUTP ON")
        finds(device, 50, amperes)
        finds(device, 50, 0)
        device.execute("SYST:ERR?")
    assert device.execute("SYST:ALAR:COUN:OCUR?;:SYST:SINK:ALAR:COUN:OCUR?;:SYST:ALAR:COUN:OVOL?") == "1;2;0"


def test_what_was_fed_and_drawn_is_counted_apart(device: EaPsb10000) -> None:
    device.execute("OUTP ON")
    for amperes in (100, -50):
        finds(device, 50, amperes)
        device.tick(device.now + 1800)
    finds(device, 50, 0)
    device.execute("OUTP OFF")
    device.tick(device.now + 3600)
    assert device.execute("FETC:AHO?;WHO?;SINK:AHO?;WHO?") == "50.000Ah;2.500kWh;25.000Ah;1.250kWh"
    assert device.execute("DIAG:INF:DEV:OTIM?;ONT?;OFFT?") == "2.00h;1.00h;1.00h"


def test_the_generator_that_is_not_there_rests(device: EaPsb10000) -> None:
    device.execute("FUNC:GEN:WAVE:STAT STOP;:FUNC:GEN:SEL NONE")
    assert device.execute("FUNC:GEN:WAVE:STAT?;:FUNC:GEN:SEL?") == "STOP;NONE"
    device.execute("FUNC:GEN:SEL CURRENT;:FUNC:GEN:WAVE:STAT RUN")
    assert errors(device) == [-224, -224]


def test_the_resistance_of_the_sink_counts_in_its_own_mode(device: EaPsb10000) -> None:
    device.execute("SINK:RES 2")
    assert errors(device) == [-221]
    device.execute("SYST:CONF:MODE UIR;:SINK:RES 2;:SINK:CURR 100;:OUTP ON")
    finds(device, 50, -1)
    assert (device.output.sink.current, device.execute("SINK:RES?")) == (pytest.approx(25), "2.000OHM")
    device.execute("SYST:CONF:MODE UIP")
    assert device.output.sink.current == 100


def test_the_last_field_of_the_identity_is_for_the_user(device: EaPsb10000) -> None:
    device.execute("SYST:CONF:USER:TEXT 'line 1, left'")
    assert str(device.execute("*IDN?")).split(",")[4:] == ["line 1  left"]


# ------------------------------------------------------------------------------------------------ the drivers


def turn(text: str, query: str, found: str, state: str = "1024;0", byte: str = "0") -> tuple[str, str]:
    """A setting with its read-back, alarms and status byte, in one message."""
    return f"{text};:{query};:{STATE};*STB?", f"{found};{state};{byte}"


STAYS_OFF = [
    turn(f"{name} OFF", f"{name}?", "OFF")
    for name in ("SYST:ALAR:ACT:OTEM", "SYST:ALAR:ACT:PF", "SYST:CONF:OUTP:REST", "POW:STAG:AFT:REM")
]
SUPPLY_PREPARED = [
    (OFF, "OFF;REMOTE"),
    (STATE, "1024;0"),
    *STAYS_OFF,
    turn("SINK:CURR 0", "SINK:CURR?", "0.0A"),
    turn("VOLT:PROT 57", "VOLT:PROT?", "57.00V"),
    turn("CURR:PROT 95", "CURR:PROT?", "95.0A"),
    turn("VOLT 52.4", "VOLT?", "52.40V"),
    turn("CURR 20", "CURR?", "20.0A"),
    turn("POW 10000", "POW?", "10000W"),
]


def test_a_supply_is_prepared_with_everything_read_back() -> None:
    with expecting(*SUPPLY_PREPARED) as wire:
        EaPsbSupply(wire, "supply").prepare(52.4, 20.0, 57.0, 95.0)


def test_a_load_is_prepared_with_everything_read_back() -> None:
    with expecting(
        (OFF, "OFF;REMOTE"),
        (STATE, "1024;0"),
        *STAYS_OFF,
        turn("CURR 0", "CURR?", "0.0A"),
        turn("SINK:CURR 0", "SINK:CURR?", "0.0A"),
        turn("VOLT:PROT 88", "VOLT:PROT?", "88.00V"),
        turn("SINK:CURR:PROT 150", "SINK:CURR:PROT?", "150.0A"),
        turn("SINK:POW:PROT 9000", "SINK:POW:PROT?", "9000W"),
        turn("SINK:POW 10000", "SINK:POW?", "10000W"),
        turn("VOLT 30", "VOLT?", "30.00V"),
        turn("SINK:CURR 130", "SINK:CURR?", "130.0A"),
    ) as wire:
        load = EaPsbLoad(wire, "load")
        load.prepare(150.0, 9000.0, starts_at=30.0)
        load.set_current(130.0)


def test_no_message_is_longer_than_the_box_takes() -> None:
    longest = [text for text, _ in [*SUPPLY_PREPARED, (OFF, ""), (READING, "")]]
    assert max(text.count(";") + 1 for text in longest) == 5
    assert max(map(len, longest)) < 256


def test_a_role_that_still_stands_is_switched_on_with_proof() -> None:
    stands = ["0.0A", "57.00V", "95.0A", "52.40V", "20.0A", "10000W"]
    queries = ["SINK:CURR?", "VOLT:PROT?", "CURR:PROT?", "VOLT?", "CURR?", "POW?"]
    with expecting(
        *SUPPLY_PREPARED,
        (STATE, "1024;0"),
        *zip(queries, stands, strict=True),
        turn("OUTP ON", "OUTP?", "ON"),
        (OFF, "OFF;REMOTE"),
    ) as wire:
        supply = EaPsbSupply(wire, "supply")
        supply.prepare(52.4, 20.0, 57.0, 95.0)
        supply.on()
        supply.off()


def test_a_role_that_the_other_one_has_changed_is_prepared_again() -> None:
    with expecting(
        *SUPPLY_PREPARED,
        (STATE, "1024;0"),
        ("SINK:CURR?", "130.0A"),
        *SUPPLY_PREPARED,
        turn("OUTP ON", "OUTP?", "ON"),
    ) as wire:
        supply = EaPsbSupply(wire, "supply")
        supply.prepare(52.4, 20.0, 57.0, 95.0)
        supply.on()


def test_an_output_that_does_not_go_off_is_never_taken_for_off() -> None:
    with expecting((OFF, "ON;LOCAL")) as wire, pytest.raises(SettingRefused, match="in control: LOCAL"):
        EaPsbSupply(wire, "supply").off()


@pytest.mark.parametrize(
    ("reply", "supply", "load"),
    [
        (
            "52.40V, 20.0A, 1048W;ON;3072;512",
            SupplyReading(52.4, 20.0, "CC", True),
            LoadReading(52.4, 0.0, True),
        ),
        (
            "53.60V, 1.2A, 64W;ON;3072;256",
            SupplyReading(53.6, 1.2, "CV", True),
            LoadReading(53.6, 0.0, True),
        ),
        (
            "51.20V, -130.0A, -6656W;ON;3072;4608",
            SupplyReading(51.2, 0.0, "CC", True),
            LoadReading(51.2, 130.0, True),
        ),
        (
            "52.00V, 0.0A, 0W;OFF;1027;128",
            SupplyReading(52.0, 0.0, "OFF", False, "over-voltage, over-current, communication time-out"),
            LoadReading(52.0, 0.0, False, "over-voltage, over-current, communication time-out"),
        ),
    ],
)
def test_each_role_reads_its_own_direction_in_one_exchange(
    reply: str, supply: SupplyReading, load: LoadReading
) -> None:
    with expecting((READING, reply), (READING, reply)) as wire:
        assert EaPsbSupply(wire, "supply").reading() == supply
        assert EaPsbLoad(wire, "load").reading() == load


@pytest.mark.parametrize(
    "reply",
    ["52.4V, 20A;ON;0;0", "52.4V, 20A, 1W;ON;0", "52.4A, 20A, 1W;ON;0;0", "52.4V, 20A, 1W;ON;x;0", "garbage"],
)
def test_half_a_reading_is_no_reading(reply: str) -> None:
    with expecting((READING, reply)) as wire, pytest.raises(BadReply):
        EaPsbSupply(wire, "supply").reading()


def test_a_setting_that_is_ignored_says_what_the_box_disliked() -> None:
    with (
        expecting(turn("CURR 400", "CURR?", "20.0A", byte="4"), ("SYST:ERR:ALL?", '-222,"Data out of range"')) as wire,
        pytest.raises(InstrumentError, match="supply: `CURR 400` gave error -222, Data out of range"),
    ):
        EaPsbSupply(wire, "supply").set_current(400.0)
    with (
        expecting(turn("CURR 50", "CURR?", "20.0A")) as wire,
        pytest.raises(SettingRefused, match=r"reads back `20\.0A`"),
    ):
        EaPsbSupply(wire, "supply").set_current(50.0)


def test_an_alarm_during_a_setting_is_told_and_not_acknowledged() -> None:
    with (
        expecting(turn("SINK:CURR 136", "SINK:CURR?", "136.0A", state="1026;0", byte="4")) as wire,
        pytest.raises(Tripped, match=r"load: .*over-current"),
    ):
        EaPsbLoad(wire, "load").set_current(136.0)


def test_clearing_names_what_stood_before_it_asks_for_errors() -> None:
    with expecting((STATE, "1025;0"), (OFF, "OFF;REMOTE"), ("SYST:ERR:ALL?", '0,"No error"')) as wire:
        assert EaPsbLoad(wire, "load").clear() == "over-voltage"


def test_the_watchdog_is_armed_fed_and_disarmed() -> None:
    with expecting(
        turn("SYST:COMM:MON:TIM 5", "SYST:COMM:MON:TIM?", "5"),
        turn("SYST:COMM:MON:ACT ON", "SYST:COMM:MON:ACT?", "ON"),
        (STATE, "3072;256"),
        (STATE, "1024;128"),
        turn("SYST:COMM:MON:ACT OFF", "SYST:COMM:MON:ACT?", "OFF"),
    ) as wire:
        supply = EaPsbSupply(wire, "supply")
        supply.watchdog(5.0)
        supply.feed()
        with pytest.raises(Tripped, match="communication time-out"):
            supply.feed()
        supply.watchdog(0.0)


def test_a_slew_rate_that_the_box_does_not_have_is_refused() -> None:
    with expecting() as wire, pytest.raises(ValueError, match="rate of its own"):
        EaPsbLoad(wire, "load").prepare(150.0, 9000.0, slew=100.0)
