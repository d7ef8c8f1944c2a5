"""What the bench finds at the sockets and hears: pins, the isolation of the contacts, the buzzer."""

from __future__ import annotations

from pathlib import Path

import pytest
from actions.short_runs import short_run
from bench.changed_benches import rig_on

STEPS = """
  - step: sockets
    measure: [pins_joined, pins_free, contact_isolation]
  - step: buzzer
    optional: Nothing on this bench can hear it
    expect: {buzzer: silent}
"""


def test_good_sockets_pass_and_prove_their_requirements(tmp_path: Path) -> None:
    ran = short_run(tmp_path, STEPS)
    assert ran.record.verdict == "PASS", ran.record.reason
    proven = {proof.id for proof in ran.record.requirements if proof.state == "proven"}
    assert {"REQ-6.13-03", "REQ-4.3-03"} <= proven


@pytest.mark.parametrize(
    ("change", "bad"),
    [
        ({"sockets.joined.rs485_b": 50e6}, "sockets/pins_joined"),
        ({"sockets.joined.rs485_a": 1.5}, "sockets/pins_joined"),
        ({"sockets.free.rs485_a": 0.2}, "sockets/pins_free"),
        ({"sockets.isolation": 1000.0}, "sockets/contact_isolation"),
        ({"bms.buzzer.stuck": "sounding"}, "buzzer/buzzer"),
    ],
)
def test_one_bad_pin_or_sound_is_enough(change: dict[str, str | float | bool], bad: str, tmp_path: Path) -> None:
    ran = short_run(tmp_path, STEPS, change)
    assert ran.record.verdict == "FAIL"
    assert [each.id for each in ran.record.measurements if each.verdict == "FAIL"] == [bad]


def test_beyond_the_range_of_the_meter_is_free(tmp_path: Path) -> None:
    ran = short_run(tmp_path, STEPS, {"sockets.free.rs485_a": 1e12, "sockets.free.rs485_b": 1e12})
    assert ran.measurement("sockets/pins_free").value == 100e6
    assert ran.measurement("sockets/pins_free").verdict == "PASS"


def test_contacts_that_this_bench_cannot_see_closed_are_no_fault_of_the_pack(tmp_path: Path) -> None:
    blind = {"contacts:    {resistance: 1 % + 100 mOhm}": "contacts:    {resistance: 1 % + 1.5 Ohm}"}
    steps = "  - {step: gone, press_key: shutdown, expect: {contacts: dead}}\n"
    with rig_on(tmp_path, steps, blind) as bench:
        record = bench.run(tmp_path).record
    assert record.verdict == "ERROR"
    assert "the uncertainty of the contacts (1.5 Ohm) leaves nothing of at most 1 Ohm" in record.reason
