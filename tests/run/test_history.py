"""What earlier runs of a pack mean for the next one."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from bench_runs import SERIAL, Ran, rig

from station.clock import Scopes
from station.model.events import StepStarted
from station.model.record import Record
from station.model.verdict import Verdict
from station.run.history import PRODUCTION, Wanted, carried_over, earlier_records, why_not_free
from station.twin.world import Twin


@pytest.fixture(scope="module")
def aborted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Record]:
    """A run that was stopped after current had taken the pack out of its window."""
    data = tmp_path_factory.mktemp("data")
    with rig() as bench:
        bench.listeners.append(
            lambda event: (
                bench.scopes.stop("by hand")
                if isinstance(event, StepStarted) and event.step == "discharge-overcurrent"
                else None
            )
        )
        return data, bench.run(data).record


def test_a_retest_after_an_abort_carries_the_window_over_and_says_so(aborted: tuple[Path, Record]) -> None:
    data, before = aborted
    assert before.verdict == "ABORTED"
    with rig(state="shelf_2w") as bench:
        ran = bench.run(data)
    found = {each.name: each for each in ran.record.measurements if each.step == "window"}
    assert found["terminal_voltage"].verdict == "PASS"
    assert found["terminal_voltage"].carried_over
    assert found["terminal_voltage"].value == next(
        each.value for each in before.measurements if each.id == "window/terminal_voltage"
    )
    assert isinstance(found["terminal_voltage_now"].value, float)
    assert found["terminal_voltage_now"].value < 51.5
    assert any(before.run in note for step in ran.record.steps for note in step.notes)


def retested(data: Path, stopped_at: str, between: Callable[[Twin], None] = lambda twin: None) -> Ran:
    """The second run of a pack on its bench, after one that was stopped at a step."""
    with rig() as bench:
        bench.at(stopped_at, lambda: bench.scopes.stop("by hand"))
        assert bench.run(data).record.verdict == "ABORTED"
        bench.scopes, bench.listeners, bench.purpose = Scopes(bench.clock), [], "retest"
        between(bench.twin)
        return bench.run(data)


@pytest.mark.parametrize("step", ["discharge-overcurrent", "charge-overcurrent"])
def test_a_good_pack_passes_its_retest_wherever_the_first_run_was_stopped(step: str, tmp_path: Path) -> None:
    """It is no longer as full as it was, so it rests lower, and its cells show less resistance than the golden pack."""
    ran = retested(tmp_path, step)
    assert (ran.record.verdict, ran.record.reason) == ("PASS", "")
    assert ran.measurement("window/terminal_voltage").carried_over


def test_a_pack_that_a_run_left_on_and_dark_is_not_switched_off_by_its_start(tmp_path: Path) -> None:
    """While an under-voltage stands every lamp is dark (manual 7-1), as if the pack were off."""
    with rig() as bench:
        bench.at(
            "full-current/trips",
            lambda: bench.twin.set("connections.load.cut", True),
            lambda: bench.twin.bms.lamp_state == "undervoltage",
        )
        assert bench.run(tmp_path).record.verdict == "ERROR"
        bench.twin.set("connections.load.cut", False)
        assert not any(bench.twin.pack.lamps(bench.clock.now()).values())
        bench.scopes, bench.listeners, bench.purpose = Scopes(bench.clock), [], "retest"
        again = bench.run(tmp_path)
    assert (again.record.verdict, again.record.reason) == ("PASS", "")
    assert "the pack runs already, so it is shut down first" in again.step("start").notes


@pytest.mark.parametrize("into_the_press", [2.0, 5.0, 11.0])
def test_a_pack_that_a_press_of_the_station_made_silent_is_not_to_blame(into_the_press: float, tmp_path: Path) -> None:
    """Stopped while the key is pressed for the reset, or the pack boots after it, with a parameter still changed."""
    with rig() as bench:
        began: list[float] = []

        def pressed_so_long() -> bool:
            if not began and bench.twin.bms.key.pressed:
                began.append(bench.clock.now())
            return bool(began) and bench.clock.now() - began[0] >= into_the_press

        bench.at("reset", lambda: bench.scopes.stop("by hand"), pressed_so_long)
        record = bench.run(tmp_path).record
    assert record.verdict in ("ABORTED", "ERROR"), record.reason
    assert (record.thresholds == "restored and read back") == (record.verdict == "ABORTED")


def test_a_resistance_that_rose_since_is_not_the_doing_of_the_test(tmp_path: Path) -> None:
    ran = retested(tmp_path, "discharge-overcurrent", lambda twin: twin.set("cells.joint[4]", 0.5e-3))
    assert ran.record.verdict == "FAIL"
    found = ran.measurement("resistance/cell_resistance_4")
    assert (found.verdict, found.carried_over) == ("FAIL", False)


def test_a_window_is_not_carried_over_for_ever_nor_past_a_verdict(aborted: tuple[Path, Record]) -> None:
    _, record = aborted
    key = "window/terminal_voltage"
    began = datetime.fromisoformat(record.started_at)
    assert carried_over([record], began + timedelta(hours=7))[key].age == pytest.approx(7 * 3600)
    failed = record.model_copy(update={"verdict": Verdict.FAIL})
    assert key not in carried_over([failed, record])
    blocked = record.model_copy(update={"verdict": Verdict.BLOCKED})
    assert key in carried_over([blocked, record], datetime.now(UTC))


def test_in_production_a_pack_that_passed_is_tested_again_only_for_a_reason(aborted: tuple[Path, Record]) -> None:
    data, record = aborted
    with rig() as bench:
        pack = bench.plan.pack
    passed = record.model_copy(update={"verdict": Verdict.PASS})
    failed = record.model_copy(update={"verdict": Verdict.FAIL})
    wanted = Wanted("eol", PRODUCTION, "")
    assert "passed already" in why_not_free([passed], pack, wanted)
    assert why_not_free([passed], pack, Wanted("eol", PRODUCTION, "audit")) == ""
    assert why_not_free([passed], pack, Wanted("rework", PRODUCTION, "")) == ""
    assert why_not_free([failed], pack, wanted) == ""
    assert "goes to rework" in why_not_free([failed, failed], pack, wanted)
    assert record.run in [each.run for each in earlier_records(data, SERIAL, simulated=False)]
    assert not [*earlier_records(data, SERIAL, simulated=True)]
