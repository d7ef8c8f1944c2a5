"""What the board writes down: the ring of records, and the clock that dates them (manual 4.2)."""

from __future__ import annotations

from datetime import datetime

import pytest
from twin.rig import Rig, new_pack

from station.twin.bms import NEVER_SET, BoardClock, History, HistoryRecord


@pytest.fixture
def rig() -> Rig:
    """A running pack with room to charge."""
    return Rig(new_pack("shelf_2w")).started()


def events(rig: Rig) -> list[str]:
    """Oldest first."""
    return [record.event for record in rig.bms.history][::-1]


def record(event: str) -> HistoryRecord:
    nothing = frozenset[str]()
    return HistoryRecord(NEVER_SET, event, None, 50.0, 50.0, 100.0, 0, nothing, nothing, nothing)


def test_an_overcurrent_is_written_down_with_what_was_seen(rig: Rig) -> None:
    rig.discharge(132)
    rig.wait(2)
    assert events(rig) == ["board.start", "discharge_overcurrent.alarm", "discharge_overcurrent.trip",
                           "discharge_overcurrent.alarm_end"]  # fmt: skip
    trip = rig.bms.history[1]
    assert trip.readings is not None
    assert trip.readings.current == pytest.approx(-132, abs=1.5)
    assert trip.protection == {"discharge_overcurrent"}
    assert trip.warning == {"discharge_overcurrent"}
    assert "discharging" in trip.status
    assert trip.soc == rig.value("soc")


def test_a_release_a_failure_and_a_lock_are_written_down(rig: Rig) -> None:
    rig.bms.recovery.locks_after, rig.bms.recovery.after = 2, 1.0
    for _ in range(2):
        rig.discharge(132)
        rig.until(lambda: rig.found.current > -1, 2)
        rig.discharge(0)
        rig.wait(1.2)
    rig.charge(5)
    rig.wait(1.5)
    rig.bms.adc.cell_wires[3] = "open"
    rig.wait(0.5)
    shown = [event for event in events(rig) if "alarm" not in event]
    trips, releases = "discharge_overcurrent.trip", "discharge_overcurrent.release"
    assert shown[1:5] == [trips, releases, trips, "overcurrent.locked"]
    assert {"overcurrent.unlocked", "front_end_fault.begin"} <= set(shown[5:])


def test_the_history_survives_a_reset_a_shutdown_and_a_loss_of_supply(rig: Rig) -> None:
    rig.press(10.5)
    rig.wait(3)
    rig.press(4.5)
    rig.press(3.5)
    rig.wait(3)
    rig.bms.power.dead = True
    rig.wait(0.2)
    rig.bms.power.dead = False
    rig.wait(3)
    whole = ["board.start", "board.reset", "board.shutdown", "board.start", "board.supply_lost", "board.start"]
    assert events(rig) == whole


def test_at_least_a_thousand_records_are_kept_and_the_oldest_give_way() -> None:
    history = History()
    for number in range(history.depth + 10):
        history.add(record(str(number)))
    assert len(history) == history.depth >= 1000
    assert history[0].event == str(history.depth + 9)
    assert history[len(history) - 1].event == "10"
    with pytest.raises(IndexError):
        history[len(history)]


def test_a_board_may_keep_fewer_and_the_newest_stay() -> None:
    history = History()
    for number in range(5):
        history.add(record(str(number)))
    history.depth = 2
    assert [each.event for each in history] == ["4", "3"]
    history.clear()
    assert len(history) == 0


def test_records_carry_the_time_of_the_boards_own_clock(rig: Rig) -> None:
    rig.bms.clock.set(datetime(2026, 7, 1, 12), rig.now)
    started = rig.now
    rig.press(4.5)
    after = rig.bms.history[0].at - datetime(2026, 7, 1, 12)
    assert 4.5 <= after.total_seconds() <= rig.now - started


def test_a_clock_that_was_never_set_counts_from_2000_and_sleep_does_not_stop_it(rig: Rig) -> None:
    rig.press(4.5)
    rig.wait(5)
    assert (rig.bms.clock.read(rig.now) - NEVER_SET).total_seconds() == pytest.approx(rig.now)


def test_a_clock_can_be_wrong_and_run_wrong() -> None:
    clock = BoardClock(rate=1.01)
    clock.date = "2031-02-28 23:59:50"
    assert clock.date == "2031-02-28 23:59:50"
    assert clock.read(1000.0) == datetime(2031, 3, 1, 0, 16, 40)
