"""Threshold shifts: what is planned keeps the order, is accepted by the firmware, and acts at the live value."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from station.model.files import build, read
from station.model.ordering import violations
from station.model.pack import Pack, Protection
from station.model.shift import (
    Infeasible,
    drifts,
    is_near,
    shift_alarm,
    shift_to_hold,
    shift_to_release,
    shift_to_trip,
    together,
)

PACK = build(read(Path(__file__).parents[2] / "fixtures/packs/bali48.yaml"), Pack)
STORED = {name: quantity.si for name, quantity in PACK.released.items()}
SHIFTABLE = [each for each in PACK.protection.values() if "trip" in each.values and each.tolerance is not None]
LIVE = {"voltage": (2.0, 60.0), "current": (1.0, 200.0), "temperature": (-35.0, 120.0), "other": (0.0, 100.0)}


def tolerance_of(protection: Protection) -> float:
    """Of a protection that has one."""
    assert protection.tolerance is not None
    return protection.tolerance.si


@st.composite
def lived(draw: st.DrawFn) -> tuple[Protection, float]:
    """A protection and a live value, mostly one at which it could be shifted."""
    protection = draw(st.sampled_from(SHIFTABLE))
    low, high = LIVE[protection.kind]
    if protection.accepts is not None and draw(st.booleans()):
        low, high = protection.accepts.low or low, protection.accepts.high or high
    return protection, round(draw(st.floats(low, high)), 3)


@given(lived())
def test_a_shift_to_trip_is_in_order_accepted_and_beyond_the_live_value(case: tuple[Protection, float]) -> None:
    protection, live = case
    try:
        shift = shift_to_trip(protection, live, STORED)
    except Infeasible:
        return
    shifted = shift.values
    assert violations({**STORED, **shifted}) == ()
    assert shift.live == live or (protection.kind == "current" and shift.live <= live)
    own = {name: value for name, value in shifted.items() if name.rpartition(".")[0] == protection.name}
    if protection.accepts is not None:
        assert all(protection.accepts.contains(value) for value in own.values())
    trip = own[f"{protection.name}.trip"]
    assert shift.live > trip if protection.rises else shift.live < trip
    assert abs(shift.live - trip) < tolerance_of(protection)
    release = own.get(f"{protection.name}.release")
    if release is not None:
        assert live > release if protection.rises else live < release


@given(lived())
def test_a_shift_to_release_is_in_order_and_lets_the_live_value_go(case: tuple[Protection, float]) -> None:
    protection, live = case
    assume("release" in protection.values)
    try:
        shifted = shift_to_release(protection, live, STORED)
    except Infeasible:
        return
    eased = {**STORED, **shifted}
    assert violations(eased) == ()
    release = eased[f"{protection.name}.release"]
    assert live < release if protection.rises else live > release
    assert eased[f"{protection.name}.trip"] == STORED[f"{protection.name}.trip"]


@given(lived())
def test_a_shifted_alarm_moves_no_trip_and_is_beyond_the_live_value(case: tuple[Protection, float]) -> None:
    protection, live = case
    assume("alarm" in protection.values)
    try:
        shifted = shift_alarm(protection, live, STORED)
    except Infeasible:
        return
    assert f"{protection.name}.trip" not in shifted
    assert violations({**STORED, **shifted}) == ()
    alarm = shifted[f"{protection.name}.alarm"]
    assert live > alarm if protection.rises else live < alarm


COLD = [each for each in SHIFTABLE if each.kind == "temperature" and each.of != "mosfet"]
"""The temperature protections that room temperature is enough for; a MOSFET must be warm."""


@pytest.mark.parametrize("protection", COLD, ids=lambda p: p.name)
def test_every_temperature_protection_of_cells_and_ambient_can_be_shifted_at_room_temperature(
    protection: Protection,
) -> None:
    assert shift_to_trip(protection, 25.0, STORED).whole


@given(lived())
def test_a_shift_to_hold_is_in_order_accepted_and_just_out_of_reach(case: tuple[Protection, float]) -> None:
    protection, live = case
    try:
        shift = shift_to_hold(protection, live, STORED)
    except Infeasible:
        return
    assert violations({**STORED, **shift.values}) == ()
    trip = shift.values[f"{protection.name}.trip"]
    assert shift.live < trip if protection.rises else shift.live > trip
    moved = 1.1 if drifts(protection) else 1.0  # by the time that it is stored
    assert 0.5 * tolerance_of(protection) < abs(shift.live - trip) < moved * tolerance_of(protection)
    assert not is_near(protection, shift.live, shift)
    assert is_near(protection, (shift.live + trip) / 2, shift)


def test_all_protections_of_a_charge_hold_together() -> None:
    live = {
        "cell_overvoltage": 3.49, "pack_overvoltage": 52.3, "charge_overtemperature": 24.0,
        "charge_undertemperature": 23.5, "ambient_overtemperature": 25.0, "ambient_undertemperature": 25.0,
    }  # fmt: skip
    shifts = [shift_to_hold(PACK.protection[name], value, STORED) for name, value in live.items()]
    values = together(shifts, STORED)
    assert violations({**STORED, **values}) == ()
    assert {name.partition(".")[0] for name in values} == live.keys()


def test_what_has_little_room_is_shifted_as_far_as_the_bms_accepts_and_says_so() -> None:
    warm = shift_to_trip(PACK.protection["mosfet_overtemperature"], 31.0, STORED)
    assert warm.values["mosfet_overtemperature.trip"] == 30.1
    assert not warm.whole
    assert shift_to_trip(PACK.protection["mosfet_overtemperature"], 35.0, STORED).whole


def test_a_current_keeps_its_alarm_inside_its_trip() -> None:
    shift = shift_to_trip(PACK.protection["charge_overcurrent"], 20.0, STORED)
    assert shift.values == {"charge_overcurrent.alarm": 17.0, "charge_overcurrent.trip": 18.0}
    assert shift.live == pytest.approx(19.9)


@pytest.mark.parametrize(
    ("name", "live", "reason"),
    [
        ("pack_undervoltage", 52.4, "and the BMS accepts 15 V to 50 V"),
        ("mosfet_overtemperature", 25.0, "and the BMS accepts 30 degC to 120 degC"),
        ("short_circuit", 20.0, "short_circuit has no"),
    ],
)
def test_what_cannot_be_shifted_says_why(name: str, live: float, reason: str) -> None:
    with pytest.raises(Infeasible, match=reason):
        shift_to_trip(PACK.protection[name], live, STORED)


def test_a_release_that_is_satisfied_or_not_there_needs_no_easing() -> None:
    assert shift_to_release(PACK.protection["cell_overvoltage"], 3.30, STORED) == {}
    assert shift_to_release(PACK.protection["charge_overcurrent"], 20.0, STORED) == {}
