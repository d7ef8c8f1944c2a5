"""What the installer should find: the voltage of the pack after days at rest, from what is in it as it leaves.

The voltage at which a full pack arrived says how much was in it, the station's own instruments how much has gone since.
"""

from __future__ import annotations

from collections.abc import Mapping

from station.actions.errors import NotFeasible
from station.actions.stage import Reading, Stage

HOUR, DAY = 3600.0, 86400.0
DOUBT = 0.3
"""Volts; the hysteresis of 15 cells, 15 mV each, and what another make of cell may differ (engineering)."""


def forecasts(stage: Stage) -> Mapping[str, Reading]:
    """Terminal voltage at rest after each time of the pack file's `at_rest.forecast`, by the name it is recorded under.

    Raises NotFeasible without a terminal voltage that was measured before the first current, or without the rows.
    """
    at_rest, before = stage.pack.at_rest, stage.found.values.get("voltage_before_current")
    if at_rest is None or before is None or not isinstance(before.value, float):
        raise NotFeasible("no forecast: it needs `at_rest` in the pack file and a terminal voltage before any current")
    moved = (stage.found.charged - stage.found.drawn) / HOUR
    left = at_rest.charge(before.value / stage.pack.cells) + 100 * moved / stage.pack.rated["capacity"].si
    return {
        f"expected_voltage_after_{after.si / DAY:g}_d": Reading(
            stage.pack.cells * at_rest.voltage_after(left, after.si), "V", DOUBT, "forecast"
        )
        for after in at_rest.forecast
    }
