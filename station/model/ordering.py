"""How the thresholds of a pack must lie to each other: one rule for the planner, the editor of pack files and the
twin's BMS.

The setting ranges of the manual's table 4.2 name other thresholds as their ends. Read as a whole they say: under-trip <
under-release < over-release < over-trip, alarms not beyond the trips, and 3 A < over-current alarm < over-current trip.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise

LEAST_OVERCURRENT_ALARM = 3.0
"""A; an over-current alarm lies above it (manual 4.2)."""

_OPPOSITES = (
    ("cell_undervoltage", "cell_overvoltage"),
    ("pack_undervoltage", "pack_overvoltage"),
    ("charge_undertemperature", "charge_overtemperature"),
    ("discharge_undertemperature", "discharge_overtemperature"),
    ("ambient_undertemperature", "ambient_overtemperature"),
    ("mosfet_undertemperature", "mosfet_overtemperature"),
)
_OVERCURRENTS = ("charge_overcurrent", "discharge_overcurrent")
_UNITS = {"voltage": "V", "temperature": "degC", "current": "A"}


def violations(values: Mapping[str, float]) -> tuple[str, ...]:
    """What is wrong with a set of thresholds, one sentence each; nothing, if they keep the order.

    Names are those of the registers (`cell_overvoltage.trip`), values in V, A and degC. Names that are missing are not
    compared; a NaN keeps no order. Source: manual table 4.2, setting ranges.
    """
    below = (_sentence(values, low, high, "below") for low, high in _below(values) if not values[low] < values[high])
    not_above = (
        _sentence(values, low, high, "at most") for low, high in _not_above(values) if not values[low] <= values[high]
    )
    return (*below, *not_above, *_too_small(values))


def _below(values: Mapping[str, float]) -> Iterator[tuple[str, str]]:
    """The pairs of which the first must be smaller."""
    for under, over in _OPPOSITES:
        yield from _neighbours(values, f"{under}.trip", f"{under}.release", f"{over}.release", f"{over}.trip")
        yield from _neighbours(values, f"{under}.alarm", f"{over}.alarm")
    for name in _OVERCURRENTS:
        yield from _neighbours(values, f"{name}.alarm", f"{name}.trip")


def _not_above(values: Mapping[str, float]) -> Iterator[tuple[str, str]]:
    """The pairs of which the first may be equal, but not greater: the manual itself has 55/55 and -20/-20 degC."""
    for under, over in _OPPOSITES:
        yield from _neighbours(values, f"{under}.trip", f"{under}.alarm")
        yield from _neighbours(values, f"{over}.alarm", f"{over}.trip")


def _too_small(values: Mapping[str, float]) -> Iterator[str]:
    for name in (f"{name}.alarm" for name in _OVERCURRENTS):
        if name in values and not values[name] > LEAST_OVERCURRENT_ALARM:
            yield f"{name} ({values[name]:g} A) must be above {LEAST_OVERCURRENT_ALARM:g} A"


def _neighbours(values: Mapping[str, float], *names: str) -> Iterator[tuple[str, str]]:
    return pairwise(name for name in names if name in values)


def _sentence(values: Mapping[str, float], low: str, high: str, relation: str) -> str:
    unit = next(unit for ending, unit in _UNITS.items() if low.partition(".")[0].endswith(ending))
    return f"{low} ({values[low]:g} {unit}) must be {relation} {high} ({values[high]:g} {unit})"
