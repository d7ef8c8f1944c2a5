"""Planning a threshold shift: values that make a protection act at what the pack has now.

A shift moves alarm, trip and release of one protection together, in one frame, so that the ordering rule of the setting
ranges holds before, during and after, and every value is one that the firmware accepts. What cannot be shifted is not
tested; nothing is ever bent to fit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from station.model.limits import Range
from station.model.ordering import violations
from station.model.pack import Protection
from station.model.quantity import quantise

_STEP = {"V": 0.001, "A": 1.0, "degC": 0.1, "%": 1.0}
"""Resolution of a threshold by unit (PACE Modbus V1.3)."""


_MARGINS = {
    "highest_cell": 0.020, "lowest_cell": 0.020, "pack_voltage": 0.2,
    "warmest_cell": 0.5, "coldest_cell": 0.5, "mosfet": 0.5, "ambient": 0.5,
}  # fmt: skip
"""Longest margin by what is watched, in V and K: twenty bits of a cell voltage, five of a temperature (engineering)."""


class Infeasible(ValueError):
    """A shift that this pack does not allow today; the message says why."""


def shift_to_trip(protection: Protection, live: float, stored: Mapping[str, float]) -> dict[str, float]:
    """Values, by register name, at which `protection` trips at `live`; raises Infeasible.

    The trip lies one tolerance inside the live value, and the release one more or as far as the firmware accepts it:
    nothing is released at it, since the thresholds are put back before. The alarm comes along: onto the trip, or one
    step inside it for a current, where the setting ranges ask for that.
    """
    inwards = -_margin(protection) if protection.rises else _margin(protection)
    trip = live + inwards
    alarm = trip - _step(protection) if protection.kind == "current" else trip
    release = _within(protection.accepts, trip + inwards)
    shifted = _checked(protection, {"alarm": alarm, "trip": trip, "release": release}, stored)
    reached = shifted.get(f"{protection.name}.trip", live)
    if not (reached < live if protection.rises else reached > live):
        raise Infeasible(f"{protection.name}: its tolerance is too small for a threshold that is beyond {live:g}")
    return shifted


def shift_alarm(
    protection: Protection, live: float, stored: Mapping[str, float], *, falling: bool = False
) -> dict[str, float]:
    """The alarm value, by register name, that `live` is beyond; trip and release stay. Raises Infeasible.

    A voltage that drifts towards the threshold while current flows (`falling`: it is a discharge) gets three margins,
    since alarms stand for seconds.
    """
    margin = _margin(protection) * (3 if protection.kind == "voltage" and protection.rises == falling else 1)
    alarm = live - margin if protection.rises else live + margin
    if protection.of == "soc":  # it acts at its threshold already, and a full pack has no room beyond it
        alarm = _within(protection.accepts, alarm)
    return _checked(protection, {"alarm": alarm}, stored)


def shift_to_release(protection: Protection, live: float, stored: Mapping[str, float]) -> dict[str, float]:
    """A release, by register name, that `live` satisfies with the stored trip; raises Infeasible.

    Empty where the stored release is satisfied already, or where there is none.
    """
    release = stored.get(f"{protection.name}.release")
    if release is None or (live < release if protection.rises else live > release):
        return {}
    outwards = _margin(protection) if protection.rises else -_margin(protection)
    return _checked(protection, {"release": live + outwards}, stored)


def _margin(protection: Protection) -> float:
    """How far from the live value a shifted threshold lies: clear of noise, and no further than its tolerance."""
    if protection.tolerance is None:
        raise Infeasible(f"{protection.name} has no tolerance in the pack file")
    return min(protection.tolerance.si, _MARGINS.get(protection.of or "", math.inf))


def _room(shifted: Mapping[str, float], stored: Mapping[str, float], margin: float) -> dict[str, float]:
    """The release of the opposite over-protection, moved up where a shifted under-release would cross it."""
    opposites = {name.replace("under", "over"): value for name, value in shifted.items() if "under" in name}
    return {
        name: quantise(value + margin, 0.001)
        for name, value in opposites.items()
        if name.endswith(".release") and stored.get(name, math.inf) <= value
    }


def _step(protection: Protection) -> float:
    threshold = protection.values.get("trip") or protection.values.get("alarm")
    if threshold is None or threshold.si_unit not in _STEP:
        raise Infeasible(f"{protection.name} has no threshold at which it acts")
    return _STEP[threshold.si_unit]


def _within(accepts: Range | None, value: float) -> float:
    low, high = (accepts.low, accepts.high) if accepts is not None else (None, None)
    return min(max(value, -math.inf if low is None else low), math.inf if high is None else high)


def _checked(protection: Protection, values: Mapping[str, float], stored: Mapping[str, float]) -> dict[str, float]:
    step, accepts = _step(protection), protection.accepts
    shifted = {
        f"{protection.name}.{value}": quantise(number, step)
        for value, number in values.items()
        if value in protection.values
    }
    for name, number in shifted.items():
        if accepts is not None and not accepts.contains(number):
            raise Infeasible(f"{name} would have to be {number:g}, and the BMS accepts {accepts}")
    shifted |= _room(shifted, stored, _margin(protection))
    if broken := violations({**stored, **shifted}):
        raise Infeasible(broken[0])
    return shifted
