"""The simulated Keysight 34465A: configuration, readings, triggering, reading memory."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable

import numpy as np
import pytest
from instrument_makers import errors, multimeter

from station.twin.instruments import MODELS, Multimeter


class Ramp:
    """A voltage that says what time it is: 1 V a second."""

    def __init__(self) -> None:
        self.device = multimeter(self)

    def __call__(self) -> float:
        return self.device.now


@pytest.fixture
def device() -> Multimeter:
    return multimeter()


@pytest.fixture
def ramp() -> Multimeter:
    return Ramp().device


def until(device: Multimeter, end: float, step: float = 0.01) -> None:
    """Let time pass as the world does: in steps, and to every due sample."""
    while device.now < end:
        device.tick(min(end, device.now + step, max(device.next_due, device.now + 1e-9)))


def answer(device: Multimeter, message: str) -> str:
    """One exchange that takes its time."""
    until(device, device.now + device.latency(message))
    return device.execute(message) or ""


def numbers(text: str | None) -> list[float]:
    """The numbers of a reply, or of several in one line."""
    return [float(number) for number in (text or "").replace(";", ",").split(",")]


def test_identity_names_vendor_model_serial_and_five_revisions(device: Multimeter) -> None:
    name, model, serial, revision = (device.execute("*IDN?") or "").split(",")
    assert (name, model, serial) == ("Keysight Technologies", "34465A", "MY57501234")
    assert revision.startswith("A.03.")
    assert MODELS["keysight-34465a"] is Multimeter


def test_powers_up_in_dc_volts_with_automatic_range_and_ten_cycles(device: Multimeter) -> None:
    query = "CONF?;:VOLT:RANG:AUTO?;:VOLT:NPLC?;:SAMP:COUN?;:TRIG:SOUR?;COUN?;:FUNC?"
    expected = '"VOLT +1.00000000E+01,+1.00000000E-06";1;+1.00000000E+01;+1;IMM;+1.00000000E+00;"VOLT"'
    assert device.execute(query) == expected
    assert device.execute("SYST:ERR?") == '+0,"No error"'


def test_a_reading_has_sign_nine_digits_and_exponent(device: Multimeter) -> None:
    assert device.execute("READ?") == "+5.12000000E+01"


@pytest.mark.parametrize(("nplc", "seconds"), [(0.02, 0.0004), (1, 0.02), (10, 0.2), (100, 2.0)])
def test_a_reading_takes_its_integration_time(device: Multimeter, nplc: float, seconds: float) -> None:
    device.execute(f"VOLT:NPLC {nplc}")
    assert device.latency("READ?") == pytest.approx(device.response_time + seconds)


def test_an_aperture_replaces_the_line_cycles_until_they_are_set_again(device: Multimeter) -> None:
    device.execute("VOLT:APER 300E-6")
    assert device.execute("VOLT:APER:ENAB?") == "1"
    assert device.latency("READ?") == pytest.approx(device.response_time + 300e-6)
    device.execute("VOLT:NPLC 1")
    assert device.execute("VOLT:APER:ENAB?") == "0"


@pytest.mark.parametrize(
    ("asked", "given"), [("100", 100), ("50", 100), ("0.05", 0.1), ("MIN", 0.1), ("MAX", 1000), ("101", 1000)]
)
def test_a_range_is_the_next_one_up_and_ends_automatic_ranging(device: Multimeter, asked: str, given: float) -> None:
    device.execute(f"CONF:VOLT:DC {asked}")
    assert numbers(device.execute("VOLT:RANG?;:VOLT:RANG:AUTO?")) == [given, 0]


@pytest.mark.parametrize("asked", ["", " AUTO", " DEF", " AUTO,DEF"])
def test_without_a_range_it_is_automatic(device: Multimeter, asked: str) -> None:
    device.execute("VOLT:RANG 100")
    device.execute(f"CONF:VOLT:DC{asked}")
    assert device.execute("VOLT:RANG:AUTO?") == "1"


def test_a_resolution_chooses_the_integration_time(device: Multimeter) -> None:
    device.execute("CONF:VOLT:DC 10,3E-6")
    assert numbers(device.execute("VOLT:NPLC?;RES?")) == [1.0, 3e-6]


def test_configuring_puts_trigger_and_integration_time_back(device: Multimeter) -> None:
    device.execute("VOLT:NPLC 0.02;:SAMP:COUN 7;:TRIG:SOUR BUS;:CONF:VOLT:DC 100")
    assert device.execute("SAMP:COUN?;:TRIG:SOUR?;:VOLT:NPLC?") == "+1;IMM;+1.00000000E+01"


@pytest.mark.parametrize(("volts", "text"), [(121.0, "+9.90000000E+37"), (-121.0, "-9.90000000E+37")])
def test_beyond_its_range_it_reports_an_overload(volts: float, text: str) -> None:
    device = multimeter(lambda: volts)
    device.execute("CONF:VOLT:DC 100")
    assert device.execute("READ?;:STAT:QUES?") == f"{text};+1"


def test_automatic_range_follows_the_input() -> None:
    volts = [0.05, 5.0, 50.0, 900.0]
    device = multimeter(lambda: volts.pop(0))
    ranges = [numbers(device.execute("READ?;:VOLT:RANG?"))[1] for _ in range(4)]
    assert ranges == [0.1, 10, 100, 1000]


def test_readings_are_rounded_to_the_resolution() -> None:
    device = multimeter(lambda: 0.0123456789)
    device.execute("CONF:VOLT:DC 0.1;:VOLT:NPLC 0.02")
    assert numbers(device.execute("READ?")) == pytest.approx([0.0123456], abs=1e-12)


def test_several_samples_are_taken_one_integration_time_apart(ramp: Multimeter) -> None:
    ramp.execute("CONF:VOLT:DC 10;:VOLT:NPLC 1;:SAMP:COUN 4;:TRIG:DEL 0.03")
    assert numbers(answer(ramp, "READ?")) == pytest.approx([0.05, 0.1, 0.15, 0.2], abs=1e-5)


def test_a_timed_burst_samples_at_its_timer_while_others_talk(ramp: Multimeter) -> None:
    ramp.execute("CONF:VOLT:DC 1;:VOLT:APER 100E-6;:SAMP:SOUR TIM;TIM 1E-3;COUN 200;:INIT")
    until(ramp, 0.0505)
    assert ramp.execute("DATA:POIN?;:STAT:OPER:COND?") == "+51;+16"
    assert numbers(ramp.execute("DATA:REM? 3")) == pytest.approx([0.0001, 0.0011, 0.0021], abs=8e-6)
    assert (ramp.execute("R? 2") or "").startswith("#231+3.1")
    assert ramp.execute("DATA:POIN?") == "+46"
    everything = numbers(answer(ramp, "FETC?"))
    assert len(everything) == 195
    assert np.diff(everything) == pytest.approx(0.001, abs=2e-5)
    assert ramp.now == pytest.approx(0.1991 + ramp.response_time, abs=2e-3)
    assert (ramp.execute("R?") or "").startswith("#43119+")
    assert ramp.execute("R?") == "#10"


def test_removing_more_than_there_is_is_refused_unless_waited_for(ramp: Multimeter) -> None:
    ramp.execute("CONF:VOLT:DC 1;:VOLT:NPLC 1;:SAMP:COUN 10;:INIT")
    until(ramp, 0.05)
    ramp.execute("DATA:REM? 3")
    assert errors(ramp) == [-222]
    assert numbers(answer(ramp, "DATA:REM? 3,WAIT")) == pytest.approx([0.02, 0.04, 0.06], abs=1e-5)


def test_software_trigger_starts_what_init_prepared(device: Multimeter) -> None:
    device.execute("CONF:VOLT:DC 100;:SAMP:COUN 2;:TRIG:SOUR BUS;COUN 2;:INIT")
    device.tick(1.0)
    assert device.execute("STAT:OPER:COND?") == "+32"
    device.execute("FETC?")
    assert errors(device) == [-214]
    device.execute("*TRG")
    until(device, 2.0)
    assert device.execute("DATA:POIN?") == "+2"
    device.execute("*TRG")
    assert len(numbers(answer(device, "FETC?"))) == 4
    device.execute("*TRG")
    assert errors(device) == [-211]


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("FETC?", -230),
        ("INIT;:INIT", -213),
        ("*TRG", -211),
        ("TRIG:SOUR BUS;:READ?", -214),
        ("TRIG:COUN INF;:READ?", -214),
        ("VOLT:NPLC 101", -222),
        ("VOLT:RANG 1001", -222),
        ("FUNC VOLT", -104),
        ('FUNC "WATT"', -224),
        ("MEAS", -113),
        ("DATA:REM?", -109),
    ],
)
def test_what_cannot_be_done_is_an_error(device: Multimeter, message: str, code: int) -> None:
    assert device.execute(message) is None
    assert errors(device) == [code]


def test_abort_ends_a_burst_and_keeps_what_was_read(device: Multimeter) -> None:
    device.execute("CONF:VOLT:DC 100;:VOLT:NPLC 1;:SAMP:COUN 1000;:INIT")
    until(device, 0.1)
    device.execute("ABOR")
    until(device, 1.0)
    assert device.execute("DATA:POIN?;:STAT:OPER:COND?") == "+5;+0"
    assert device.next_due == math.inf


def test_memory_keeps_the_newest_fifty_thousand(ramp: Multimeter) -> None:
    ramp.execute("CONF:VOLT:DC 10;:VOLT:APER 20E-6;:SAMP:SOUR TIM;TIM 1E-4;COUN 60000;:INIT")
    ramp.tick(7.0)
    assert ramp.execute("DATA:POIN?") == "+50000"
    assert ramp.next_due == math.inf


@pytest.mark.parametrize("name", ["VOLT", "VOLT:DC", "VOLTAGE:DC", "volt"])
def test_a_function_is_known_by_all_its_names(device: Multimeter, name: str) -> None:
    assert device.execute(f'FUNC "CURR";FUNC "{name}";FUNC?') == '"VOLT"'


@pytest.mark.parametrize(
    ("function", "reading"),
    [
        ("RES", "+9.90000000E+37"),
        ("FRES", "+9.90000000E+37"),
        ("CURR:DC", "+0.00000000E+00"),
        ("TEMP", "+9.90000000E+37"),
    ],
)
def test_functions_without_a_probe_measure_an_open_input(device: Multimeter, function: str, reading: str) -> None:
    assert device.execute(f"MEAS:{function}?") == reading


@pytest.mark.parametrize(
    "setting", ["VOLT:ZERO:AUTO", "VOLT:IMP:AUTO", "VOLT:RANG:AUTO", "TRIG:DEL:AUTO", "DISP", "VOLT:APER:ENAB"]
)
def test_switches_read_back(device: Multimeter, setting: str) -> None:
    assert [device.execute(f"{setting} {word};:{setting}?") for word in ("ON", "OFF")] == ["1", "0"]


def test_zero_once_leaves_automatic_zero_off(device: Multimeter) -> None:
    assert device.execute("VOLT:ZERO:AUTO ONCE;AUTO?") == "0"


def test_statistics_count_what_was_read_since_they_were_cleared() -> None:
    readings = iter((9.0, 1.0, 2.0, 3.0, 6.0))
    device = multimeter(lambda: next(readings))
    device.execute("READ?")
    device.execute("CALC:AVER ON;:SAMP:COUN 4;:READ?")
    assert numbers(device.execute("CALC:AVER:ALL?")) == pytest.approx([3.0, 2.160247, 1.0, 6.0], rel=1e-5)
    assert numbers(device.execute("CALC:AVER:COUN?;PTP?;AVER?")) == pytest.approx([4.0, 5.0, 3.0], rel=1e-5)
    assert device.execute("CALC:AVER:CLE;COUN?;AVER?") == "+0.00000000E+00;+0.00000000E+00"
    device.execute("CONF:VOLT:DC 10")
    assert device.execute("CALC:AVER?") == "0"


def test_reset_goes_back_to_dc_volts_and_clears_memory(device: Multimeter) -> None:
    device.execute('FUNC "RES";:SAMP:COUN 5;:READ?')
    device.execute("*RST")
    assert device.execute("FUNC?;:SAMP:COUN?;:DATA:POIN?") == '"VOLT";+1;+0'


@pytest.mark.parametrize(
    ("lie", "low", "high"),
    [
        (lambda device: setattr(device.digitiser, "gain", 1.001), 51.2511, 51.2513),
        (lambda device: setattr(device.digitiser, "offset", -0.5), 50.6999, 50.7001),
        (lambda device: setattr(device, "probe", lambda: 0.0), -1e-4, 1e-4),
    ],
    ids=["gain", "offset", "lead-off"],
)
def test_a_fault_makes_it_lie(device: Multimeter, lie: Callable[[Multimeter], None], low: float, high: float) -> None:
    lie(device)
    assert low < float(device.execute("READ?") or "nan") < high


def test_noise_is_small_and_comes_from_the_seed() -> None:
    def readings(seed: int) -> list[float]:
        made = Multimeter(serial="1", rng=np.random.default_rng(seed), probe=lambda: 51.2)
        made.execute("CONF:VOLT:DC 100;:VOLT:NPLC 1;:SAMP:COUN 100")
        return numbers(made.execute("READ?") or "")

    assert readings(1) == readings(1) != readings(2)
    assert 0 < np.std(readings(1)) < 60e-6
    assert abs(np.mean(readings(1)) - 51.2) < 51.2 * 35e-6


def test_a_null_is_subtracted_and_can_be_taken_from_the_next_reading() -> None:
    volts = [0.5]
    device = multimeter(lambda: volts[0])
    device.execute("CONF:VOLT:DC 10;:VOLT:NULL ON")
    assert numbers(device.execute("READ?;:VOLT:NULL:VAL?")) == pytest.approx([0.0, 0.5])
    volts[0] = 3.0
    assert numbers(device.execute("READ?")) == pytest.approx([2.5])
    device.execute("VOLT:NULL:VAL 1")
    assert device.execute("VOLT:NULL:VAL:AUTO?") == "0"
    assert numbers(device.execute("READ?;:VOLT:NULL OFF;:READ?")) == pytest.approx([2.0, 3.0])


def test_limits_show_in_the_questionable_register_until_they_are_cleared() -> None:
    volts = [51.0]
    device = multimeter(lambda: volts[0])
    device.execute("CONF:VOLT:DC 100;:CALC:LIM:LOW 50;UPP 52;:CALC:LIM ON;:READ?")
    assert device.execute("STAT:QUES:COND?") == "+0"
    for volts[0] in (49.0, 53.0, 51.0):
        device.execute("READ?")
    assert device.execute("STAT:QUES:COND?;EVEN?") == "+6144;+6144"
    device.execute("CALC:LIM:CLE;:READ?")
    assert device.execute("STAT:QUES:COND?") == "+0"


def test_alternating_volts_have_a_bandwidth_and_no_power_line_cycles(device: Multimeter) -> None:
    device.execute("VOLT:AC:BAND 5;:VOLT:AC:NPLC 1")
    assert errors(device) == [-113]
    assert numbers(device.execute("VOLT:AC:BAND?")) == [20]


def test_the_last_reading_is_told_with_its_unit(device: Multimeter) -> None:
    assert device.execute("DATA:LAST?") == "+9.90000000E+37 VDC"
    device.execute("CONF:VOLT:DC 100;:READ?")
    assert device.execute("DATA:LAST?") == "+5.12000000E+01 VDC"


# ------------------------------------------------------------------------------------------------ others' drivers


def test_one_automatic_ranging_leaves_the_range_that_fits() -> None:
    device = multimeter(probe=lambda: 51.2)
    device.execute("VOLT:RANG 1000;:SENSe:VOLTage:DC:RANGe:AUTO ONCE")
    assert device.execute("VOLT:RANG?;RANG:AUTO?") == "+1.00000000E+02;0"
    device.execute("VOLT:RANG:AUTO ON;AUTO TWICE")
    assert (device.execute("VOLT:RANG:AUTO?"), errors(device)) == ("1", [-224])


@pytest.mark.parametrize(
    ("message", "query", "found"),
    [
        ("CONF:CURR:DC 10mA", "CURR:RANG?", 0.01),
        ("CONF:VOLT:DC 1000mV,1 uV", "VOLT:RANG?", 1.0),
        ("RES:RANG 1MOHM", "RES:RANG?", 1e6),
        ("RES:RANG 100kohm", "RES:RANG?", 1e5),
        ("CAP:RANG 1uF", "CAP:RANG?", 1e-6),
        ("VOLT:NULL:VAL 20 mV", "VOLT:NULL:VAL?", 0.02),
    ],
)
def test_ranges_may_have_their_unit(message: str, query: str, found: float) -> None:
    device = multimeter()
    device.execute(message)
    assert float(device.execute(query) or "") == pytest.approx(found)
    device.execute("VOLT:RANG 10A")
    assert errors(device) == [-131]


def test_what_is_not_connected_reads_next_to_nothing_and_an_effective_value_is_never_negative() -> None:
    device = Multimeter(serial="MY57501234", rng=np.random.default_rng(3), probe=lambda: 0.0)
    readings = [float(device.execute("MEAS:CURR:DC?") or "") for _ in range(20)]
    assert max(map(abs, readings)) < 1e-9
    for function in ("VOLT:AC", "CURR:AC"):
        assert min(float(device.execute(f"MEAS:{function}?") or "") for _ in range(20)) >= 0


def test_its_elder_brothers_commands_are_for_all_functions_at_once() -> None:
    device = multimeter()
    device.execute("ZERO:AUTO OFF;:INP:IMP:AUTO ON;:DET:BAND 3")
    assert device.execute("ZERO:AUTO?;:VOLT:ZERO:AUTO?;:VOLT:IMP:AUTO?;:DET:BAND?") == "0;0;1;+3.00000000E+00"
    assert device.execute("VOLT:AC:BAND?;:CURR:AC:BAND?") == "+3.00000000E+00;+3.00000000E+00"
    device.execute("CONF:RES;:ZERO:AUTO?")
    assert device.execute("RES:ZERO:AUTO?;:ZERO:AUTO?") == "1;1"
    assert errors(device) == []


def test_a_temperature_is_configured_with_its_transducer_and_a_diode_with_its_current() -> None:
    device = multimeter()
    device.execute("CONF:TEMP RTD,85,1,0.01")
    assert device.execute("TEMP:TRAN:TYPE?;:CONF?") == (
        'RTD;"TEMP RTD,+1.00000000E+02,+1.00000000E+00,+1.00000000E-04"'
    )
    assert device.execute("MEAS:TEMP? TC,K") == "+9.90000000E+37"
    assert device.execute("TEMP:TRAN:TYPE?") == "TC"
    device.execute("CONF:DIOD LOW,5;:CONF:TEMP;:CONF:TEMP DEF")
    assert (device.execute("TEMP:TRAN:TYPE?"), errors(device)) == ("FRTD", [])


def unpacked(reply: str | None, order: str = ">") -> list[float]:
    """The numbers in a block of definite length."""
    assert reply is not None
    assert reply[0] == "#"
    begin = 2 + int(reply[1])
    data = reply[begin:].encode("latin-1")
    assert len(data) == int(reply[2:begin])
    return [number for (number,) in struct.iter_unpack(f"{order}d", data)]


def test_readings_can_be_told_as_bytes() -> None:
    device = multimeter()
    device.execute("SAMP:COUN 3;:FORM:DATA REAL,64")
    assert unpacked(device.execute("READ?")) == [pytest.approx(51.2)] * 3
    assert unpacked(device.execute("DATA:REM? 1")) == [pytest.approx(51.2)]
    device.execute("FORM:BORD SWAP")
    assert unpacked(device.execute("FETC?"), "<") == [pytest.approx(51.2)] * 2
    assert unpacked(device.execute("R?"), "<") == [pytest.approx(51.2)] * 2
    assert device.execute("FORM?;:FORM:BORD?") == "REAL;SWAP"
    device.execute("FORM ASC")
    assert device.execute("READ?") == ",".join(["+5.12000000E+01"] * 3)
    device.execute("FORM REAL,32;:FORM ASC,64")
    assert errors(device) == [-222, -108]
