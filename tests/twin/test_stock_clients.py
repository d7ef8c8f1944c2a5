"""What stock clients say to the simulated instruments, in order, as they were heard on a socket.

sigrok-cli 0.7.2 with libsigrok 0.5 (scpi-dmm, scpi-pps), lxi 2.4, and the drivers of qcodes (34465A), python-ivi and
PythonEquipmentDrivers (Chroma, 34972A), these read from their sources.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from instrument_makers import acquisition, errors, load, multimeter, supply

from station.twin.scpi import Instrument

Dialogue = list[tuple[str, str | None]]
"""What is sent, and a regular expression for what must come back; None for silence."""

READING = r"[+-]\d\.\d{8}E[+-]\d{2}"
FIXED = r"\d+\.\d+"


def holds(instrument: Instrument, dialogue: Dialogue) -> None:
    """Have the dialogue and compare each reply; errors that the client provokes are looked at by the test."""
    for sent, expected in dialogue:
        reply = instrument.execute(sent.encode())
        if expected is None:
            assert reply is None, sent
        else:
            assert reply is not None, sent
            assert re.fullmatch(expected, reply), (sent, reply)


def test_sigrok_reads_volts_from_the_multimeter() -> None:
    device = multimeter()
    scan: Dialogue = [("*OPC?", "1"), ("*IDN?", r"Keysight Technologies,34465A,[^,]+,[^,]+")]
    start: Dialogue = [("*OPC?", "1"), ("CONF?", rf'"VOLT {READING},{READING}"'), ("*OPC?", "1"), ("MEAS", None)]
    sample: Dialogue = [*[("*OPC?", "1")] * 2, ("CONF?", rf'"VOLT {READING},{READING}"'), ("*OPC?", "1")]
    holds(device, [*scan, *start, *sample, ("READ?", r"\+5\.12000000E\+01"), ("*OPC?", "1"), ("ABORT", None)])
    assert errors(device) == [-113]


@pytest.mark.parametrize(
    ("function", "described"),
    [
        ("VOLT:DC", "VOLT .*"),
        ("VOLT:AC", "VOLT:AC .*"),
        ("CURR:DC", "CURR .*"),
        ("CURR:AC", "CURR:AC .*"),
        ("RES", "RES .*"),
        ("FRES", "FRES .*"),
        ("CONT", "CONT"),
        ("CAP", "CAP .*"),
        ("DIOD", "DIOD"),
        ("TEMP", "TEMP .*"),
        ("FREQ", "FREQ .*"),
    ],
)
def test_sigrok_knows_each_function_by_its_description(function: str, described: str) -> None:
    device = multimeter()
    holds(device, [(f"CONF:{function}", None), ("CONF?", f'"{described}"'), ("READ?", READING), ("SYST:LOC", None)])
    assert errors(device) == []


def test_newer_sigrok_initiates_and_fetches_and_asks_for_the_range() -> None:
    device = multimeter()
    ask: Dialogue = [("VOLT:DC:RANGE:AUTO?", "1"), ("VOLT:DC:RANGE?", READING), ("CONF:VOLT:DC 100.000000", None)]
    holds(device, [*ask, ("INIT", None), ("*OPC?", "1"), ("FETCH?", r"\+5\.12000000E\+01"), ("SYST:LOC", None)])
    assert errors(device) == []


def test_sigrok_sets_and_reads_the_supply() -> None:
    device = supply()
    enter: Dialogue = [("*IDN?", r"Chroma,62050P-100-100,[^,]+,[^,]+"), (":CONF:REM OFF", None), (":CONF:REM ON", None)]
    beeper: Dialogue = [(":CONF:BEEP?", "ON"), (":CONF:BEEP OFF", None)]
    put: Dialogue = [(":SOUR:CURR 50.000000", None), (":SOUR:VOLT 54.00", None), (":CONF:OUTP ON", None)]
    leave: Dialogue = [(":CONF:BEEP ON", None), (":CONF:REM OFF", None)]
    get: Dialogue = [
        (":SOUR:VOLT?", r"54\.000"),
        (":SOUR:CURR?", r"50\.000"),
        (":CONF:OUTP?", "ON"),
        (":MEAS:VOLT?", FIXED),
    ]
    protect: Dialogue = [(":SOUR:VOLT:PROT:HIGH 57.000000", None), (":SOUR:VOLT:PROT:HIGH?", r"57\.000")]
    holds(device, [*enter, *beeper, *put, *leave, *enter, *get, *protect, (":SOUR:CURR:PROT:HIGH?", FIXED)])
    assert errors(device) == []


@pytest.mark.parametrize("make", [supply, load, multimeter, acquisition])
def test_lxi_asks_who_is_there(make: Callable[[], Instrument]) -> None:
    holds(make(), [("*IDN?", r"[^,]+,[^,]+,[^,]+,[^,]+")])


def test_ivi_drives_the_supply() -> None:
    device = supply()
    put: Dialogue = [("SOUR:CURR 20.00", None), ("SOUR:VOLT 52.00", None), ("SOUR:VOLT:PROT:HIGH 57.0", None)]
    slew: Dialogue = [("SOUR:VOLT:SLEW 10.000", None), ("SOUR:VOLT:SLEW?", r"10\.000"), ("CONF:OUTP ON", None)]
    get: Dialogue = [("CONF:OUTP?", "ON"), ("FETC:VOLT?", FIXED), ("FETC:CURR?", FIXED), ("CONF:OUTP OFF", None)]
    holds(device, [*put, *slew, *get])
    assert errors(device) == []


def test_equipment_drivers_drive_the_supply() -> None:
    device = supply()
    put: Dialogue = [
        ("SOUR:VOLT 54.0\r", None),
        ("SOUR:CURR 20\r", None),
        ("CONF:OUTP 1\r", None),
        ("CONF:OUTP?\r", "ON"),
    ]
    slew: Dialogue = [("SOUR:CURR:SLEW 0.5", None), ("SOUR:CURR:SLEW?", r"0\.500"), ("SOUR:VOLT:LIM:HIGH 60", None)]
    get: Dialogue = [("SOUR:VOLT:LIM:HIGH?", r"60\.000"), ("FETC:POW?", FIXED), ("FETC:STAT?", "0,ON,C[VC]")]
    holds(device, [*put, *slew, *get, ("SYST:ERR?", '0,"No error"'), ("CONF:OUTP 0", None), ("CONF:OUTP?", "OFF")])


def test_equipment_drivers_drive_the_load() -> None:
    device = load()
    put: Dialogue = [("MODE CCH\r", None), ("MODE?\r", "CCH"), ("CURR:STAT:L1 100", None), ("CURR:STAT:L2 100", None)]
    on: Dialogue = [("LOAD 1", None), ("LOAD?", "ON"), ("CURR:STAT:L1?", r"100\.000"), ("LOAD:SHOR?", "0")]
    dynamic: Dialogue = [
        ("MODE CCDH", None),
        ("CURR:DYN:L1 10", None),
        ("CURR:DYN:L2?", FIXED),
        ("CURR:DYN:T1 0.1", None),
    ]
    more: Dialogue = [
        ("CURR:DYN:T2?", FIXED),
        ("CURR:DYN:REP 5", None),
        ("CURR:DYN:REP?", "5"),
        ("CURR:DYN:RISE 0.5", None),
    ]
    modes: Dialogue = [("MODE CPH", None), ("POW:STAT:L1 500", None), ("MODE CRH", None), ("RES:STAT:L1 0.5", None)]
    get: Dialogue = [("FETC:VOLT?", FIXED), ("FETC:CURR?", FIXED), ("MEAS:POW?", FIXED), ("VOLT:STAT:ILIM?", FIXED)]
    holds(device, [*put, *on, *dynamic, *more, *modes, *get, ("LOAD 0", None), ("LOAD?", "OFF")])
    assert errors(device) == []


def test_qcodes_takes_a_time_trace_with_the_multimeter() -> None:
    device = multimeter()
    begin: Dialogue = [
        ("*IDN?", r".*,34465A,.*"),
        ("*OPT?", "0"),
        ("SYSTem:LFRequency?", r"\+50"),
        ("DISPLAY:TEXT?", '""'),
    ]
    ask: Dialogue = [
        ("SENSe:FUNCtion?", '"VOLT"'),
        ("SENSe:VOLTage:DC:NPLC 1.000000", None),
        ("SENSe:VOLTage:DC:RESolution?", READING),
        ("SENSe:VOLTage:DC:APERture:ENABled?", "0"),
        ("SENSe:VOLTage:DC:RANGe 100.000000", None),
        ("SENSe:VOLTage:DC:ZERO:AUTO?", "1"),
        ("SAMPle:TIMer? MIN", r"\+2\.00000000E-02"),
        ("SAMPle:COUNt?", r"\+1"),
        ("SAMPle:COUNt:PRETrigger?", r"\+0"),
        ("TRIGger:COUNt?", READING),
        ("TRIGger:LEVel?", READING),
    ]
    put: Dialogue = [
        ("TRIGger:COUNt 1", None),
        ("TRIGger:SOURce BUS", None),
        ("SAMPle:SOURce TIM", None),
        ("SAMPle:TIMer 0.05", None),
        ("SAMPle:COUNt 3", None),
        ('DISPLAY:TEXT "Acquiring 3 samples"', None),
        ("SAMPle:COUNt:PRETrigger 0", None),
        ("INIT", None),
        ("*TRG", None),
        ("FETCH?", f"{READING},{READING},{READING}"),
        ("SYST:LIC:CAT?", '""'),
    ]
    holds(device, [*begin, *ask, *put])
    assert errors(device) == []


def test_equipment_drivers_scan_with_the_data_acquisition_unit() -> None:
    device = acquisition()
    put: Dialogue = [("ROUT:SCAN (@101,102)", None), ("ROUT:SCAN?", r"#210\(@101,102\)"), ("TRIG:SOUR?", "IMM")]
    setup: Dialogue = [
        ("CONF:VOLT (@101)", None),
        ("CONF:VOLT:DC 10,(@101)", None),
        ("SENS:VOLT:DC:NPLC 1,(@101)", None),
    ]
    get: Dialogue = [("FUNC? (@101)", '"VOLT"'), ("READ? (@101)", READING), ("TRIG:COUN 1", None), ("TRIG:TIM 1", None)]
    bus: Dialogue = [("TRIG:SOUR BUS", None), ("INITiate", None), ("*TRG", None), ("FETC?", READING)]
    relays: Dialogue = [("ROUT:CLOS (@201)", None), ("ROUT:OPEN (@201)", None), ("SYSTem:ERRor?", r'\+0,"No error"')]
    holds(device, [*put, *setup, *get, *bus, *relays])
