"""Limits, and how a value is judged against one.

Every limit is judged with the expanded uncertainty U (k = 2) of the measurement under a stated decision rule: a limit
that concerns safety is moved inwards by U, any other by 0.83 U (ISO 14253-1), and a value whose test uncertainty ratio
is at least 4 is accepted as it stands unless the limit concerns safety (ILAC-G8).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Annotated

from pydantic import Field, PlainValidator, StrictBool, WithJsonSchema, field_validator

from station.model.files import Model, nearest, shown
from station.model.quantity import NUMBER, BadQuantity, Quantity, Seconds, base_unit, parse_quantity, pattern
from station.model.verdict import Verdict

_WORD = re.compile(r"[a-z][a-z0-9_]*")
_NUMBER = re.compile(NUMBER, re.ASCII)
_COUNT = re.compile(r"\d{1,15}", re.ASCII)

MEASURED_IN: Mapping[str, str] = {
    **dict.fromkeys(("polarity", "fault_flags"), "a word"),
    "cell_count": "",
    **dict.fromkeys(("design_capacity", "full_capacity"), "Ah"),
    **dict.fromkeys(
        ("terminal_voltage", "case_voltage", "charger_voltage", "breaker_off_voltage", "voltage_drift"), "V"
    ),
    **dict.fromkeys(("pack_voltage_error", "cell_sum_error", "spread_drift"), "V"),
    **dict.fromkeys(("cell_spread_rest", "cell_spread_full", "cell_spread_charged"), "V"),
    **dict.fromkeys(("current_zero", "trip_current", "charge_limit"), "A"),
    **dict.fromkeys(("current_error", "soc_error", "resistance_drift"), "%"),
    **dict.fromkeys(("pack_resistance", "cell_resistance", "path_resistance"), "Ohm"),
    **dict.fromkeys(("contact_closed", "contact_open", "contact_isolation", "pins_joined", "pins_free"), "Ohm"),
    **dict.fromkeys(("trip_time", "overcurrent_recovery"), "s"),
    "temperature_error": "K",
    "cell_temperatures": "degC",
    "mass": "kg",
}
"""The unit of what is measured, by its name; empty for a count. A limit in another unit is refused when it is read."""


@dataclass(frozen=True, slots=True)
class Range:
    """What is good: numbers between `low` and `high` in `unit`, both included, or the one word `expected`.

    `around` names a value that is known only at run time (`golden`, `forecast`); low and high are then offsets from it,
    or percentages of it when `relative` is true.
    """

    text: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    expected: str | None = None
    around: str | None = None
    relative: bool = False

    def __str__(self) -> str:
        """As it was written."""
        return self.text

    def at(self, middle: float, unit: str) -> Range:
        """The same range in numbers, around a value that has become known, in `unit`."""
        half = abs(middle) / 100 if self.relative else 1.0
        low, high = (None if each is None else round(middle + half * each, 12) for each in (self.low, self.high))
        return replace(self, unit=unit, low=low, high=high, around=None, relative=False)

    def contains(self, value: float) -> bool:
        """Whether a value in `unit` lies inside; NaN never does, nor does anything in a range without numbers."""
        above = self.low is None or value >= self.low
        below = self.high is None or value <= self.high
        return above and below and not math.isnan(value) and (self.low, self.high) != (None, None)


def parse_range(text: object) -> Range:
    """Read `A to B`, `at most B`, `at least A`, `X +- Y`, one value, a count or a word; raises BadQuantity."""
    words = " ".join(str(text).split())
    if isinstance(text, bool) or not isinstance(text, str | int | float):
        raise BadQuantity(f"{shown(text)} is no limit; write a word such as `positive`, or `51.5 V to 53.5 V`")
    if _COUNT.fullmatch(words):
        return Range(words, low=float(words), high=float(words))
    if words.startswith("at most "):
        top = parse_quantity(words.removeprefix("at most "))
        return Range(words, base_unit(top.unit), None, top.si)
    if words.startswith("at least "):
        bottom = parse_quantity(words.removeprefix("at least "))
        return Range(words, base_unit(bottom.unit), bottom.si, None)
    if " to " in words:
        return _between(words, *words.split(" to ", 1))
    if " +- " in words:
        return _around(words, *words.split(" +- ", 1))
    if _WORD.fullmatch(words):
        return Range(words, expected=words)
    only = parse_quantity(words)
    return Range(words, base_unit(only.unit), only.si, only.si)


def _between(words: str, left: str, right: str) -> Range:
    if _COUNT.fullmatch(left) and _COUNT.fullmatch(right):
        low, high, unit = float(left), float(right), ""
    else:
        top = parse_quantity(right)
        low, high, unit = parse_quantity(left, top.kind).si, top.si, base_unit(top.unit)
    if low > high:
        raise BadQuantity(f"{shown(words)}: the lower limit is above the upper one")
    return Range(words, unit, low, high)


def _around(words: str, left: str, right: str) -> Range:
    spread = parse_quantity(right)
    if spread.value < 0:
        raise BadQuantity(f"{shown(words)}: the tolerance after `+-` is negative")
    if _WORD.fullmatch(left):
        return Range(words, spread.si_unit, -spread.si, spread.si, around=left, relative=spread.unit == "%")
    middle = Quantity(float(left), spread.unit) if _NUMBER.fullmatch(left) else parse_quantity(left)
    if spread.unit == "%" and middle.unit != "%":
        half = abs(middle.si) * spread.si / 100
    elif spread.kind == middle.kind or (middle.unit == "degC" and spread.unit == "K"):
        half = spread.si
    else:
        raise BadQuantity(f"{shown(words)}: a {middle.kind} cannot have a {spread.kind} as its tolerance")
    return Range(words, middle.si_unit, round(middle.si - half, 12), round(middle.si + half, 12))


_ONE = pattern()
_FORMS = (rf"at (?:most|least) {_ONE}", rf"{_ONE} to {_ONE}", rf"(?:\S+|{_ONE}) \+- {_ONE}", _ONE, r"\d+(?: to \d+)?")
RangeText = Annotated[
    Range,
    PlainValidator(lambda value: value if isinstance(value, Range) else parse_range(value)),
    WithJsonSchema(
        {
            "anyOf": [{"type": "string", "pattern": f"^(?:{'|'.join(_FORMS)}|{_WORD.pattern})$"}, {"type": "integer"}],
            "examples": ["51.5 V to 53.5 V", "at most 1 V", "positive"],
        }
    ),
]
"""A range as it stands in a file."""


class Limit(Model):
    """One row of a pack's limits."""

    of: str | None = None
    """The measurement that it limits; None: the one of the same name."""
    is_: RangeText = Field(alias="is")
    spec: RangeText | None = None
    """What the manual says where the station is stricter; printed, never judged."""
    rated: RangeText | None = None
    at: str | None = None
    when: str | None = None
    each: str | None = None
    otherwise: str | None = None
    """The row that counts where the value that `is` lies around is not known."""
    valid_for: Seconds | None = None
    """How long it stays proven for a retest after ERROR or ABORTED, where testing itself changes what it limits."""
    proves: tuple[str, ...] = ()
    safety: StrictBool = False
    source: str = ""


def check(limits: Mapping[str, Limit]) -> Iterator[tuple[tuple[str, ...], str]]:
    """What is wrong with the limits of a pack file beyond their form, as (where, message)."""
    for name, row in limits.items():
        measured = row.of or name
        wanted = MEASURED_IN.get(measured, _unit(row.is_))
        for word, each in (("is", row.is_), ("spec", row.spec), ("rated", row.rated)):
            if each is not None and _unit(each) != wanted and not each.relative:
                yield (name, word), f"{shown(each)}: {measured} is {_in(wanted)}, and this is {_in(_unit(each))}"
        if row.otherwise is not None and row.otherwise not in limits:
            yield (name, "otherwise"), f"`{row.otherwise}` is no limit{nearest(row.otherwise, limits)}"


def _unit(range_: Range) -> str:
    return range_.unit if range_.expected is None else "a word"


def _in(unit: str) -> str:
    return unit if unit == "a word" else f"measured in {unit}" if unit else "a number without a unit"


class Decision(Model):
    """The decision rule of a pack file."""

    safety: str = "guard U"
    other: str = "guard 0.83 U"
    simple_if_tur: str = "at least 4"

    @field_validator("safety", "other")
    @classmethod
    def _is_rule(cls, value: str) -> str:
        if _RULE.fullmatch(value) is None:
            raise ValueError(f"{shown(value)} is no decision rule; write `guard U` or `guard 0.83 U`")
        return value

    @field_validator("simple_if_tur")
    @classmethod
    def _is_ratio(cls, value: str) -> str:
        if _RATIO.fullmatch(value) is None:
            raise ValueError(f"{shown(value)} is no test uncertainty ratio; write `at least 4`")
        return value

    def factor(self, safety: bool) -> float:
        """Guard band as a multiple of U."""
        return float((self.safety if safety else self.other).split(" ")[1].replace("U", "1"))

    @property
    def enough_ratio(self) -> float:
        """Test uncertainty ratio from which a value that does not concern safety is accepted as it stands."""
        return float(self.simple_if_tur.removeprefix("at least "))


_RULE = re.compile(r"guard (?:(?:\d+\.)?\d+ )?U", re.ASCII)
_RATIO = re.compile(r"at least [1-9]\d*(?:\.\d+)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Judgement:
    """How a value compares with its limit, and by which rule."""

    verdict: Verdict
    accept_low: float | None = None
    accept_high: float | None = None
    rule: str = ""
    reason: str = ""


def judge(
    value: object, is_: Range, uncertainty: float | None, decision: Decision, *, safety: bool = False
) -> Judgement:
    """Judge a value; what is missing, not a number or of the wrong type gives ERROR and never PASS."""
    if value is None:
        return _not_judged("no value was taken")
    if is_.expected is not None:
        return _judge_word(value, is_.expected)
    if isinstance(value, bool) or not isinstance(value, int | float) or not _is_finite(value):
        return _not_judged(f"{shown(value)} is not a number")
    if is_.around is not None or (is_.low is None and is_.high is None):
        return _not_judged(f"the limit {shown(is_)} has no numbers")
    if uncertainty is None or not _is_finite(uncertainty) or uncertainty < 0:
        return _not_judged("the uncertainty of the measurement is not known")
    return _judge_number(float(value), is_, float(uncertainty), decision, safety)


def _not_judged(reason: str) -> Judgement:
    return Judgement(Verdict.ERROR, reason=reason)


def _is_finite(value: float) -> bool:
    return abs(value) < 1e300


def _judge_word(value: object, expected: str) -> Judgement:
    if not isinstance(value, str):
        return _not_judged(f"{shown(value)} is not a word")
    if value == expected:
        return Judgement(Verdict.PASS, rule="equal")
    return Judgement(Verdict.FAIL, rule="equal", reason=f"is {value}, must be {expected}")


def _judge_number(value: float, is_: Range, uncertainty: float, decision: Decision, safety: bool) -> Judgement:
    guard, rule = _guard(is_, uncertainty, decision, safety)
    low = None if is_.low is None else max(is_.low, round(is_.low + guard, 9))
    high = None if is_.high is None else min(is_.high, round(is_.high - guard, 9))
    if low is not None and high is not None and low > high:
        return Judgement(Verdict.ERROR, low, high, rule, _nothing_left(is_, uncertainty))
    if (low is None or value >= low) and (high is None or value <= high):
        return Judgement(Verdict.PASS, low, high, rule)
    side = "above" if high is not None and value > high else "below"
    limit = high if side == "above" else low
    reason = f"{value:.6g} {is_.unit}".rstrip() + f" is {side} the limit {is_}"
    if is_.contains(value):
        if low is None and limit is not None and limit < 0 <= value:
            return Judgement(Verdict.ERROR, low, high, rule, _nothing_left(is_, uncertainty))
        reason += f" after its guard band ({limit:.6g} {is_.unit})"
    return Judgement(Verdict.FAIL, low, high, rule, reason)


def _nothing_left(is_: Range, uncertainty: float) -> str:
    return f"the uncertainty {uncertainty:.3g} {is_.unit} leaves nothing of the limit {is_}"


def _guard(is_: Range, uncertainty: float, decision: Decision, safety: bool) -> tuple[float, str]:
    """How far the limits move inwards, and the rule in words."""
    if uncertainty == 0:
        return 0.0, "exact"
    width = math.inf if is_.low is None or is_.high is None else is_.high - is_.low
    if not safety and math.isfinite(width) and width >= 2 * decision.enough_ratio * uncertainty:
        return 0.0, f"simple acceptance, test uncertainty ratio at least {decision.enough_ratio:g}"
    factor = decision.factor(safety)
    return factor * uncertainty, f"guard band {factor:g} U"
