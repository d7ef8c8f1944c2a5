"""The full charging current: on a bench that can give it, and left out with the reason on one that cannot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from actions.short_runs import DRAWN, KNOWN

from station.cli.simulate import read_simulated
from station.clock import Scopes, VirtualClock
from station.model.bench import Bench
from station.model.files import build
from station.model.library import Library
from station.model.record import Record
from station.run.plan import Files, make_plan
from station.run.session import Request, carry_out
from station.twin.world import Twin

SERIAL = "BALI48-000001"
STEPS = f"""sequence: full
title: Full current
pack: bali48
steps:
  - use: [{KNOWN}]
{DRAWN}  - use: [eol/charge-limiter, eol/full-charge-current]
"""
LARGER = {
    "chroma-62050p-100-100": "ea-psb-10080-340",
    "charge_current: 95 A": "charge_current: 120 A",
    "charge_power: 5 kW": "charge_power: 7 kW",
}


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Record]:
    """Carry the steps out on the simulated bench with some of its text changed, and a parameter of the twin."""

    def carried_out(changes: dict[str, str], name: str = "", value: float = 0.0) -> Record:
        text = Path(Library.default().find("bench", "simulated")).read_text("utf-8")
        for old, new in changes.items():
            assert old in text
            text = text.replace(old, new)
        (tmp_path / "larger.yaml").write_text(text, "utf-8")
        (tmp_path / "full.yaml").write_text(STEPS, "utf-8")
        files = Files(Library.default())
        bench = build(files.open("bench", str(tmp_path / "larger.yaml")), Bench)
        plan = make_plan(files, str(tmp_path / "full.yaml"), bench, SERIAL)
        clock = VirtualClock()
        state = read_simulated(files, "factory_fresh", (), 1).state
        twin = Twin(bench, plan.pack, plan.protocol, state, clock, serial_number=SERIAL, seed=1)
        if name:
            twin.set(name, value)
        twin.start()
        try:
            return carry_out(Request(plan, SERIAL, tmp_path), twin.served(bench), Scopes(clock))[1]
        finally:
            twin.stop()

    return carried_out


def test_a_bench_that_can_gives_it_and_no_alarm_comes(run: Callable[..., Record]) -> None:
    record = run(LARGER)
    assert record.verdict == "PASS", record.reason
    [step] = [each for each in record.steps if each.id == "full-charge-current"]
    assert step.verdict == "PASS"
    assert step.duration_s > 5
    error = next(each for each in record.measurements if each.id == "full-charge-current/current_error")
    assert error.verdict == "PASS"
    assert {proof.state for proof in record.requirements if proof.id == "REQ-4.1-05"} == {"proven"}


def test_a_protection_that_acts_at_full_current_is_a_failure_of_the_pack(run: Callable[..., Record]) -> None:
    record = run(LARGER, "bms.protections.charge_overcurrent.trip_shift", -35.0)
    assert record.verdict == "FAIL"
    assert record.reason.startswith("full-charge-current: charge_kept: ")
    assert record.reason.endswith("the pack interrupted it, and says charge_overcurrent")


def test_a_bench_that_cannot_leaves_it_out_and_says_what_it_allows(run: Callable[..., Record]) -> None:
    record = run({})
    assert record.verdict == "PASS", record.reason
    [step] = [each for each in record.steps if each.id == "full-charge-current"]
    assert step.verdict == "NOT_TESTED"
    assert "`charge: full` is 100 A, and the envelope of bench simulated allows 95 A" in step.reason
