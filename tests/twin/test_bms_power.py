"""What wakes the board, what puts it to sleep, and what it does when its supply fails (manual 4.2, 4.3, 6-7, 8)."""

from __future__ import annotations

import pytest
from twin.rig import Rig, new_pack


@pytest.fixture
def asleep() -> Rig:
    """A pack that has been switched off, a voltmeter at its posts."""
    rig = Rig(new_pack("shelf_2w")).started()
    rig.press(4.5)
    rig.wait(1)
    return rig


def neighbour(rig: Rig, volts: float) -> None:
    """Switch on a parallel pack of so many volts."""
    rig.charge(1, volts)


def own_voltage(rig: Rig) -> float:
    return float(rig.pack.cells.voltages(0.0).sum())


@pytest.mark.parametrize("difference", [-0.4, 0.0, 1.0])
def test_a_parallel_pack_that_starts_wakes_it(asleep: Rig, difference: float) -> None:
    neighbour(asleep, own_voltage(asleep) + difference)
    assert asleep.until(lambda: asleep.bms.answers, 5) < 3


def test_a_voltage_that_is_not_that_of_a_parallel_pack_does_not(asleep: Rig) -> None:
    neighbour(asleep, own_voltage(asleep) - 2)
    asleep.wait(5)
    assert not asleep.bms.answers


def test_nothing_at_its_posts_but_a_voltmeter_does_not(asleep: Rig) -> None:
    assert asleep.found.terminal_voltage > 40
    asleep.wait(10)
    assert not asleep.bms.answers


def test_a_charger_behind_an_open_breaker_does_not(asleep: Rig) -> None:
    asleep.pack.breaker.closed = False
    asleep.charge(5, 54)
    asleep.wait(5)
    assert not asleep.bms.answers
    asleep.pack.breaker.closed = True
    asleep.until(lambda: asleep.bms.answers, 5)


def test_it_sleeps_after_four_hours_without_current_and_not_before() -> None:
    rig = Rig(new_pack("shelf_2w")).started()
    sensed, start = rig.pack._sensed(), rig.now
    for minutes in range(1, 4 * 60):
        rig.bms.tick(start + minutes * 60.0, sensed)
    assert rig.bms.answers
    rig.bms.tick(start + 4 * 3600.0 + 1, sensed)
    assert rig.bms.lamp_state == "asleep"
    assert rig.bms.history[0].event == "board.standby"


def test_current_puts_off_the_standby() -> None:
    rig = Rig(new_pack("shelf_2w")).started()
    rig.bms.power.standby = 5.0
    rig.discharge(1)
    rig.wait(20)
    assert rig.bms.answers
    rig.discharge(0)
    rig.wait(5.5)
    assert not rig.bms.answers


def test_it_reboots_when_a_load_pulls_its_supply_down() -> None:
    rig = Rig(new_pack("shelf_2w")).started()
    rig.bms.power.needs = own_voltage(rig) - 0.3
    rig.discharge(100)
    rig.wait(0.3)
    assert not rig.bms.answers
    assert rig.found.current == pytest.approx(0, abs=0.1)
    rig.discharge(0)
    rig.wait(4)
    assert rig.bms.answers
    assert [record.event for record in rig.bms.history][:2] == ["board.start", "board.supply_lost"]


def test_below_its_supply_no_key_starts_it() -> None:
    rig = Rig(new_pack("shelf_2w"))
    rig.bms.power.needs = 60.0
    rig.press(3.5)
    rig.wait(3)
    assert rig.bms.lamp_state == "asleep"


def test_a_dead_board_is_dark_silent_and_closes_the_alarm_contact() -> None:
    rig = Rig(new_pack("shelf_2w")).started()
    assert dict(rig.pack.contacts()) == {"alarm": False, "low": False}
    rig.bms.power.dead = True
    rig.wait(0.2)
    rig.press(3.5)
    assert not rig.bms.answers
    assert not any(rig.pack.lamps(rig.now).values())
    assert dict(rig.pack.contacts()) == {"alarm": True, "low": False}
    rig.discharge(5)
    rig.wait(0.2)
    assert rig.found.current == pytest.approx(0, abs=0.1)


def test_a_shutdown_by_command_is_one() -> None:
    rig = Rig(new_pack("shelf_2w")).started()
    rig.bms.shut_down(rig.now)
    assert rig.bms.lamp_state == "asleep"
    rig.bms.shut_down(rig.now)
    assert [record.event for record in rig.bms.history] == ["board.shutdown", "board.start"]
