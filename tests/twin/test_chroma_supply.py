"""The simulated Chroma 62050P-100-100, as a client sees it and as the circuit sees it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from instrument_makers import errors, finds, supply

from station.twin.instruments import MODELS, ChromaSupply
from station.twin.terminals import SourceTerminals


@pytest.fixture
def device() -> ChromaSupply:
    return supply()


def test_identity_names_vendor_model_serial_and_firmware(device: ChromaSupply) -> None:
    assert device.execute("*IDN?") == "Chroma,62050P-100-100,62050P01234,01.70"
    assert MODELS["chroma-62050p-100-100"] is ChromaSupply


def test_powers_up_off_with_everything_at_its_default(device: ChromaSupply) -> None:
    query = (
        "CONF:OUTP?;:SOUR:VOLT?;CURR?;VOLT:PROT:HIGH?;:SOUR:VOLT:LIM:HIGH?;:SOUR:CURR:PROT:HIGH?;:SOUR:POW:PROT:HIGH?"
    )
    assert device.execute(query) == "OFF;0.000;0.000;110.000;100.000;105.000;5250.0"
    assert device.execute("FETC:STAT?;VOLT?;CURR?;POW?") == "0,OFF,CV;0.000;0.000;0.00"


def test_settings_read_back_and_reach_the_terminals(device: ChromaSupply) -> None:
    device.execute("SOUR:VOLT 54.0;CURR 50.000000;VOLT:SLEW 0.5;:SOUR:CURR:SLEW 0.25")
    assert device.execute("SOUR:VOLT?;CURR?;VOLT:SLEW?;:SOUR:CURR:SLEW?") == "54.000;50.000;0.500;0.250"
    offered = device.terminals
    assert (offered.on, offered.voltage, offered.current, offered.power) == (False, 54.0, 50.0, 5000.0)
    assert (offered.slew_voltage, offered.slew_current) == (500.0, 250.0)
    device.execute("CONF:OUTP 1;:SOUR:CURR:SLEWINF ENABLE")
    assert (offered.on, offered.slew_current) == (True, math.inf)
    assert device.execute("CONF:OUTP?") == "ON"


@pytest.mark.parametrize(
    "command", ["SOUR:VOLT 100.1", "SOUR:CURR 101", "SOUR:VOLT:PROT:HIGH 111", "SOUR:VOLT:SLEW 11"]
)
def test_ratings_are_refused_to_exceed(device: ChromaSupply, command: str) -> None:
    device.execute(command)
    assert errors(device) == [-222]


def test_limits_bound_the_set_point_and_cannot_shut_it_out(device: ChromaSupply) -> None:
    device.execute("SOUR:VOLT 50;VOLT:LIM:HIGH 57;LOW 30;:SOUR:VOLT 58;VOLT 29;VOLT:LIM:HIGH 49;LOW 51")
    assert errors(device) == [-222, -222, -221, -221]
    assert device.execute("SOUR:VOLT?;VOLT:LIM:LOW?;HIGH?") == "50.000;30.000;57.000"


def test_readings_are_quantised_and_the_state_tells_the_mode(device: ChromaSupply) -> None:
    device.execute("CONF:OUTP ON")
    device.terminals.mode = "CC"
    finds(device, 53.98765, 49.9987)
    assert device.execute("MEAS:VOLT?;CURR?;POW?;:FETC:STAT?") == "53.988;49.998;2699.29;0,ON,CC"


@pytest.mark.parametrize(
    ("setting", "volts", "amperes", "bits"),
    [("VOLT:PROT:HIGH 57", 57.1, 10, 1), ("CURR:PROT:HIGH 60", 50, 60.1, 2), ("POW:PROT:HIGH 1000", 50, 20.1, 4)],
)
def test_a_protection_latches_and_refuses_on_until_cleared(
    device: ChromaSupply, setting: str, volts: float, amperes: float, bits: int
) -> None:
    device.execute(f"SOUR:{setting};:CONF:OUTP ON")
    finds(device, volts, amperes, 0.01)
    assert device.execute("FETC:STAT?;:STAT:QUES:COND?") == f"{bits},OFF,CV;{bits}"
    assert not device.terminals.on
    finds(device, 0, 0)
    device.execute("CONF:OUTP ON")
    assert errors(device) == [-221]
    assert device.execute("CONF:OUTP?") == "OFF"
    device.execute("OUTP:PROT:CLE;:CONF:OUTP ON")
    assert device.execute("FETC:STAT?") == "0,ON,CV"


def test_a_short_excess_of_current_does_not_trip(device: ChromaSupply) -> None:
    device.execute("SOUR:CURR:PROT:HIGH 60;:CONF:OUTP ON")
    for _ in range(10):
        finds(device, 50, 61, 0.003)
        finds(device, 50, 59)
    assert device.execute("FETC:STAT?") == "0,ON,CV"


def test_the_world_learns_when_a_protection_will_trip(device: ChromaSupply) -> None:
    device.execute("SOUR:CURR:PROT:HIGH 60;:CONF:OUTP ON")
    assert device.next_due == math.inf
    finds(device, 50, 61)
    assert device.next_due == pytest.approx(device.now + 0.005)
    device.tick(device.next_due + 1e-9)
    assert not device.terminals.on
    device.tick(device.now + 1)
    assert device.next_due == math.inf


def test_foldback_trips_on_the_change_of_mode_after_its_delay(device: ChromaSupply) -> None:
    device.execute("CONF:FOLD CVTOCC;:CONF:FOLDT 0.05;:CONF:OUTP ON")
    device.terminals.mode = "CC"
    finds(device, 50, 50, 0.04)
    assert device.terminals.on
    finds(device, 50, 50, 0.02)
    assert device.execute("FETC:STAT?") == "1024,OFF,CC"


def test_a_fault_can_trip_it(device: ChromaSupply) -> None:
    device.execute("CONF:OUTP ON")
    device.trip()
    assert device.execute("FETC:STAT?") == "1,OFF,CV"


def test_reset_switches_off_and_keeps_remote_and_beeper(device: ChromaSupply) -> None:
    device.execute("CONF:REM ON;BEEP OFF;:SOUR:VOLT 54;CURR 20;VOLT:LIM:HIGH 60;:CONF:OUTP ON;*RST")
    assert device.execute("CONF:OUTP?;REM?;BEEP?;:SOUR:VOLT?;CURR?;VOLT:LIM:HIGH?") == "OFF;ON;OFF;0.000;0.000;100.000"
    assert not device.terminals.on


def test_operation_complete_waits_for_the_slew(device: ChromaSupply) -> None:
    device.execute("SOUR:VOLT:SLEW 0.1;:CONF:OUTP ON")
    assert device.latency("SOUR:VOLT 50;*OPC?") == pytest.approx(0.5 + device.response_time)


def test_an_unknown_query_is_silence_and_an_error_in_the_queue(device: ChromaSupply) -> None:
    assert device.execute("SYST:NONSENSE?") is None
    assert device.execute("SYST:ERR?") == '-113,"Undefined header"'
    assert device.execute("SYST:ERR?") == '0,"No error"'


def test_a_wrong_gain_shows_in_the_true_current_and_not_in_the_reading(device: ChromaSupply) -> None:
    device.gain = 1.05
    device.execute("SOUR:CURR 84;:CONF:OUTP ON")
    device.tick(0.1)
    assert device.terminals.current == pytest.approx(80.0)
    finds(device, 50, device.terminals.current)
    assert device.execute("MEAS:CURR?") == "84.000"


def test_errors_stay_within_the_specification_and_come_from_the_seed() -> None:
    def readings(seed: int) -> list[float]:
        made = ChromaSupply(serial="1", rng=np.random.default_rng(seed), terminals=SourceTerminals())
        made.terminals.terminal_voltage, made.terminals.terminal_current = 50.0, 50.0
        return [float(made.execute(query) or "nan") for query in ("MEAS:VOLT?", "MEAS:CURR?")]

    assert readings(7) == readings(7) != readings(8)
    for seed in range(50):
        volts, amperes = readings(seed)
        assert abs(volts - 50) <= 0.0005 * 50 + 0.05
        assert abs(amperes - 50) <= 0.001 * 50 + 0.1
