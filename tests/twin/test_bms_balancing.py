"""Balancing flags and bleeding (manual 4.2)."""

from __future__ import annotations

import numpy as np
import pytest
from twin.rig import Rig, new_pack

from station.twin.bms.balancing import Balancing

VOLTS = (3.480, 3.500, 3.520, 3.470, 3.530)


def flags(balancing: Balancing) -> list[int]:
    return [cell for cell, active in enumerate(balancing.active) if active]


def test_cells_start_above_both_values_and_stop_at_20_mv() -> None:
    balancing = Balancing(5)
    balancing.judge(VOLTS, 3.45, 0.05)
    assert flags(balancing) == [2, 4]
    balancing.judge((3.480, 3.500, 3.495, 3.470, 3.490), 3.45, 0.05)
    assert flags(balancing) == [2]
    balancing.judge((3.480, 3.500, 3.495, 3.470, 3.490), 3.50, 0.05)
    assert flags(balancing) == []


def test_a_displaced_balancer_bleeds_the_cell_so_many_further_on_and_stays_with_it() -> None:
    balancing = Balancing(5, displaced=2)
    for _ in range(3):
        balancing.judge(VOLTS, 3.45, 0.05)
        assert flags(balancing) == [1, 4]


def test_dead_and_welded_bleed_fets_do_not_show_in_the_flags() -> None:
    balancing = Balancing(5)
    balancing.works[2], balancing.always[0] = False, True
    balancing.judge(VOLTS, 3.45, 0.05)
    assert flags(balancing) == [2, 4]
    assert balancing.bleed.tolist() == [0.08, 0, 0, 0, 0.08]


def charged(rig: Rig) -> Rig:
    """A pack in the knee, two of its cells ahead of the others."""
    rig.pack.cells.soc[[4, 9]] += (5e-4, 8e-4)
    rig.charge(20, 54.5)
    rig.until(lambda: float(np.ptp(rig.pack.cells.voltages(20.0))) > 0.026, 90)
    return rig


@pytest.mark.parametrize("seed", range(5))
def test_flags_appear_while_charging_for_exactly_the_high_cells(seed: int) -> None:
    rig = Rig(new_pack(seed=seed)).started()
    charged(rig)
    rig.set(balancing__start_voltage=3.4, balancing__start_difference=0.02)
    rig.wait(0.3)
    volts = [rig.value(f"cell_voltage_{cell}") for cell in range(1, 16)]
    shown = {int(name.removeprefix("cell_")) for name in rig.flags("balancing")}
    sure = {cell for cell, each in enumerate(volts, 1) if each - min(volts) > 0.023}
    possible = {cell for cell, each in enumerate(volts, 1) if each - min(volts) > 0.017}
    assert shown
    assert sure <= shown <= possible
    assert rig.pack.cells.bleed.max() == 0.08


def test_flags_go_soon_after_a_discharge_begins_and_stay_at_rest() -> None:
    rig = charged(Rig().started())
    rig.set(balancing__start_voltage=3.4, balancing__start_difference=0.02)
    rig.wait(0.3)
    rig.charge(0)
    rig.wait(0.3)
    assert rig.flags("balancing")
    rig.discharge(5)
    rig.wait(1)
    assert not rig.flags("balancing")


def test_nothing_bleeds_at_the_stored_values_of_a_good_pack_at_rest() -> None:
    rig = Rig().started()
    rig.wait(5)
    assert not rig.flags("balancing")


def test_no_balancing_outside_its_temperatures() -> None:
    rig = charged(Rig().started())
    rig.set(balancing__start_voltage=3.4, balancing__start_difference=0.02)
    rig.bms.adc.temperature_offset[1] = -30
    rig.wait(1)
    assert not rig.flags("balancing")


@pytest.mark.parametrize("word", ["charging", "resting"])
def test_charging_and_static_equalisation_can_each_be_off(word: str) -> None:
    rig = charged(Rig().started())
    rig.set(balancing__start_voltage=3.4, balancing__start_difference=0.02)
    setattr(rig.bms.balancing, word, False)
    rig.wait(0.5)
    assert bool(rig.flags("balancing")) is (word == "resting")
    rig.charge(0)
    rig.wait(0.5)
    assert bool(rig.flags("balancing")) is (word == "charging")


@pytest.mark.parametrize(("degrees", "works"), [(-1.5, False), (1.5, True), (48.5, True), (51.5, False)])
def test_balancing_is_forbidden_below_0_and_above_50_degrees(degrees: float, works: bool) -> None:
    rig = charged(Rig().started())
    rig.set(balancing__start_voltage=3.4, balancing__start_difference=0.02)
    rig.bms.adc.temperature_offset[:4] = 0.0
    rig.pack.cells.temperature[:] = degrees
    rig.wait(1)
    assert bool(rig.flags("balancing")) is works


def test_a_cell_reads_low_across_its_sense_wires_while_it_is_bled() -> None:
    rig = charged(Rig().started())
    rig.wait(1)
    before = rig.value("cell_voltage_10")
    rig.bms.adc.tap_resistance[9] = 1.0
    rig.bms.balancing.always[9] = True
    rig.wait(0.2)
    assert before - rig.value("cell_voltage_10") == pytest.approx(0.08, abs=0.005)
