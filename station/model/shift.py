"""Planning a threshold shift: values that make a protection hold, act or let go at what the pack has now.

A shift is a bracket around the live value, as wide as the tolerance of the threshold: set one tolerance outside, a good
protection holds; set one inside, it acts. Alarm, trip and release of one protection move together, in one frame, so
that the ordering rule of the setting ranges holds before, during and after, and every value is one that the firmware
accepts. What cannot be shifted is not tested; nothing is ever bent to fit.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from station.model.limits import Range
from station.model.ordering import violations
from station.model.pack import Protection
from station.model.quantity import quantise

_STEP = {"V": 0.001, "A": 1.0, "degC": 0.1, "%": 1.0}
"""Resolution of a threshold by unit (PACE Modbus V1.3)."""

_GUARD = {
    "highest_cell": 0.002, "lowest_cell": 0.002, "pack_voltage": 0.02, "charge_current": 0.1, "discharge_current": 0.1,
    "warmest_cell": 0.2, "coldest_cell": 0.2, "mosfet": 0.2, "ambient": 0.2,
}  # fmt: skip
"""V, A and K by which a bracket is narrower than the tolerance: noise, resolution and drift of what is watched while a
threshold is tried (engineering)."""

_DRIFT = {"highest_cell": 0.003, "lowest_cell": 0.003, "pack_voltage": 0.05}
"""V by which a current moves what is watched in the second by which a good protection may be late: it must not bring
a late threshold into reach (engineering)."""

STORED_AFTER = 0.4
"""Seconds from a reading until thresholds that are written after it count (two frames and their gaps, 9600 baud)."""

_CLEAR = {"V": 0.020, "A": 2.0, "degC": 0.5, "%": 1.0}
"""The least distance from the live value at which a threshold is clear of noise, by unit (engineering)."""
_CLEAR_PACK = 0.2
"""V; the same for the voltage of the pack."""


class Infeasible(ValueError):
    """A shift that this pack does not allow today; the message says why."""


@dataclass(frozen=True, slots=True)
class Shift:
    """Thresholds by register name, and the live value that they are meant for.

    A current is set finer than its threshold, so it comes to the threshold: it is at most the one that flows.
    `whole`: the trip is a whole tolerance away, so what it does there is conclusive.
    """

    values: Mapping[str, float]
    live: float
    whole: bool = True


def shift_to_trip(protection: Protection, live: float, stored: Mapping[str, float]) -> Shift:
    """Values at which `protection` must act: one tolerance inside `live`, or as far as the BMS accepts.

    The release lies as far again or as far as the firmware accepts it: nothing is released at it, since the thresholds
    are put back before. The alarm comes along. Raises Infeasible.
    """
    away = _inwards(protection)
    reach = max(0.0, _reach(protection) - _DRIFT.get(protection.of or "", 0.0))
    margin = max(min(reach, _room(protection, live)), min(reach, _clear(protection)))
    trip, meant = _placed(protection, live, away * margin)
    release = _within(protection.accepts, trip + away * margin)
    shifted = _checked(protection, _set(protection, trip, release), stored)
    if away * (trip - meant) <= 0:
        raise Infeasible(f"{protection.name}: its tolerance is too small for a threshold that is beyond {live:g}")
    return Shift(shifted, meant, margin >= reach)


def shift_to_hold(protection: Protection, live: float, stored: Mapping[str, float]) -> Shift:
    """Values at which `protection` must not act: one tolerance outside what `live` will be when they are stored.

    Raises Infeasible.
    """
    reach, away = _reach_to_hold(protection), _inwards(protection)
    trip, meant = _placed(protection, live, -away * reach)
    release = _within(protection.accepts, trip + away * reach / 2)
    return Shift(_checked(protection, _set(protection, trip, release), stored), meant)


def is_near(protection: Protection, live: float, shifted: Shift) -> bool:
    """Whether a live value has drifted so near to a shifted trip that to act there is within its tolerance.

    Half a guard is for when the drift was read; the other half is in the reach.
    """
    trip = shifted.values[f"{protection.name}.trip"]
    return abs(trip - live) < _reach(protection) - _GUARD.get(protection.of or "", 0.0) / 2


def may_drift_into(protection: Protection, live: float, shifted: Shift) -> bool:
    """Whether a live value that a current moves has come so near to a shifted trip that a good protection may act."""
    trip = shifted.values[f"{protection.name}.trip"]
    return drifts(protection) and abs(trip - live) < _tolerance(protection)


def drifts(protection: Protection) -> bool:
    """Whether a current moves what it watches, so that a threshold must not stand near it for longer than is tried."""
    return protection.of in _DRIFT


def together(shifts: Iterable[Shift], stored: Mapping[str, float]) -> dict[str, float]:
    """The values of several shifts as one set; raises Infeasible where they do not go together."""
    values = {name: value for shift in shifts for name, value in shift.values.items()}
    if broken := violations({**stored, **values}):
        raise Infeasible(broken[0])
    return values


def shift_alarm(
    protection: Protection, live: float, stored: Mapping[str, float], *, falling: bool = False
) -> dict[str, float]:
    """The alarm value, by register name, that `live` is beyond; trip and release stay. Raises Infeasible.

    A voltage that drifts towards the threshold while current flows (`falling`: it is a discharge) gets three margins,
    since alarms stand for seconds.
    """
    margin = _clear(protection) * (3 if protection.kind == "voltage" and protection.rises == falling else 1)
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
    return _checked(protection, {"release": live - _inwards(protection) * _clear(protection)}, stored)


def _inwards(protection: Protection) -> int:
    """The way from the live value to a threshold that it is beyond."""
    return -1 if protection.rises else 1


def _tolerance(protection: Protection) -> float:
    if protection.tolerance is None:
        raise Infeasible(f"{protection.name} has no tolerance in the pack file")
    return protection.tolerance.si


def _reach(protection: Protection) -> float:
    """Half the width of the bracket."""
    return max(0.0, _tolerance(protection) - _GUARD.get(protection.of or "", 0.0))


def _reach_to_hold(protection: Protection) -> float:
    """A whole tolerance from what a current has moved by the time a threshold is stored; else half the bracket."""
    drift = _DRIFT.get(protection.of or "")
    return _reach(protection) if drift is None else _tolerance(protection) + drift * STORED_AFTER


def _clear(protection: Protection) -> float:
    """A distance that is clear of noise, and no more than the tolerance, where there is one."""
    clear = _CLEAR_PACK if protection.of == "pack_voltage" else _CLEAR[_unit(protection)]
    return clear if protection.tolerance is None else min(protection.tolerance.si, clear)


def _room(protection: Protection, live: float) -> float:
    """From the live value to the last trip that the BMS accepts, which leaves one step for its release."""
    accepts = protection.accepts
    end = None if accepts is None else accepts.low if protection.rises else accepts.high
    if end is None:
        return math.inf
    last = _step(protection) if "release" in protection.values else 0.0
    return (end - live) * _inwards(protection) - last


def _placed(protection: Protection, live: float, away: float) -> tuple[float, float]:
    """The threshold that lies so far from `live`, and the live value that it is meant for."""
    if protection.kind != "current":
        return live + away, live
    step = _step(protection)
    threshold = math.floor((live + away) / step) * step
    return threshold, threshold - away


def _set(protection: Protection, trip: float, release: float) -> dict[str, float]:
    """The alarm is on the trip, or one step inside it for a current, where the setting ranges ask for that."""
    alarm = trip - _step(protection) if protection.kind == "current" else trip
    return {"alarm": alarm, "trip": trip, "release": release}


def _neighbour(shifted: Mapping[str, float], stored: Mapping[str, float], margin: float) -> dict[str, float]:
    """The release of the opposite over-protection, moved up where a shifted under-release would cross it."""
    opposites = {name.replace("under", "over"): value for name, value in shifted.items() if "under" in name}
    return {
        name: quantise(value + margin, 0.001)
        for name, value in opposites.items()
        if name.endswith(".release") and stored.get(name, math.inf) <= value
    }


def _unit(protection: Protection) -> str:
    threshold = protection.values.get("trip") or protection.values.get("alarm")
    if threshold is None or threshold.si_unit not in _STEP:
        raise Infeasible(f"{protection.name} has no threshold at which it acts")
    return threshold.si_unit


def _step(protection: Protection) -> float:
    return _STEP[_unit(protection)]


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
    shifted |= _neighbour(shifted, stored, _clear(protection))
    if broken := violations({**stored, **shifted}):
        raise Infeasible(broken[0])
    return shifted
