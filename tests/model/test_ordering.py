"""The ordering rule of the setting ranges (manual table 4.2)."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from station.model.ordering import violations

MANUAL = {
    "cell_undervoltage.trip": 2.5,
    "cell_undervoltage.alarm": 2.8,
    "cell_undervoltage.release": 2.9,
    "cell_overvoltage.release": 3.38,
    "cell_overvoltage.alarm": 3.6,
    "cell_overvoltage.trip": 3.7,
    "pack_undervoltage.trip": 37.5,
    "pack_undervoltage.alarm": 42.0,
    "pack_undervoltage.release": 43.5,
    "pack_overvoltage.release": 50.2,
    "pack_overvoltage.alarm": 54.0,
    "pack_overvoltage.trip": 55.5,
    "charge_undertemperature.trip": -5,
    "charge_undertemperature.alarm": 0,
    "charge_undertemperature.release": 0,
    "charge_overtemperature.release": 50,
    "charge_overtemperature.alarm": 55,
    "charge_overtemperature.trip": 55,
    "discharge_undertemperature.trip": -20,
    "discharge_undertemperature.release": -15,
    "discharge_overtemperature.release": 55,
    "discharge_overtemperature.trip": 60,
    "ambient_undertemperature.alarm": -20,
    "ambient_undertemperature.trip": -20,
    "ambient_undertemperature.release": 0,
    "ambient_overtemperature.release": 50,
    "ambient_overtemperature.alarm": 65,
    "ambient_overtemperature.trip": 70,
    "mosfet_overtemperature.release": 85,
    "mosfet_overtemperature.alarm": 90,
    "mosfet_overtemperature.trip": 110,
    "charge_overcurrent.alarm": 125,
    "charge_overcurrent.trip": 130,
    "discharge_overcurrent.alarm": 125,
    "discharge_overcurrent.trip": 130,
    "soc_low.alarm": 5,
}


def test_the_manuals_own_set_keeps_the_order() -> None:
    assert violations(MANUAL) == ()


@pytest.mark.parametrize(
    ("name", "value", "low", "relation", "high"),
    [
        ("cell_overvoltage.release", 3.7, "release (3.7 V)", "below", "cell_overvoltage.trip (3.7 V)"),
        ("cell_undervoltage.release", 3.4, "release (3.4 V)", "below", "cell_overvoltage.release (3.38 V)"),
        ("cell_overvoltage.alarm", 3.71, "alarm (3.71 V)", "at most", "cell_overvoltage.trip (3.7 V)"),
        ("pack_undervoltage.trip", 42.1, "trip (42.1 V)", "at most", "pack_undervoltage.alarm (42 V)"),
        ("pack_undervoltage.alarm", 54, "alarm (54 V)", "below", "pack_overvoltage.alarm (54 V)"),
        (
            "charge_undertemperature.release",
            51,
            "release (51 degC)",
            "below",
            "charge_overtemperature.release (50 degC)",
        ),
        (
            "mosfet_overtemperature.release",
            110,
            "release (110 degC)",
            "below",
            "mosfet_overtemperature.trip (110 degC)",
        ),
        ("charge_overcurrent.alarm", 130, "alarm (130 A)", "below", "charge_overcurrent.trip (130 A)"),
        ("discharge_overcurrent.alarm", 3, "alarm (3 A)", "above", "3 A"),
    ],
)
def test_each_breach_is_one_sentence_that_names_both_values(
    name: str, value: float, low: str, relation: str, high: str
) -> None:
    family = name.partition(".")[0]
    assert violations({**MANUAL, name: value}) == (f"{family}.{low} must be {relation} {high}",)


@given(st.sets(st.sampled_from(sorted(MANUAL))))
def test_missing_names_are_not_compared(names: set[str]) -> None:
    assert violations({name: MANUAL[name] for name in names}) == ()


def test_neighbours_are_compared_across_a_missing_name() -> None:
    assert violations({"cell_undervoltage.trip": 3.8, "cell_overvoltage.trip": 3.7})


@given(st.lists(st.floats(2.0, 4.5), min_size=4, max_size=4))
def test_a_voltage_chain_is_accepted_exactly_when_it_rises(values: list[float]) -> None:
    names = ("cell_undervoltage.trip", "cell_undervoltage.release", "cell_overvoltage.release", "cell_overvoltage.trip")
    rises = all(low < high for low, high in pairwise(values))
    assert (violations(dict(zip(names, values, strict=True))) == ()) is rises


@pytest.mark.parametrize("name", sorted(set(MANUAL) - {"soc_low.alarm"}))
def test_a_nan_never_keeps_the_order(name: str) -> None:
    assert violations({**MANUAL, name: float("nan")})
