"""Tripping an over-current protection with the real current: a bracket, not a ramp.

Hold just inside the lower end of the tolerance for longer than any delay, then step to just inside its upper end. The
shunt of the bench says how large the current is; the load's own set point is corrected by it.
"""

from __future__ import annotations

from station.actions.blame import see_that_bench_is_whole
from station.actions.current import check_envelope, flowing, settle
from station.actions.errors import BenchFault, NotFeasible
from station.actions.measuring import shunt
from station.actions.opening import (
    TAIL,
    WITNESS_EVERY,
    Opening,
    judge_opening,
    longest_trip,
    threshold_row,
    watch_opening,
)
from station.actions.stage import Reading, Stage
from station.model.limits import Limit
from station.model.pack import Protection
from station.model.record import Mark, Waveform

SPARE = 0.05
"""Amperes by which a bracket keeps clear of its limit besides U, for the resolution of the load."""


def direct_drive(stage: Stage, protection: Protection) -> None:
    """Trip `protection` by its own current; a threshold up to the upper limit less 2 U passes, from it on none."""
    if protection.stops == "charge":
        raise NotFeasible("the supply of this bench cannot drive a charge over-current")
    row = threshold_row(protection)
    low, high = row.is_.low or 0.0, row.is_.high or 0.0
    uncertainty = stage.bench.u("shunt", "current", high)
    if uncertainty is None:
        raise BenchFault("the bench file states no uncertainty for the current of the shunt")
    hold, step = low + uncertainty + SPARE, high - uncertainty - SPARE
    if hold >= step:
        raise NotFeasible(f"the uncertainty of the shunt ({uncertainty:.2g} A) leaves nothing of {row.is_}")
    check_envelope(stage, protection.stops, step)
    taken: list[float] = []
    with flowing(stage, protection.stops, hold, taken.append):
        error = _hold(stage, protection, hold, low, taken)
        if error is not None:
            at_hold = stage.bench.load.current()
            opening = _step(stage, protection, step, step + error)
            _see_step(stage, opening, at_hold + step - hold)
            judge_opening(stage, protection, protection.stops, opening, (Reading(step, "A", uncertainty, "shunt"), row))


def _hold(stage: Stage, protection: Protection, target: float, low: float, taken: list[float]) -> float | None:
    """Hold above the lower limit for longer than any delay; the load's error against the shunt, None if it opened.

    `taken` is what the load took so far, in A.
    """
    load = stage.bench.load
    if not settle(stage, "discharge", target):
        _judge_early(stage, protection, target, taken)
        return None
    error = _correct(stage, target)
    ends = stage.clock.now() + longest_trip(stage) + 0.2
    with stage.stop_awaited():
        alarm = stage.wait(lambda: protection.name in stage.readings(fresh=True).warning, within=longest_trip(stage))
        while load.current() > 0.5 * target:
            if stage.clock.now() >= ends:
                _judge_held(stage, protection, alarm, low)
                return error
            stage.pause(WITNESS_EVERY)
    _judge_early(stage, protection, target, taken)
    return None


def _see_step(stage: Stage, opening: Opening, meant: float) -> None:
    """Raise BenchFault if the load went past the current that was `meant`, or stayed below it and nothing opened."""
    doubt = _doubt(stage, meant)
    most, last = max(opening.current.values), opening.current.values[-1]
    if most > meant + doubt or (opening.after is None and last < meant - doubt):
        raise _astray(meant, most if opening.after is not None else last)


def _doubt(stage: Stage, amperes: float) -> float:
    return (stage.bench.u("load", "current", amperes) or 0.0) + SPARE


def _astray(meant: float, found: float) -> BenchFault:
    return BenchFault(f"the load was to take {meant:.1f} A and took {found:.1f} A: have it calibrated")


def _correct(stage: Stage, target: float) -> float:
    """Move the load's set point until the shunt shows the target; returns by how much."""
    error = 0.0
    for _ in range(3):
        drawn = _drawn(stage)
        if 0 <= drawn - target <= 2 * SPARE or drawn < 0.9 * target:  # there, or just stopped: the hold sees that
            break
        error += target - drawn
        stage.bench.load.set_current(target + error)
    return error


def _drawn(stage: Stage) -> float:
    return -shunt(stage).number


def _judge_held(stage: Stage, protection: Protection, alarm: bool, low: float) -> None:
    state = "set" if alarm else "not set"
    stage.expect(f"{protection.name}_alarm", state, "set", proves=protection.proves[:1], witness="pack")
    drawn = _drawn(stage)
    row = Limit.model_validate({"is": f"at least {low:g} A", "safety": True, "proves": protection.proves[1:2]})
    reading = Reading(drawn, "A", stage.bench.u("shunt", "current", drawn), "shunt")
    stage.judge_row(f"{protection.name}_held", reading, row)


def _judge_early(stage: Stage, protection: Protection, target: float, taken: list[float]) -> None:
    see_that_bench_is_whole(stage)
    if (most := max(taken, default=0.0)) > target + _doubt(stage, target):
        raise _astray(target, most)
    reason = (
        f"opened at {target:.1f} A, below its tolerance band: "
        "the threshold is too low, or the ammeter of the pack reads too much"
    )
    stage.expect(protection.name, "opened too early", "held", reason, proves=protection.proves[1:2], witness="load")


def _step(stage: Stage, protection: Protection, amperes: float, setting: float) -> Opening:
    """Step up and watch; what does not open by itself is cut by the load."""
    load = stage.bench.load
    opening = watch_opening(stage, load, lambda: load.set_current(setting))
    if opening.after is None:
        load.off()
    marks = [Mark(label="threshold", level=protection.values["trip"].si, unit="A")]
    if opening.after is not None:
        marks.append(Mark(label=f"opened after {opening.after:.2f} s", at_s=opening.current.t[-1 - TAIL]))
    title = f"{protection.name.replace('_', ' ')} at {amperes:.1f} A"
    channels = (opening.current.channel("current", "A"), opening.voltage.channel("voltage", "V"))
    stage.waveform(Waveform(step=stage.path, title=title, channels=channels, marks=tuple(marks)))
    return opening
