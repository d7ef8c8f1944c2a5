"""Just inside and just outside of each tolerance: parameters of an otherwise exact pack, moved across a limit."""

from __future__ import annotations

import pytest

from station.studies.coverage import default_state
from station.studies.edges import NeverJudged, turning_point, verdict_of
from station.studies.rig import Station

SERIAL = "BALI48-000001"
REST = "standby/readings-at-rest"
RECOVERY = "discharge-overcurrent-recovery/overcurrent_recovery"

EDGES = (
    ("bms.adc.pack_voltage_offset", "0.185 V", "0.215 V", f"{REST}/pack_voltage_error"),
    ("bms.adc.pack_voltage_offset", "-0.185 V", "-0.215 V", f"{REST}/pack_voltage_error"),
    ("bms.adc.cell_gain", "1.0052", "1.0062", f"{REST}/cell_sum_error"),
    ("bms.adc.cell_gain", "0.9948", "0.9938", f"{REST}/cell_sum_error"),
    ("bms.adc.current_offset", "0.27 A", "0.33 A", f"{REST}/current_zero"),
    ("bms.adc.current_offset", "-0.27 A", "-0.33 A", f"{REST}/current_zero"),
    ("bms.adc.temperature_offset[1]", "2.5 K", "3.3 K", f"{REST}/temperature_error"),
    ("bms.adc.temperature_offset[3]", "-2.5 K", "-3.6 K", f"{REST}/temperature_error"),
    ("bms.gauge.error", "-4 %", "-6 %", f"{REST}/soc_error"),
    ("cells.r0[7]", "times 1.2", "times 1.65", "resistance/cell_resistance_7"),
    ("pack.bars", "5 mOhm", "6.2 mOhm", "resistance/path_resistance"),
    ("bms.adc.current_gain", "1.013", "1.017", "resistance/current_error"),
    ("bms.adc.current_gain", "0.987", "0.983", "resistance/current_error"),
    ("bms.protections.discharge_overcurrent.delay_factor", "1.7", "2.2", "discharge-overcurrent"),
    ("bms.protections.discharge_overcurrent.delay_factor", "0.8", "0.4", "discharge-overcurrent"),
    ("bms.recovery.after", "57.6 s", "56.4 s", RECOVERY),
    ("bms.recovery.after", "62.4 s", "63.6 s", RECOVERY),
    ("bms.protections.cell_undervoltage.delay_factor", "1.6", "2.2", "full-current/trips"),
    # thresholds that are not where their registers say: late and early, against the tolerance of each row
    ("bms.protections.cell_overvoltage.trip_shift", "14 mV", "22 mV", "charge-trips/shifted"),
    ("bms.protections.cell_overvoltage.trip_shift", "-12 mV", "-22 mV", "charge-trips/shifted"),
    ("bms.protections.pack_overvoltage.trip_shift", "0.22 V", "0.33 V", "charge-trips/shifted"),
    ("bms.protections.pack_overvoltage.trip_shift", "-0.25 V", "-0.33 V", "charge-trips/shifted"),
    ("bms.protections.pack_overvoltage.trip_shift", "-0.17 V", "-0.31 V", "charge-trips/shifted"),
    ("bms.protections.charge_overtemperature.trip_shift", "2.6 K", "3.2 K", "charge-trips/shifted"),
    ("bms.protections.charge_overtemperature.trip_shift", "-2.6 K", "-3.2 K", "charge-trips/shifted"),
    ("bms.protections.charge_undertemperature.trip_shift", "2.6 K", "3.2 K", "charge-trips/shifted"),
    ("bms.protections.charge_undertemperature.trip_shift", "-2.6 K", "-3.2 K", "charge-trips/shifted"),
    ("bms.protections.ambient_overtemperature.trip_shift", "2.6 K", "-3.2 K", "charge-trips/shifted"),
    ("bms.protections.ambient_undertemperature.trip_shift", "-2.6 K", "3.2 K", "charge-trips/shifted"),
    ("bms.protections.discharge_overtemperature.trip_shift", "2.6 K", "3.2 K", "discharge-trips"),
    ("bms.protections.discharge_undertemperature.trip_shift", "2.6 K", "3.2 K", "discharge-trips"),
    ("bms.protections.cell_undervoltage.trip_shift", "40 mV", "53 mV", "full-current/trips"),
    ("bms.protections.cell_undervoltage.trip_shift", "-40 mV", "-53 mV", "full-current/trips"),
    ("bms.protections.pack_undervoltage.trip_shift", "0.4 V", "0.55 V", "full-current/trips"),
    ("bms.protections.pack_undervoltage.trip_shift", "-0.4 V", "-0.55 V", "full-current/trips"),
    ("bms.protections.mosfet_overtemperature.trip_shift", "2.6 K", "3.2 K", "full-current/trips"),
    ("bms.protections.mosfet_overtemperature.trip_shift", "-2 K", "-3.2 K", "full-current/trips"),
    ("bms.protections.charge_overcurrent.trip_shift", "1.8 A", "2.1 A", "charge-overcurrent"),
    ("bms.protections.charge_overcurrent.trip_shift", "-1.8 A", "-2.1 A", "charge-overcurrent"),
)
"""A parameter, a value just inside, one just outside, and where it is judged."""


@pytest.fixture(scope="module")
def station() -> Station:
    return Station.of("eol")


@pytest.mark.parametrize(("parameter", "inside", "outside", "at"), EDGES)
def test_a_verdict_turns_between_just_inside_and_just_outside(
    parameter: str, inside: str, outside: str, at: str, station: Station
) -> None:
    state = default_state(station.files)
    assert verdict_of(at, {parameter: inside}, station, state, SERIAL) == "PASS"
    assert verdict_of(at, {parameter: outside}, station, state, SERIAL) == "FAIL"


def test_the_verdict_on_the_pack_voltage_turns_at_its_limit(station: Station) -> None:
    state = default_state(station.files)

    def passes(volts: float) -> bool:
        change = {"bms.adc.pack_voltage_offset": volts}
        return verdict_of(f"{REST}/pack_voltage_error", change, station, state, SERIAL) == "PASS"

    limit = station.plan(SERIAL).pack.limits["pack_voltage_error"].is_.high
    assert limit is not None
    noise_and_rounding = 0.015
    assert turning_point(passes, 0.15, 0.25, 0.005) == pytest.approx(limit, abs=noise_and_rounding)


def test_what_a_run_never_comes_to_is_said_so(station: Station) -> None:
    state = default_state(station.files)
    with pytest.raises(NeverJudged, match=r"resistance was never judged: BLOCKED"):
        verdict_of("resistance", {"pack.breaker.closed": False}, station, state, SERIAL)
