"""What `expect: {balancing: ...}` waits for: flags for exactly the cells that must be bled, or for none.

Which cells those are follows from the cell voltages that the pack reports, and from the start voltage and difference
that it stores.
"""

from __future__ import annotations

from station.actions.condition import Condition, Waiting, throttled
from station.actions.stage import Reading
from station.bms.pace_modbus import Readings

CLEAR = 0.002
"""Volts by which a cell must be clear of a limit to be told apart with certainty: two bits of a cell voltage."""


def balancing(waiting: Waiting, value: object) -> Condition:
    """Wait for flags of exactly the expected cells, or for none; cells too close to a limit may be either."""
    stage, parameters, expected = waiting.stage, waiting.parameters, str(value)
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
