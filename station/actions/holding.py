"""Seeing protections hold: the other half of the bracket that a threshold shift is.

All thresholds of a step lie just out of reach at once, one tolerance outside of what the pack has now. A protection
that stops the current there acts too early, unless what it watches has drifted into its tolerance meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from station.actions.blame import see_that_the_pack_blocks
from station.actions.opening import WITNESS_EVERY, longest_trip
from station.actions.parameters import Parameters
from station.actions.stage import Stage
from station.actions.threshold_shift import FLOWS, RELEASES_WITHIN, charge_once, live_value, lower, settled, witnessed
from station.bms.pace_modbus import Readings
from station.instruments.roles import Load, Supply
from station.model.direction import Direction
from station.model.pack import Protection
from station.model.shift import Shift, is_near, may_drift_into, shift_to_hold, together

HELD_FOR = 0.3
"""Seconds for which a protection holds longer than its delay (engineering)."""


def hold(stage: Stage, parameters: Parameters, protections: Iterable[Protection]) -> None:
    """Move all their thresholds just out of reach, in one frame, and see that none of them stops the current.

    They stand there until the next write puts them back; at once where a current goes on to move what they are held
    against. Raises NotFeasible without a current.
    """
    direction, witness = witnessed(stage)
    held, stored = tuple(protections), parameters.stored()
    readings = settled(stage, held)
    shifts = [shift_to_hold(each, live_value(readings, each), stored) for each in held]
    for protection, shifted in zip(held, shifts, strict=True):
        lower(witness, protection, live_value(readings, protection), shifted)
    names = ", ".join(each.name for each in held)
    began = stage.clock.now()
    with stage.stop_awaited():
        parameters.write(f"{names}: just out of reach", together(shifts, stored))
        seen = _seen(stage, witness, max(_delay(stage, each) for each in held) + HELD_FOR)
        acted = _flagged(seen[-1][1] if seen else readings, held)
        if witness.current() <= FLOWS:
            acted |= _flagged(stage.readings(fresh=True), held)
        elif _drifted(seen, held, shifts):
            parameters.put_back()
    opened = witness.current() <= FLOWS
    if opened:
        see_that_the_pack_blocks(stage, direction)
        acted |= _flagged(stage.readings(), held)
    near = {
        protection.name
        for protection, shifted in zip(held, shifts, strict=True)
        if _came_near(
            stage,
            protection,
            shifted,
            [(began, shifted.live), *((at, live_value(readings, protection)) for at, readings in seen)],
        )
    }
    suspected = acted or ({each.name for each in held} if opened and not near else set())
    for protection in held:
        _judge(stage, protection, protection.name in suspected - near)
    if opened or acted:
        _let_go(stage, parameters, direction, [each for each in held if each.name in acted])


def _flagged(readings: Readings, held: Iterable[Protection]) -> set[str]:
    """Which of them the pack says have acted."""
    return {each.name for each in held} & readings.protection


def _drifted(seen: Sequence[tuple[float, Readings]], held: Iterable[Protection], shifts: Iterable[Shift]) -> bool:
    """Whether a current has moved something so near to its threshold that a good protection may act there."""
    return bool(seen) and any(
        may_drift_into(each, live_value(seen[-1][1], each), shifted) for each, shifted in zip(held, shifts, strict=True)
    )


def _seen(stage: Stage, witness: Supply | Load, seconds: float) -> list[tuple[float, Readings]]:
    """What the pack reads, by time, until the current stops or the time is over."""
    ends = stage.clock.now() + seconds
    seen = list[tuple[float, Readings]]()
    while stage.clock.now() < ends and witness.current() > FLOWS:
        stage.pause(WITNESS_EVERY)
        seen.append((stage.clock.now(), stage.readings(fresh=True)))
    return seen


def _came_near(stage: Stage, protection: Protection, shifted: Shift, lived: Sequence[tuple[float, float]]) -> bool:
    """Whether the live value had come within the tolerance of the threshold when the delay of an opening began."""
    times, values = zip(*lived, strict=True)
    began = times[-1] - _usual_delay(stage, protection)
    return is_near(protection, float(np.interp(began, times, values)), shifted)


def _judge(stage: Stage, protection: Protection, early: bool) -> None:
    state, reason = "opens too early" if early else "holds", "it acts before its tolerance is reached"
    proves = protection.proves[1:2]
    stage.expect(f"{protection.name}_held", state, "holds", reason, proves=proves, witness="instrument")


def _let_go(stage: Stage, parameters: Parameters, direction: Direction, acted: Iterable[Protection]) -> None:
    """Put the thresholds back after something acted at them, and help those that need a charge to come back."""
    parameters.put_back()
    for protection in acted:
        if protection.releases_if == "charging" and direction == "discharge":
            charge_once(stage, protection, stage.pack.reacts_within.get("release", RELEASES_WITHIN).si)


def _delay(stage: Stage, protection: Protection) -> float:
    """Seconds after which it must have acted."""
    delay = protection.values.get("delay")
    return longest_trip(stage) if delay is None else delay.si


def _usual_delay(stage: Stage, protection: Protection) -> float:
    """Seconds after which it acts: what is stored, or the middle of what a built-in delay may be."""
    return _delay(stage, protection) * (1.0 if "delay" in protection.values else 0.5)
