"""Tripping a protection, and proving that it really acted.

The instrument, not the pack, is the witness: a trip counts only if the bench's own current fell, the flag is set and
the FET status agrees. What the station's own load, supply or leads did is recognised as such and never put down to
the pack.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from station.actions.current import Direction, Trace, check_envelope, flowing, settle
from station.actions.errors import BenchFault, NotFeasible
from station.actions.measuring import shunt, volts
from station.actions.parameters import Parameters
from station.actions.stage import Reading, Stage
from station.model.limits import Limit
from station.model.pack import Protection
from station.model.record import Mark, Waveform
from station.model.shift import Infeasible, shift_to_release, shift_to_trip

WITNESS_EVERY = 0.01
"""Longest time in seconds between two readings of the witness in a trip."""
TAIL = 20
"""Samples that are taken after current has stopped."""
SETPOINT_SPARE = 0.05
"""Amperes by which a bracket keeps clear of its limit besides U, for the resolution of the load."""
FETS = {"charge": "charge_fet", "discharge": "discharge_fet"}


@dataclass(frozen=True, slots=True)
class Opening:
    """What the witness saw: seconds until current stopped (None: it did not), how sure that is, and the samples
    around it.
    """

    after: float | None
    doubt: float
    trace: Trace


def trip(stage: Stage, parameters: Parameters) -> None:
    """The action `trip`: each protection in turn, in each way that the step names."""
    for name in stage.step.trip:
        protection = stage.pack.protection[name]
        for way in stage.step.by:
            try:
                WAYS[way](stage, parameters, protection)
            except (Infeasible, NotFeasible) as error:
                stage.not_tested(name, str(error), proves=protection.proves)


# ------------------------------------------------------------------------------------------------ by direct drive


def _direct_drive(stage: Stage, parameters: Parameters, protection: Protection) -> None:
    """Bracket the threshold with the guard band: hold just inside the tolerance, then step to just inside its other
    end.
    """
    del parameters
    direction: Direction = "charge" if protection.blocks == "charge" else "discharge"
    nominal, tolerance = protection.values["trip"].si, protection.tolerance
    assert tolerance is not None
    low, high = nominal - tolerance.si, nominal + tolerance.si
    row = Limit.model_validate({"is": f"{low:g} A to {high:g} A", "proves": protection.proves[1:2], "safety": True})
    uncertainty = stage.bench.u("shunt", "current", high)
    if uncertainty is None:
        raise BenchFault("the bench file states no uncertainty for the current of the shunt")
    hold, step = low + uncertainty + SETPOINT_SPARE, high - uncertainty - SETPOINT_SPARE
    if hold >= step:
        raise NotFeasible(f"the uncertainty of the shunt ({uncertainty:.2g} A) leaves nothing of {row.is_}")
    check_envelope(stage, direction, step)
    with flowing(stage, direction, hold):
        held = _hold(stage, protection, hold, low)
        if held is None:
            return
        opening = _step(stage, protection, step + held)
        level = Reading(step, "A", uncertainty, "shunt")
        _judge_opening(stage, protection, opening, level, row)


def _hold(stage: Stage, protection: Protection, target: float, low: float) -> float | None:
    """Hold just above the lower limit for longer than any delay; the load's error against the shunt, or None if it
    opened.
    """
    load = stage.bench.load
    if not settle(stage, "discharge", target):
        _judge_early(stage, protection, target)
        return None
    error = 0.0
    for _ in range(3):
        drawn = -_amperes(shunt(stage))
        if drawn >= target:
            break
        error += target - drawn
        load.set_current(target + error)
    delay_at_most = stage.pack.limits["trip_time"].is_.high or 2.0
    until = stage.clock.now() + delay_at_most + 0.2
    alarm = stage.wait(lambda: protection.name in stage.readings(fresh=True).warning, within=delay_at_most)
    if alarm or load.current() > 0.5 * target:
        stage.expect(
            f"{protection.name}_alarm",
            "set" if alarm else "not set",
            "set",
            proves=protection.proves[:1],
            witness="pack",
        )
    while stage.clock.now() < until:
        stage.pause(WITNESS_EVERY)
        if load.current() < 0.5 * target:
            _judge_early(stage, protection, target)
            return None
    drawn = -_amperes(shunt(stage))
    row = Limit.model_validate({"is": f"at least {low:g} A", "safety": True, "proves": protection.proves[1:2]})
    stage.judge_row(
        f"{protection.name}_held", Reading(drawn, "A", stage.bench.u("shunt", "current", drawn), "shunt"), row
    )
    return error


def _judge_early(stage: Stage, protection: Protection, target: float) -> None:
    _see_that_bench_is_whole(stage)
    reason = (
        f"opened at {target:.1f} A, below its tolerance band: "
        "the threshold is too low, or the ammeter of the pack reads too much"
    )
    stage.expect(protection.name, "opened too early", "held", reason, proves=protection.proves[1:2], witness="load")


def _step(stage: Stage, protection: Protection, amperes: float) -> Opening:
    load = stage.bench.load
    opening = _watch_opening(stage, load.current, lambda: load.set_current(amperes))
    if opening.after is None:
        load.off()
    trace = opening.trace
    marks = [Mark(label="threshold", level=protection.values["trip"].si, unit="A")]
    if opening.after is not None:
        marks.append(Mark(label=f"opened after {opening.after:.2f} s", at_s=trace.t[-1 - TAIL]))
    title = f"{protection.name.replace('_', ' ')} at {amperes:.1f} A"
    stage.waveform(
        Waveform(step=stage.path, title=title, channels=(trace.channel("current", "A"),), marks=tuple(marks))
    )
    return opening


def _watch_opening(stage: Stage, witness: Callable[[], float], stimulus: Callable[[], None]) -> Opening:
    """Apply a stimulus and read nothing but the witness until its current is gone or the longest trip time is over."""
    trace = Trace()
    before = stage.clock.now()
    trace.add(0.0, witness())
    first = max(trace.values[0], 1.0)
    asked = stage.clock.now()
    stimulus()
    done = stage.clock.now()
    began, doubt = (asked + done) / 2, (done - asked) / 2
    at_most = (stage.pack.limits["trip_time"].is_.high or 2.0) + 0.3
    gap, last = 0.0, done
    while (now := stage.clock.now()) - began < at_most:
        stage.scopes.left()
        amperes = witness()
        trace.add(stage.clock.now() - before, amperes)
        gap, last = max(gap, now - last), now
        if amperes < 0.1 * first:
            opened = stage.clock.now()
            _tail(stage, witness, trace, before)
            return Opening(opened - began, doubt + gap, trace)
        stage.clock.wait(max(0.0, WITNESS_EVERY - (stage.clock.now() - now)))
    return Opening(None, gap, trace)


def _tail(stage: Stage, witness: Callable[[], float], trace: Trace, before: float) -> None:
    """A few samples more, so that the waveform shows that the current stays away."""
    for _ in range(TAIL):
        stage.clock.wait(WITNESS_EVERY)
        trace.add(stage.clock.now() - before, witness())


# ------------------------------------------------------------------------------------------------ by threshold shift


def _shift(stage: Stage, parameters: Parameters, protection: Protection) -> None:
    """Move the thresholds beyond what the pack has now, see current stop, put them back, see current return."""
    direction: Direction = "charge" if stage.step.under is None or stage.step.under.charge else "discharge"
    driver = stage.bench.supply if direction == "charge" else stage.bench.load
    if driver.current() < 1.0:
        raise BenchFault(f"no {direction} current flows, so it cannot be seen to stop")
    live = live_value(stage, protection)
    plan = shift_to_trip(protection, live, parameters.stored())
    stage.note(
        f"{protection.name}: live {live:g}, shifted to "
        + ", ".join(f"{name.partition('.')[2]} {value:g}" for name, value in plan.items())
    )
    opening = _watch_opening(
        stage, driver.current, partial(parameters.write, f"{protection.name} is shifted below the live value", plan)
    )
    level = Reading(
        live, protection.values["trip"].unit.removeprefix("m"), stage.bench.u("voltmeter", "voltage", live), "pack"
    )
    opened = _judge_opening(stage, protection, opening, level, None)
    _release(stage, parameters, protection, driver.current, opened)


def _release(
    stage: Stage, parameters: Parameters, protection: Protection, witness: Callable[[], float], opened: bool
) -> None:
    """Restore, and see the protection let go; where the pack is not yet beyond its release point, that point is
    shifted too.
    """
    stored = parameters.stored()
    easing = shift_to_release(protection, live_value(stage, protection), stored)
    if easing:
        own = {name: value for name, value in stored.items() if name.rpartition(".")[0] == protection.name}
        parameters.write(f"{protection.name}: its release is shifted beyond the live value", own | easing)
    else:
        _put_back(stage, parameters, protection)
    if opened:
        back = stage.wait(lambda: witness() > 1.0, within=5.0)
        state, reason = "released" if back else "still open", "no current flows again although the thresholds are back"
        proves = protection.proves[2:]
        stage.expect(f"{protection.name}_released", state, "released", reason, proves=proves, witness="instrument")
    if easing:
        _put_back(stage, parameters, protection)


def _put_back(stage: Stage, parameters: Parameters, protection: Protection) -> None:
    left = parameters.restore()
    stage.expect(
        f"{protection.name}_restored",
        "not restored" if left else "restored",
        "restored",
        f"the pack keeps {', '.join(left)}",
    )


def live_value(stage: Stage, protection: Protection) -> float:
    """What the protection watches, as the pack measures it now."""
    readings = stage.readings(fresh=True)
    values: dict[str, Callable[[], float]] = {
        "highest_cell": lambda: max(readings.cell_voltages),
        "lowest_cell": lambda: min(readings.cell_voltages),
        "pack_voltage": lambda: readings.pack_voltage,
        "charge_current": lambda: readings.current,
        "discharge_current": lambda: -readings.current,
        "warmest_cell": lambda: max(readings.cell_temperatures),
        "coldest_cell": lambda: min(readings.cell_temperatures),
        "mosfet": lambda: readings.mosfet_temperature,
        "ambient": lambda: readings.ambient_temperature,
        "soc": lambda: readings.soc,
    }
    return values[protection.of or ""]()


WAYS: dict[str, Callable[[Stage, Parameters, Protection], None]] = {"direct_drive": _direct_drive, "shift": _shift}
"""The ways to trip a protection that this station has."""


# ------------------------------------------------------------------------------------------------ judging


def _judge_opening(stage: Stage, protection: Protection, opening: Opening, level: Reading, row: Limit | None) -> bool:
    """Judge a trip by witness, flag and FET together; says whether current really stopped."""
    name = protection.name
    residual = abs(_amperes(shunt(stage)))
    if opening.after is not None:
        _see_that_bench_is_whole(stage)
    readings = stage.readings(fresh=True)
    flag = name in readings.protection
    fet = FETS["charge" if protection.blocks == "charge" else "discharge"]
    stage.found.moments[name] = stage.clock.now()
    if opening.after is None:
        reason = _why_not_open(flag, opening)
        stage.expect(name, "did not open", "opens", reason, proves=protection.proves[1:2], witness="instrument")
    elif row is not None:
        stage.judge_row(name, level, row)
    else:
        stage.expect(name, "opens", "opens", proves=protection.proves[1:2], witness="instrument")
    stage.expect(
        f"{name}_flag",
        "set" if flag else "not set",
        "set",
        "current stopped and the pack's flag is not set",
        witness="pack",
    )
    stage.expect(
        fet,
        "on" if fet in readings.status else "open",
        "open",
        "the pack says that its FET is still on",
        witness="pack",
    )
    if opening.after is not None:
        clock = stage.bench.u("clock", "time", opening.after)
        uncertainty = None if clock is None else clock + opening.doubt
        stage.judge("trip_time", Reading(opening.after, "s", uncertainty, "instrument"))
        stage.judge("trip_current", Reading(residual, "A", stage.bench.u("shunt", "current", residual), "shunt"))
    return opening.after is not None


def _why_not_open(flag: bool, opening: Opening) -> str:
    last = opening.trace.values[-1]
    if flag:
        return f"the protection flag is set and {last:.1f} A flowed on: the FET is welded; quarantine the pack"
    lasted = opening.trace.t[-1]
    return f"{last:.1f} A flowed for {lasted:.1f} s and nothing happened: threshold too high, too slow, or not acting"


def _see_that_bench_is_whole(stage: Stage) -> None:
    """Raise BenchFault if the current stopped because of the station: a tripped instrument, or a lead that came off."""
    for role, driver in (("load", stage.bench.load), ("supply", stage.bench.supply)):
        tripped = driver.reading().tripped
        if tripped:
            raise BenchFault(f"the current stopped because the {role} switched itself off: {tripped}")
    at_pack = _amperes(volts(stage))
    at_bench = stage.wiring.volts("supply_side") if stage.bench.has("supply_side") else at_pack
    if stage.wiring.is_on("contactor") and abs(at_pack) > 10 and abs(at_bench) < 0.5 * abs(at_pack):
        raise BenchFault(
            f"the pack has {at_pack:.1f} V and the bench sees {at_bench:.1f} V: a lead came off or the contactor opened"
        )


def _amperes(reading: Reading) -> float:
    assert isinstance(reading.value, float)
    return reading.value
