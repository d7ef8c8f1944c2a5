"""The true threshold of a charge over-current, from the pack's ammeter at the currents that a bench can give."""

from __future__ import annotations

from pathlib import Path

import pytest
from actions.short_runs import short_run
from hypothesis import given
from hypothesis import strategies as st

from station.model.ammeter import Comparison, TooFew, fit

CURRENTS = (0.0, 20.0, -20.0, -100.0)
STEPS = """
  - {step: zero, measure: current_zero}
  - use: eol/resistance
  - {step: charging, under: {charge: standard}, measure: current_error}
  - use: eol/charge-overcurrent
"""
RIGHT = {"bms.adc.current_gain": 1.0, "bms.adc.current_offset": 0.0}


def comparisons(gain: float, offset: float, scatter: float = 0.0) -> list[Comparison]:
    signs = (1, -1, 1, -1)
    return [
        Comparison(true, offset + (1 + gain) * true + sign * scatter, 0.03)
        for true, sign in zip(CURRENTS, signs, strict=True)
    ]


@given(gain=st.floats(-0.1, 0.1), offset=st.floats(-3, 3), said=st.floats(-200, 200))
def test_a_straight_ammeter_is_found_exactly(gain: float, offset: float, said: float) -> None:
    found = fit(comparisons(gain, offset))
    assert found.true_at(said) == pytest.approx((said - offset) / (1 + gain), abs=1e-6)


def test_uncertainty_grows_with_the_distance_and_with_what_the_line_misses() -> None:
    straight, bent = fit(comparisons(0.0, 0.0)), fit(comparisons(0.0, 0.0, scatter=0.3))
    assert straight.uncertainty_at(130) > straight.uncertainty_at(20) > straight.uncertainty_at(-25)
    assert straight.doubt == 0.03
    assert bent.doubt > 0.3
    assert bent.uncertainty_at(130) > 10 * straight.uncertainty_at(130)


@pytest.mark.parametrize("currents", [(), (0.0,), (0.0, 20.0), (20.0, 20.1, 0.0)])
def test_fewer_than_three_different_currents_are_too_few(currents: tuple[float, ...]) -> None:
    with pytest.raises(TooFew, match="3 different ones are needed"):
        fit([Comparison(each, each, 0.03) for each in currents])


@pytest.mark.parametrize(
    ("gain", "verdict", "amperes"), [(1.0, "PASS", 130.0), (1.011, "PASS", 128.6), (0.982, "FAIL", 132.4)]
)
def test_an_ammeter_that_is_off_moves_the_threshold_that_it_guards(
    gain: float, verdict: str, amperes: float, tmp_path: Path
) -> None:
    ran = short_run(tmp_path, STEPS, RIGHT | {"bms.adc.current_gain": gain})
    found = ran.measurement("charge-overcurrent/charge_overcurrent_extrapolated")
    assert found.verdict == verdict, found.reason
    assert found.value == pytest.approx(amperes, abs=0.15)
    assert found.uncertainty is not None
    assert 0.09 < found.uncertainty < 0.3
    assert found.proves == ("REQ-4.2-39",)
    assert ran.measurement("charge-overcurrent/charge_overcurrent").value == "opens"
    assert any("the pack's ammeter" in note for note in ran.step("charge-overcurrent").notes)


def test_without_enough_comparisons_it_is_not_tested(tmp_path: Path) -> None:
    steps = "  - {step: far, trip: charge_overcurrent, by: extrapolation}\n"
    ran = short_run(tmp_path, steps)
    assert ran.record.verdict == "ERROR"
    assert "compared at 0 currents" in ran.record.reason
