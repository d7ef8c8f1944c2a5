"""Key, start, sleep and lamps of the simulated pack (manual 4.2, 6-7, 7-1, 7-3)."""

from __future__ import annotations

import pytest
from twin.rig import PANEL, Rig, new_pack

from station.twin.bms.lamps import Lamps, lamp_state

ALL = {"RUN", "ALM", "L1", "L2", "L3", "L4"}


def lit(rig: Rig) -> set[str]:
    return {lamp for lamp, is_lit in rig.pack.lamps(rig.now).items() if is_lit}


def test_a_sleeping_pack_is_dark_silent_and_dead_at_its_posts() -> None:
    rig = Rig()
    rig.wait(1)
    assert lit(rig) == set()
    assert not rig.bms.answers
    assert dict(rig.pack.contacts()) == {"alarm": True, "low": False}
    rig.load.on, rig.load.mode, rig.load.resistance = True, "CR", 1000
    rig.wait(0.2)
    assert rig.found.terminal_voltage < 0.1


def test_the_key_starts_it_after_a_second_and_the_first_answer_comes_two_seconds_later() -> None:
    rig = Rig()
    rig.pack.press(True)
    assert rig.until(lambda: lit(rig) == ALL, 2) == pytest.approx(1.0, abs=0.15)
    assert rig.until(lambda: rig.bms.answers, 3) == pytest.approx(2.0, abs=0.15)
    assert lit(rig) - {"RUN"} == {"L1", "L2", "L3", "L4"}
    assert rig.found.terminal_voltage > 0


def test_a_press_below_a_second_starts_nothing() -> None:
    rig = Rig()
    rig.press(0.8)
    rig.wait(3)
    assert lit(rig) == set()


def test_the_press_that_started_it_asks_for_nothing_else() -> None:
    rig = Rig()
    rig.press(9.0)
    assert rig.bms.answers


def test_a_key_that_stays_pressed_resets_the_pack_every_ten_seconds() -> None:
    rig = Rig()
    rig.bms.key.stuck = True
    assert rig.until(lambda: lit(rig) == ALL, 2) == pytest.approx(1.0, abs=0.15)
    rig.wait(5)
    assert rig.until(lambda: lit(rig) == ALL, 10) == pytest.approx(5.0, abs=0.15)
    rig.wait(5)
    assert rig.until(lambda: lit(rig) == ALL, 10) == pytest.approx(5.0, abs=0.15)


@pytest.mark.parametrize(
    ("seconds", "state"),
    [
        (1.5, "standby"),
        (2.8, "standby"),
        (3.5, "asleep"),
        (4.5, "asleep"),
        (5.8, "asleep"),
        (6.3, "lamp_test"),
        (10.5, "lamp_test"),
    ],
)
def test_what_a_press_does_follows_from_its_length(seconds: float, state: str) -> None:
    rig = Rig().started()
    rig.press(seconds)
    assert rig.bms.lamp_state == state


def test_a_reset_comes_at_ten_seconds_though_the_key_is_still_held() -> None:
    rig = Rig().started()
    rig.pack.press(True)
    rig.wait(9.8)
    assert rig.bms.lamp_state == "standby"
    rig.wait(0.4)
    assert lit(rig) == ALL


def test_a_reset_clears_an_overcurrent_and_keeps_settings_and_counters() -> None:
    rig = Rig(new_pack("shelf_2w")).started()
    rig.set(cell_sleep_delay=600)
    rig.bms.gauge.cycles = 7
    rig.discharge(132)
    rig.wait(2)
    rig.discharge(0)
    rig.press(10.5)
    rig.wait(3)
    assert not rig.flags("protection")
    assert rig.value("cell_sleep_delay") == 600
    assert rig.value("cycles") == 7


def test_a_memory_that_forgets_loses_what_was_written_at_a_reset() -> None:
    rig = Rig().started()
    rig.bms.memory.forgets = True
    rig.set(cell_sleep_delay=600)
    assert rig.value("cell_sleep_delay") == 600
    rig.press(10.5)
    rig.wait(3)
    assert rig.value("cell_sleep_delay") == 300


def test_a_dead_key_does_nothing_and_a_charger_wakes_the_pack() -> None:
    rig = Rig(new_pack("shelf_2w"))
    rig.bms.key.dead = True
    rig.press(3.5)
    rig.wait(3)
    assert not rig.bms.answers
    rig.charge(5, 52.5)
    assert rig.until(lambda: rig.bms.answers, 4) < 3


def test_a_stuck_key_resets_again_and_again() -> None:
    rig = Rig().started()
    rig.bms.key.stuck = True
    rig.wait(10.5)
    assert rig.bms.lamp_state == "lamp_test"


def test_a_pack_can_refuse_to_sleep_or_wake_by_itself() -> None:
    rig = Rig().started()
    rig.bms.power.sleeps = False
    rig.press(4.5)
    assert rig.bms.lamp_state == "standby"
    rig.bms.power.sleeps, rig.bms.power.wakes_after = True, 2.0
    rig.press(4.5)
    assert not rig.bms.answers
    rig.until(lambda: rig.bms.answers, 5)


def test_it_sleeps_after_four_hours_without_current_and_when_a_cell_is_low() -> None:
    rig = Rig().started()
    rig.bms.power.standby = 30.0
    rig.wait(31)
    assert rig.bms.lamp_state == "asleep"
    low = Rig(new_pack("shipped_30pct")).started()
    low.set(cell_sleep_voltage=3.4, cell_sleep_delay=60)
    low.wait(50)
    assert low.bms.answers
    low.wait(15)
    assert not low.bms.answers


def test_the_address_switch_counts_from_the_next_start() -> None:
    rig = Rig().started()
    rig.bms.address_switch = 3
    rig.wait(1)
    assert rig.bms.address == 1
    rig.press(10.5)
    assert rig.bms.address == 3


# --- lamps ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flow", "charge", "discharge", "alarms", "state"),
    [
        ("standby", (), (), (), "standby"),
        ("standby", (), (), ("cell_undervoltage",), "standby_alarm"),
        ("charging", (), (), ("cell_overvoltage", "pack_overvoltage"), "charging"),
        ("charging", (), (), ("soc_low",), "charging_alarm"),
        ("discharging", (), (), ("cell_overvoltage",), "discharging_alarm"),
        ("standby", ("cell_overvoltage",), (), (), "overvoltage"),
        ("standby", ("cell_overvoltage", "charge_overcurrent"), (), (), "charge_protection"),
        ("discharging", ("cell_overvoltage",), (), (), "discharging"),
        ("standby", (), ("cell_undervoltage", "pack_undervoltage"), (), "undervoltage"),
        ("charging", (), ("cell_undervoltage",), (), "charging"),
        ("standby", (), ("discharge_overcurrent",), ("discharge_overcurrent",), "discharge_protection"),
        ("standby", ("mosfet_overtemperature",), ("mosfet_overtemperature",), (), "charge_protection"),
    ],
)  # fmt: skip
def test_the_state_of_the_lamps(
    flow: str, charge: tuple[str, ...], discharge: tuple[str, ...], alarms: tuple[str, ...], state: str
) -> None:
    assert lamp_state(flow, charge, discharge, alarms) == state  # type: ignore[arg-type] # a parametrised word


@pytest.mark.parametrize(("soc", "count"), [(0, 0), (1, 1), (25, 1), (26, 2), (50, 2), (75, 3), (76, 4), (100, 4)])
def test_each_begun_quarter_lights_a_capacity_lamp(soc: float, count: int) -> None:
    lamps = PANEL.lamps("standby", soc, 0.0, Lamps())
    assert [lamps[f"L{number}"] for number in range(1, 5)] == [number <= count for number in range(1, 5)]


@pytest.mark.parametrize(
    ("state", "lamp", "on", "period"),
    [
        ("standby", "RUN", 0.25, 4.0),
        ("charging", "L3", 0.5, 1.0),
        ("discharging", "RUN", 0.5, 2.0),
        ("standby_alarm", "ALM", 0.5, 2.0),
    ],
)
def test_flashes_have_the_manuals_times(state: str, lamp: str, on: float, period: float) -> None:
    samples = [PANEL.lamps(state, 60, step * 0.01, Lamps())[lamp] for step in range(round(3 * period / 0.01))]
    assert sum(samples) == pytest.approx(3 * on / 0.01, abs=2)
    rises = [index for index in range(1, len(samples)) if samples[index] and not samples[index - 1]]
    assert rises == pytest.approx([period / 0.01, 2 * period / 0.01], abs=1)


def test_a_broken_lamp_is_broken_in_every_state() -> None:
    broken = Lamps(L3="dark", ALM="lit")
    for state in PANEL.states:
        lamps = PANEL.lamps(state, 100, 0.0, broken)
        assert (lamps["L3"], lamps["ALM"]) == (False, True)


def test_a_failure_shows_a_steady_alarm_and_opens_both_fets() -> None:
    rig = Rig().started()
    rig.bms.adc.cell_wires[4] = "open"
    rig.wait(0.5)
    assert lit(rig) == {"ALM"}
    assert "front_end_fault" in rig.flags("status")
    assert not {"charge_fet", "discharge_fet"} & rig.flags("status")


def test_a_short_press_shows_the_charge_for_a_while_though_the_lamps_say_something_else() -> None:
    rig = Rig(new_pack("shipped_30pct")).started()
    rig.discharge(132)
    rig.wait(2)
    assert lit(rig) == {"ALM"}
    rig.press(1.5)
    assert lit(rig) == {"ALM", "L1", "L2"}
    rig.wait(5)
    assert lit(rig) == {"ALM"}


def test_lamps_can_be_switched_off_and_a_short_press_shows_the_charge_all_the_same() -> None:
    rig = Rig(new_pack("shipped_30pct")).started()
    rig.bms.lamps.enabled = False
    assert lit(rig) == set()
    rig.press(1.0)
    assert lit(rig) == {"L1", "L2"}
    rig.press(10.5)
    assert lit(rig) == set()
