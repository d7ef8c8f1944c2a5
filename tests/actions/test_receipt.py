"""What the installer is told to expect: against the simulated pack, left alone for so long."""

from __future__ import annotations

from pathlib import Path

import pytest
from actions.short_runs import short_rig, short_run
from bench_runs import Ran

from station.model.at_rest import AtRest
from station.model.files import InvalidFile, build, parse

STEPS = """
  - {step: drawn, discharge: full, until: shiftable}
  - use: eol/as-left
"""
FORECASTS = {"1_d": 1, "30_d": 30, "90_d": 90}


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    return short_run(tmp_path_factory.mktemp("receipt"), STEPS)


def test_the_pack_rests_where_the_certificate_says(ran: Ran) -> None:
    days, cells = 0, ran.twin.cells
    for name, after in FORECASTS.items():
        for _ in range(after - days):
            cells.step(0.0, 86400.0, 25.0)
        days = after
        told = ran.measurement(f"as-left/expected_voltage_after_{name}")
        assert told.verdict is None
        assert told.uncertainty is not None
        assert float(cells.voltages(0.0).sum()) == pytest.approx(told.value, abs=told.uncertainty)


def test_a_pack_that_rests_longer_has_no_more_voltage(ran: Ran) -> None:
    volts = [ran.measurement(f"as-left/expected_voltage_after_{name}").value for name in FORECASTS]
    assert volts == sorted(volts, key=lambda each: float(each or 0), reverse=True)


def test_without_a_voltage_before_the_first_current_nothing_is_forecast(tmp_path: Path) -> None:
    steps = "  - {step: left, record: expected_voltage_at_receipt}\n"
    with short_rig(tmp_path, steps, known="eol/start, eol/identity") as bench:
        ran = bench.run(tmp_path)
    assert ran.record.verdict == "ERROR"
    assert "a terminal voltage before any current" in ran.record.reason


def test_a_curve_that_does_not_rise_is_refused() -> None:
    text = "self_discharge: 3 %\ncell_voltage: {10 %: 3.2 V, 20 %: 3.1 V}\n"
    with pytest.raises(InvalidFile, match="must rise from row to row"):
        build(parse(text.encode(), Path("mine.yaml")), AtRest)


def test_charge_and_voltage_are_each_others_inverse() -> None:
    text = "self_discharge: 3 %\nforecast: [30 d]\ncell_voltage: {10 %: 3.2 V, 20 %: 3.3 V, 100 %: 3.5 V}\n"
    at_rest = build(parse(text.encode(), Path("mine.yaml")), AtRest)
    assert at_rest.charge(at_rest.voltage(57.0)) == pytest.approx(57.0)
    assert at_rest.voltage_after(20.0, at_rest.forecast[0].si) == pytest.approx(at_rest.voltage(17.0))
