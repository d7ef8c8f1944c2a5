"""A current inside another: the outer one rests meanwhile, and goes on as before."""

from __future__ import annotations

from pathlib import Path

import pytest
from actions.short_runs import DRAWN, short_run

NESTED = """\
  - step: outer
    under: {{{outer}: standard}}
    steps:
      - step: inner
        under: {{{inner}: {current}}}
        trip: {trip}
        by: shift
        expect: {{released: after_restore}}
      - step: after
        measure: current_error
"""


@pytest.mark.parametrize(
    ("outer", "inner", "current", "trip"),
    [
        ("discharge", "discharge", "full", "discharge_overtemperature"),
        ("charge", "charge", "probe", "charge_overtemperature"),
        ("discharge", "charge", "standard", "charge_overtemperature"),
        ("charge", "discharge", "standard", "discharge_overtemperature"),
    ],
)
def test_a_protection_that_stops_the_inner_current_says_nothing_of_the_outer_one(
    outer: str, inner: str, current: str, trip: str, tmp_path: Path
) -> None:
    ran = short_run(tmp_path, DRAWN + NESTED.format(outer=outer, inner=inner, current=current, trip=trip))
    assert ran.bad_steps == []
    assert ran.step("outer/inner").verdict == "PASS"
    assert ran.step("outer/after").verdict == "PASS", ran.step("outer/after").reason
    assert {each.name for each in ran.record.measurements if each.step == "outer/after"} == {"current_error"}
