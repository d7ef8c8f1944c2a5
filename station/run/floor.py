"""The floor: the least time that a step can take, from the declared times of the pack file alone.

Physics and firmware only: presses, lamp periods, delays, recoveries. What a wire or the station needs on top is not
in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from station.actions.lamps import watch_time
from station.actions.resistance import HIGH_FOR, LOW_FOR
from station.model.pack import Pack
from station.model.sequence import Expectation, Step


class HasFloor(Protocol):
    """Anything with a least time."""

    @property
    def floor_s(self) -> float:
        """Seconds."""
        ...


def floor_of(step: Step, pack: Pack, inside: Iterable[HasFloor], meanwhile: Iterable[HasFloor]) -> float:
    """Seconds of one step: its own actions one after the other, its waits in parallel with what runs meanwhile, then
    its inner steps.
    """
    own = sum(seconds(step, pack) for word, seconds in _FLOORS.items() if word in set(step.actions()))
    waiting = max((_expected(written, pack) for written in step.expect), default=0.0)
    return round(own + max(waiting, sum(part.floor_s for part in meanwhile)) + sum(part.floor_s for part in inside), 3)


def _press(step: Step, pack: Pack) -> float:
    return pack.keys[step.press_key or ""].si


def _trip(step: Step, pack: Pack) -> float:
    total = 0.0
    for name in step.trip:
        delay = pack.protection[name].values.get("delay")
        total += len(step.by) * (delay.si if delay else 1.0)
        if "direct_drive" in step.by:
            total += pack.limits["trip_time"].is_.high or 0.0
    return total


def _for(step: Step, pack: Pack) -> float:
    row = pack.times.get(step.for_ or "")
    return (row.low or row.high or 0.0) if row else 0.0


def _resistance(step: Step, pack: Pack) -> float:
    del step, pack
    return LOW_FOR + HIGH_FOR


_FLOORS: Mapping[str, Callable[[Step, Pack], float]] = {
    "press_key": _press,
    "resistance": _resistance,
    "trip": _trip,
    "charge": _for,
    "discharge": _for,
}


def _expected(written: Expectation, pack: Pack) -> float:
    seconds = 0.0
    if written.lamps is not None and written.lamps != "lamp_test":
        seconds = watch_time(pack, written.lamps, written.for_)
    protection = pack.protection.get(written.released or "")
    recovery = protection.recovery if protection else None
    return max(seconds, recovery.after.si if recovery else 0.0)
