"""DC resistance by the two-level method: 0.2C for ten seconds, then 1C for one, and the ratio of the steps (IEC 61960).

Voltage of the pack by the voltmeter, current by the shunt, voltage of the cells by the pack itself at the same moments;
what the cells do not account for is the main path: breaker, FETs, bars, terminals.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from station.actions.current import check_envelope, flowing, settle
from station.actions.errors import BenchFault, NotFeasible
from station.actions.measuring import CELL_STEP, shunt, volts
from station.actions.stage import Reading, Stage

LOW_FOR, HIGH_FOR = 10.0, 1.0
"""Seconds at the two levels."""


@dataclass(frozen=True, slots=True)
class Level:
    """What was measured at one current: volts and amperes of the bench, volts of the cells as the pack says."""

    volts: Reading
    amperes: Reading
    cells: tuple[float, ...]


def resistance(stage: Stage) -> None:
    """The action `resistance`: leaves `pack_resistance` and `path_resistance` to be judged, and records each cell."""
    if stage.step.resistance != "two_level":
        raise NotFeasible(f"`resistance: {stage.step.resistance}` needs another bench")
    low, high = stage.current("dcir_low"), stage.current("dcir_high")
    check_envelope(stage, "discharge", high)
    with flowing(stage, "discharge", low):
        first = _level(stage, low, LOW_FOR)
        stage.bench.load.set_current(high)
        second = _level(stage, high, HIGH_FOR)
    _keep(stage, first, second)


def _level(stage: Stage, amperes: float, seconds: float) -> Level:
    began = stage.clock.now()
    if not settle(stage, "discharge", amperes):
        raise BenchFault(f"{amperes:g} A were asked for and did not come, so no resistance can be measured")
    stage.pause(began + seconds - stage.clock.now())
    at_once = volts(stage), shunt(stage)
    return Level(*at_once, stage.readings(fresh=True).cell_voltages)


def _keep(stage: Stage, first: Level, second: Level) -> None:
    step = abs(_value(second.amperes)) - abs(_value(first.amperes))
    pack = (_value(first.volts) - _value(second.volts)) / step
    cells = [(before - after) / step for before, after in zip(first.cells, second.cells, strict=True)]
    doubt = _uncertainty(pack * step, step, second)
    stage.found.values["pack_resistance"] = Reading(pack, "Ohm", doubt, "voltmeter and shunt")
    path_doubt = None if doubt is None else math.hypot(doubt, CELL_STEP * math.sqrt(len(cells)) / step)
    stage.found.values["path_resistance"] = Reading(pack - sum(cells), "Ohm", path_doubt, "voltmeter, shunt and pack")
    for number, ohms in enumerate(cells, 1):
        stage.record(f"cell_resistance_{number}", Reading(ohms, "Ohm", CELL_STEP / step, "pack"))


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
