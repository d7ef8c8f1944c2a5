"""A pack that comes to the bench running: a press for the start would switch it off."""

from __future__ import annotations

from pathlib import Path

from actions.short_runs import short_rig
from bench_runs import Ran

from station.model.events import Noted

SOC = "  - {step: soc, record: soc}\n"
RUNS = "the pack runs already, so it is shut down first"


def started(tmp_path: Path, *, running: bool) -> Ran:
    with short_rig(tmp_path, SOC) as bench:
        if running:
            bench.twin.awaken()
        return bench.run(tmp_path)


def notes(ran: Ran) -> list[str]:
    return [event.text for event in ran.events if isinstance(event, Noted)]


def test_it_is_shut_down_first_and_then_started(tmp_path: Path) -> None:
    ran = started(tmp_path, running=True)
    assert ran.bad_steps == []
    assert RUNS in notes(ran)


def test_a_pack_that_sleeps_is_not_pressed_twice(tmp_path: Path) -> None:
    ran = started(tmp_path, running=False)
    assert ran.bad_steps == []
    assert RUNS not in notes(ran)


def test_one_that_cannot_be_shut_down_is_a_failure_of_the_pack(tmp_path: Path) -> None:
    with short_rig(tmp_path, SOC, {"bms.power.sleeps": False}) as bench:
        bench.twin.awaken()
        ran = bench.run(tmp_path)
    assert ran.record.verdict == "FAIL"
    assert ran.bad_steps == ["start"]
