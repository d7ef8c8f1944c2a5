"""Ranges as people write them, and judging: nothing that is no good value ever passes."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from station.model.limits import MEASURED_IN, Decision, Limit, Range, check, judge, parse_range
from station.model.quantity import KINDS, UNITS, BadQuantity
from station.model.verdict import EXIT_STATUS, Verdict, strongest

RULE = Decision()
numbers = st.decimals(min_value=-1000, max_value=1000, places=3).map(float)
spreads = st.decimals(min_value=0, max_value=100, places=3).map(float)
uncertainties = st.floats(0, 50)


# ------------------------------------------------------------------------------------------------ ranges


@given(numbers, spreads, st.sampled_from(["V", "A", "degC", "s"]))
def test_a_range_reads_back_and_contains_its_ends(low: float, width: float, unit: str) -> None:
    high = round(low + width, 3)
    range_ = parse_range(f"{low} {unit} to {high} {unit}")
    assert (range_.low, range_.high, range_.unit) == (low, high, unit)
    assert parse_range(str(range_)) == range_
    assert range_.contains(low)
    assert range_.contains(high)
    assert not range_.contains(math.nextafter(high, math.inf))
    assert not range_.contains(math.nan)


@given(numbers, spreads)
def test_plus_minus_is_the_range_around_the_middle(middle: float, half: float) -> None:
    range_ = parse_range(f"{middle} V +- {half} V")
    assert range_.low is not None
    assert range_.high is not None
    assert (range_.low, range_.high) == pytest.approx((middle - half, middle + half))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("at most 1 mV", Range("at most 1 mV", "V", None, 0.001)),
        ("at least 1 MOhm", Range("at least 1 MOhm", "Ohm", 1e6, None)),
        ("0 +- 5 %", Range("0 +- 5 %", "%", -5, 5)),
        ("20 A +- 10 %", Range("20 A +- 10 %", "A", 18, 22)),
        ("25 degC +- 3 K", Range("25 degC +- 3 K", "degC", 22, 28)),
        ("golden +- 20 %", Range("golden +- 20 %", "%", -20, 20, around="golden", relative=True)),
        ("forecast +- 0.3 V", Range("forecast +- 0.3 V", "V", -0.3, 0.3, around="forecast")),
        ("positive", Range("positive", expected="positive")),
        ("100 Ah", Range("100 Ah", "Ah", 100, 100)),
        ("1 to 15", Range("1 to 15", "", 1, 15)),
        (15, Range("15", "", 15, 15)),
    ],
)
def test_every_form_of_a_range_is_read(text: object, expected: Range) -> None:
    assert parse_range(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("51.5 to 53.5", "`53.5` has no unit, such as `51.5 V`"),
        ("51.5 V to 53.5", "`53.5` has no unit, such as `51.5 V`"),
        ("at most 5", "`5` has no unit, such as `51.5 V`"),
        (5.5, "`5.5` has no unit, such as `51.5 V`"),
        ("5 V to 4 V", "`5 V to 4 V`: the lower limit is above the upper one"),
        ("15 to 1", "`15 to 1`: the lower limit is above the upper one"),
        ("5 V +- -1 V", "`5 V +- -1 V`: the tolerance after `+-` is negative"),
        ("5 V +- 1 A", "`5 V +- 1 A`: a voltage cannot have a current as its tolerance"),
        ("5 V to 6 A", "`5 V` is a voltage, expected a current, such as `1 A`"),
        (True, "`True` is no limit; write a word such as `positive`, or `51.5 V to 53.5 V`"),
        (None, "`None` is no limit; write a word such as `positive`, or `51.5 V to 53.5 V`"),
    ],
)
def test_what_is_no_range_is_refused(text: object, message: str) -> None:
    with pytest.raises(BadQuantity) as caught:
        parse_range(text)
    assert str(caught.value) == message


@given(st.text(max_size=30) | st.integers() | st.floats() | st.none() | st.booleans())
def test_whatever_is_read_as_a_range_says_something(anything: object) -> None:
    try:
        range_ = parse_range(anything)
    except BadQuantity:
        return
    assert (range_.low, range_.high, range_.expected) != (None, None, None)
    assert range_.unit in ("", *UNITS)


def test_a_limit_is_in_the_unit_of_what_it_limits() -> None:
    rows = {
        "window": Limit.model_validate({"of": "terminal_voltage", "is": "1 A to 2 A", "spec": "1 V to 2 V"}),
        "pack_resistance": Limit.model_validate({"is": "golden +- 20 %", "otherwise": "windw"}),
        "unheard_of": Limit.model_validate({"is": "at most 1 V", "spec": "at most 1 A"}),
    }
    assert [at for at, _ in check(rows)] == [("window", "is"), ("pack_resistance", "otherwise"), ("unheard_of", "spec")]
    assert set(MEASURED_IN.values()) <= {"", "a word", *UNITS}
    assert len(KINDS) == len(set(KINDS))


# ------------------------------------------------------------------------------------------------ judging


def two_sided(low: float, width: float) -> Range:
    return Range(f"{low} V to {low + width} V", "V", low, low + width)


NOT_GOOD = (None, math.nan, math.inf, -math.inf, True, False, "5", "positive", b"5", [5.0], 5j, b"5", 10**400)


@pytest.mark.parametrize("value", NOT_GOOD, ids=repr)
@pytest.mark.parametrize("range_", [two_sided(-1, 10), Range("at least 0 V", "V", 0), Range("", "V")], ids=str)
def test_what_is_no_number_is_an_error_and_never_passes(value: object, range_: Range) -> None:
    assert judge(value, range_, 0.1, RULE).verdict is Verdict.ERROR


@pytest.mark.parametrize("value", [None, math.nan, 1.0, True, b"positive", ["positive"]], ids=repr)
def test_what_is_no_word_is_an_error_where_a_word_is_expected(value: object) -> None:
    assert judge(value, parse_range("positive"), 0.0, RULE).verdict is Verdict.ERROR


def test_a_word_passes_only_if_it_is_the_expected_one() -> None:
    assert judge("positive", parse_range("positive"), None, RULE).verdict is Verdict.PASS
    assert judge("negative", parse_range("positive"), None, RULE).reason == "is negative, must be positive"
    assert judge("", parse_range("positive"), None, RULE).verdict is Verdict.FAIL


@pytest.mark.parametrize("uncertainty", [None, math.nan, math.inf, -0.1])
def test_without_a_known_uncertainty_nothing_is_decided(uncertainty: float | None) -> None:
    assert judge(5.0, two_sided(0, 10), uncertainty, RULE).verdict is Verdict.ERROR


def test_a_limit_around_something_unknown_decides_nothing() -> None:
    assert judge(0.0, parse_range("golden +- 20 %"), 0.0, RULE).verdict is Verdict.ERROR


@given(numbers, numbers, spreads, uncertainties, st.booleans())
def test_what_passes_lies_inside_the_limit_as_written(
    value: float, low: float, width: float, uncertainty: float, safety: bool
) -> None:
    range_ = two_sided(low, width)
    judgement = judge(value, range_, uncertainty, RULE, safety=safety)
    if judgement.verdict is Verdict.PASS:
        assert range_.contains(value)
    if judgement.accept_low is not None and judgement.accept_high is not None:
        assert judgement.accept_low >= low
        assert judgement.accept_high <= low + width


@given(numbers, numbers, spreads, uncertainties, uncertainties)
def test_more_uncertainty_never_turns_a_safety_limit_into_a_pass(
    value: float, low: float, width: float, less: float, extra: float
) -> None:
    range_ = two_sided(low, width)
    more = judge(value, range_, less + extra, RULE, safety=True)
    if more.verdict is Verdict.PASS:
        assert judge(value, range_, less, RULE, safety=True).verdict is Verdict.PASS


@given(numbers, spreads, uncertainties, st.booleans(), st.lists(numbers, min_size=3, max_size=3).map(sorted))
def test_between_two_values_that_pass_every_value_passes(
    low: float, width: float, uncertainty: float, safety: bool, values: list[float]
) -> None:
    verdicts = [judge(value, two_sided(low, width), uncertainty, RULE, safety=safety).verdict for value in values]
    if verdicts[0] is verdicts[2] is Verdict.PASS:
        assert verdicts[1] is Verdict.PASS


@given(numbers, numbers, uncertainties, st.booleans())
def test_a_one_sided_limit_passes_on_its_good_side_only_and_always_keeps_its_guard(
    value: float, limit: float, uncertainty: float, safety: bool
) -> None:
    guard = uncertainty * (1.0 if safety else 0.83)
    at_most = judge(value, Range("at most", "V", None, limit), uncertainty, RULE, safety=safety)
    at_least = judge(value, Range("at least", "V", limit, None), uncertainty, RULE, safety=safety)
    assume(abs(abs(value - limit) - guard) > 1e-6)
    nobody_passes = limit - guard < 0 <= value <= limit
    assert at_most.verdict is (
        Verdict.PASS if value < limit - guard else Verdict.ERROR if nobody_passes else Verdict.FAIL
    )
    assert at_least.verdict is (Verdict.PASS if value > limit + guard else Verdict.FAIL)


def test_a_safety_limit_moves_by_u_another_by_less_and_a_good_instrument_by_nothing() -> None:
    range_ = two_sided(0, 8)
    assert judge(4, range_, 1.5, RULE, safety=True).accept_low == 1.5
    assert judge(4, range_, 1.5, RULE).accept_low == pytest.approx(1.245)
    assert judge(4, range_, 1.0, RULE).accept_low == 0
    assert judge(4, range_, 1.0, RULE).rule == "simple acceptance, test uncertainty ratio at least 4"
    assert judge(4, range_, 1.0, RULE, safety=True).accept_low == 1.0
    assert judge(4, range_, 0, RULE, safety=True).rule == "exact"


def test_an_uncertainty_that_eats_the_limit_is_an_error() -> None:
    judgement = judge(4, two_sided(0, 8), 5, RULE, safety=True)
    assert judgement.verdict is Verdict.ERROR
    assert "leaves nothing of the limit" in judgement.reason


def test_an_uncertainty_above_the_only_limit_of_a_magnitude_is_an_error_unless_the_value_is_beyond_it() -> None:
    at_most = Range("at most 1 Ohm", "Ohm", None, 1.0)
    assert judge(0.2, at_most, 2.0, RULE).verdict is Verdict.ERROR
    assert judge(0.2, at_most, 2.0, RULE).reason == "the uncertainty 2 Ohm leaves nothing of the limit at most 1 Ohm"
    assert judge(1.5, at_most, 2.0, RULE).verdict is Verdict.FAIL
    assert judge(0.5, at_most, 1.0, RULE).verdict is Verdict.FAIL


def test_the_reason_says_on_which_side_and_whether_only_the_guard_band_is_to_blame() -> None:
    assert judge(9, two_sided(0, 8), 0, RULE).reason == "9 V is above the limit 0 V to 8 V"
    assert judge(-1, two_sided(0, 8), 0, RULE).reason == "-1 V is below the limit 0 V to 8 V"
    reason = "7.5 V is above the limit 0 V to 8 V after its guard band (7 V)"
    assert judge(7.5, two_sided(0, 8), 1, RULE, safety=True).reason == reason


@pytest.mark.parametrize("rule", ["guard", "U", "guard -1 U", "guard 0.83", "guard U U", "none", "guard . U"])
def test_what_is_no_decision_rule_is_refused_when_it_is_read(rule: str) -> None:
    with pytest.raises(ValueError, match="is no decision rule"):
        Decision(other=rule)


def test_decision_rules_are_read() -> None:
    decision = Decision(safety="guard 1.5 U", other="guard U", simple_if_tur="at least 10")
    assert (decision.factor(True), decision.factor(False), decision.enough_ratio) == (1.5, 1.0, 10.0)
    with pytest.raises(ValueError, match="is no test uncertainty ratio"):
        Decision(simple_if_tur="at least 0")


# ------------------------------------------------------------------------------------------------ verdicts


@given(st.lists(st.sampled_from(Verdict)))
def test_a_whole_is_as_bad_as_its_worst_part_whatever_the_order(parts: list[Verdict]) -> None:
    whole = strongest(parts)
    assert whole is strongest(reversed(parts))
    assert (whole is Verdict.PASS) == (set(parts) == {Verdict.PASS})
    assert whole in parts or (whole is Verdict.NOT_TESTED and not parts)
    assert strongest([whole, *parts]) is whole


def test_error_comes_before_fail_before_aborted_before_pass() -> None:
    order = [Verdict.ERROR, Verdict.FAIL, Verdict.ABORTED, Verdict.NOT_TESTED, Verdict.PASS]
    for index, verdict in enumerate(order):
        assert strongest(order[index:]) is verdict


def test_only_pass_exits_with_0_and_only_fail_with_1() -> None:
    assert [verdict for verdict, code in EXIT_STATUS.items() if code == 0] == [Verdict.PASS]
    assert [verdict for verdict, code in EXIT_STATUS.items() if code == 1] == [Verdict.FAIL]
    assert set(EXIT_STATUS) == set(Verdict)
    assert 2 not in EXIT_STATUS.values()
