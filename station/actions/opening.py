"""Seeing a protection open, and proving that it was the pack that did it.

The instrument, not the pack, is the witness: a trip counts only if the bench's own current fell, the flag is set and
the FET status agrees. What the station's own load, supply or leads did is recognised as such and never put down to
the pack.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from station.actions.blame import NOTHING, see_that_ammeters_agree, see_that_bench_is_whole
from station.actions.current import Trace
from station.actions.errors import BenchFault
from station.actions.measuring import shunt
from station.actions.stage import Reading, Stage
from station.instruments.roles import Load, Supply
from station.model.direction import Direction
from station.model.limits import Limit, judge
from station.model.pack import Protection
from station.model.verdict import Verdict

WITNESS_EVERY = 0.01
"""Longest time in seconds between two readings of the witness in a trip."""
WIDEST_GAP = 0.1
"""Seconds between two readings of the witness after which nobody can tell when it opened (ten times the cadence)."""
STIMULUS_WITHIN = 0.75
"""Seconds for the stimulus; a block of thresholds and its read-back take 0.5 s at 9600 baud, 0.7 s on a slow board."""
KNOWN_TO = 0.3
"""Seconds to which a bench that answers in time knows when a stimulus took effect."""
SCATTERS_IN = 5
"""Readings of the shunt in which one that scatters shows it."""
CHANGED = 1.0
"""Volts at least by which a trip moves the voltage of the instrument that saw it."""
TAIL = 20
"""Samples that are taken after current has stopped."""
FETS: dict[Direction, str] = {"charge": "charge_fet", "discharge": "discharge_fet"}
"""The status bit of the FET that stops each direction."""


@dataclass(frozen=True, slots=True)
class Opening:
    """What the witness saw: seconds until current stopped (None: it did not), how sure that is, and its samples.

    `at`: when it was seen to be gone, on the run's clock.
    """

    after: float | None
    doubt: float
    current: Trace
    voltage: Trace
    at: float | None = None


def longest_trip(stage: Stage) -> float:
    """Seconds in which every protection must have acted (pack file, `trip_time`)."""
    return stage.pack.limits["trip_time"].is_.high or 2.0


def threshold_row(protection: Protection) -> Limit:
    """Where the threshold of an over-current may lie: the released value with its tolerance (manual 4.2)."""
    nominal, tolerance = protection.values["trip"].si, protection.tolerance
    assert tolerance is not None
    text = f"{nominal - tolerance.si:g} A to {nominal + tolerance.si:g} A"
    return Limit.model_validate({"is": text, "proves": protection.proves[1:2], "safety": True})


def watch_opening(stage: Stage, witness: Supply | Load, stimulus: Callable[[], None]) -> Opening:
    """Apply a stimulus and read nothing but the witness until its current is gone or the longest trip time is over."""
    current, voltage = Trace(), Trace()
    before = stage.clock.now()

    def look() -> float:
        reading = witness.reading()
        at = stage.clock.now() - before
        current.add(at, reading.current)
        voltage.add(at, reading.voltage)
        return reading.current

    stage.watchdogs.feed()
    with stage.waiting(), stage.stop_awaited():
        opening = _watch(stage, look, stimulus, current, voltage)
    if opening.after is None and stage.flowing is not None:
        see_that_ammeters_agree(stage, stage.flowing)
    return opening


def _watch(
    stage: Stage, look: Callable[[], float], stimulus: Callable[[], None], current: Trace, voltage: Trace
) -> Opening:
    first = max(look(), 1.0)
    asked = stage.clock.now()
    stimulus()
    done = stage.clock.now()
    began, doubt = (asked + done) / 2, (done - asked) / 2
    _see_that_nothing_was_missed(done - asked, STIMULUS_WITHIN)
    gap, last = 0.0, done
    while (now := stage.clock.now()) - began < longest_trip(stage) + 0.3:
        stage.scopes.left()
        stage.watchdogs.feed_if_due()
        amperes = look()
        seen = stage.clock.now()
        gap, last = max(gap, seen - last), now
        _see_that_nothing_was_missed(gap, WIDEST_GAP)
        if amperes < 0.1 * first:
            _tail(stage, look)
            return Opening(seen - began, doubt + gap, current, voltage, seen)
        stage.clock.wait(max(0.0, WITNESS_EVERY - (stage.clock.now() - now)))
    return Opening(None, gap, current, voltage)


def _see_that_nothing_was_missed(seconds: float, at_most: float) -> None:
    """Raise BenchFault where the station came too late to say when anything happened: a stall is never a trip time."""
    if seconds > at_most:
        raise BenchFault(
            f"in the middle of a trip the station saw nothing for {seconds:.2f} s (at most {at_most:g} s): its "
            "computer or an instrument is too slow; leave it to the station alone and test again"
        )


def _tail(stage: Stage, look: Callable[[], float]) -> None:
    """A few samples more, so that the waveform shows that the current stays away."""
    for _ in range(TAIL):
        stage.clock.wait(WITNESS_EVERY)
        look()


def judge_opening(
    stage: Stage, protection: Protection, direction: Direction, opening: Opening, level: tuple[Reading, Limit] | None
) -> bool:
    """Judge a trip by witness, flag and FET together; says whether current really stopped.

    `level` is the value at which it opened and the tolerance of the threshold, where the trip has shown one.
    """
    name, proves = protection.name, protection.proves[1:2]
    residual = shunt(stage) if opening.after is None else _residual(stage)
    if opening.after is not None:
        see_that_bench_is_whole(stage)
        if abs(residual.number) >= NOTHING:
            see_that_ammeters_agree(stage, direction)
    readings = stage.readings(fresh=True)
    flag, fet = name in readings.protection, FETS[direction]
    stage.found.moments[name] = stage.clock.now() if opening.at is None else opening.at
    if opening.after is None:
        stage.expect(name, "did not open", "opens", _why_not(flag, opening), proves=proves, witness="instrument")
    elif level is not None:
        stage.judge_row(name, *level)
    else:
        stage.expect(name, "opens", "opens", proves=proves, witness="instrument")
    reason = "current stopped and the pack's flag is not set"
    stage.expect(f"{name}_flag", "set" if flag else "not set", "set", reason, witness="pack")
    on = fet in readings.status
    stage.expect(
        f"{name}_fet", "on" if on else "open", "open", "the pack says that its FET is still on", witness="pack"
    )
    if opening.after is None:
        return False
    clock = stage.bench.u("clock", "time", opening.after)
    took = Reading(opening.after, "s", None if clock is None else clock + opening.doubt, "instrument")
    _see_that_it_is_known(stage, took, opening)
    stage.judge(f"{name}_time", took, limit="trip_time")
    gone = Reading(abs(residual.number), "A", residual.uncertainty, "shunt")
    stage.judge(f"{name}_current", gone, limit="trip_current")
    return True


def _residual(stage: Stage) -> Reading:
    """What still flows, by the shunt; raises BenchFault for one that scatters by more than it may."""
    residual, limit = shunt(stage), stage.pack.limits["trip_current"].is_
    if limit.contains(abs(residual.number) + (residual.uncertainty or 0.0)):
        return residual
    readings = sorted((residual, *(shunt(stage) for _ in range(SCATTERS_IN))), key=lambda each: abs(each.number))
    least, most = abs(readings[0].number), abs(readings[-1].number)
    if limit.contains(least) and 2 * (residual.uncertainty or 0.0) < most - least < NOTHING:
        raise BenchFault(
            f"the shunt shows {least:.2f} to {most:.2f} A after a trip: see it, its wires and the switch unit"
        )
    return residual


def _see_that_it_is_known(stage: Stage, took: Reading, opening: Opening) -> None:
    """Raise BenchFault for a trip time that fails only because the bench was too slow to tell it."""
    row = stage.pack.limits["trip_time"]
    judged = judge(took.number, row.is_, took.uncertainty, stage.pack.decision, safety=row.safety)
    if judged.verdict is not Verdict.FAIL:
        return
    if row.is_.contains(took.number) and opening.doubt > KNOWN_TO:
        raise BenchFault(
            f"the trip took {took.number:.2f} s, known to {opening.doubt:.2f} s only, since the bench answered too "
            "slowly: see which of its instruments is late, and test again"
        )
    if (ahead := _voltage_ahead(opening)) > WIDEST_GAP:
        raise BenchFault(
            f"the voltage changed {ahead:.2f} s before the current of the same instrument: its ammeter stood still"
        )


def _voltage_ahead(opening: Opening) -> float:
    """Seconds by which the voltage of the witness has changed before its current was gone; 0 if it hardly changed."""
    volts, seconds = opening.voltage.values, opening.voltage.t
    first, last = volts[0], volts[-1]
    if abs(last - first) < CHANGED:
        return 0.0
    half = next(at for at, now in zip(seconds, volts, strict=True) if abs(now - first) >= abs(last - first) / 2)
    return opening.current.t[-1 - TAIL] - half


def _why_not(flag: bool, opening: Opening) -> str:
    last, lasted = opening.current.values[-1], opening.current.t[-1]
    if flag:
        return f"the protection flag is set and {last:.1f} A flowed on: the FET is welded; quarantine the pack"
    return f"{last:.1f} A flowed for {lasted:.1f} s and nothing happened: threshold too high, slow, or not acting"
