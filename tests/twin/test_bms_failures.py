"""What the board takes for a defect, and how it says so: FETs, lamps, contacts, buzzer (manual 7-1, 7-2, 8)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from twin.rig import Rig, new_pack


@pytest.fixture
def rig() -> Rig:
    """A running pack with room to charge."""
    return Rig(new_pack("shelf_2w")).started()


def lit(rig: Rig) -> set[str]:
    return {lamp for lamp, is_lit in rig.pack.lamps(rig.now).items() if is_lit}


def assert_failed(rig: Rig, fault: str, still_on: frozenset[str] = frozenset()) -> None:
    assert fault in rig.flags("status")
    assert {"charge_fet", "discharge_fet"} & rig.flags("status") == still_on
    assert lit(rig) == {"ALM"}
    assert rig.pack.contacts()["alarm"]


@pytest.mark.parametrize("word", ["open", "short"])
@pytest.mark.parametrize("sensor", range(6))
def test_a_broken_temperature_sensor_is_a_failure(rig: Rig, sensor: int, word: str) -> None:
    rig.bms.adc.sensors[sensor] = word  # type: ignore[call-overload] # a parametrised word
    rig.wait(1)
    assert_failed(rig, "sensor_fault")


def test_a_detached_temperature_sensor_is_none(rig: Rig) -> None:
    rig.bms.adc.sensors[1] = "detached"
    rig.wait(2)
    assert rig.bms.lamp_state == "standby"


def test_a_cell_that_no_cell_can_be_is_a_failure_and_ends_with_it(rig: Rig) -> None:
    rig.bms.adc.cell_offset[6] = -3.2
    rig.wait(0.5)
    assert_failed(rig, "cell_fault")
    rig.bms.adc.cell_offset[6] = 0
    rig.wait(0.5)
    assert rig.flags("status") == {"charge_fet", "discharge_fet"}


@pytest.mark.parametrize(
    ("fet", "amperes", "shift"),
    [("discharge_fet", -20, {"discharge_overtemperature": (22, 22, 20)}),
     ("charge_fet", 20, {"charge_overtemperature": (22, 22, 20)})],
)  # fmt: skip
def test_current_against_an_open_fet_is_a_failure_until_the_reset(
    rig: Rig, fet: str, amperes: int, shift: dict[str, tuple[float, float, float]]
) -> None:
    getattr(rig.bms, fet).stuck = "closed"
    if amperes < 0:
        rig.discharge(-amperes)
    else:
        rig.charge(amperes)
    for name, (alarm, trip, release) in shift.items():
        rig.set(**{f"{name}__alarm": alarm, f"{name}__trip": trip, f"{name}__release": release})
    rig.wait(5)
    assert f"{fet}_fault" not in rig.flags("status")
    rig.wait(2)
    other = frozenset(("charge_fet", "discharge_fet")) - {fet}
    assert_failed(rig, f"{fet}_fault", other)
    rig.discharge(0)
    rig.charge(0)
    rig.wait(3)
    assert_failed(rig, f"{fet}_fault", other)
    rig.press(10.5)
    rig.wait(3)
    assert f"{fet}_fault" not in rig.flags("status")


def test_a_body_diode_is_no_failure(rig: Rig) -> None:
    rig.set(charge_overtemperature__alarm=22, charge_overtemperature__trip=22, charge_overtemperature__release=20)
    rig.wait(1.5)
    assert "charge_fet" not in rig.flags("status")
    rig.discharge(20)
    rig.wait(8)
    assert rig.found.current == pytest.approx(-20, abs=0.1)
    assert not rig.bms.failures.standing


def test_a_charger_on_the_wrong_posts_keeps_the_output_off(rig: Rig) -> None:
    for tick in range(10):
        sensed = replace(rig.pack._sensed(), terminal_voltage=-48.0)
        rig.bms.tick(rig.now + tick * rig.bms.PERIOD, sensed)
    assert rig.flags("status") == {"charger_reversed"}
    assert rig.bms.lamp_state == "discharge_protection"
    rig.now += 1
    rig.wait(0.2)
    assert {"charge_fet", "discharge_fet"} <= rig.flags("status")


# --- buzzer ---------------------------------------------------------------------------------------------------------


def heard(rig: Rig) -> tuple[float, float]:
    """Seconds of sound in a minute, and from one beginning to the next."""
    samples = [rig.bms.buzzes(step * 0.01) for step in range(6000)]
    begins = [step for step in range(1, 6000) if samples[step] and not samples[step - 1]]
    return sum(samples) / 100, (begins[1] - begins[0]) / 100 if len(begins) > 1 else 0.0


def alarm(rig: Rig) -> None:
    rig.set(soc_low__alarm=100)


def protection(rig: Rig) -> None:
    rig.set(discharge_overtemperature__alarm=22, discharge_overtemperature__trip=22,
            discharge_overtemperature__release=20)  # fmt: skip


def fault(rig: Rig) -> None:
    rig.bms.adc.cell_wires[4] = "open"


def overvoltage(rig: Rig) -> None:
    rig.set(cell_overvoltage__alarm=3.3, cell_overvoltage__trip=3.3, cell_overvoltage__release=3.2)


@pytest.mark.parametrize(("why", "period"), [(alarm, 3.0), (protection, 2.0), (fault, 1.0)])
def test_the_buzzer_sounds_a_quarter_second_in_the_manuals_rhythm(rig: Rig, why: object, period: float) -> None:
    assert callable(why)
    rig.bms.buzzer.enabled = True
    assert heard(rig) == (0.0, 0.0)
    why(rig)
    rig.wait(2)
    sound, every = heard(rig)
    assert every == period
    assert sound == pytest.approx(0.25 * 60 / period, rel=0.05)


def test_an_overvoltage_makes_no_noise(rig: Rig) -> None:
    rig.bms.buzzer.enabled = True
    overvoltage(rig)
    rig.wait(2)
    assert rig.flags("protection") == {"cell_overvoltage"}
    assert heard(rig) == (0.0, 0.0)


def test_the_buzzer_is_silent_as_delivered_and_while_the_pack_sleeps(rig: Rig) -> None:
    fault(rig)
    rig.wait(1)
    assert heard(rig) == (0.0, 0.0)
    rig.bms.buzzer.enabled = True
    rig.press(4.5)
    assert rig.bms.lamp_state == "asleep"
    assert heard(rig) == (0.0, 0.0)


def test_a_buzzer_can_be_stuck(rig: Rig) -> None:
    rig.bms.buzzer.stuck = "sounding"
    assert rig.bms.buzzes(0.7)
    rig.bms.buzzer.enabled, rig.bms.buzzer.stuck = True, "silent"
    fault(rig)
    rig.wait(1)
    assert heard(rig) == (0.0, 0.0)
