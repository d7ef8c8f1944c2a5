"""The simulated Chroma 63210A-150-1000, as a client sees it and as the circuit sees it."""

from __future__ import annotations

import math

import pytest
from instrument_makers import errors, finds, load

from station.twin.instruments import MODELS, ChromaLoad


@pytest.fixture
def device() -> ChromaLoad:
    return load()


def test_identity_names_vendor_model_serial_and_firmware(device: ChromaLoad) -> None:
    assert device.execute("*IDN?") == "Chroma,63210A-150-1000,63210A00042,01.20"
    assert MODELS["chroma-63210a-150-1000"] is ChromaLoad


def test_powers_up_off_in_the_low_current_range(device: ChromaLoad) -> None:
    assert device.execute("LOAD?;MODE?;CURR:STAT:L1?;:LOAD:PROT?;SHOR?;:CONF:VOLT:ON?") == "OFF;CCL;0.000;0;0;0.000"


def test_constant_current_reaches_the_terminals(device: ChromaLoad) -> None:
    device.execute("MODE CCH;CURR:STAT:L1 130;RISE 0.5;FALL 2;:CONF:VOLT:ON 30;:LOAD ON")
    assert device.execute("LOAD?;MODE?;CURR:STAT:L1?;RISE?;FALL?") == "ON;CCH;130.000;0.500;2.000"
    sink = device.terminals
    assert (sink.on, sink.mode, sink.current, sink.von) == (True, "CC", 130.0, 30.0)
    assert (sink.slew_rise, sink.slew_fall) == (0.5e6, 2e6)


@pytest.mark.parametrize(
    ("commands", "mode", "name", "value"),
    [
        ("MODE CRM;RES:STAT:L1 0.5", "CR", "resistance", 0.5),
        ("MODE CVH;VOLT:STAT:L1 48;ILIM 20", "CV", "voltage", 48.0),
        ("MODE CVH;VOLT:STAT:L1 48;ILIM 20", "CV", "current", 20.0),
        ("MODE CPH;POW:STAT:L1 5000", "CP", "power", 5000.0),
        ("LOAD:SHOR 1", "CR", "resistance", 0.00015),
    ],
)
def test_each_mode_reaches_the_terminals(device: ChromaLoad, commands: str, mode: str, name: str, value: float) -> None:
    device.execute(commands)
    assert device.terminals.mode == mode
    assert getattr(device.terminals, name) == pytest.approx(value)
    assert errors(device) == []


def test_resistance_of_zero_draws_nothing(device: ChromaLoad) -> None:
    device.execute("MODE CRH")
    assert device.terminals.resistance == math.inf


@pytest.mark.parametrize(("mode", "top"), [("CCL", 100), ("CCM", 500), ("CCH", 1000)])
def test_the_range_bounds_the_current(device: ChromaLoad, mode: str, top: float) -> None:
    device.execute(f"MODE {mode};CURR:STAT:L1 {top};L1 {top + 0.1}")
    assert errors(device) == [-222]
    assert device.terminals.current == top


def test_a_smaller_range_brings_the_level_down(device: ChromaLoad) -> None:
    device.execute("MODE CCH;CURR:STAT:L1 130;L2 5;:MODE CCL")
    assert device.execute("CURR:STAT:L1?;L2?") == "100.000;5.000"
    assert device.terminals.current == 100.0


def test_readings_have_the_resolution_of_the_range(device: ChromaLoad) -> None:
    finds(device, 51.2, 130.004)
    device.execute("MODE CCH")
    assert device.execute("MEAS:CURR?") == f"{round(130.004 * 65.536) / 65.536:.3f}"
    device.execute("MODE CCL")
    assert device.execute("FETC:CURR?;VOLT?") == f"{round(130.004 * 655.36) / 655.36:.3f};51.201"


@pytest.mark.parametrize(
    ("setting", "volts", "amperes", "bits"),
    [("CONF:OCP 105", 50, 105.5, 32), ("CONF:OPP 5000", 50, 100.5, 4), ("*WAI", 158, 0, 2), ("*WAI", -2, 0, 8)],
)
def test_a_protection_latches_and_refuses_on_until_cleared(
    device: ChromaLoad, setting: str, volts: float, amperes: float, bits: int
) -> None:
    device.execute(f"{setting};:LOAD ON")
    finds(device, volts, amperes, 0.02)
    assert device.execute("LOAD?;:LOAD:PROT?;:STAT:QUES?") == f"OFF;{bits};{bits}"
    assert not device.terminals.on
    finds(device, 50, 0)
    device.execute("LOAD ON")
    assert errors(device) == [-221]
    device.execute("LOAD:PROT:CLE;:LOAD ON")
    assert device.execute("LOAD?;:LOAD:PROT?") == "ON;0"


def test_von_holds_until_the_latch_is_closed(device: ChromaLoad) -> None:
    device.execute("CONF:VOLT:ON 40;LATC ON;:LOAD ON")
    finds(device, 39, 0)
    assert device.terminals.von == 40.0
    finds(device, 41, 0)
    finds(device, 30, 0)
    assert device.terminals.von == 0.0
    device.execute("LOAD OFF")
    finds(device, 30, 0)
    assert device.terminals.von == 40.0


def test_dynamic_mode_changes_between_two_levels(device: ChromaLoad) -> None:
    device.execute("MODE CCDH;CURR:DYN:L1 10;L2 30;T1 0.1;T2 0.2;REP 2;:LOAD ON")
    levels = []
    for step in range(8):
        device.tick(0.05 + 0.1 * step)
        levels.append(device.terminals.current)
    assert levels == [10, 30, 30, 10, 30, 30, 10, 10]


def test_a_wrong_gain_shows_in_the_true_current_and_not_in_the_reading(device: ChromaLoad) -> None:
    device.gain = 0.95
    device.execute("MODE CCH;CURR:STAT:L1 95;:LOAD ON")
    device.tick(1.0)
    assert device.terminals.current == pytest.approx(100.0)
    finds(device, 50, device.terminals.current)
    assert float(device.execute("MEAS:CURR?") or 0) == pytest.approx(95, abs=0.01)


def test_reset_switches_off_and_releases(device: ChromaLoad) -> None:
    device.execute("MODE CCH;CURR:STAT:L1 130;:LOAD ON")
    device.trip()
    device.execute("*RST")
    assert device.execute("LOAD?;MODE?;CURR:STAT:L1?;:LOAD:PROT?") == "OFF;CCL;0.000;0"


def test_abort_switches_off_and_run_on(device: ChromaLoad) -> None:
    assert device.execute("RUN;LOAD?;:ABOR;LOAD?") == "ON;OFF"
