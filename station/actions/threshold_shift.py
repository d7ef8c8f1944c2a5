"""Tripping a protection by moving its threshold beyond what the pack has now, by its tolerance.

The comparator, its delay and the FET are the same as in a real event, and the pack stays within its ratings. The
thresholds are put back at once, and current must come back: by itself, or after a charge where the manual asks for one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from station.actions.blame import see_that_bench_is_whole, see_that_the_pack_blocks
from station.actions.condition import ASK_EVERY, throttled
from station.actions.current import flowing, settle
from station.actions.errors import BenchFault, Blocked, NotFeasible
from station.actions.measuring import SEEN_WITHIN
from station.actions.opening import Opening, judge_opening, watch_opening
from station.actions.parameters import Parameters, put_back
from station.actions.stage import Stage
from station.bms.pace_modbus import SENSORS_APART, Readings
from station.instruments.roles import Load, Supply
from station.model.direction import Direction
from station.model.pack import Protection
from station.model.quantity import Quantity
from station.model.shift import Infeasible, Shift, shift_to_release, shift_to_trip

BACK_WITHIN = 5.0
"""Seconds in which current must flow before a protection can be seen to stop it."""
RELEASES_WITHIN = Quantity(1.5, "s")
"""In which a protection whose release condition holds lets go, where the pack file does not say (engineering)."""
UNBROKEN = 2.0
"""Seconds after which a pack that reads ten times a second has seen a current for sure."""
NEARER_WITHIN = 60.0
"""Seconds in which voltage or MOSFETs come to where the BMS accepts a threshold a whole tolerance away."""
FLOWS = 1.0
"""Amperes from which current counts as flowing."""


def shift(stage: Stage, parameters: Parameters, protection: Protection) -> None:
    """Move the thresholds beyond the live value, see current stop, put them back, see it return."""
    direction, witness = witnessed(stage)
    live = live_value(settled(stage, (protection,)), protection)
    shifted = shift_to_trip(protection, live, parameters.stored())
    lower(witness, protection, live, shifted)
    opening = _watched(stage, parameters, witness, protection, shifted)
    if opening.after is None and not shifted.whole:
        parameters.put_back()
        opening = _watched(stage, parameters, witness, protection, _whole(stage, parameters, protection))
    opened = judge_opening(stage, protection, direction, opening, None)
    _release(stage, parameters, protection, direction, witness, opened)


def witnessed(stage: Stage) -> tuple[Direction, Supply | Load]:
    """What flows, and the instrument that sees it; raises NotFeasible where the pack lets nothing flow."""
    direction = stage.flowing
    if direction is None:
        raise BenchFault("no current flows, so it cannot be seen to stop")
    witness = stage.bench.driver(direction)
    if not stage.wait(lambda: witness.current() > FLOWS, within=BACK_WITHIN):
        see_that_the_pack_blocks(stage, direction)
        raise NotFeasible(f"the pack lets no {direction} current flow, so it cannot be seen to stop")
    return direction, witness


def settled(stage: Stage, protections: Iterable[Protection]) -> Readings:
    """What the pack reads once it has seen the present current; temperatures do not wait for that, nor does a current
    that has flowed for long.
    """
    flows_for = stage.clock.now() - stage.flow.since if stage.flow else 0.0
    if flows_for < UNBROKEN and any(each.kind != "temperature" for each in protections):
        stage.pause(SEEN_WITHIN)
    return stage.readings(fresh=True)


def lower(witness: Supply | Load, protection: Protection, live: float, shifted: Shift) -> None:
    """Take a current down to what its threshold is meant for: it is set finer than the threshold."""
    if protection.kind == "current":
        witness.set_current(witness.current() + shifted.live - live)


def _watched(
    stage: Stage, parameters: Parameters, witness: Supply | Load, protection: Protection, shifted: Shift
) -> Opening:
    values = ", ".join(f"{name.partition('.')[2]} {value:g}" for name, value in shifted.values.items())
    stage.note(f"{protection.name}: live {shifted.live:g}, shifted to {values}")
    why = f"{protection.name} is shifted beyond the live value"
    return watch_opening(stage, witness, partial(parameters.write, why, shifted.values))


def _whole(stage: Stage, parameters: Parameters, protection: Protection) -> Shift:
    """A shift by the whole tolerance, for one that did not act at less: nothing can be said of it yet.

    The BMS accepts it once voltage or MOSFETs have come there; raises NotFeasible where they do not.
    """
    found: list[Shift] = []

    def come() -> bool:
        live = live_value(stage.readings(fresh=True), protection)
        found[:] = [shift_to_trip(protection, live, parameters.stored())]
        return found[0].whole

    if stage.wait(throttled(stage, ASK_EVERY, come), within=NEARER_WITHIN):
        return found[0]
    raise NotFeasible(
        f"{protection.name} does not act at {found[0].live:g}, which is within its tolerance, and the BMS accepts no "
        "threshold farther away: bring the pack to another temperature or charge, and test again"
    )


def see_that_shifts_are_feasible(stage: Stage, parameters: Parameters) -> None:
    """Raise Blocked for a temperature protection that this run is to shift and that cannot be shifted today.

    Temperatures of cells and room stay as they are during a run, so this is known after the first read of the stored
    parameters and before any current; voltages, currents and the MOSFETs are brought to where a threshold can be. A
    sensor that is apart from the others is no temperature, and is judged as a sensor.
    """
    readings = stage.readings()
    if not readings.sensors_agree:
        return
    cells, air = readings.cell_temperatures, readings.ambient_temperature
    left_out = {"mosfet"} if min(cells) - SENSORS_APART <= air <= max(cells) + SENSORS_APART else {"mosfet", "ambient"}
    for name in sorted(stage.shifts):
        protection = stage.pack.protection[name]
        if protection.kind == "temperature" and protection.of not in left_out:
            try:
                shift_to_trip(protection, live_value(readings, protection), parameters.stored())
            except Infeasible as error:
                raise Blocked(f"{error}: bring the pack to room temperature, or see its stored parameters") from None


def _release(
    stage: Stage,
    parameters: Parameters,
    protection: Protection,
    direction: Direction,
    witness: Supply | Load,
    opened: bool,
) -> None:
    """Restore, and see the protection let go; a release that the pack has not reached yet is shifted, too.

    An over-current has no release: it comes back after a time of its own, or at a reset.
    """
    if "release" not in protection.values:
        put_back(stage, parameters, protection.name)
        return
    stored = parameters.stored()
    easing = shift_to_release(protection, live_value(stage.readings(), protection), stored)
    if easing:
        own = {name: value for name, value in stored.items() if name.rpartition(".")[0] == protection.name}
        parameters.write(f"{protection.name}: its release is shifted beyond the live value", own | easing)
    else:
        put_back(stage, parameters, protection.name)
    if opened:
        within = stage.pack.reacts_within.get("release", RELEASES_WITHIN).si
        if protection.releases_if == "charging" and direction == "discharge":
            _see_that_it_holds(stage, protection, witness, within)
            charge_once(stage, protection, within)
        back = stage.wait(lambda: witness.current() > FLOWS, within=within)
        if not back:
            see_that_bench_is_whole(stage)
        state, reason = "released" if back else "still open", "no current flows again although the thresholds are back"
        proves = protection.proves[2:]
        stage.expect(f"{protection.name}_released", state, "released", reason, proves=proves, witness="instrument")
    if easing:
        put_back(stage, parameters, protection.name)


def _see_that_it_holds(stage: Stage, protection: Protection, witness: Supply | Load, within: float) -> None:
    """Without a charge the protection must not let go (REQ-4.2-09, REQ-4.2-18)."""
    back = stage.wait(lambda: witness.current() > FLOWS, within=within)
    state, reason = "released" if back else "holds", "let go without a charging current"
    stage.expect(f"{protection.name}_holds", state, "holds", reason, witness="instrument")


def charge_once(stage: Stage, protection: Protection, within: float) -> None:
    """Interrupt the load for a charge until the pack says that it has let go, and go on with the load."""
    amperes = stage.current("probe")
    with flowing(stage, "charge", amperes):
        settle(stage, "charge", amperes)
        released = throttled(stage, ASK_EVERY, lambda: protection.name not in stage.readings(fresh=True).protection)
        stage.wait(released, within=within + ASK_EVERY)


def live_value(readings: Readings, protection: Protection) -> float:
    """What the protection watches, as the pack measures it."""
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
