"""What is printed of a number never contradicts what was judged."""

from __future__ import annotations

from itertools import pairwise

import certificate_samples as samples
import pytest
from hypothesis import given
from hypothesis import strategies as st

from station.model.record import Measurement
from station.report import plot
from station.report.figures import LARGE, figures, magnitude, plain
from station.report.glyphs import printable, width, wrapped
from station.report.margin import scale

moderate = st.floats(-1e5, 1e5, allow_nan=False)


def value_of(text: str) -> float:
    return float(text.replace("\N{MINUS SIGN}", "-"))


@pytest.mark.parametrize(
    ("measurement", "printed"),
    [
        (samples.measured("s", "m", 52.41372, "V", 51.5, 53.5, 0.0027), ("51.5000", "52.4137", "53.5000", "0.0027")),
        (samples.measured("s", "m", 0.058, "s", 57.0, 63.0, 0.024), ("57.000", "0.058", "63.000", "0.024")),
        (samples.measured("s", "m", 15.0, "", 15.0, 15.0), ("15", "15", "15", "")),
        (samples.measured("s", "m", -0.00001, "A", None, 0.3, 0.011), ("", "0.000", "0.300", "0.011")),
        (samples.measured("s", "m", 1.234e9, "Ohm", 1e6, None), ("1e6", "1.234e9", "", "")),
        (samples.measured("s", "m", None, "mV", None, 25.0), ("", "", "25", "")),
        (samples.measured("s", "m", 129.6, "A", 128.0, 132.0, 22.0), ("128", "130", "132", "22")),
    ],
)
def test_figures_carry_as_many_digits_as_the_uncertainty(measurement: Measurement, printed: tuple[str, ...]) -> None:
    found = figures(measurement)
    assert (found.low, found.value, found.high, found.uncertainty) == printed


@pytest.mark.parametrize(
    ("measurement", "unit", "value", "low"),
    [
        (samples.measured("s", "m", 0.0148, "Ohm", 0.005, 0.03, 0.0002), "mΩ", "14.80", "5.00"),
        (samples.measured("s", "m", 0.000687, "Ohm", uncertainty=0.000012), "mΩ", "0.687", ""),
        (samples.measured("s", "m", 1.234e9, "Ohm", 1e6, None, 2.5e7), "MΩ", "1234", "1"),
        (samples.measured("s", "m", 0.2, "Ohm", None, 1.0, 0.03), "Ω", "0.200", ""),
        (samples.measured("s", "m", 0.0, "Ohm", uncertainty=0.001), "Ω", "0.0000", ""),
        (samples.measured("s", "m", 0.021, "V", None, 0.025, 0.001), "V", "0.0210", ""),
    ],
)
def test_a_unit_is_printed_in_the_size_that_suits_its_limits(
    measurement: Measurement, unit: str, value: str, low: str
) -> None:
    name, factor = samples.wording().scale(measurement.unit, magnitude(measurement))
    found = figures(measurement, factor)
    assert (name, found.value, found.low) == (unit, value, low)


def test_digits_are_added_where_rounding_would_hide_a_failure() -> None:
    found = figures(samples.measured("s", "m", 2.0004, "s", 0.5, 2.0, 0.012))
    assert value_of(found.value) > value_of(found.high)


@given(moderate, st.floats(1e-4, 10), st.floats(-1e-3, 1e-3), st.floats(1e-4, 1))
def test_a_printed_value_is_on_the_side_of_every_limit_where_it_was_judged(
    low: float, tolerance: float, off: float, uncertainty: float
) -> None:
    low, high = round(low, 4), round(low + tolerance, 4)
    value = round(high + off, 7)
    found = figures(samples.measured("s", "m", value, "V", low, high, uncertainty, samples.GUARD_SAFETY))
    assert (value_of(found.value) > value_of(found.high)) == (value > high)
    assert (value_of(found.value) < value_of(found.low)) == (value < low)


@given(st.floats(-1e300, 1e300))
def test_any_number_can_be_printed_and_comes_back_nearly_the_same(value: float) -> None:
    back = value_of(plain(value))
    assert back == pytest.approx(value, rel=1e-3 if abs(value) >= LARGE else 1e-5, abs=1e-9)


@given(moderate, st.none() | moderate, st.none() | moderate, st.floats(0, 100))
def test_every_bar_has_its_limits_inside_and_its_value_somewhere(
    value: float, low: float | None, high: float | None, uncertainty: float
) -> None:
    if low is not None and high is not None:
        low, high = min(low, high), max(low, high)
    drawn = scale(samples.measured("s", "m", value, "V", low, high, uncertainty, samples.GUARD_SAFETY))
    if low is None and high is None:
        assert drawn is None
        return
    assert drawn is not None
    assert drawn.start < drawn.end
    assert 0 <= drawn.share(drawn.low) <= drawn.share(drawn.high) <= 1


@given(st.lists(st.floats(0, 100), max_size=9))
def test_marks_of_a_chart_are_moved_apart_in_their_order(places: list[float]) -> None:
    moved = plot._spread(places, 10, 0, 100)
    order = sorted(range(len(places)), key=lambda i: places[i])
    apart = [moved[b] - moved[a] for a, b in pairwise(order)]
    assert all(distance >= 10 - 1e-9 for distance in apart)
    assert all(-1e-9 <= place <= 100 + 1e-9 for place in moved)


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=3000))
def test_a_thinned_curve_keeps_its_ends_and_its_extremes(values: list[float]) -> None:
    points = [(float(i), value) for i, value in enumerate(values)]
    kept = plot._thinned(points)
    assert len(kept) <= plot.MOST_POINTS + 4
    assert (kept[0], kept[-1]) == (points[0], points[-1])
    assert {min(values), max(values)} <= {value for _, value in kept}
    assert [t for t, _ in kept] == sorted(t for t, _ in kept)


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.integers(2, 8))
def test_ticks_are_few_and_on_the_axis(start: float, span: float, most: int) -> None:
    axis = plot.Axis(start, start + span, 0, 100)
    ticks = axis.ticks(most)
    assert len(ticks) <= most + 1
    assert all(axis.start - span * 1e-3 <= tick <= axis.end + span * 1e-3 for tick in ticks)


@given(st.text(max_size=60), st.floats(20, 200))
def test_wrapped_lines_fit_and_lose_nothing(text: str, room: float) -> None:
    shown = printable(text)
    lines = wrapped(shown, 7, room)
    assert all(width(line, 7) <= room or len(line) == 1 for line in lines)
    assert "".join(lines).replace(" ", "") == shown.replace(" ", "")
