"""Planning a threshold shift: which values make a protection act at what the pack has now, within what its firmware accepts.

A shift moves alarm, trip and release of one protection together, in one frame, so that the ordering rule of the setting ranges
holds before, during and after. What cannot be shifted is not tested; nothing is ever bent to fit.
"""

from __future__ import annotations

from collections.abc import Mapping

from station.model.ordering import violations
from station.model.pack import Protection
from station.model.quantity import quantise

_STEP = {"V": 0.001, "A": 1.0, "degC": 0.1, "%": 1.0}
"""Resolution of a threshold by unit (PACE Modbus V1.3)."""


class Infeasible(ValueError):
    """A shift that this pack does not allow today; the message says why."""


def shift_to_trip(protection: Protection, live: float, stored: Mapping[str, float]) -> dict[str, float]:
    """Values, by register name, at which `protection` trips at `live`; raises Infeasible.

    The trip value lies one tolerance inside the live value, the release one more; the alarm comes along where it would
    otherwise be outside the trip.
    """
    away = -_margin(protection) if protection.rises else _margin(protection)
    trip = live + away
    values = {"alarm": trip, "trip": trip, "release": trip + away}
    return _checked(protection, values, stored)


def shift_to_release(protection: Protection, live: float, stored: Mapping[str, float]) -> dict[str, float]:
    """Stored trip and alarm again, and a release that `live` satisfies; empty when the stored release already does."""
    release = stored[f"{protection.name}.release"]
    if (live < release) if protection.rises else (live > release):
        return {}
    away = _margin(protection) if protection.rises else -_margin(protection)
    return _checked(protection, {"release": live + away}, stored)


def _margin(protection: Protection) -> float:
    assert protection.tolerance is not None
    return protection.tolerance.si


def _checked(protection: Protection, values: Mapping[str, float], stored: Mapping[str, float]) -> dict[str, float]:
    shifted = {
        f"{protection.name}.{value}": quantise(number, _STEP[protection.values["trip"].unit.removeprefix("m")])
        for value, number in values.items()
        if value in protection.values
    }
    for name, number in shifted.items():
        if protection.accepts is not None and not protection.accepts.contains(number):
            raise Infeasible(f"{name} would have to be {number:g}, and the BMS accepts {protection.accepts}")
    broken = violations({**stored, **shifted})
    if broken:
        raise Infeasible(broken[0])
    return shifted
