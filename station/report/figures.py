"""Numbers as a certificate prints them: as many digits as the uncertainty carries, and never one that lies.

The uncertainty is given with two significant digits and the value to the same place (GUM 7.2.6). Where that rounding
would carry the value across a limit, digits are added until the printed figures show the order that was judged.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from station.model.record import Measurement

MOST_DECIMALS = 9
LARGE = 1e6
"""From here on a number is printed with a power of ten."""


@dataclass(frozen=True, slots=True)
class Figures:
    """One measurement in print; empty where there is nothing."""

    value: str
    low: str
    high: str
    uncertainty: str
    accept_low: str
    accept_high: str


def figures(measurement: Measurement, factor: float = 1.0) -> Figures:
    """The figures of a measurement whose value is a number, or that has none yet, divided by `factor`."""
    m = measurement
    numbers = (m.value, m.low, m.high, m.uncertainty, m.accept_low, m.accept_high)
    value, low, high, uncertainty, accept_low, accept_high = (_divided(number(x), factor) for x in numbers)
    stated, judged = _given(low, high), _given(low, high, accept_low, accept_high)
    places = _places(value, uncertainty, stated, judged)
    printed = (fixed(x, places) for x in (value, low, high, uncertainty, accept_low, accept_high))
    return Figures(*printed)


def magnitude(measurement: Measurement) -> float:
    """What the size of its unit is chosen by: the smallest limit that is not zero, without one the value."""
    limits = [abs(x) for x in (number(measurement.low), number(measurement.high)) if x]
    return min(limits, default=abs(number(measurement.value) or 1.0))


def fixed(value: float | None, places: int) -> str:
    """A number with that many decimals; a very large one with a power of ten, None as nothing."""
    if value is None:
        return ""
    text = f"{value:z.{places}f}" if abs(value) < LARGE else _with_power(value)
    return text.replace("-", "\N{MINUS SIGN}")


def plain(value: float) -> str:
    """A number by itself, with six significant digits at most."""
    return fixed(value, _decimals(value))


def number(value: float | str | bool | None) -> float | None:
    """The value where it is a number, and neither a text nor a state."""
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _divided(value: float | None, factor: float) -> float | None:
    return None if value is None else value / factor


def _with_power(value: float) -> str:
    mantissa, exponent = f"{value:.4g}".split("e")
    return f"{mantissa}e{int(exponent)}"


def _given(*values: float | None) -> list[float]:
    return [value for value in values if value is not None]


def _places(value: float | None, uncertainty: float | None, stated: list[float], judged: list[float]) -> int:
    places = max([_decimals(limit) for limit in stated], default=0)
    if value is None:
        return places
    places = max(places, _places_of(uncertainty) if uncertainty else _decimals(value))
    while places < MOST_DECIMALS and not _order_shows(value, judged, places):
        places += 1
    return places


def _places_of(uncertainty: float) -> int:
    return min(MOST_DECIMALS, max(0, 1 - math.floor(math.log10(uncertainty))))


def _decimals(value: float) -> int:
    """Decimals that a number needs, of six significant digits."""
    mantissa, _, power = f"{value:.6g}".partition("e")
    if power:
        return MOST_DECIMALS if power.startswith("-") else 0
    return len(mantissa.partition(".")[2])


def _order_shows(value: float, limits: Iterable[float], places: int) -> bool:
    return all(_sign(round(value, places) - round(limit, places)) == _sign(value - limit) for limit in limits)


def _sign(value: float) -> int:
    return (value > 0) - (value < 0)
