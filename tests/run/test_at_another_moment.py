"""A measurement that means something only with a full pack, or one at rest, is not judged at another moment."""

from __future__ import annotations

from pathlib import Path

from actions.short_runs import KNOWN, short_rig
from bench_runs import Ran

DRAWN = "  - {step: drawn, discharge: full, until: charge_headroom}\n"
AS_LEFT = "  - {step: left, measure: terminal_voltage, limit: as_left_window}\n"
REST = "  - {step: rest, expect: {lamps: standby, for: 4 periods}}\n"


def ran(tmp_path: Path, steps: str) -> Ran:
    with short_rig(tmp_path, steps, known=KNOWN) as bench:
        return bench.run(tmp_path)


def test_a_resistance_after_a_discharge_is_not_held_against_the_golden_pack(tmp_path: Path) -> None:
    found = ran(tmp_path, f"{DRAWN}  - use: eol/resistance\n")
    assert found.record.verdict == "ERROR"
    assert "charge drawn at most 0.3 % of capacity" in found.record.reason
    assert found.measurement("resistance/cell_resistance").verdict == "NOT_TESTED"
    assert found.measurement("resistance/pack_resistance").verdict == "PASS"


def test_the_voltage_as_left_is_judged_only_at_rest(tmp_path: Path) -> None:
    at_once, rested = ran(tmp_path, DRAWN + AS_LEFT), ran(tmp_path, DRAWN + REST + AS_LEFT)
    assert at_once.measurement("left/terminal_voltage").verdict == "NOT_TESTED"
    assert rested.measurement("left/terminal_voltage").verdict == "PASS"
