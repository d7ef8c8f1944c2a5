"""What is written into a new board: only what is blank, with the journal saying so; anything else is BLOCKED."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from actions.short_runs import short_run
from bench_runs import SERIAL, Rig


def now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def test_a_blank_board_gets_serial_number_and_time(tmp_path: Path) -> None:
    ran = short_run(tmp_path, "", {"bms.parameters.pack_sn": ""})
    assert ran.record.verdict == "PASS", ran.record.reason
    assert ran.twin.bms.memory["pack_sn"] == SERIAL
    notes = ran.step("identity").notes
    assert f"pack_sn is blank; writing {SERIAL}" in notes
    assert any(note.startswith("clock is blank; writing 20") for note in notes)


def test_a_clock_that_is_right_is_left_alone(tmp_path: Path) -> None:
    def set_clock(bench: Rig) -> None:
        bench.twin.set("bms.clock.date", f"{now() - timedelta(minutes=8):%Y-%m-%d %H:%M:%S}")

    ran = short_run(tmp_path, "", look=set_clock)
    assert ran.record.verdict == "PASS", ran.record.reason
    assert not any("clock" in note for note in ran.step("identity").notes)


@pytest.mark.parametrize("off", [timedelta(hours=2), timedelta(days=-400)])
def test_a_clock_that_somebody_set_wrong_is_blocked_and_left_alone(off: timedelta, tmp_path: Path) -> None:
    def set_clock(bench: Rig) -> None:
        bench.twin.set("bms.clock.date", f"{now() + off:%Y-%m-%d %H:%M:%S}")

    ran = short_run(tmp_path, "", look=set_clock)
    assert ran.record.verdict == "BLOCKED"
    assert "the clock of the pack says" in ran.record.reason


def test_a_pack_that_does_not_keep_its_clock_is_not_driven_on(tmp_path: Path) -> None:
    ran = short_run(tmp_path, "  - use: eol/parameters\n", {"bms.clock.rate": 1000.0})
    assert ran.record.verdict == "FAIL"
    assert ran.record.reason.startswith("identity: clock: wrote 20")
    assert ran.record.reason.endswith("a pack that keeps other values than it is told is not driven on")
    assert [step.id for step in ran.record.steps][-1] == "identity"


def test_identity_binds_pack_and_board_and_the_lots_of_the_cells(tmp_path: Path) -> None:
    ran = short_run(tmp_path, "")
    assert ran.record.identity["serial_number"] == SERIAL
    assert ran.record.identity["bms_serial"] == "PB00000001"
    assert ran.measurement("identity/cell_lots").value is None
