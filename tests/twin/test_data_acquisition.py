"""The simulated Keysight DAQ970A: relays, digital ports, scans."""

from __future__ import annotations

import pytest
from instrument_makers import acquisition, errors

from station.twin.instruments import MODELS, DataAcquisition
from station.twin.instruments.switching import SETTLING


@pytest.fixture
def device() -> DataAcquisition:
    return acquisition()


def numbers(text: str | None) -> list[float]:
    """The numbers of a reply."""
    return [float(number) for number in (text or "").split(",")]


def test_identity_and_cards(device: DataAcquisition) -> None:
    assert (device.execute("*IDN?") or "").startswith("Keysight Technologies,DAQ970A,MY58001234,A.03.02-")
    cards = [(device.execute(f"SYST:CTYP? {slot}") or "").split(",")[1] for slot in (100, 200, 300)]
    assert cards == ["DAQM901A", "DAQM903A", "DAQM907A"]
    assert MODELS["keysight-daq970a"] is DataAcquisition


def test_relays_close_and_open_and_read_back(device: DataAcquisition) -> None:
    device.execute("ROUT:CLOS (@201:203,205)")
    assert device.execute("ROUT:CLOS? (@201:206);OPEN? (@201,204)") == "1,1,1,0,1,0;0,1"
    assert device.closed == {201, 202, 203, 205}
    device.execute("ROUT:OPEN (@202:203)")
    assert device.closed == {201, 205}
    device.execute("ROUT:CLOS:EXCL (@210)")
    assert device.closed == {210}
    device.execute("ROUT:CLOS (@101);OPEN:ALL 2")
    assert device.closed == {101}


def test_a_relay_has_moved_only_when_it_has_settled(device: DataAcquisition) -> None:
    assert device.latency("ROUT:CLOS (@201);DONE?") == pytest.approx(device.response_time + SETTLING)
    assert device.closed == frozenset()
    assert device.execute("ROUT:DONE?") == "0"
    assert device.execute("ROUT:CLOS (@201);DONE?") == "1"
    assert device.closed == {201}


def test_every_change_is_told() -> None:
    told: list[tuple[set[int], dict[int, int]]] = []
    unit = acquisition(lambda: told.append((set(unit.closed), dict(unit.outputs))))
    unit.execute("ROUT:CLOS (@201)")
    unit.execute("SOUR:DIG:DATA:BYTE 5,(@301)")
    assert told == [({201}, {}), ({201}, {301: 5})]


def test_a_stuck_relay_does_not_obey_and_the_unit_does_not_know(device: DataAcquisition) -> None:
    device.relays.stuck["201"] = "open"
    device.relays.stuck["202"] = "closed"
    device.execute("ROUT:CLOS (@201,203);OPEN (@202)")
    assert device.execute("ROUT:CLOS? (@201:203)") == "1,0,1"
    assert device.closed == {202, 203}


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("ROUT:CLOS (@221)", 112),
        ("ROUT:CLOS (@401)", 111),
        ("ROUT:CLOS (@301)", 303),
        ("ROUT:CLOS (@201:299)", 112),
        ("ROUT:CLOS 201", -104),
        ("ROUT:CLOS", -109),
        ("ROUT:SCAN (@201)", 303),
        ("MEAS:VOLT:DC? (@121)", 303),
        ("MEAS:CURR:DC? (@101)", 303),
        ("MEAS:FRES? (@111)", 303),
        ("READ?", 113),
        ("INIT", 113),
        ("SENS:DIG:DATA:BYTE? (@303)", 303),
        ("SOUR:DIG:DATA:BYTE 256,(@301)", -222),
        ("SOUR:DIG:DATA:WORD 1,(@302)", 303),
        ("SOUR:VOLT 13,(@304)", -222),
        ("SYST:CTYP? 4", 111),
    ],
)
def test_what_a_module_cannot_do_is_an_error_and_changes_nothing(
    device: DataAcquisition, message: str, code: int
) -> None:
    assert device.execute(message) is None
    assert errors(device) == [code]
    assert (device.closed, device.outputs) == (frozenset(), {})


def test_ports_are_inputs_until_they_are_written_to(device: DataAcquisition) -> None:
    assert device.execute("SENS:DIG:DATA:BYTE? (@302);:SENS:DIG:DATA:BYTE? (@301)") == "+165;+0"
    device.execute("SOUR:DIG:DATA:BYTE #H3C,(@301)")
    assert device.outputs == {301: 0x3C}
    assert device.execute("SOUR:DIG:DATA:BYTE? (@301);:SOUR:DIG:STAT? (@301);STAT? (@302)") == "+60;1;0"
    assert device.execute("DIG:DATA:BYTE? (@301,302)") == "+60,+165"
    device.execute("CONF:DIG:DIR INP,(@301)")
    assert device.outputs == {}


def test_words_and_bits_are_parts_of_the_same_ports(device: DataAcquisition) -> None:
    device.execute("SOUR:DIG:DATA:WORD 258,(@301)")
    assert device.outputs == {301: 2, 302: 1}
    device.execute("SOUR:DIG:DATA:BIT 1,7,(@301);BIT 0,1,(@301)")
    assert device.execute("DIG:DATA:WORD? (@301);BIT? 7,(@301);BIT? 0,(@301)") == "+384;+1;+0"


def test_analogue_outputs_read_back(device: DataAcquisition) -> None:
    device.execute("SOUR:VOLT 2.5,(@304)")
    assert numbers(device.execute("SOUR:VOLT? (@304,305)")) == [2.5, 0]
    assert device.module.volts == {304: 2.5, 305: 0.0}


def test_totalizer_counts_and_clears(device: DataAcquisition) -> None:
    device.module.counts = 42
    assert numbers(device.execute("SENS:TOT:DATA? (@303)")) == [42]
    device.execute("CONF:TOT RRES,(@303)")
    assert numbers(device.execute("READ?")) == [42]
    assert numbers(device.execute("READ?")) == [0]


def test_measuring_over_a_list_answers_in_the_order_of_the_channels(device: DataAcquisition) -> None:
    assert numbers(device.execute("MEAS:VOLT:DC? (@102,101,103)")) == pytest.approx([3.3, -0.05, 0.0])
    assert device.execute("ROUT:SCAN?;SCAN:SIZE?") == "#214(@101,102,103);+3"


def test_resistance_and_temperature_are_measured_and_open_inputs_overload(device: DataAcquisition) -> None:
    assert numbers(device.execute("MEAS:RES? (@105:106)")) == pytest.approx([1234.5, 9.9e37])
    assert numbers(device.execute("MEAS:TEMP? TC,K,(@110:111)")) == pytest.approx([25.25, 9.9e37], abs=1e-3)
    assert numbers(device.execute("MEAS:TEMP? THER,10000,1,0.1,(@110)")) == pytest.approx([25.25], abs=0.1)
    assert numbers(device.execute("MEAS:TEMP? (@110)")) == pytest.approx([25.25], abs=1e-3)
    assert errors(device) == []


def test_a_scan_may_mix_functions_and_ports(device: DataAcquisition) -> None:
    device.execute("CONF:RES (@105);:CONF:VOLT:DC 10,(@101);:ROUT:SCAN (@101,105,302)")
    assert numbers(device.execute("READ?")) == pytest.approx([3.3, 1234.5, 165])
    assert device.execute("FUNC? (@101,105)") == '"VOLT","RES"'
    assert device.execute("CONF? (@101)") == '"VOLT +1.00000000E+01,+3.00000000E-06"'


def test_an_empty_scan_list_is_a_block_too(device: DataAcquisition) -> None:
    device.execute("ROUT:SCAN (@101:110);SCAN (@)")
    assert device.execute("ROUT:SCAN?") == "#13(@)"
    device.execute("ROUT:SCAN:ADD (@103);ADD (@101);REM (@103)")
    assert device.execute("ROUT:SCAN?") == "#16(@101)"


def test_each_channel_keeps_its_own_settings(device: DataAcquisition) -> None:
    device.execute("SENS:VOLT:DC:NPLC 10,(@101:102);:VOLT:RANG 100,(@102);:VOLT:NPLC 0.2,(@103)")
    assert numbers(device.execute("VOLT:NPLC? (@101:104)")) == [10, 10, 0.2, 1]
    assert device.execute("VOLT:RANG:AUTO? (@101:102)") == "1,0"
    assert numbers(device.execute("VOLT:NPLC? MAX,(@101)")) == [200]
    device.execute("ROUT:SCAN (@101,103);:VOLT:NPLC 2")
    assert numbers(device.execute("VOLT:NPLC?")) == [2, 2]


def test_a_scan_takes_settling_and_integration_for_each_channel(device: DataAcquisition) -> None:
    device.execute("CONF:VOLT:DC 10,(@101:110);:VOLT:NPLC 1,(@101:110)")
    assert device.latency("READ?") == pytest.approx(device.response_time + 10 * (SETTLING + 0.02))


def test_timed_sweeps_fill_the_memory_while_others_talk(device: DataAcquisition) -> None:
    device.execute("CONF:VOLT:DC 10,(@101:102);:TRIG:SOUR TIM;TIM 0.5;COUN 4;:INIT")
    for step in range(120):
        device.tick(0.01 * step)
    assert device.execute("DATA:POIN?;:STAT:OPER:COND?") == "+6;+16"
    assert numbers(device.execute("DATA:REM? 2")) == pytest.approx([3.3, -0.05], abs=2e-6)
    device.tick(2.0)
    assert len(numbers(device.execute("FETC?"))) == 6


def test_reset_opens_everything_and_empties_the_scan_list(device: DataAcquisition) -> None:
    device.execute("ROUT:CLOS (@201);SCAN (@101);:SOUR:DIG:DATA 1,(@301);:SOUR:VOLT 1,(@304);*RST")
    assert (device.closed, device.outputs, device.module.volts[304]) == (frozenset(), {}, 0.0)
    assert device.execute("ROUT:SCAN?") == "#13(@)"


def test_a_reading_is_said_with_what_was_asked_for(device: DataAcquisition) -> None:
    device.execute("SYST:DATE 2026,11,24;:SYST:TIME 14,39,40;:CONF:TEMP TC,K,(@110)")
    device.execute("FORM:READ:UNIT ON;CHAN ON;TIME ON;ALAR ON;:CALC:LIM:UPP 20,(@110);UPP:STAT ON,(@110);:INIT")
    device.tick(0.058)
    assert device.execute("FETC?") == "+2.52501000E+01 C,000000000.058,110,2"
    device.execute("FORM:READ:TIME:TYPE ABS;:FORM:READ:UNIT OFF;ALAR OFF")
    assert device.execute("FETC?") == "+2.52501000E+01,2026,11,24,14,39,40.058,110"
    assert device.execute("DATA:LAST? (@110)") == device.execute("FETC?")
    device.execute("*RST;FORM:READ:UNIT ON")
    assert device.execute("MEAS:VOLT:DC? 10,(@101)") == "+3.30000000E+00 VDC"


@pytest.mark.parametrize(
    ("settings", "reading", "alarm"),
    [
        ("CALC:SCAL:GAIN 2,(@101);OFFS 1,(@101)", 3.3, 0),
        ("CALC:SCAL:GAIN 2,(@101);OFFS 1,(@101);STAT ON,(@101)", 7.6, 0),
        ("CALC:LIM:UPP 3,(@101);UPP:STAT ON,(@101)", 3.3, 2),
        ("CALC:LIM:LOW 4,(@101);LOW:STAT ON,(@101)", 3.3, 1),
        ("CALC:LIM:LOW 4,(@101)", 3.3, 0),
    ],
)
def test_readings_are_scaled_and_held_against_limits(
    device: DataAcquisition, settings: str, reading: float, alarm: int
) -> None:
    device.execute(f"CONF:VOLT:DC 10,(@101);:{settings};:FORM:READ:ALAR ON")
    assert numbers(device.execute("READ?")) == pytest.approx([reading, alarm])


@pytest.mark.parametrize(("unit", "reading"), [("C", 25.25), ("F", 77.45), ("K", 298.4)])
def test_temperatures_are_told_in_the_unit_of_the_channel(device: DataAcquisition, unit: str, reading: float) -> None:
    device.execute(f"CONF:TEMP TC,K,(@110:111);:UNIT:TEMP {unit},(@110)")
    assert device.execute("UNIT:TEMP? (@110,111)") == f"{unit},C"
    assert numbers(device.execute("READ?")) == pytest.approx([reading, 9.9e37], abs=1e-3)


def test_a_channel_delay_lengthens_the_scan_until_it_is_automatic_again(device: DataAcquisition) -> None:
    device.execute("CONF:VOLT:DC 10,(@101:102);:ROUT:CHAN:DEL 0.5,(@101)")
    quick = device.response_time + 2 * (SETTLING + 0.02)
    assert device.execute("ROUT:CHAN:DEL:AUTO? (@101,102)") == "0,1"
    assert device.latency("READ?") == pytest.approx(quick + 0.5)
    device.execute("READ?")
    device.execute("ROUT:CHAN:DEL:AUTO ON,(@101)")
    assert device.latency("READ?") == pytest.approx(quick)


def test_each_channel_counts_what_its_scan_has_read(device: DataAcquisition) -> None:
    assert device.execute("DATA:LAST? (@101)") is None
    assert errors(device) == [-230]
    device.execute("CONF:VOLT:DC 10,(@101:102);:TRIG:COUN 3;:READ?")
    assert device.execute("CALC:AVER:COUN?;MAX? (@101)") == "+3.00000000E+00,+3.00000000E+00;+3.30000000E+00"
    device.execute("CALC:AVER:CLE (@102)")
    assert numbers(device.execute("CALC:AVER:COUN?")) == [3, 0]
    device.execute("TRIG:COUN 1;:READ?")
    assert numbers(device.execute("CALC:AVER:COUN? (@101)")) == [1]


def test_one_channel_can_be_watched_without_a_scan(device: DataAcquisition) -> None:
    device.execute("CONF:VOLT:DC 10,(@101:102);:ROUT:MON (@102);MON:DATA?")
    assert errors(device) == [-221]
    assert numbers(device.execute("ROUT:MON:STAT ON;DATA?")) == pytest.approx([-0.05], abs=2e-6)
    assert device.execute("ROUT:MON?;:DATA:POIN?") == "#16(@102);+0"


def test_a_date_that_does_not_exist_is_refused(device: DataAcquisition) -> None:
    device.execute("SYST:DATE 2026,2,28;DATE 2026,2,29")
    assert errors(device) == [-222]
    device.tick(86400.0)
    assert device.execute("SYST:DATE?;TIME?;UPT?") == "2026,03,01;00,00,00.000;+1,+0,+0,+0"


# ------------------------------------------------------------------------------------------------ others' loggers


def test_a_sensor_is_kept_for_its_channel_however_it_was_named() -> None:
    device = acquisition()
    device.execute("CONF:TEMP TC,K,(@110);:CONF:TEMP:RTD 100,(@111);:CONF:TEMP FTH,5000,(@112)")
    assert device.execute("TEMP:TRAN:TYPE? (@110:113);:TEMP:TRAN:TC:TYPE? (@110,111)") == "TC,RTD,FTH,TC;K,J"
    assert float(device.execute("MEAS:TEMP:THER? 5000,(@110)") or "") == pytest.approx(25.25, abs=1e-3)
    assert device.execute("TEMP:TRAN:TYPE? (@110);:SENS:FUNC? (@110)") == 'THER;"TEMP"'
    assert errors(device) == []


def test_an_alarm_is_queued_and_switches_its_output_on() -> None:
    device = acquisition()
    empty = "+0.00000000E+00,0000,00,00,00,00,00.000,000,0,0"
    assert device.execute("SYST:ALAR?;:STAT:ALAR?") == f"{empty};+0"
    device.execute("CALC:LIM:UPP 3,(@101);UPP:STAT ON,(@101);:OUTP:ALAR2:SOUR (@101);:ROUT:SCAN (@101,102)")
    assert device.execute("OUTP:ALAR2:SOUR?") == "#16(@101)"
    device.execute("READ?")
    assert device.execute("STAT:ALAR:COND?;EVEN?;EVEN?") == "+18;+18;+0"
    assert device.execute("SYST:ALAR?") == "+3.30000000E+00 VDC,2026,01,01,00,00,00.000,101,2,2"
    assert device.execute("SYST:ALAR?;:STAT:ALAR:COND?") == f"{empty};+2"
    device.execute("OUTP:ALAR2:CLE")
    assert device.execute("STAT:ALAR:COND?") == "+0"
    assert errors(device) == []


def test_an_output_that_tracks_goes_off_with_the_next_reading_that_is_right() -> None:
    device = acquisition()
    device.execute("CALC:LIM:UPP 3,(@101);UPP:STAT ON,(@101);:OUTP:ALAR:MODE TRAC;SLOP POS;:ROUT:SCAN (@101);:READ?")
    assert device.execute("STAT:ALAR:COND?;:OUTP:ALAR:MODE?;SLOP?") == "+17;TRAC;POS"
    device.execute("CALC:LIM:UPP 4,(@101);:READ?")
    assert device.execute("STAT:ALAR:COND?") == "+16"
    device.execute("*RST")
    assert device.execute("OUTP:ALAR:MODE?;:OUTP:ALAR1:SOUR?") != "TRAC;#13(@)"


def test_the_queue_holds_twenty_alarms() -> None:
    device = acquisition()
    device.execute("CALC:LIM:UPP 3,(@101);UPP:STAT ON,(@101);:ROUT:SCAN (@101);:TRIG:COUN 30;:READ?")
    queued = [device.execute("SYST:ALAR?") or "" for _ in range(21)]
    assert [alarm.startswith("+3.3") for alarm in queued] == [True] * 20 + [False]


def test_extremes_are_told_with_their_moments() -> None:
    device = acquisition()
    device.execute("SYST:DATE 2026,11,24;TIME 12,0,0;:ROUT:SCAN (@101,102);:READ?")
    assert device.execute("CALC:AVER:MIN:TIME? (@101)") == "2026,11,24,12,00,00.000"
    mean, spread, lowest, highest = (device.execute("CALC:AVER:ALL? (@101)") or "").split(",")
    assert [mean, lowest, highest] == ["+3.30000000E+00"] * 3
    assert float(spread) == 0


def test_the_offset_is_nulled_by_what_is_there() -> None:
    device = acquisition()
    device.execute("CONF:VOLT:DC (@101);:CALC:SCAL:GAIN 2,(@101);OFFS:NULL (@101);:CALC:SCAL:STAT ON,(@101)")
    assert float(device.execute("READ?") or "") == pytest.approx(0, abs=1e-6)
    device.execute("CALC:SCAL:OFFS 1,(@101);OFFS:NULL (@101)")
    assert float(device.execute("CALC:SCAL:OFFS? (@101)") or "") == pytest.approx(-6.6)
    device.execute("ROUT:SCAN (@301);:CALC:SCAL:OFFS:NULL")
    assert errors(device) == [303]


def test_a_relay_counts_how_often_it_closed() -> None:
    device = acquisition()
    for _ in range(3):
        device.execute("ROUT:CLOS (@201,202);OPEN (@201)")
    assert device.execute("DIAG:REL:CYCL? (@201:203)") == "+3,+1,+0"
    device.execute("DIAG:REL:CYCL:CLE (@201)")
    assert device.execute("DIAG:REL:CYCL? (@201:203)") == "+0,+1,+0"


def test_ports_tell_what_they_drive_and_whether() -> None:
    device = acquisition()
    device.execute("SOUR:DIG:DATA:WORD 4660,(@301)")
    assert device.execute("SOUR:DIG:DATA:WORD? (@301);BIT? 2,(@301)") == "+4660;+1"
    device.execute("CONF:DIG:DIR INP,(@302)")
    assert device.execute("CONF:DIG:DIR? (@301,302)") == "OUTP,INP"
    assert device.execute("MEAS:TOT? READ,(@303);:SENS:TOT:TYPE? (@303)") == "+0.00000000E+00;READ"
