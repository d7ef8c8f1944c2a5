"""The lock after three over-currents (REQ-4.2-47), and its release by a charger (REQ-4.2-48)."""

from __future__ import annotations

from pathlib import Path

import pytest
from actions.short_runs import short_run
from bench.changed_benches import rig_on

STEPS = """
  - use: [eol/discharge-overcurrent, eol/discharge-overcurrent-recovery, eol-full/overcurrent-lock, eol-full/unlock]
"""


def test_the_third_overcurrent_locks_and_a_charger_unlocks(tmp_path: Path) -> None:
    ran = short_run(tmp_path, STEPS)
    assert ran.record.verdict == "PASS", ran.record.reason
    assert ran.measurement("overcurrent-lock/discharge_overcurrent_locked").value == "locked"
    assert ran.measurement("unlock/discharge_overcurrent_released").value == "released"
    names = [(each.id, each.attempt) for each in ran.record.measurements]
    assert len(set(names)) == len(names)
    assert {"overcurrent-lock/discharge_overcurrent", "overcurrent-lock/discharge_overcurrent-2"} <= set(dict(names))
    proven = {proof.id for proof in ran.record.requirements if proof.state == "proven"}
    assert {"REQ-4.2-46", "REQ-4.2-47", "REQ-4.2-48"} <= proven


@pytest.mark.parametrize(
    ("change", "step", "reason"),
    [
        ({"bms.recovery.locks_after": 5}, "overcurrent-lock", "discharge_overcurrent_locked: came back 6"),
        ({"bms.recovery.locks_after": 2}, "overcurrent-lock", "discharge_overcurrent_back: no current came back"),
        ({"bms.recovery.unlocks": False}, "unlock", "no current came back although a charger was there"),
    ],
)
def test_a_lock_that_comes_too_late_too_early_or_never_opens_is_a_failure(
    change: dict[str, float], step: str, reason: str, tmp_path: Path
) -> None:
    ran = short_run(tmp_path, STEPS, change)
    assert ran.record.verdict == "FAIL"
    assert ran.bad_steps[0] == step
    assert reason in ran.step(step).reason


def test_what_this_bench_cannot_trip_is_not_tested_and_never_locked(tmp_path: Path) -> None:
    steps = "  - use: [eol/discharge-overcurrent, eol/discharge-overcurrent-recovery, eol-full/overcurrent-lock]\n"
    with rig_on(tmp_path, steps, {"{current: 0.05 % + 25 mA}": "{current: 3 A}"}) as bench:
        ran = bench.run(tmp_path)
    assert ran.record.verdict == "ERROR"
    assert "leaves nothing of 128 A to 132 A" in ran.record.reason
    shown = ran.step("discharge-overcurrent-recovery/protection-lamps")
    assert shown.verdict == "NOT_TESTED", "a pack that was not made to trip has no reason to show it"
    back = ran.measurement("overcurrent-lock/discharge_overcurrent_back")
    assert (back.verdict, back.reason) == (
        "NOT_TESTED", "discharge_overcurrent did not open before, so it cannot come back",
    )  # fmt: skip
