"""The cells: rest voltages, sagging, relaxing, and the spread that the balancing test needs."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twin.rig import state

from station.model.files import InvalidFile
from station.twin.cells import Cells
from station.twin.ocv import rest_voltage, soc_at
from station.twin.states import read_state

TABLE = {
    0: 2.2862,
    5: 3.0647,
    20: 3.2343,
    50: 3.2995,
    80: 3.3345,
    95: 3.3447,
    98: 3.3487,
    99: 3.3618,
    99.5: 3.3963,
    100: 3.5305,
}


@pytest.mark.parametrize(("percent", "volts"), TABLE.items())
def test_rest_voltage_meets_the_published_points(percent: float, volts: float) -> None:
    assert rest_voltage(percent / 100) == pytest.approx(volts, abs=1e-6)


def test_rest_voltage_rises_everywhere_and_steepens_at_both_ends() -> None:
    volts = rest_voltage(np.linspace(-0.013, 1.05, 5000))
    assert (np.diff(volts) > 0).all()
    assert (np.diff(np.diff(rest_voltage(np.array([0.985, 0.99, 0.995, 1.0])))) > 0.01).all()
    assert np.diff(rest_voltage(np.array([-0.002, 0.0])))[0] > np.diff(rest_voltage(np.array([0.0, 0.002])))[0]


@given(st.floats(allow_nan=False))
def test_rest_voltage_is_finite_for_any_state_of_charge(soc: float) -> None:
    assert math.isfinite(rest_voltage(soc))


@given(st.floats(2.3, 4.5))
def test_the_state_of_charge_of_a_rest_voltage_is_the_inverse(volts: float) -> None:
    assert rest_voltage(soc_at(volts)) == pytest.approx(volts, abs=1e-9)


def test_a_pulse_gives_the_resistance_of_its_parts() -> None:
    cells, rest = Cells(), Cells().voltages(0.0)
    assert cells.voltages(-100.0) - rest == pytest.approx(-100 * 0.40e-3)
    cells.leak[:] = 0
    for _ in range(1000):
        cells.step(-100.0, 0.01, 25.0)
    drop = 0.40e-3 + 0.25e-3 * (1 - math.exp(-10 / 4)) + 0.40e-3 * (1 - math.exp(-10 / 80))
    below_surface = rest_voltage(cells.soc + cells.surface_fast + cells.surface_slow)
    assert cells.voltages(-100.0) == pytest.approx(below_surface - 100 * drop, abs=1e-4)


def test_a_healthy_pack_has_the_resistance_that_the_domain_notes_compute() -> None:
    cells = Cells(soc=0.8)
    before = cells.voltages(0.0).sum()
    for _ in range(1000):
        cells.step(-100.0, 0.01, 25.0)
    resistance = (before - cells.voltages(-100.0).sum()) / 100 + 6e-3
    assert 15e-3 < resistance < 18e-3


@settings(max_examples=50)
@given(st.floats(-100, 100), st.floats(1e-3, 1200), st.integers(2, 20))
def test_many_small_steps_of_one_current_equal_one_large_step(current: float, seconds: float, parts: int) -> None:
    one, many = Cells(), Cells()
    for cells in (one, many):
        cells.temperature[:] = 25.0
    one.step(current, seconds, 25.0)
    for _ in range(parts):
        many.temperature[:] = 25.0
        many.step(current, seconds / parts, 25.0)
    for name in ("soc", "v1", "v2", "surface_fast", "surface_slow", "side"):
        assert getattr(many, name) == pytest.approx(getattr(one, name), abs=1e-9)


@settings(max_examples=50)
@given(st.lists(st.tuples(st.floats(-3000, 3000), st.floats(0, 1e6)), max_size=8), st.floats(-40, 60))
def test_no_current_and_no_step_breaks_the_cells(steps: list[tuple[float, float]], ambient: float) -> None:
    cells = Cells()
    for current, dt in steps:
        cells.step(current, dt, ambient)
        np.clip(cells.temperature, -60, 500, out=cells.temperature)
    assert np.isfinite(cells.voltages(0.0)).all()


def test_cold_cells_resist_more() -> None:
    cold, warm = Cells(temperature=10.0), Cells(temperature=40.0)
    assert cold.outlook().resistance - cold.joint == pytest.approx(cold.r0 * 1.4, rel=0.02)
    assert warm.outlook().resistance - warm.joint == pytest.approx(warm.r0 * 0.74, rel=0.02)


def test_eleven_seconds_at_1c_warm_a_cell_by_less_than_a_tenth_of_a_kelvin() -> None:
    cells = Cells()
    cells.step(-100.0, 11.0, 25.0)
    assert (cells.temperature > 25.0).all()
    assert (cells.temperature < 25.1).all()


def test_a_full_pack_relaxes_after_the_charge_ends() -> None:
    cells = Cells(soc=0.985)
    for _ in range(6000):
        if cells.voltages(20.0).max() < 3.6:
            cells.step(20.0, 1.0, 25.0)
    charged = cells.voltages(0.0).sum()
    cells.step(0.0, 3600.0, 25.0)
    after_hour = cells.voltages(0.0).sum()
    assert charged - after_hour > 0.5


def test_faults_change_one_cell_only() -> None:
    cells = Cells()
    cells.r0[6] *= 5
    cells.polarity[2] = -1
    volts = cells.voltages(-100.0)
    assert volts[6] < volts[0] - 0.1
    assert volts[2] < 0
    assert len(set(volts[[0, 1, 3, 4, 5]])) == 1


@pytest.mark.parametrize(
    ("name", "low", "high"), [("factory_fresh", 52.3, 52.5), ("shelf_2w", 50.2, 50.4), ("shipped_30pct", 48.95, 49.15)]
)
def test_each_state_rests_at_its_voltage(name: str, low: float, high: float) -> None:
    for seed in range(20):
        cells = state(name).cells(np.random.default_rng(seed))
        assert low < cells.voltages(0.0).sum() < high
        assert np.ptp(cells.voltages(0.0)) < 0.0235


@pytest.mark.parametrize("seed", range(120))
def test_a_good_fresh_pack_always_allows_the_balancing_test(seed: int) -> None:
    fresh = state("factory_fresh").cells(np.random.default_rng(seed))
    rest = fresh.voltages(0.0)
    assert 51.9 < rest.sum() < 52.9
    assert 0.021 < np.ptp(rest) < 0.0235


@pytest.mark.parametrize(("taken", "current"), [(0.0, 20.0), (0.1, 20.0), (0.25, 20.0), (0.25, 100.0)])
def test_the_spread_grows_to_25_mv_within_a_minute_of_charging(taken: float, current: float) -> None:
    for seed in range(15):
        cells = state("factory_fresh").cells(np.random.default_rng(seed))
        for _ in range(20):
            cells.step(-current, taken * 3600 / current / 20, 25.0)
        spread, highest = _charged(cells)
        assert spread >= 0.025
        assert highest < 3.65


def _charged(cells: Cells) -> tuple[float, float]:
    """Widest spread and highest cell while 20 A flow for a minute or until 53.9 V at the terminals."""
    spread = highest = 0.0
    for _ in range(120):
        volts = cells.voltages(20.0)
        if volts.sum() + 20 * 6e-3 > 53.9:
            break
        spread, highest = max(spread, float(np.ptp(volts))), max(highest, float(volts.max()))
        cells.step(20.0, 0.5, 25.0)
    return spread, highest


def test_the_same_seed_is_the_same_pack_and_another_seed_another() -> None:
    fresh = state("factory_fresh")
    one, same, other = (fresh.cells(np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert (one.voltages(0.0) == same.voltages(0.0)).all()
    assert (one.voltages(0.0) != other.voltages(0.0)).any()


def test_fourteen_cells_make_a_pack_that_is_one_cell_short() -> None:
    assert state("factory_fresh").cells(np.random.default_rng(1), n=14).voltages(0.0).sum() == pytest.approx(
        48.9, abs=0.2
    )


def test_a_state_file_with_an_unknown_name_or_a_bare_number_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "odd.yaml"
    path.write_text("twin: odd\ntitle: Odd\nsoc: 50 %\nsock: 1 %\n", encoding="utf-8")
    with pytest.raises(InvalidFile, match=r"odd\.yaml:4:1: unknown name `sock`"):
        read_state(str(path))
    path.write_text("twin: odd\ntitle: Odd\nsoc: 0.5\n", encoding="utf-8")
    with pytest.raises(InvalidFile, match=r"odd\.yaml:3:6: `soc`: `0\.5` has no unit"):
        read_state(str(path))
