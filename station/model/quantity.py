"""Quantities with units: what YAML files are written in and what people read.

`pint` knows the units; this module says which of them the station speaks and in which one it calculates.
"""

from __future__ import annotations

import functools
import math
import re
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

import pint

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
_PINT = {"Ohm": "ohm", "mOhm": "milliohm", "uOhm": "microohm", "kOhm": "kiloohm", "MOhm": "megaohm", "months": "month", "%": "percent"}
_NUMBER = re.compile(r"\s*([-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?)\s*(\S*)\s*")

UNITS = tuple(_BASE)
"""Every unit that may stand in a file."""


class BadQuantity(ValueError):
    """A text that is no number with a unit of the right kind; the message says what was expected."""


@functools.cache
def _factor(unit: str) -> float:
    registry = pint.get_application_registry()
    name, base = _PINT.get(unit, unit), _PINT.get(_BASE[unit], _BASE[unit])
    return float(registry.Quantity(1.0, name).to(base).magnitude)


def kind_of(unit: str) -> str:
    """The kind of quantity that a unit measures, such as `voltage`; raises BadQuantity for an unknown unit."""
    if unit not in _KIND:
        raise BadQuantity(f"unknown unit `{unit}`; known units: {', '.join(UNITS)}")
    return _KIND[unit]


def base_unit(unit: str) -> str:
    """The unit in which the station calculates what `unit` measures: `V` for `mV`."""
    kind_of(unit)
    return _BASE[unit]


@dataclass(frozen=True, slots=True, order=False)
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
    def kind(self) -> str:
        """What it measures, such as `voltage`."""
        return _KIND[self.unit]

    def __str__(self) -> str:
        """As a person writes it: `51.5 V`."""
        return f"{self.value:.10g} {self.unit}"


def parse_quantity(text: object, kind: str | None = None) -> Quantity:
    """Read `51.5 V`; with `kind`, only that kind will do. Raises BadQuantity for anything else, a bare number included."""
    match = _NUMBER.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise BadQuantity(f"`{text}` is not a number with a unit{_such_as(kind)}")
    number, unit = match.groups()
    if not unit:
        raise BadQuantity(f"`{text}` has no unit{_such_as(kind)}")
    found = kind_of(unit)
    if kind is not None and found != kind:
        raise BadQuantity(f"`{text}` is a {found}, expected a {kind}{_such_as(kind)}")
    value = float(number)
    if not math.isfinite(value):
        raise BadQuantity(f"`{text}` is not a finite number")
    return Quantity(value, unit)


def _such_as(kind: str | None) -> str:
    return f", such as `1 {_KINDS[kind][0]}`" if kind in _KINDS else ", such as `51.5 V`"


def quantise(value: float, step: float) -> float:
    """The multiple of `step` nearest to `value`, as a clean decimal; NaN and infinity stay as they are.

    Everything that is measured passes through here once, so that the last bits of a floating-point library never reach a
    record (feasibility: `exp` differs between processors).
    """
    if not math.isfinite(value):
        return value
    exact = Decimal(repr(step))
    return float((Decimal(repr(value)) / exact).quantize(Decimal(1), rounding=ROUND_HALF_EVEN) * exact)
