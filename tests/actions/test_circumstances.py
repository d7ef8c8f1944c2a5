"""What is not the pack's fault is required: evidence when it holds, and when not never a verdict on the pack."""

from __future__ import annotations

from pathlib import Path

import pytest
from actions.short_runs import short_run

CHARGER = "  - use: eol/charger\n"


def test_circumstances_that_hold_are_in_the_record_and_prove_what_they_stand_for(tmp_path: Path) -> None:
    ran = short_run(tmp_path, CHARGER)
    assert ran.record.verdict == "PASS", ran.record.reason
    assert ran.measurement("charger/charger_voltage").value == pytest.approx(53.05, abs=0.1)
    proven = {proof.id for proof in ran.record.requirements if proof.state == "proven"}
    assert {"REQ-2-01", "REQ-3-01", "REQ-4.1-12", "REQ-4.1-13", "REQ-6.8-01", "REQ-6.8-02"} <= proven


def test_the_charger_is_measured_with_the_contactor_open(tmp_path: Path) -> None:
    ran = short_run(tmp_path, CHARGER)
    closed = [event for event in ran.events if getattr(event, "role", "") == "contactor"]
    assert not closed


def test_a_pack_that_is_too_cold_is_blocked_and_not_measured(tmp_path: Path) -> None:
    ran = short_run(tmp_path, "", {f"bms.adc.temperature_offset[{cell}]": -22.0 for cell in (1, 2, 3, 4)})
    assert ran.record.verdict == "BLOCKED"
    assert "wait for room temperature" in ran.record.reason
    assert not [each for each in ran.record.measurements if each.name == "charge_temperature"]


def test_a_switch_at_another_address_is_blocked_with_what_to_do(tmp_path: Path) -> None:
    ran = short_run(tmp_path, "", {"bms.address_switch": 3})
    assert ran.record.verdict == "BLOCKED"
    assert "the pack is at address 3" in ran.record.reason
    assert "set its address switch" in ran.record.reason
