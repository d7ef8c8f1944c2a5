"""DC resistance by the two-level method: 0.2C for ten seconds, then 1C for one, and the ratio of the steps (IEC 61960).

Voltage of the pack by the voltmeter, current by the shunt, voltage of the cells by the pack itself at the same moments;
what the cells do not account for is the main path: breaker, FETs, bars, terminals. The cells' share is stated for 25
degC. What the step expects is looked at while the lower current flows, and the pack's ammeter is compared at both.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from station.actions.blame import see_that_ammeters_agree
from station.actions.current import check_envelope, flowing, settle
from station.actions.errors import BenchFault, NotFeasible
from station.actions.expecting import expect
from station.actions.lamps import LampTrace
from station.actions.measuring import CELL_STEP, ammeter_error, shunt, volts
from station.actions.parameters import Parameters
from station.actions.stage import Reading, Stage

LOW_FOR, HIGH_FOR = 10.0, 1.0
"""Seconds at the two levels."""
METERS_LATE, CELLS_LATE = 0.5, 1.5
"""Seconds after its moment in which a level must be read: the bench answers at once, a line may need three tries."""
WARMTH = 1900.0
"""Kelvin; a cell's resistance goes with exp(WARMTH / T), so 1.5 to 2 % for each degree (LFP cells, SimSES data)."""
ROOM = 298.15
"""Kelvin for which the resistance of the cells is stated."""


@dataclass(frozen=True, slots=True)
class Level:
    """What was measured at one current: volts and amperes of the bench, what the pack says of itself."""

    volts: Reading
    amperes: Reading
    cells: tuple[float, ...]
    error: Reading
    kelvin: float


def resistance(stage: Stage, parameters: Parameters, trace: LampTrace) -> None:
    """The action `resistance`: leaves the resistances of pack, path and cells, the error of the pack's ammeter and the
    spread at full current to be judged.
    """
    if stage.step.resistance != "two_level":
        raise NotFeasible(f"`resistance: {stage.step.resistance}` needs another bench")
    low, high = stage.current("dcir_low"), stage.current("dcir_high")
    check_envelope(stage, "discharge", high)
    with flowing(stage, "discharge", low):
        began = stage.clock.now()
        if not _came(stage, low):
            return
        expect(stage, parameters, trace)
        first = _level(stage, began + LOW_FOR)
        stage.bench.load.set_current(high)
        began = stage.clock.now()
        if not _came(stage, high):
            return
        second = _level(stage, began + HIGH_FOR)
    _keep(stage, first, second)


def _came(stage: Stage, amperes: float) -> bool:
    """Wait until the current has come; keep that it did not, which is the pack's doing."""
    came = settle(stage, "discharge", amperes)
    if not came:
        reason = (
            f"{amperes:g} A were asked for and did not come: the pack blocks them, or its path has a high resistance"
        )
        stage.expect("discharge_current", "does not flow", "flows", reason, witness="instrument")
    return came


def _level(stage: Stage, at: float) -> Level:
    stage.pause(at - stage.clock.now())
    at_once = volts(stage), shunt(stage)
    _see_in_time(stage, at, METERS_LATE, "voltmeter and shunt")
    said = stage.readings(fresh=True)
    _see_in_time(stage, at, CELLS_LATE, "the pack's cells")
    see_that_ammeters_agree(stage, "discharge")
    kelvin = 273.15 + sum(said.cell_temperatures) / len(said.cell_temperatures)
    return Level(*at_once, said.cell_voltages, ammeter_error(stage, said.current, at_once[1]), kelvin)


def _see_in_time(stage: Stage, at: float, late: float, what: str) -> None:
    """Raise BenchFault for a reading that came so late that the cells had gone on polarising: it is no resistance."""
    passed = stage.clock.now() - at
    if passed > late:
        raise BenchFault(f"{what} were read {passed:.1f} s after their moment: the instrument or line answers too late")


def _keep(stage: Stage, first: Level, second: Level) -> None:
    step = abs(_value(second.amperes)) - abs(_value(first.amperes))
    at_room = math.exp(WARMTH * (1 / ROOM - 1 / second.kelvin))
    cells = [at_room * (before - after) / step for before, after in zip(first.cells, second.cells, strict=True)]
    found = (_value(first.volts) - _value(second.volts)) / step
    path = found - sum(cells) / at_room
    doubt = _uncertainty(found * step, step, second)
    path_doubt = None if doubt is None else math.hypot(doubt, CELL_STEP * math.sqrt(len(cells)) / step)
    values = stage.found.values
    values["pack_resistance"] = Reading(path + sum(cells), "Ohm", doubt, "voltmeter and shunt")
    values["path_resistance"] = Reading(path, "Ohm", path_doubt, "voltmeter, shunt and pack")
    for number, ohms in enumerate(cells, 1):
        values[f"cell_resistance_{number}"] = Reading(ohms, "Ohm", CELL_STEP / step, "pack")
    values["current_error"] = max(first.error, second.error, key=lambda error: abs(_value(error)))
    values["cell_spread_full"] = Reading(max(second.cells) - min(second.cells), "V", CELL_STEP, "pack")


def _uncertainty(volts_step: float, amperes_step: float, level: Level) -> float | None:
    """U of the ratio of two differences, each from two readings of one instrument."""
    if level.volts.uncertainty is None or level.amperes.uncertainty is None:
        return None
    volts_u = math.sqrt(2) * level.volts.uncertainty
    amperes_u = math.sqrt(2) * level.amperes.uncertainty
    return abs(volts_step / amperes_step) * math.hypot(volts_u / volts_step, amperes_u / amperes_step)


def _value(reading: Reading) -> float:
    assert isinstance(reading.value, float)
    return reading.value
