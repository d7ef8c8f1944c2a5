"""The charging current limiter (REQ-4.2-40): proven on and off, and on again whatever happens."""

from __future__ import annotations

from pathlib import Path

import pytest
from actions.short_runs import DRAWN, short_rig, short_run

from station.model.events import ParametersChanging

STEPS = f"{DRAWN}  - use: eol/charge-limiter\n"


def test_the_pack_takes_its_limit_and_without_the_limiter_all_that_is_offered(tmp_path: Path) -> None:
    ran = short_run(tmp_path, STEPS)
    assert ran.record.verdict == "PASS", ran.record.reason
    limit = ran.measurement("charge-limiter/charge_limit")
    assert limit.value == pytest.approx(20.6, abs=0.1)
    assert limit.proves == ("REQ-4.2-40",)
    assert ran.measurement("charge-limiter/charge_unlimited").value == "takes all"


@pytest.mark.parametrize(
    ("change", "measurement", "reason"),
    [
        ({"bms.limiter.stuck": "on"}, "charge_unlimited", "20.6 A of 30 A flow with the limiter switched off"),
        ({"bms.limiter.stuck": "off"}, "charge_limit", "is above the limit 20 A +- 10 %"),
        ({"bms.limiter.current": 16.0}, "charge_limit", "is below the limit 20 A +- 10 %"),
    ],
)
def test_a_limiter_that_does_not_follow_or_limits_elsewhere_fails(
    change: dict[str, str | float | bool], measurement: str, reason: str, tmp_path: Path
) -> None:
    ran = short_run(tmp_path, STEPS, change)
    assert ran.record.verdict == "FAIL"
    assert reason in ran.measurement(f"charge-limiter/{measurement}").reason


def test_the_limiter_is_on_again_after_a_run_and_the_record_says_so(tmp_path: Path) -> None:
    ran = short_run(tmp_path, STEPS)
    assert ran.twin.bms.limiter.enabled
    assert ran.record.thresholds == "restored and read back"


def test_the_limiter_is_on_again_after_a_stop_while_it_was_off(tmp_path: Path) -> None:
    with short_rig(tmp_path, STEPS) as bench:
        bench.listeners.append(
            lambda event: (
                bench.scopes.stop("by hand")
                if isinstance(event, ParametersChanging) and event.why == "charge limiter off"
                else None
            )
        )
        ran = bench.run(tmp_path)
    assert ran.record.verdict == "ABORTED"
    assert ran.twin.bms.limiter.enabled
    assert ran.record.thresholds == "restored and read back"
