"""Letting current flow: what must be known before, what a charge never exceeds, how an interruption ends."""

from __future__ import annotations

from pathlib import Path

import pytest
from actions.short_runs import DRAWN, short_rig, short_run

from station.model.events import OutputChanging

FILL = "  - {step: fill, charge: standard, until: charge_headroom}\n"
"""A charge for something that no charge brings about."""


@pytest.mark.parametrize(
    ("known", "unknown"),
    [
        ("eol/start", "polarity, serial_number, terminal_voltage"),
        ("eol/start, eol/window", "serial_number"),
        ("eol/start, eol/identity", "polarity, terminal_voltage"),
    ],
)
def test_the_contactor_stays_open_until_polarity_voltage_and_serial_number_are_good(
    known: str, unknown: str, tmp_path: Path
) -> None:
    with short_rig(tmp_path, "  - use: eol/resistance\n", known=known) as bench:
        ran = bench.run(tmp_path)
    assert ran.record.verdict == "ERROR"
    assert f"the contactor stays open: {unknown} of the pack not seen to be good" in ran.record.reason
    assert not [event for event in ran.events if isinstance(event, OutputChanging)]


def test_a_charge_ends_when_a_cell_is_full_and_never_exceeds_the_ceiling(tmp_path: Path) -> None:
    with short_rig(tmp_path, FILL) as bench:
        ran = bench.run(tmp_path)
        full = max(bench.twin.cells.voltages(20.0))
    step = ran.step("fill")
    assert step.verdict == "NOT_TESTED"
    assert "before a cell was full" in step.reason
    assert step.duration_s < 300
    assert full < 3.66
    settings = [event.setting for event in ran.events if isinstance(event, OutputChanging) and event.role == "supply"]
    assert settings == ["20 A, at most 54.75 V"]


def test_a_balance_stop_goes_on_charging_afterwards(tmp_path: Path) -> None:
    steps = """  - step: charging
    under: {charge: standard}
    steps:
      - {step: other-way, balance: stop, expect: {balancing: none}}
      - {step: goes-on, measure: current_error}
"""
    ran = short_run(tmp_path, DRAWN + steps)
    assert ran.record.verdict == "PASS", ran.record.reason
    changed = [event.role for event in ran.events if isinstance(event, OutputChanging)]
    assert changed == ["contactor", "load", "supply", "contactor", "load"]


def test_a_remedy_that_does_not_help_is_judged_by_that(tmp_path: Path) -> None:
    steps = """  - step: cold
    measure: terminal_voltage
    limit: rest_window
    otherwise:
      - {step: warm, discharge: probe, until: shiftable}
"""
    ran = short_run(tmp_path, steps)
    assert (ran.step("cold").verdict, ran.step("cold/warm").verdict) == ("FAIL", "FAIL")
    assert ran.record.verdict == "FAIL"


def test_a_condition_that_does_not_come_is_no_failure_of_a_pack_that_takes_the_current(tmp_path: Path) -> None:
    ran = short_run(tmp_path, "  - {step: warm, discharge: probe, until: shiftable}\n")
    assert ran.record.verdict == "ERROR"
    assert ran.step("warm").verdict == "NOT_TESTED"
    assert "mosfet at least 31 degC not reached within 180 s" in ran.step("warm").reason
