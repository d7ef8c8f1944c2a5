"""Limits, and how a value is judged against one.

Every limit is judged with the expanded uncertainty U (k = 2) of the measurement under a stated decision rule: a limit that
concerns safety is moved inwards by U, any other by 0.83 U (ISO 14253-1), and a value whose test uncertainty ratio is at
least 4 is accepted as it stands unless the limit concerns safety (ILAC-G8).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field, PlainValidator, WithJsonSchema

from station.model.files import Model
from station.model.quantity import BadQuantity, Quantity, base_unit, parse_quantity
from station.model.verdict import Verdict

_WORD = re.compile(r"[a-z][a-z0-9_]*")
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?")


@dataclass(frozen=True, slots=True)
class Range:
    """What is good: numbers between `low` and `high` in `unit`, both included, or the one word `expected`.

    `around` names a value that is known only at run time (`golden`, `forecast`); low and high are then offsets from it, or
    percentages of it when `relative` is true.
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

    def contains(self, value: float) -> bool:
        """Whether a value in `unit` lies inside; NaN never does."""
        return not math.isnan(value) and (self.low is None or value >= self.low) and (self.high is None or value <= self.high)


def parse_range(text: object) -> Range:
    """Read `A to B`, `at most B`, `at least A`, `X +- Y`, a single value or a word; raises BadQuantity."""
    if isinstance(text, bool) or text is None:
        raise BadQuantity(f"`{text}` is no limit; write a word such as `positive`, or a range such as `51.5 V to 53.5 V`")
    if isinstance(text, int):
        return Range(str(text), low=float(text), high=float(text))
    if not isinstance(text, str):
        raise BadQuantity(f"`{text}` has no unit, such as `51.5 V to 53.5 V`")
    words = " ".join(text.split())
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
    if _NUMBER.fullmatch(left) and _NUMBER.fullmatch(right):
        low, high, unit = float(left), float(right), ""
    else:
        top = parse_quantity(right)
        bottom = parse_quantity(left, top.kind)
        low, high, unit = bottom.si, top.si, base_unit(top.unit)
    if low > high:
        raise BadQuantity(f"`{words}`: the lower limit is above the upper one")
    return Range(words, unit, low, high)


def _around(words: str, left: str, right: str) -> Range:
    spread = parse_quantity(right)
    if spread.value < 0:
        raise BadQuantity(f"`{words}`: the tolerance after `+-` is negative")
    if _WORD.fullmatch(left):
        return Range(words, base_unit(spread.unit), -spread.si, spread.si, around=left, relative=spread.unit == "%")
    middle = Quantity(float(left), spread.unit) if _NUMBER.fullmatch(left) else parse_quantity(left)
    unit = base_unit(middle.unit)
    if spread.unit == "%" and middle.unit != "%":
        half = abs(middle.si) * spread.si / 100
    elif spread.kind == middle.kind or (middle.unit == "degC" and spread.unit == "K"):
        half = spread.si
    else:
        raise BadQuantity(f"`{words}`: a {middle.kind} cannot have a {spread.kind} as its tolerance")
    return Range(words, unit, round(middle.si - half, 12), round(middle.si + half, 12))


RangeText = Annotated[
    Range,
    PlainValidator(lambda value: value if isinstance(value, Range) else parse_range(value)),
     WithJsonSchema({"type": ["string", "integer"], "examples": ["51.5 V to 53.5 V", "at most 1 V"]}),
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
    proves: tuple[str, ...] = ()
    safety: bool = False
    source: str = ""


class Decision(Model):
    """The decision rule of a pack file."""

    safety: str = "guard U"
    other: str = "guard 0.83 U"
    simple_if_tur: RangeText | str = "at least 4"

    def factor(self, safety: bool) -> float:
        """Guard band as a multiple of U."""
        text = self.safety if safety else self.other
        match = re.fullmatch(r"guard(?: (\d+(?:\.\d+)?))? U", text)
        if match is None:
            raise BadQuantity(f"`{text}` is no decision rule; write `guard U` or `guard 0.83 U`")
        return float(match[1] or 1)

    @property
    def enough_ratio(self) -> float:
        """Test uncertainty ratio from which a value that does not concern safety is accepted as it stands."""
        return float(str(self.simple_if_tur).removeprefix("at least "))


@dataclass(frozen=True, slots=True)
class Judgement:
    """How a value compares with its limit, and by which rule."""

    verdict: Verdict
    accept_low: float | None = None
    accept_high: float | None = None
    rule: str = ""
    reason: str = ""


def judge(value: object, is_: Range, uncertainty: float | None, decision: Decision, *, safety: bool = False) -> Judgement:
    """Judge a value; what is missing, not a number or of the wrong type gives ERROR and never PASS."""
    if value is None:
        return Judgement(Verdict.ERROR, reason="no value was taken")
    if is_.expected is not None:
        return _judge_word(value, is_.expected)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return Judgement(Verdict.ERROR, reason=f"`{value}` is not a number")
    if is_.around is not None or (is_.low is None and is_.high is None):
        return Judgement(Verdict.ERROR, reason=f"the limit `{is_}` has no numbers")
    if uncertainty is None or not math.isfinite(uncertainty) or uncertainty < 0:
        return Judgement(Verdict.ERROR, reason="the uncertainty of the measurement is not known")
    return _judge_number(float(value), is_, uncertainty, decision, safety)


def _judge_word(value: object, expected: str) -> Judgement:
    if not isinstance(value, str):
        return Judgement(Verdict.ERROR, reason=f"`{value}` is not a word")
    good = value == expected
    return Judgement(Verdict.PASS if good else Verdict.FAIL, rule="equal", reason="" if good else f"is {value}, must be {expected}")


def _judge_number(value: float, is_: Range, uncertainty: float, decision: Decision, safety: bool) -> Judgement:
    guard, rule = _guard(is_, uncertainty, decision, safety)
    low = None if is_.low is None else round(is_.low + guard, 9)
    high = None if is_.high is None else round(is_.high - guard, 9)
    if low is not None and high is not None and low > high:
        reason = f"the uncertainty {uncertainty:.3g} {is_.unit} leaves nothing of the limit {is_}"
        return Judgement(Verdict.ERROR, low, high, rule, reason)
    if (low is None or value >= low) and (high is None or value <= high):
        return Judgement(Verdict.PASS, low, high, rule)
    side = "above" if high is not None and value > high else "below"
    limit = high if side == "above" else low
    reason = f"{value:.6g} {is_.unit}".rstrip() + f" is {side} the limit {is_}"
    if is_.contains(value):
        reason += f" after its guard band ({limit:.6g} {is_.unit})"
    return Judgement(Verdict.FAIL, low, high, rule, reason)


def _guard(is_: Range, uncertainty: float, decision: Decision, safety: bool) -> tuple[float, str]:
    if uncertainty == 0:
        return 0.0, "exact"
    two_sided = is_.low is not None and is_.high is not None
    if two_sided and not safety and (is_.high or 0) - (is_.low or 0) >= 2 * decision.enough_ratio * uncertainty:
        return 0.0, f"simple acceptance, test uncertainty ratio at least {decision.enough_ratio:g}"
    factor = decision.factor(safety)
    return factor * uncertainty, f"guard band {factor:g} U"
