"""What must never be exceeded: refused while planning where it is known then, and looked at while a current flows."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench.changed_benches import DRAWN, rig_on

from station.model.files import InvalidFile

LONG = DRAWN.replace("drawn", "first") + DRAWN


@pytest.mark.parametrize(
    ("steps", "old", "new", "said"),
    [
        (DRAWN, "discharge_current: 150 A", "discharge_current: 90 A",
         "`discharge: full` is 100 A, and the envelope of bench simulated allows 90 A"),
        ("  - use: eol/resistance\n", "discharge_current: 150 A", "discharge_current: 90 A",
         "`resistance: two_level` is 100 A, and the envelope of bench simulated allows 90 A"),
        ("  - use: eol/discharge-overcurrent\n", "discharge_current: 150 A", "discharge_current: 120 A",
         "`trip: discharge_overcurrent` is 1"),
        ("  - use: eol/charge-limiter\n", "charge_current: 95 A", "charge_current: 25 A",
         "is 30 A, and the envelope of bench simulated allows 25 A"),
        (DRAWN, "discharge_power: 9 kW", "discharge_power: 5 kW",
         "`discharge: full` is 5475 W, and the envelope of bench simulated allows 5 kW"),
    ],
)  # fmt: skip
def test_a_sequence_that_would_leave_the_envelope_is_refused_while_planning(
    steps: str, old: str, new: str, said: str, tmp_path: Path
) -> None:
    with pytest.raises(InvalidFile) as refused, rig_on(tmp_path, steps, {old: new}):
        pass
    assert any(said in fault.message for fault in refused.value.faults), refused.value.faults


def test_a_cell_that_gets_too_warm_while_current_flows_ends_the_run_as_an_error(tmp_path: Path) -> None:
    with rig_on(tmp_path, LONG, {}) as rig:
        rig.at("first", lambda: rig.twin.set("cells.temperature", 62.0))
        ran = rig.run(tmp_path)
    assert ran.record.verdict == "ERROR"
    assert "a cell has 62" in ran.record.reason
    assert "a discharge needs -20 degC to 60 degC" in ran.record.reason
    assert "load off" in ran.record.safe_state


@pytest.mark.parametrize(
    ("old", "new", "parameter", "value"),
    [
        ("discharge_current: 150 A", "discharge_current: 101 A", "load.ammeter.gain", 1.03),
        ("discharge_power: 9 kW", "discharge_power: 5.5 kW", "load.voltmeter.gain", 1.12),
        ("envelope: {voltage: 57 V", "envelope: {voltage: 55 V", "load.voltmeter.gain", 1.15),
    ],
)
def test_a_current_a_power_or_a_voltage_beyond_the_envelope_ends_the_run_as_an_error(
    old: str, new: str, parameter: str, value: float, tmp_path: Path
) -> None:
    asked: list[float] = []
    with rig_on(tmp_path, DRAWN, {old: new}) as rig:

        def flows_for_long() -> bool:
            asked.append(rig.clock.now())
            return asked[-1] - asked[0] > 2.0

        rig.at("drawn", lambda: rig.twin.set(parameter, value), ready=flows_for_long)
        ran = rig.run(tmp_path)
    assert ran.record.verdict == "ERROR"
    assert "outside the envelope of the bench" in ran.record.reason
