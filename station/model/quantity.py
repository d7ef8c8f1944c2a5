"""Quantities with units: what YAML files are written in and what people read.

`pint` knows the units; this module says which of them the station speaks and in which one it calculates.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Annotated

import pint
from pydantic import PlainValidator, WithJsonSchema

from station.model.files import shown

_KINDS = {
    "voltage": ("V", ("mV", "uV")),
    "current": ("A", ("mA", "uA")),
    "resistance": ("Ohm", ("mOhm", "uOhm", "kOhm", "MOhm")),
    "time": ("s", ("ms", "us", "min", "h", "d", "months")),
    "temperature": ("degC", ()),
    "temperature difference": ("K", ("mK",)),
    "charge": ("Ah", ("mAh",)),
    "energy": ("Wh", ("kWh",)),
    "power": ("W", ("kW",)),
    "mass": ("kg", ("g",)),
    "ratio": ("%", ()),
    "length": ("mm", ("m",)),
    "frequency": ("Hz", ("kHz",)),
    "voltage slew": ("V/s", ("mV/s",)),
    "current slew": ("A/s", ("A/ms",)),
}
_BASE = {unit: base for base, others in _KINDS.values() for unit in (base, *others)}
_KIND = {unit: kind for kind, (base, others) in _KINDS.items() for unit in (base, *others)}
_DEFINITIONS = """
micro- = 1e-6 = u-
milli- = 1e-3 = m-
kilo- = 1e3 = k-
mega- = 1e6 = M-
volt = [voltage] = V
ampere = [current] = A
ohm = volt / ampere = Ohm
watt = volt * ampere = W
second = [time] = s
minute = 60 * second = min
hour = 60 * minute = h
day = 24 * hour = d
month = 365.25 * day / 12 = months
ampere_hour = ampere * hour = Ah
watt_hour = watt * hour = Wh
kelvin = [temperature] = K
gram = [mass] = g
meter = [length] = m
hertz = 1 / second = Hz
"""
"""What those units are, for pint: its own definitions are many more, and reading them costs a tenth of a second."""
NUMBER = r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?"
"""Pattern of a number as it stands in a file."""
_QUANTITY = re.compile(rf"\s*({NUMBER})\s*(\S*)\s*", re.ASCII)

UNITS = tuple(_BASE)
"""Every unit that may stand in a file."""
KINDS = tuple(_KINDS)
"""What can be measured: `voltage`, `current` ..."""


class BadQuantity(ValueError):
    """A text that is no number with a unit of the right kind; the message says what was expected."""


@functools.cache
def _units() -> pint.UnitRegistry[float]:
    units = pint.UnitRegistry[float](None)
    units.load_definitions(_DEFINITIONS.strip().splitlines())
    return units


@functools.cache
def _factor(unit: str) -> float:
    return float(_units().Quantity(1.0, unit).to(_BASE[unit]).magnitude)


def kind_of(unit: str) -> str:
    """The kind of quantity that a unit measures, such as `voltage`; raises BadQuantity for an unknown unit."""
    if unit not in _KIND:
        raise BadQuantity(f"unknown unit {shown(unit)}; known units: {', '.join(UNITS)}")
    return _KIND[unit]


def base_unit(unit: str) -> str:
    """The unit in which the station calculates what `unit` measures: `V` for `mV`. Raises BadQuantity."""
    kind_of(unit)
    return _BASE[unit]


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number and its unit, kept as written; `si` is the value in the station's own unit of that kind."""

    value: float
    unit: str

    @property
    def si(self) -> float:
        """The value in the unit that the station calculates in (`base_unit`)."""
        if _BASE[self.unit] == self.unit:
            return self.value
        return round(self.value * _factor(self.unit), 12)

    @property
    def si_unit(self) -> str:
        """The unit that `si` is in."""
        return _BASE[self.unit]

    @property
    def kind(self) -> str:
        """What it measures, such as `voltage`."""
        return _KIND[self.unit]

    def __str__(self) -> str:
        """As a person writes it: `51.5 V`; reads back as the same number, up to 15 digits."""
        return f"{self.value:.15g} {self.unit}"


def parse_quantity(text: object, kind: str | None = None) -> Quantity:
    """Read `51.5 V`; with `kind`, only that kind will do. Raises BadQuantity for anything else, a bare number too."""
    match = _QUANTITY.fullmatch(str(text)) if isinstance(text, str | int | float) else None
    if match is None or isinstance(text, bool):
        raise BadQuantity(f"{shown(text)} is not a number with a unit{_such_as(kind)}")
    number, unit = match.groups()
    if not unit:
        raise BadQuantity(f"{shown(text)} has no unit{_such_as(kind)}")
    found = kind_of(unit)
    if kind is not None and found != kind:
        raise BadQuantity(f"{shown(text)} is a {found}, expected a {kind}{_such_as(kind)}")
    if not math.isfinite(value := float(number)):
        raise BadQuantity(f"{shown(text)} is not a finite number")
    return Quantity(value, unit)


def _such_as(kind: str | None) -> str:
    return f", such as `1 {_KINDS[kind][0]}`" if kind in _KINDS else ", such as `51.5 V`"


def quantise(value: float, step: float) -> float:
    """The multiple of `step` nearest to `value`, as a clean decimal.

    NaN, infinity and what is 1e15 steps or more (the 9.9e37 of an overloaded meter) stay as they are.
    Everything that is measured passes through here once, so that the last bits of a floating-point library never reach
    a record (feasibility: `exp` differs between processors).
    """
    if not abs(value) < 1e15 * step:
        return value
    exact = Decimal(repr(step))
    return float((Decimal(repr(value)) / exact).quantize(Decimal(1), rounding=ROUND_HALF_EVEN) * exact)


# ------------------------------------------------------------------------------------------------ fields of files


def pattern(kind: str | None = None) -> str:
    """The pattern of a quantity of that kind, or of any, for JSON Schemas."""
    units = UNITS if kind is None else (_KINDS[kind][0], *_KINDS[kind][1])
    return rf"{NUMBER}\s*(?:{'|'.join(units)})"


def _reader(kind: str | None) -> Callable[[object], Quantity]:
    return lambda value: value if isinstance(value, Quantity) else parse_quantity(value, kind)


def _schema(kind: str | None) -> WithJsonSchema:
    example = "57 V" if kind is None else f"1 {_KINDS[kind][0]}"
    return WithJsonSchema({"type": "string", "pattern": f"^{pattern(kind)}$", "examples": [example]})


QuantityText = Annotated[Quantity, PlainValidator(_reader(None)), _schema(None)]
"""A quantity as it stands in a file."""
Volts = Annotated[Quantity, PlainValidator(_reader("voltage")), _schema("voltage")]
Amperes = Annotated[Quantity, PlainValidator(_reader("current")), _schema("current")]
Seconds = Annotated[Quantity, PlainValidator(_reader("time")), _schema("time")]
Watts = Annotated[Quantity, PlainValidator(_reader("power")), _schema("power")]
Ohms = Annotated[Quantity, PlainValidator(_reader("resistance")), _schema("resistance")]
"""Quantities of one kind: a voltage will not do where a current is meant."""
