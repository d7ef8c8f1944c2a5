"""The physics of the cells: against another model, against the laws of nature, and against what packs do on a shelf."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from thevenin import Prediction, TransientState
from twin.rig import Rig, new_pack, state

from station.twin.cells import ARRHENIUS, HEAT_CAPACITY, HYSTERESIS_RATE, THERMAL_TIME, Cells
from station.twin.history import PATH, Charger
from station.twin.ocv import gap, middle_voltage, rest_voltage
from station.twin.states import ASLEEP, AWAKE

# --- against another model ------------------------------------------------------------------------------------------

PULSES = [(-100.0, 10.0), (0.0, 20.0), (20.0, 30.0), (-20.0, 10.0), (-132.0, 1.0), (0.0, 60.0)]
"""A and s, positive when charging."""
ROOM = 283.15
"""K."""


def oracle(cells: Cells) -> Prediction:
    """One such cell in the `thevenin` package: the same equations, in a solver of differential equations."""

    def cold(ohms: float) -> Callable[[float, float], float]:
        return lambda _, kelvin: ohms * math.exp(ARRHENIUS / kelvin - ARRHENIUS / 298.15)

    def warm(farads: float) -> Callable[[float, float], float]:
        return lambda _, kelvin: farads / math.exp(ARRHENIUS / kelvin - ARRHENIUS / 298.15)

    r0, r1, r2, tau1, tau2, joint = (
        float(each[0]) for each in (cells.r0, cells.r1, cells.r2, cells.tau1, cells.tau2, cells.joint)
    )
    return Prediction({
        "num_RC_pairs": 2, "soc0": 0.5, "capacity": float(cells.capacity[0]), "ce": 1.0, "gamma": HYSTERESIS_RATE,
        "mass": 1.0, "Cp": HEAT_CAPACITY, "A_therm": 1.0, "h_therm": HEAT_CAPACITY / THERMAL_TIME, "T_inf": ROOM,
        "isothermal": False,
        "ocv": lambda soc: float(middle_voltage(soc)), "M_hyst": lambda soc: float(gap(soc)) / 2,
        "R0": lambda soc, kelvin: cold(r0)(soc, kelvin) + joint,
        "R1": cold(r1), "C1": warm(tau1 / r1), "R2": cold(r2), "C2": warm(tau2 / r2),
    })  # fmt: skip


@pytest.mark.parametrize("soc", [0.25, 0.8])
def test_pulses_are_those_of_the_thevenin_package_within_a_millivolt(soc: float) -> None:
    cells = Cells(1, soc=soc, temperature=ROOM - 273.15)
    cells.leak[:] = cells.reach[:] = cells.side[:] = 0.0  # what the package does not know, and where it begins
    other, there = oracle(cells), TransientState(soc, ROOM, 0.0, np.zeros(2))
    for current, seconds in PULSES:
        for _ in range(round(seconds)):
            cells.step(current, 1.0, ROOM - 273.15)
            there = other.take_step(there, -current, 1.0)
            assert cells.voltages(current)[0] == pytest.approx(there.voltage, abs=1e-3)
    assert cells.soc[0] == pytest.approx(there.soc, abs=1e-6)
    assert cells.temperature[0] - (ROOM - 273.15) == pytest.approx(there.T_cell - ROOM, abs=1e-3)
    assert there.T_cell > ROOM + 0.04


# --- energy ---------------------------------------------------------------------------------------------------------

profiles = st.lists(st.tuples(st.floats(-150, 150), st.floats(0.1, 20)), min_size=1, max_size=6)


@settings(max_examples=40)
@given(profiles, st.floats(0.15, 0.97), st.floats(0, 45), st.integers(0, 1))
def test_what_the_cells_give_and_do_not_turn_into_heat_comes_from_their_chemistry(
    profile: list[tuple[float, float]], soc: float, temperature: float, bled: int
) -> None:
    cells = Cells(2, soc=soc, temperature=temperature)
    cells.leak[:], cells.bleed[:] = (0.003, 0.5), 0.08 * bled
    had, taken = cells.energy, np.zeros(2)
    for current, seconds in profile:
        for _ in range(50):
            before = cells.voltages(current)
            cells.step(current, seconds / 50, temperature)
            mean = (before + cells.voltages(current)) / 2
            taken += mean * (cells.bleed - current) * (seconds / 50)
    assert had - cells.energy == pytest.approx(taken + cells.heat, rel=0, abs=0.05 + 0.01 * float(cells.heat.max()))


def test_heat_warms_the_cells_and_leaves_for_the_room() -> None:
    cells = Cells()
    cells.leak[:] = 0.0
    cells.step(-100.0, 30.0, 25.0)
    risen = cells.temperature - 25.0
    assert risen == pytest.approx(cells.heat / HEAT_CAPACITY, rel=2e-3)
    cells.step(0.0, THERMAL_TIME, 25.0)
    assert cells.temperature - 25.0 == pytest.approx(risen / math.e, rel=2e-2)


@pytest.mark.parametrize("current", [-100.0, 20.0])
def test_the_posts_give_what_chemistry_takes_less_the_heat_of_cells_and_path(current: float) -> None:
    rig = Rig(new_pack("shipped_30pct")).started()
    cells, pack = rig.pack.cells, rig.pack
    had, hot = float((cells.energy + cells.heat).sum()), 0.0
    posts = 0.0
    if current > 0:
        rig.charge(current)
    else:
        rig.discharge(-current)
    for _ in range(400):
        rig.step(0.05)
        posts += pack.terminal_voltage * pack.current * 0.05
        hot += (pack.path * pack.current**2 + pack.bms.power.drawn * float(cells.voltages(0.0).sum())) * 0.05
    assert abs(posts) > 1000
    assert float((cells.energy + cells.heat).sum()) - had == pytest.approx(posts - hot, rel=1e-3)


def test_the_mosfets_warm_by_their_resistance_and_more_through_a_body_diode() -> None:
    warm, hot = Rig(new_pack("shipped_30pct")).started(), Rig(new_pack("shipped_30pct")).started()
    hot.bms.charge_fet.stuck = "open"
    for rig in (warm, hot):
        rig.discharge(100.0)
        rig.wait(20.0)
    assert warm.pack.mosfet - 25 == pytest.approx(100**2 * 1.5e-3 * 1.5 * (1 - math.exp(-20 / 50)), rel=0.02)
    assert hot.pack.mosfet - 25 > 4 * (warm.pack.mosfet - 25)


# --- hysteresis, resistance, surface --------------------------------------------------------------------------------


@pytest.mark.parametrize(("percent", "millivolts"), [(20, 25), (50, 19), (80, 19)])
def test_a_cell_rests_higher_after_a_charge_than_after_a_discharge(percent: float, millivolts: float) -> None:
    charged, discharged = Cells(1, soc=percent / 100 - 0.1), Cells(1, soc=percent / 100 + 0.1)
    for cells, current in ((charged, 20.0), (discharged, -20.0)):
        for _ in range(1800):
            cells.step(current, 1.0, 25.0)
        cells.leak[:] = 0.0
        cells.step(0.0, 10 * 86_400.0, 25.0)
    assert discharged.voltages(0.0) == pytest.approx(rest_voltage(percent / 100), abs=1e-3)
    assert 1000 * (charged.voltages(0.0) - discharged.voltages(0.0)) == pytest.approx(millivolts, abs=1)


def test_a_cell_changes_branch_while_two_to_five_percent_flow() -> None:
    cells = Cells(1, soc=0.5)
    sides = []
    for _ in range(5):
        cells.step(36.0, 100.0, 25.0)
        sides.append(float(cells.side[0]))
    assert sides[1] == pytest.approx(1 - 2 / math.e, abs=0.01)
    assert sides[4] > 0.8


def test_both_branches_rise_with_the_charge_and_meet_when_the_cell_is_full() -> None:
    soc = np.linspace(0.0, 1.0, 4001)
    assert (np.diff(rest_voltage(soc) + gap(soc)) > -1e-12).all()
    assert (np.diff(middle_voltage(soc)) > 0).all()
    assert (gap(soc[soc < 0.9]) > 0.016).all()
    assert gap(0.995) == 0


def test_an_empty_and_a_full_cell_resist_more() -> None:
    resistance = [float(Cells(1, soc=soc).outlook().resistance[0]) for soc in (0.0, 0.05, 0.1, 0.5, 0.998, 1.004)]
    assert resistance[0] == pytest.approx(0.7e-3)
    assert resistance[0] > resistance[1] > resistance[2] == resistance[3] == resistance[4] < resistance[5]


def test_a_rested_pack_reads_what_the_domain_notes_say() -> None:
    for percent, volts in ((30, 49.1), (50, 49.5), (60, 49.55), (80, 50.0), (95, 50.2), (98, 50.2)):
        assert Cells(soc=percent / 100).voltages(0.0).sum() == pytest.approx(volts, abs=0.06)


@pytest.mark.parametrize(("drawn", "volts"), [(0.3, 51.0), (1.0, 50.3)])
def test_testing_itself_takes_the_fresh_pack_out_of_its_window(drawn: float, volts: float) -> None:
    cells = state("factory_fresh").cells(np.random.default_rng(1))
    for _ in range(100):
        cells.step(-20.0, drawn * 1.8, 25.0)
    cells.step(0.0, 600.0, 25.0)
    assert cells.voltages(0.0).sum() == pytest.approx(volts, abs=0.1)


# --- on the shelf: the table of the domain notes, 3.3 ---------------------------------------------------------------

AFTER = (60.0, 600.0, 3600.0, 12 * 3600.0, 86_400.0, 3 * 86_400.0, 7 * 86_400.0)
SHELF = {
    "charged to 5 A": (5.0, False, ASLEEP, (54.2, 51.6, 50.4, 50.4, 50.4, 50.3, 50.3)),
    "charged to 2 A": (2.0, False, ASLEEP, (54.5, 53.2, 51.7, 51.4, 51.2, 50.9, 50.6)),
    "floated and put to sleep": (5.0, True, ASLEEP, (52.5, 52.5, 52.5, 52.3, 52.1, 51.5, 50.8)),
    "floated and left on": (5.0, True, AWAKE, (52.5, 52.5, 52.3, 50.9, 50.5, 50.2, 50.2)),
    "charged to 0.5 A": (0.5, False, ASLEEP, (54.7, 54.4, 54.0, 53.8, 53.6, 53.0, 51.9)),
}
"""A at which a charge with 54.75 V ended, whether a float followed, A that the BMS draws, and V after `AFTER`."""


@pytest.mark.parametrize(("until", "floated", "drawn", "expected"), SHELF.values(), ids=SHELF)
def test_a_charged_pack_relaxes_as_the_domain_notes_compute(
    until: float, floated: bool, drawn: float, expected: tuple[float, ...]
) -> None:
    cells = Cells(soc=0.9)
    Charger(54.75, 20.0).charge(cells, until)
    if floated:
        Charger(52.5, 20.0).hold(cells, 4 * 3600.0)
    found, over = [], 0.0
    for after in AFTER:
        cells.step(-drawn, after - over, 25.0)
        found.append(float(cells.voltages(0.0).sum()))
        over = after
    assert found == pytest.approx(expected, abs=0.1)


def test_a_charger_stays_within_its_current_and_ends_at_its_voltage() -> None:
    cells, charger = Cells(soc=0.9), Charger(54.75, 20.0)
    charger.charge(cells, until=5.0)
    assert cells.voltages(5.0).sum() + 5.0 * PATH == pytest.approx(54.75, abs=0.05)
    soc = float(cells.soc.mean())
    charger.hold(cells, 60.0)
    assert 0 < (cells.soc.mean() - soc) * 100 * 60 < 5.0
    high = float(cells.soc.mean())
    Charger(50.0, 20.0).hold(cells, 60.0)
    assert cells.soc.mean() == pytest.approx(high, abs=1e-5)


# --- from pack to pack ----------------------------------------------------------------------------------------------


@cache
def fresh(seed: int) -> Cells:
    return state("factory_fresh").cells(np.random.default_rng(seed))


def test_cells_of_many_packs_differ_as_sorted_cells_do() -> None:
    capacity, resistance, leak = (
        np.concatenate([getattr(fresh(seed), name) for seed in range(40)]) for name in ("capacity", "r0", "leak")
    )
    assert capacity.std() == pytest.approx(0.7, rel=0.1)
    assert resistance.std() / resistance.mean() == pytest.approx(0.03, rel=0.1)
    assert leak.std() / leak.mean() == pytest.approx(0.05, rel=0.1)
    assert capacity.mean() == pytest.approx(100.0, abs=0.1)


def test_the_spread_of_the_knee_shrinks_to_a_few_millivolts_on_the_plateau() -> None:
    for seed in range(10):
        at_knee = np.ptp(fresh(seed).voltages(0.0))
        on_plateau = np.ptp(state("shipped_30pct").cells(np.random.default_rng(seed)).voltages(0.0))
        assert at_knee > 0.02
        assert 0.001 < on_plateau < 0.012


@pytest.mark.parametrize(("n", "capacity"), [(14, 100.0), (16, 100.0), (15, 50.0)])
def test_packs_of_other_sizes_are_charged_in_proportion(n: int, capacity: float) -> None:
    cells = state("factory_fresh").cells(np.random.default_rng(1), n, capacity)
    assert cells.voltages(0.0).mean() == pytest.approx(fresh(1).voltages(0.0).mean(), abs=2e-3)
