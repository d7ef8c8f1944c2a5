"""Quantities with units, as people write them."""

from __future__ import annotations

import math
from decimal import Decimal

import pint
import pytest
from hypothesis import given
from hypothesis import strategies as st

from station.model.quantity import KINDS, UNITS, BadQuantity, Quantity, base_unit, kind_of, parse_quantity, quantise

numbers = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9, places=6).map(float)


@given(numbers, st.sampled_from(UNITS))
def test_a_quantity_reads_back_as_it_was_written(value: float, unit: str) -> None:
    assert parse_quantity(str(Quantity(value, unit))) == Quantity(value, unit)
    assert parse_quantity(f"  {value!r}{unit} ") == Quantity(value, unit)


@given(numbers, st.sampled_from(UNITS))
def test_its_value_is_in_the_unit_of_its_kind_and_keeps_sign_and_order(value: float, unit: str) -> None:
    quantity = Quantity(value, unit)
    assert quantity.si_unit == base_unit(unit)
    assert kind_of(quantity.si_unit) == quantity.kind == kind_of(unit)
    assert Quantity(quantity.si, quantity.si_unit).si == quantity.si
    assert quantity.si * value >= 0
    assert Quantity(value + 1, unit).si > quantity.si


def test_a_unit_is_worth_what_pint_says_by_its_own_definitions() -> None:
    own = pint.UnitRegistry()
    named = {"%": "percent", "months": "month"}
    for unit in UNITS:
        theirs, base = (named.get(each, each).replace("Ohm", "ohm") for each in (unit, base_unit(unit)))
        assert Quantity(1.0, unit).si == pytest.approx(own.Quantity(1.0, theirs).to(base).magnitude), unit


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("51.5 V", 51.5, "V"),
        ("200 uOhm", 200e-6, "Ohm"),
        ("5 min", 300, "s"),
        ("14 d", 14 * 86400, "s"),
        ("0.6 mV", 0.6e-3, "V"),
        ("5 kW", 5000, "W"),
        ("2000 mA", 2, "A"),
        ("1 A/ms", 1000, "A/s"),
        ("-20 degC", -20, "degC"),
        ("20 %", 20, "%"),
        ("1 m", 1000, "mm"),
        ("1.5e-3 V", 0.0015, "V"),
    ],
)
def test_values_are_converted_exactly(text: str, value: float, unit: str) -> None:
    quantity = parse_quantity(text)
    assert (quantity.si, quantity.si_unit) == (value, unit)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("51.5", "`51.5` has no unit, such as `1 V`"),
        (51.5, "`51.5` has no unit, such as `1 V`"),
        (True, "`True` is not a number with a unit, such as `1 V`"),
        (None, "`None` is not a number with a unit, such as `1 V`"),
        ("V", "`V` is not a number with a unit, such as `1 V`"),
        ("5 A", "`5 A` is a current, expected a voltage, such as `1 V`"),
        ("1e999 V", "`1e999 V` is not a finite number"),
        ("nan V", "`nan V` is not a number with a unit, such as `1 V`"),
        ("5 V V", "`5 V V` is not a number with a unit, such as `1 V`"),
        ("٥ V", "`٥ V` is not a number with a unit, such as `1 V`"),
    ],
)
def test_anything_else_is_refused_with_what_was_expected(text: object, message: str) -> None:
    with pytest.raises(BadQuantity) as caught:
        parse_quantity(text, "voltage")
    assert str(caught.value) == message


@given(st.text(max_size=20) | st.binary(max_size=5) | st.integers() | st.floats() | st.booleans() | st.none())
def test_whatever_is_read_is_finite_and_has_a_known_unit(anything: object) -> None:
    try:
        quantity = parse_quantity(anything)
    except BadQuantity:
        return
    assert math.isfinite(quantity.si)
    assert quantity.kind in KINDS


@given(st.floats(-1e6, 1e6), st.sampled_from([1.0, 0.1, 0.01, 0.001, 1e-6]))
def test_a_quantised_value_is_the_nearest_multiple_and_stays_one(value: float, step: float) -> None:
    there = quantise(value, step)
    assert abs(Decimal(repr(there)) - Decimal(repr(value))) <= Decimal(repr(step)) / 2
    assert Decimal(repr(there)) % Decimal(repr(step)) == 0
    assert quantise(there, step) == there


@pytest.mark.parametrize("value", [math.inf, -math.inf, 9.9e37, -9.9e37])
def test_an_overload_stays_what_it_is(value: float) -> None:
    assert quantise(value, 1e-6) == value


def test_nan_stays_nan() -> None:
    assert math.isnan(quantise(math.nan, 0.001))
