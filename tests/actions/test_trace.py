"""What becomes of each of the 178 requirements: promised by the plan, kept by the run."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench_runs import rig

from station.model.library import Library
from station.run.plan import Files, make_plan
from station.run.tracing import Traced, trace_plan


def traced(sequence: str) -> dict[str, Traced]:
    files = Files(Library.default())
    plan = make_plan(files, sequence, files.bench("simulated"), None)
    return {each.requirement.id: each for each in trace_plan(plan)}


@pytest.mark.parametrize("sequence", ["eol", "eol-full"])
def test_every_requirement_is_proven_recorded_elsewhere_or_not_testable_with_the_reason(sequence: str) -> None:
    found = traced(sequence)
    assert len(found) == 178
    assert not [name for name, each in found.items() if each.state == "owed"]
    assert not [name for name, each in found.items() if not each.by or not all(each.by)]


def test_only_the_lock_is_left_to_the_complete_sequence() -> None:
    short, full = traced("eol"), traced("eol-full")
    differ = {name for name in short if short[name].state != full[name].state}
    assert differ == {"REQ-4.2-47", "REQ-4.2-48"}
    assert all(short[name].by == ("eol-full", "rework") for name in differ)
    assert full["REQ-4.2-47"].by == ("overcurrent-lock",)


def test_what_the_station_itself_shows_says_how() -> None:
    shown = {name for name, each in traced("eol").items() if each.by[0].startswith("the station itself: ")}
    expected = {"1-01", "4.1-02", "4.1-06", "4.1-08", "6.11-02", "6.11-05", "6.11-12"}
    assert shown == {f"REQ-{key}" for key in expected}


def test_tests_that_show_something_exist() -> None:
    root = Path(__file__).parents[2]
    named = [word for each in traced("eol").values() for by in each.by for word in by.split() if word.endswith(".py")]
    assert named
    assert all((root / name).is_file() for name in named)


def test_what_the_plan_promises_a_good_run_keeps(tmp_path: Path) -> None:
    promised = {name: each for name, each in traced("eol").items() if each.state == "proven"}
    with rig() as bench:
        ran = bench.run(tmp_path)
    kept = {proof.id for proof in ran.record.requirements if proof.state == "proven"}
    assert ran.record.verdict == "PASS", ran.record.reason
    assert kept == set(promised)
