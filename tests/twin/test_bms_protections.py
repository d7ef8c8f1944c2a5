"""Alarms and protections of the simulated BMS, seen from outside: current, flags, FETs, lamps."""

from __future__ import annotations

import pytest
from twin.rig import Rig, new_pack

CURRENTS = {"pack_undervoltage": 100}
"""A nearly full pack is above 50 V at 20 A, and no threshold may be."""


@pytest.fixture
def rig() -> Rig:
    """A running pack with room to charge, nothing connected yet."""
    return Rig(new_pack("shelf_2w")).started()


def tripped(rig: Rig, name: str, at_most: float = 2.0) -> float:
    """Seconds until the current is gone; the flag and the FET then agree."""
    seconds = rig.until(lambda: abs(rig.found.current) < 0.2, at_most)
    rig.wait(0.1)
    assert name in rig.flags("protection")
    return seconds


DISCHARGE_SHIFTS: dict[str, dict[str, float]] = {
    "cell_undervoltage": {"alarm": 3.36, "trip": 3.36, "release": 3.37},
    "pack_undervoltage": {"alarm": 49.98, "trip": 49.97, "release": 49.99},
    "discharge_overtemperature": {"alarm": 22, "trip": 22, "release": 20},
    "discharge_undertemperature": {"alarm": 28, "trip": 28, "release": 30},
}
CHARGE_SHIFTS: dict[str, dict[str, float]] = {
    "cell_overvoltage": {"alarm": 3.32, "trip": 3.32, "release": 3.30},
    "pack_overvoltage": {"alarm": 49.0, "trip": 49.0, "release": 48.0},
    "charge_overtemperature": {"alarm": 22, "trip": 22, "release": 20},
    "charge_undertemperature": {"alarm": 28, "trip": 28, "release": 30},
}
BOTH_SHIFTS: dict[str, dict[str, float]] = {
    "ambient_overtemperature": {"alarm": 22, "trip": 22, "release": 20},
    "ambient_undertemperature": {"alarm": 28, "trip": 28, "release": 30},
}


def shift(rig: Rig, name: str, values: dict[str, float]) -> None:
    rig.set(**{f"{name}__{value}": number for value, number in values.items()})


@pytest.mark.parametrize("name", [*DISCHARGE_SHIFTS, *BOTH_SHIFTS])
def test_a_shifted_protection_stops_the_discharge_after_its_delay(rig: Rig, name: str) -> None:
    rig.discharge(CURRENTS.get(name, 20))
    rig.wait(3)
    assert rig.found.current < -19
    shift(rig, name, {**DISCHARGE_SHIFTS, **BOTH_SHIFTS}[name])
    assert 0.9 <= tripped(rig, name) <= 1.2
    assert "discharge_fet" not in rig.flags("status")
    assert rig.pack.contacts()["alarm"]


@pytest.mark.parametrize("name", [*CHARGE_SHIFTS, *BOTH_SHIFTS])
def test_a_shifted_protection_stops_the_charge_after_its_delay(rig: Rig, name: str) -> None:
    rig.charge(20)
    rig.wait(3)
    assert rig.found.current == pytest.approx(20, abs=0.1)
    shift(rig, name, {**CHARGE_SHIFTS, **BOTH_SHIFTS}[name])
    assert 0.9 <= tripped(rig, name) <= 1.2
    assert "charge_fet" not in rig.flags("status")


def test_a_mosfet_that_got_warm_can_be_made_to_trip(rig: Rig) -> None:
    rig.discharge(100)
    rig.wait(40)
    assert rig.value("mosfet_temperature") > 32
    rig.discharge(20)
    shift(rig, "mosfet_overtemperature", {"alarm": 30.1, "trip": 30.1, "release": 30})
    assert 0.9 <= tripped(rig, "mosfet_overtemperature") <= 1.2


@pytest.mark.parametrize(("name", "values"), DISCHARGE_SHIFTS.items())
def test_an_undervoltage_comes_back_only_with_a_charge_and_temperatures_by_themselves(
    rig: Rig, name: str, values: dict[str, float]
) -> None:
    before = dict(rig.bms.memory.values)
    rig.discharge(CURRENTS.get(name, 20))
    rig.wait(1)
    shift(rig, name, values)
    tripped(rig, name)
    rig.set(**{key.replace(".", "__"): number for key, number in before.items() if key.startswith(name)})
    rig.wait(3)
    by_itself = abs(rig.found.current) > 19
    assert by_itself is ("undervoltage" not in name)
    rig.discharge(0)
    rig.charge(5)
    rig.wait(2)
    assert not rig.flags("protection")
    assert "discharge_fet" in rig.flags("status")


def test_an_undervoltage_without_the_need_to_charge_comes_back_at_once(rig: Rig) -> None:
    rig.bms.protections["cell_undervoltage"].needs_charge = False
    rig.discharge(20)
    shift(rig, "cell_undervoltage", {"alarm": 3.36, "trip": 3.36, "release": 3.37})
    tripped(rig, "cell_undervoltage")
    shift(rig, "cell_undervoltage", {"alarm": 2.8, "trip": 2.5, "release": 2.9})
    rig.wait(1)
    assert rig.found.current == pytest.approx(-20, abs=0.1)


def test_overvoltage_calls_the_pack_full_and_ends_below_the_release(rig: Rig) -> None:
    rig.bms.gauge.remaining = 60.0
    rig.charge(20)
    rig.wait(2)
    shift(rig, "cell_overvoltage", {"alarm": 3.32, "trip": 3.32, "release": 3.30})
    tripped(rig, "cell_overvoltage")
    assert rig.value("soc") == 100
    assert rig.bms.lamp_state == "overvoltage"
    shift(rig, "cell_overvoltage", {"release": 3.38, "trip": 3.7, "alarm": 3.6})
    rig.wait(1)
    assert rig.found.current == pytest.approx(20, abs=0.1)


def test_overvoltage_leaves_the_discharge_through_the_body_diode(rig: Rig) -> None:
    shift(rig, "cell_overvoltage", {"alarm": 3.32, "trip": 3.32, "release": 3.30})
    rig.wait(2)
    rig.discharge(10)
    rig.wait(1)
    assert rig.found.current == pytest.approx(-10, abs=0.1)
    assert rig.bms.readings is not None
    assert rig.bms.readings.pack_voltage - rig.found.terminal_voltage == pytest.approx(0.65 + 10 * 6e-3, abs=0.05)


def test_an_overvoltage_ends_early_when_little_charge_is_left(rig: Rig) -> None:
    rig.charge(20)
    shift(rig, "cell_overvoltage", {"alarm": 3.37, "trip": 3.37, "release": 3.30})
    tripped(rig, "cell_overvoltage", 60)
    rig.charge(0)
    rig.wait(3)
    assert "cell_overvoltage" in rig.flags("protection")
    rig.bms.gauge.remaining = 94.0
    rig.wait(1)
    assert not rig.flags("protection")


# --- over-current ---------------------------------------------------------------------------------------------------


def test_128_a_hold_with_the_alarm_up_and_132_a_trip(rig: Rig) -> None:
    rig.discharge(128)
    rig.wait(5)
    assert rig.flags("warning") == {"discharge_overcurrent"}
    assert rig.found.current == pytest.approx(-128, abs=0.1)
    assert rig.bms.lamp_state == "discharging_alarm"
    rig.discharge(132)
    assert 0.9 <= tripped(rig, "discharge_overcurrent") <= 1.2
    assert rig.bms.lamp_state == "discharge_protection"


def test_every_seed_trips_within_the_tolerance_band() -> None:
    for seed in range(8):
        rig = Rig(new_pack("shelf_2w", seed=seed)).started()
        rig.discharge(128.4)
        rig.wait(2)
        assert rig.found.current < -128
        rig.discharge(131.6)
        tripped(rig, "discharge_overcurrent")


def test_a_shifted_comparator_trips_six_amperes_late(rig: Rig) -> None:
    rig.bms.overcurrent.trip_shift = 6.0
    rig.discharge(134)
    rig.wait(5)
    assert rig.found.current == pytest.approx(-134, abs=0.1)
    rig.discharge(138)
    tripped(rig, "discharge_overcurrent")


def test_the_second_stage_is_faster_and_shows_on_the_same_bit(rig: Rig) -> None:
    rig.discharge(160)
    assert tripped(rig, "discharge_overcurrent") <= 0.3


def test_a_charge_overcurrent_trips_by_shift_once_the_limiter_is_off(rig: Rig) -> None:
    shift(rig, "charge_overcurrent", {"alarm": 25, "trip": 30})
    rig.charge(35)
    rig.wait(3)
    assert rig.found.current == pytest.approx(20.6, abs=0.1)
    assert "charge_limiter" in rig.flags("status")
    rig.bms.limiter.enabled = False
    tripped(rig, "charge_overcurrent")
    assert rig.bms.lamp_state == "charge_protection"


def test_an_overcurrent_recovers_after_60_s(rig: Rig) -> None:
    rig.discharge(132)
    tripped(rig, "discharge_overcurrent")
    rig.discharge(5)
    assert rig.until(lambda: rig.found.current < -4, 70) == pytest.approx(60, abs=0.3)
    rig.wait(0.1)
    assert not rig.flags("protection")


def overcurrents(rig: Rig, times: int) -> None:
    for _ in range(times):
        rig.discharge(5)
        rig.until(lambda: rig.found.current < -4, 70)
        rig.discharge(132)
        tripped(rig, "discharge_overcurrent")
    rig.discharge(5)


def test_the_third_overcurrent_locks_and_a_charger_unlocks(rig: Rig) -> None:
    overcurrents(rig, 3)
    rig.wait(65)
    assert rig.found.current == pytest.approx(0, abs=0.2)
    rig.discharge(0)
    rig.charge(5)
    rig.wait(3)
    assert not rig.flags("protection")
    rig.charge(0)
    rig.discharge(5)
    rig.wait(1)
    assert rig.found.current == pytest.approx(-5, abs=0.1)


def test_overcurrents_more_than_five_minutes_apart_do_not_lock(rig: Rig) -> None:
    overcurrents(rig, 2)
    rig.wait(301)
    overcurrents(rig, 1)
    rig.wait(61)
    assert rig.found.current == pytest.approx(-5, abs=0.1)


@pytest.mark.parametrize(
    ("name", "value", "comes_back"),
    [("after", 5.0, True), ("after", 1e9, False), ("locks_after", 1, False)],
)
def test_the_recovery_can_be_made_wrong(rig: Rig, name: str, value: float, comes_back: bool) -> None:
    setattr(rig.bms.recovery, name, value)
    rig.discharge(132)
    tripped(rig, "discharge_overcurrent")
    rig.discharge(5)
    rig.wait(8 if name == "after" and value < 60 else 62)
    assert (rig.found.current < -4) is comes_back


def test_a_lock_that_no_charger_opens(rig: Rig) -> None:
    rig.bms.recovery.unlocks = False
    overcurrents(rig, 3)
    rig.discharge(0)
    rig.charge(5)
    rig.wait(5)
    assert rig.found.current == pytest.approx(5, abs=0.1)
    assert "discharge_overcurrent" in rig.flags("protection")


def test_a_short_circuit_opens_the_fet_at_once(rig: Rig) -> None:
    rig.load.on, rig.load.mode, rig.load.resistance = True, "CR", 0.05
    rig.step(0.001)
    rig.step(0.001)
    assert rig.found.current == pytest.approx(0, abs=0.2)
    rig.wait(0.2)
    assert "short_circuit" in rig.flags("protection")


# --- what can be wrong ----------------------------------------------------------------------------------------------


def test_a_welded_fet_carries_on_while_flag_and_status_say_otherwise(rig: Rig) -> None:
    rig.bms.discharge_fet.stuck = "closed"
    rig.discharge(132)
    rig.wait(3)
    assert rig.found.current == pytest.approx(-132, abs=0.2)
    assert "discharge_overcurrent" in rig.flags("protection")
    assert "discharge_fet" not in rig.flags("status")


def test_a_fet_that_never_conducts_takes_no_charge(rig: Rig) -> None:
    rig.bms.charge_fet.stuck = "open"
    rig.charge(20)
    rig.wait(1)
    assert rig.found.current == pytest.approx(0, abs=0.1)
    assert "charge_fet" in rig.flags("status")


def test_a_protection_can_be_slow_dead_or_silent(rig: Rig) -> None:
    protection = rig.bms.protections["discharge_overcurrent"]
    protection.delay_factor = 3.0
    rig.discharge(132)
    assert 2.9 <= rig.until(lambda: rig.found.current > -1, 5) <= 3.2
    rig.discharge(5)
    rig.until(lambda: rig.found.current < -4, 70)
    protection.delay_factor, protection.flag_hidden = 1.0, True
    rig.discharge(132)
    rig.until(lambda: rig.found.current > -1, 2)
    assert not rig.flags("protection")
    rig.discharge(5)
    rig.until(lambda: rig.found.current < -4, 70)
    protection.enabled = False
    rig.discharge(140)
    rig.wait(5)
    assert rig.found.current == pytest.approx(-140, abs=0.2)


def test_a_wrong_current_gain_trips_below_the_limit(rig: Rig) -> None:
    rig.bms.adc.current_gain = 1.05
    rig.discharge(125)
    tripped(rig, "discharge_overcurrent")


def test_a_bms_that_reboots_under_load_is_silent_and_comes_back(rig: Rig) -> None:
    rig.bms.power.reboots_above = 90.0
    rig.discharge(100)
    rig.wait(0.3)
    assert not rig.bms.answers
    assert rig.found.current == pytest.approx(0, abs=0.2)
    rig.discharge(0)
    rig.wait(2.5)
    assert rig.bms.answers


# --- alarms ---------------------------------------------------------------------------------------------------------


def test_a_group_of_alarms_does_not_stop_the_current_and_moves_both_contacts(rig: Rig) -> None:
    rig.discharge(100)
    rig.wait(3)
    rig.set(
        cell_undervoltage__alarm=3.4, pack_undervoltage__alarm=50.0, charge_undertemperature__alarm=30,
        discharge_undertemperature__alarm=30, ambient_undertemperature__alarm=30, soc_low__alarm=100,
    )  # fmt: skip
    rig.wait(1)
    assert rig.flags("warning") == {
        "cell_undervoltage", "pack_undervoltage", "charge_undertemperature", "discharge_undertemperature",
        "ambient_undertemperature", "soc_low",
    }  # fmt: skip
    assert rig.found.current == pytest.approx(-100, abs=0.1)
    assert rig.bms.lamp_state == "discharging_alarm"
    assert dict(rig.pack.contacts()) == {"alarm": True, "low": True}


def test_alarms_go_when_their_thresholds_are_put_back(rig: Rig) -> None:
    rig.set(mosfet_overtemperature__alarm=30, cell_overvoltage__alarm=3.0)
    rig.wait(1)
    assert rig.flags("warning") == {"cell_overvoltage"}
    assert dict(rig.pack.contacts()) == {"alarm": True, "low": False}
    rig.set(cell_overvoltage__alarm=3.6)
    rig.wait(1)
    assert not rig.flags("warning")
    assert dict(rig.pack.contacts()) == {"alarm": False, "low": False}


def test_an_overvoltage_alarm_does_not_show_while_charging(rig: Rig) -> None:
    rig.charge(20)
    rig.set(cell_overvoltage__alarm=3.0)
    rig.wait(2)
    assert rig.bms.lamp_state == "charging"
    rig.set(soc_low__alarm=100)
    rig.wait(1)
    assert rig.bms.lamp_state == "charging_alarm"


# --- the rest of table 4.2 ------------------------------------------------------------------------------------------


def overvoltage(rig: Rig) -> None:
    """An over-voltage that stands, with the cells between its release and its trip."""
    rig.charge(20)
    shift(rig, "cell_overvoltage", {"alarm": 3.37, "trip": 3.37, "release": 3.30})
    tripped(rig, "cell_overvoltage", 60)
    rig.charge(0)
    rig.wait(3)
    assert "cell_overvoltage" in rig.flags("protection")


def test_an_overvoltage_ends_once_a_day(rig: Rig) -> None:
    rig.bms.recharge.daily = 30.0
    overvoltage(rig)
    since_trip = 3.2
    assert rig.until(lambda: not rig.flags("protection"), 31) == pytest.approx(30 + 0.5 - since_trip, abs=0.6)


def test_neither_little_charge_nor_a_new_day_ends_an_overvoltage_above_its_trip(rig: Rig) -> None:
    rig.bms.recharge.daily = 1.0
    shift(rig, "cell_overvoltage", {"alarm": 3.32, "trip": 3.32, "release": 3.30})
    rig.wait(2)
    rig.bms.gauge.remaining = 50.0
    rig.wait(5)
    assert "cell_overvoltage" in rig.flags("protection")


def test_a_board_that_does_not_jump_keeps_its_count_of_charge(rig: Rig) -> None:
    rig.bms.gauge.jump, rig.bms.gauge.remaining = False, 96.0
    shift(rig, "pack_overvoltage", {"alarm": 49.0, "trip": 49.0, "release": 48.0})
    rig.wait(2)
    assert "pack_overvoltage" in rig.flags("protection")
    assert rig.value("soc") == 96


def test_a_short_circuit_that_stays_locks_on_the_third_and_a_charger_unlocks(rig: Rig) -> None:
    rig.load.on, rig.load.mode, rig.load.resistance = True, "CR", 0.05
    rig.wait(122)
    assert rig.bms.recovery.locked
    rig.wait(70)
    assert rig.flags("protection") == {"short_circuit"}
    rig.load.on = False
    rig.charge(5)
    rig.wait(2)
    assert not rig.flags("protection")


def test_the_other_reading_of_three_times_locks_after_three_recoveries(rig: Rig) -> None:
    rig.bms.recovery.locks_after = 4
    overcurrents(rig, 3)
    assert rig.until(lambda: rig.found.current < -4, 70) == pytest.approx(60, abs=0.3)


def test_a_charger_that_was_there_all_the_time_does_not_unlock(rig: Rig) -> None:
    rig.bms.recovery.locks_after = 1
    rig.bms.limiter.enabled = False
    shift(rig, "charge_overcurrent", {"alarm": 5, "trip": 10})
    rig.charge(20, 54.7)
    tripped(rig, "charge_overcurrent")
    rig.wait(65)
    assert rig.bms.recovery.locked
    rig.charge(0)
    rig.wait(1)
    rig.charge(5)
    rig.wait(2)
    assert not rig.bms.recovery.locked


def test_a_charger_above_its_voltage_is_not_let_in(rig: Rig) -> None:
    rig.set(charge_overtemperature__alarm=22, charge_overtemperature__trip=22, charge_overtemperature__release=20)
    rig.wait(1.5)
    rig.charge(5, 62)
    rig.wait(1.5)
    assert "charger_overvoltage" in rig.flags("protection")
    rig.charge(5, 56)
    rig.wait(1)
    assert "charger_overvoltage" not in rig.flags("protection")


# --- charging current limiter ---------------------------------------------------------------------------------------


def test_the_limiter_comes_in_at_its_start_and_stays_until_the_charge_ends(rig: Rig) -> None:
    rig.bms.limiter.start = 30.0
    rig.charge(25)
    rig.wait(1)
    assert rig.found.current == pytest.approx(25, abs=0.1)
    rig.charge(35)
    rig.wait(1)
    assert rig.found.current == pytest.approx(20.6, abs=0.1)
    rig.charge(25)
    rig.wait(1)
    assert rig.found.current == pytest.approx(20.6, abs=0.1)
    rig.charge(0)
    rig.wait(1)
    rig.charge(25)
    rig.wait(1)
    assert rig.found.current == pytest.approx(25, abs=0.1)


@pytest.mark.parametrize(
    ("settings", "amperes"),
    [({"enabled": False}, 30), ({"current": 0}, 30), ({"low_gear": True}, 10.3), ({"stuck": "off"}, 30),
     ({"enabled": False, "stuck": "on"}, 20.6)],
)  # fmt: skip
def test_the_limiter_can_be_off_low_or_stuck(rig: Rig, settings: dict[str, object], amperes: float) -> None:
    for name, value in settings.items():
        setattr(rig.bms.limiter, name, value)
    rig.charge(30)
    rig.wait(1)
    assert rig.found.current == pytest.approx(amperes, abs=0.1)


@pytest.mark.parametrize("fet", ["charge_fet", "discharge_fet"])
def test_a_fet_that_was_switched_off_stays_off_until_the_restart(rig: Rig, fet: str) -> None:
    getattr(rig.bms, fet).enabled = False
    rig.wait(1)
    assert fet not in rig.flags("status")
    rig.press(10.5)
    rig.wait(3)
    assert fet in rig.flags("status")
