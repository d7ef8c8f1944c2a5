"""Balancing: the flags must be set for exactly the cells that should be bled, and for no other.

Which cells those are follows from the cell voltages that the pack reports, and from the start voltage and difference
that it stores. On a good pack the spread is too small for the released difference, so the test shifts both to the
least that the firmware accepts, and charges until the spread is there. The bleed current itself never crosses the
terminals and is not proven here.
"""

from __future__ import annotations

from station.actions.condition import Condition, throttled
from station.actions.current import settle
from station.actions.errors import NotFeasible
from station.actions.parameters import Parameters
from station.actions.stage import Reading, Stage
from station.bms.pace_modbus import Readings

CLEAR = 0.002
"""Volts by which a cell must be clear of a limit to be told apart with certainty: two bits of a cell voltage."""
CHARGE_AT_MOST = 90.0
"""Seconds of standard charge after which the spread is given up."""


def balance(stage: Stage, parameters: Parameters) -> None:
    """The action `balance`: `start` shifts the start conditions and charges until some cells must be bled, `stop`
    puts them back.
    """
    if stage.step.balance == "stop":
        parameters.restore()
        return
    accepts = stage.pack.balancing.start_difference.accepts
    lowest = stage.pack.balancing.start_voltage.accepts
    assert accepts is not None
    assert accepts.low is not None
    assert lowest is not None
    assert lowest.low is not None
    difference = accepts.low
    settle(stage, "charge", stage.current("standard"))
    if not stage.wait(lambda: _enough(stage.readings(fresh=True), difference), within=CHARGE_AT_MOST, every=0.5):
        spread = 1000 * _spread(stage.readings())
        raise NotFeasible(
            f"the cells are only {spread:.0f} mV apart, balancing starts at {1000 * difference:.0f} mV at the least"
        )
    cells = stage.readings().cell_voltages
    start = max(lowest.low, min(cells) + difference / 2)
    parameters.write(
        "balancing starts at the least difference",
        {"balancing.start_voltage": start, "balancing.start_difference": difference},
    )


def _enough(readings: Readings, difference: float) -> bool:
    return _spread(readings) >= difference + 2 * CLEAR


def _spread(readings: Readings) -> float:
    return max(readings.cell_voltages) - min(readings.cell_voltages)


def balancing_condition(stage: Stage, parameters: Parameters, expected: str) -> Condition:
    """Wait for flags of exactly the expected cells, or for none; cells too close to a limit may be either."""
    seen: list[str] = [""]

    def holds() -> bool:
        readings = stage.readings(fresh=True)
        must, may = (set(), set()) if expected == "none" else _cells(readings, parameters.believed())
        flagged = set(readings.balancing)
        seen[0] = _compare(flagged, must, may)
        return not seen[0] and (expected == "none" or bool(must))

    def tell(held: bool) -> None:
        flags = " ".join(sorted(stage.readings().balancing, key=lambda name: int(name.rpartition("_")[2]))) or "none"
        stage.record("balancing_flags", Reading(flags))
        stage.expect(
            "balancing", "as they should be" if held else "wrong", "as they should be", seen[0], witness="pack"
        )

    return Condition(stage.clock.now() + stage.reacts_within("balancing"), throttled(stage, 0.3, holds), tell)


def _cells(readings: Readings, stored: dict[str, float]) -> tuple[set[str], set[str]]:
    """Cells that must be bled, and those too close to a limit to say."""
    start, difference = stored["balancing.start_voltage"], stored["balancing.start_difference"]
    lowest = min(readings.cell_voltages)
    must, may = set(), set()
    for number, volts in enumerate(readings.cell_voltages, 1):
        clear = min(volts - start, volts - lowest - difference)
        if clear >= CLEAR:
            must.add(f"cell_{number}")
        elif clear > -CLEAR:
            may.add(f"cell_{number}")
    return must, may


def _compare(flagged: set[str], must: set[str], may: set[str]) -> str:
    missing, extra = sorted(must - flagged), sorted(flagged - must - may)
    clauses = [f"{' and '.join(missing)} should be balanced and is not"] if missing else []
    clauses += [f"{' and '.join(extra)} is balanced and should not be"] if extra else []
    return "; ".join(clauses).replace("cell_", "cell ")
