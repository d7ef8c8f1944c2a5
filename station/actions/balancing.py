"""The action `balance`: make the BMS bleed some cells, and make it stop.

On a good pack the spread is too small for the released difference, so the test shifts start voltage and difference to
the least that the firmware accepts, and charges until the spread is there. A discharge must end it. The bleed current
itself never crosses the terminals and is not proven here (REQ-4.2-53), nor are its temperature limits, which have no
register (REQ-4.2-54, -55).
"""

from __future__ import annotations

from station.actions.balancing_flags import CLEAR
from station.actions.current import flowing, is_full, settle
from station.actions.errors import NotFeasible
from station.actions.expecting import expect
from station.actions.lamps import LampTrace
from station.actions.parameters import Parameters, put_back
from station.actions.stage import Reading, Stage
from station.bms.pace_modbus import Readings

DIP, DIP_READINGS = "balancing_dip", 3
"""The row of the pack file for a drop while bleeding, and how many readings look for it."""
CHARGE_AT_MOST = 20.0
"""Seconds of standard charge after which the spread is given up: even cells would take a minute, to no purpose."""


def balance(stage: Stage, parameters: Parameters, trace: LampTrace) -> None:
    """`start` shifts the start conditions and charges until some cells must be bled; `stop` discharges with the probe
    current while they stand, and puts them back. Both see what the step expects.
    """
    if stage.step.balance == "start":
        before = _start(stage, parameters)
        expect(stage, parameters, trace)
        _judge_dip(stage, before)
        return
    with flowing(stage, "discharge", stage.current("probe")):
        expect(stage, parameters, trace)
    put_back(stage, parameters)


def _start(stage: Stage, parameters: Parameters) -> Readings:
    """The last readings before anything is bled."""
    accepts = stage.pack.balancing.start_difference.accepts
    lowest = stage.pack.balancing.start_voltage.accepts
    assert accepts is not None
    assert accepts.low is not None
    assert lowest is not None
    assert lowest.low is not None
    difference = accepts.low
    settle(stage, "charge", stage.current("standard"))
    stage.wait(
        lambda: _enough(stage.readings(fresh=True), difference) or is_full(stage), within=CHARGE_AT_MOST, every=0.5
    )
    if not _enough(stage.readings(), difference):
        spread = 1000 * _spread(stage.readings())
        raise NotFeasible(
            f"the cells are only {spread:.0f} mV apart, balancing starts at {1000 * difference:.0f} mV at the least"
        )
    before = stage.readings()
    start = max(lowest.low, min(before.cell_voltages) + difference / 2)
    parameters.write(
        "balancing starts at the least difference",
        {"balancing.start_voltage": start, "balancing.start_difference": difference},
    )
    return before


def _judge_dip(stage: Stage, before: Readings) -> None:
    """Judge how far a cell drops in the pack's own reading while it is bled: the bleed current in its sense wires.

    A cell that drops far enough is not bled any more and comes back, so the deepest of several readings counts.
    """
    if DIP not in stage.pack.limits:
        return
    seen = [stage.readings(fresh=True) for _ in range(DIP_READINGS)]
    lowest = [min(volts) for volts in zip(*(readings.cell_voltages for readings in seen), strict=True)]
    deepest = max(was - low for was, low in zip(before.cell_voltages, lowest, strict=True))
    stage.judge(DIP, Reading(max(0.0, deepest), "V", CLEAR, "pack"))


def _enough(readings: Readings, difference: float) -> bool:
    return _spread(readings) >= difference + 2 * CLEAR


def _spread(readings: Readings) -> float:
    return max(readings.cell_voltages) - min(readings.cell_voltages)
