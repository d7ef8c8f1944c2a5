"""The sequence language: a file, its steps, and the words that may stand in a step.

A step is a stimulus, an expectation, and what it proves. No number with a unit stands in a sequence; a name is a row
of the pack file, and the row knows its limit, its requirement and how fast the pack must react.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    StrictBool,
    StrictInt,
    Tag,
    WithJsonSchema,
    model_validator,
)

from station.model.direction import Direction
from station.model.files import Document, Fault, InvalidFile, Location, Model, build, shown
from station.model.quantity import UNITS

_ALTERNATIVES = "|".join(sorted(map(re.escape, UNITS), key=len, reverse=True))
_QUANTITY = re.compile(rf"(?<![\w.-])[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?\s*(?:{_ALTERNATIVES})(?![\w/])")
_NUMBERS_STAND_IN = frozenset({"attempts", "verifies"})


def _as_tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list | tuple) else (value,)


def _matches(pattern: str, advice: str) -> AfterValidator:
    """The text must match as a whole; if not, the message is what was found and the advice."""

    def check(value: str) -> str:
        if re.fullmatch(pattern, value, re.ASCII) is None:
            raise ValueError(f"{shown(value)} {advice}")
        return value

    return AfterValidator(check)


_PLAIN = r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*"


StepName = Annotated[
    str,
    _matches(_PLAIN, "is no name for a step; write small letters, digits and `-`, such as `discharge-trips`"),
    WithJsonSchema({"type": "string", "pattern": f"^{_PLAIN}$"}),
]
Name = Annotated[str, WithJsonSchema({"type": "string", "pattern": r"^[A-Za-z][A-Za-z0-9_.-]*$"})]
"""The name of a row of the pack file."""
Names = Annotated[tuple[Name, ...], BeforeValidator(_as_tuple, json_schema_input_type=Name | tuple[Name, ...])]
"""One name, or a list of names where one would do: once for each, in this order."""
StepOfFile = Annotated[
    str,
    _matches(f"{_PLAIN}/{_PLAIN}", "is no step of a file; write `sequence/step`, such as `eol/reset`"),
    WithJsonSchema({"type": "string", "pattern": f"^{_PLAIN}/{_PLAIN}$"}),
]
Periods = Annotated[
    str, _matches(rf"[1-9] periods?|{_PLAIN}", "is no time; write `2 periods`, or a time of the pack file")
]


AFTER_RESTORE = "after_restore"
"""What `released` names where a protection lets go because its thresholds are put back."""


class Expectation(Model):
    """A state that the pack must reach, within the time that the pack file gives it; all parts must hold."""

    lamps: str | dict[str, str] | None = None
    for_: Periods | None = Field(default=None, alias="for")
    """How long it is watched: `2 periods` of the slowest lamp, or a name of the pack file's times."""
    answers: str | None = None
    silent: str | None = None
    contacts: str | dict[str, str] | None = None
    terminals: Literal["dead", "alive"] | None = None
    flags: Literal["none_set"] | None = None
    buzzer: Literal["silent"] | None = None
    released: str | None = None
    locked: str | None = None
    balancing: Literal["expected_cells", "none"] | None = None
    firmware: Literal["approved"] | None = None
    parameters: Literal["released"] | None = None
    counters: Literal["unchanged"] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Expectation:
        if not any(self.parts()):
            raise ValueError("nothing is expected here; name a state, such as `lamps: standby`")
        return self

    def parts(self) -> Iterator[tuple[str, object]]:
        """The states that are expected, as (word, value)."""
        return ((word, value) for word in EXPECTATIONS if (value := getattr(self, word)) is not None)


EXPECTATIONS = tuple(name for name in Expectation.model_fields if name != "for_")
"""The words that may stand under `expect`, besides `for`."""


class Question(Model):
    """What a person is asked, and the answer that a good pack gives."""

    text: str
    picture: str | None = None
    answer: str
    optional: str | None = None


class WriteBack(Model):
    """A parameter that is written, read back and put back."""

    write_back: Name


class LeaveChanged(Model):
    """A parameter that is changed, until `expect: {parameters: released}` sees that it survived and puts it back."""

    leave: Name


class Under(Model):
    """The current that flows during a step."""

    discharge: Name | None = None
    charge: Name | None = None

    @model_validator(mode="after")
    def _one_direction(self) -> Under:
        if (self.discharge is None) == (self.charge is None):
            raise ValueError("write either `discharge: <current>` or `charge: <current>`")
        return self


class Use(Model):
    """Steps taken over from another file: `eol/reset`."""

    use: Annotated[
        tuple[StepOfFile, ...],
        BeforeValidator(_as_tuple, json_schema_input_type=StepOfFile | tuple[StepOfFile, ...]),
        Field(min_length=1),
    ]


def _recorded(value: object) -> object:
    if isinstance(value, dict):
        return value
    names = value if isinstance(value, list) else [value]
    if not all(isinstance(name, str) for name in names):
        raise ValueError("expected a name, a list of names, or `name: limit` lines")
    return dict.fromkeys(names)


Recorded = Annotated[
    dict[str, str | None],
    BeforeValidator(_recorded, json_schema_input_type=Name | tuple[Name, ...] | dict[str, Name | None]),
]
Expectations = Annotated[
    tuple[Expectation, ...],
    BeforeValidator(_as_tuple, json_schema_input_type=Expectation | tuple[Expectation, ...]),
]


class Step(Model):
    """One step: what is done (a stimulus), what must happen (an expectation), what is measured, and what it proves."""

    step: StepName
    title: str = ""
    gate: StrictBool = False
    optional: str | None = None
    """Why it may be left out; None: it may not."""
    attempts: StrictInt = Field(default=1, ge=1, le=10)
    verifies: Names = ()
    require: Names = ()
    talk: Names = ()
    press_key: Name | None = None
    program: Names = ()
    parameters: Literal["compare", "restore"] | WriteBack | LeaveChanged | None = None
    certificate: Literal["verify"] | None = None
    ask: tuple[Question, ...] = ()
    resistance: Literal["two_level", "one_step"] | None = None
    trip: Names = ()
    by: Names = ()
    alarm: Names = ()
    balance: Literal["start", "stop"] | None = None
    limiter: Names = ()
    discharge: Name | None = None
    charge: Name | None = None
    until: Name | None = None
    for_: Name | None = Field(default=None, alias="for")
    expect: Expectations = ()
    measure: Names = ()
    limit: str | dict[str, str] = Field(default_factory=dict)
    record: Recorded = Field(default_factory=dict)
    """What is kept without being judged, each with the limit that it is shown against, or None."""
    under: Under | None = None
    meanwhile: tuple[StepOrUse, ...] = ()
    otherwise: tuple[Step, ...] = ()
    steps: tuple[StepOrUse, ...] = ()

    def actions(self) -> Iterator[str]:
        """The words of this step that do or judge something, in the order in which they are carried out."""
        for word in ACTIONS:
            if getattr(self, word) not in (None, (), {}):
                yield word

    def limit_of(self, measurement: str) -> str:
        """The row of the pack file that limits a measurement of this step."""
        if isinstance(self.limit, str):
            return self.limit
        return self.limit.get(measurement, measurement)


ACTIONS = (
    "talk", "require", "certificate", "ask", "press_key", "program", "parameters", "resistance", "trip", "alarm",
    "balance", "limiter", "discharge", "charge", "expect", "measure", "record",
)  # fmt: skip
"""The actions of the language, in the order in which a step carries them out."""

StepOrUse = Annotated[
    Annotated[Step, Tag("Step")] | Annotated[Use, Tag("Use")],
    Discriminator(
        lambda value: "Use" if isinstance(value, Use) or (isinstance(value, dict) and "use" in value) else "Step"
    ),
]


class Sequence(Model):
    """What is done to a pack, in which order."""

    sequence: str
    title: str
    pack: Annotated[Names, Field(min_length=1)]
    after_fail: Literal["continue", "stop"] = "continue"
    """Whether a bad pack gives all its evidence in one visit; a failed gate ends the run in any case."""
    steps: tuple[StepOrUse, ...] = Field(min_length=1)


def driven(step: Step) -> Direction | None:
    """The current that a step lets flow itself, until a condition or for a time."""
    return "charge" if step.charge else "discharge" if step.discharge else None


def flows_under(step: Step) -> Direction | None:
    """The current under which a step stands."""
    return None if step.under is None else "charge" if step.under.charge else "discharge"


Turn = tuple[Step | Use, Location, Direction | None]
"""A step, its place, and the current that flows around it."""


def walk(
    steps: Iterable[Step | Use], at: Location = ("steps",), used: Callable[[str], Step] | None = None
) -> Iterator[tuple[Step | Use, Location]]:
    """Every step of a file with its place, outer before inner; with `used`, a `use` is followed by what it brings."""
    return ((step, here) for step, here, _ in in_turn(steps, at, None, used))


def in_turn(
    steps: Iterable[Step | Use],
    at: Location = ("steps",),
    around: Direction | None = None,
    used: Callable[[str], Step] | None = None,
) -> Iterator[Turn]:
    """As `walk`, each with the current that flows around it."""
    for index, step in enumerate(steps):
        here = (*at, index)
        yield step, here, around
        if isinstance(step, Step):
            inside = flows_under(step) or around
            yield from in_turn(step.meanwhile, (*here, "meanwhile"), driven(step) or inside, used)
            yield from in_turn(step.otherwise, (*here, "otherwise"), around, used)
            yield from in_turn(step.steps, (*here, "steps"), inside, used)
        elif used is not None:
            yield from in_turn(map(used, step.use), (*here, "use"), around, used)


def read_sequence(document: Document) -> Sequence:
    """The sequence in a file; raises InvalidFile with whatever is wrong with it on any pack and bench."""
    numbers = tuple(_numbers(document, document.data, ()))
    places = {(fault.line, fault.column) for fault in numbers}
    try:
        sequence = build(document, Sequence)
    except InvalidFile as error:
        others = (fault for fault in error.faults if (fault.line, fault.column) not in places)
        raise InvalidFile((*numbers, *others)) from None
    if faults := (*numbers, *_forms(document, sequence)):
        raise InvalidFile(faults)
    return sequence


def _numbers(document: Document, value: object, at: Location) -> Iterator[Fault]:
    """Every number: with a unit nowhere, without one where a word does not count something."""
    if isinstance(value, dict):
        for key in value.keys() - _NUMBERS_STAND_IN:
            yield from _numbers(document, value[key], (*at, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _numbers(document, inner, (*at, index))
    elif isinstance(value, str) and (found := _QUANTITY.search(value)):
        yield document.fault(
            at, f"`{found[0]}`: no number with a unit stands in a sequence; name a row of the pack file"
        )
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield document.fault(at, f"`{value}`: no number stands in a sequence; name a row of the pack file")


def _forms(document: Document, sequence: Sequence) -> Iterator[Fault]:
    """Names that stand twice, and words that make no sense together."""
    seen: dict[str, int] = {}
    for step, at in walk(sequence.steps):
        if isinstance(step, Use):
            continue
        if step.step in seen:
            yield document.fault((*at, "step"), f"there is a step `{step.step}` already, in line {seen[step.step]}")
        seen.setdefault(step.step, document.fault((*at, "step"), "").line)
        for word, message in _odd(step):
            yield document.fault((*at, word), f"step `{step.step}`: {message}")


_ENERGISING = frozenset({"trip", "discharge", "charge", "resistance", "limiter", "balance", "alarm"})
"""Actions that let current flow or write thresholds."""


def _odd(step: Step) -> Iterator[tuple[str, str]]:
    """What makes no sense about one step, as (word, message)."""
    did = set(step.actions())
    flows = step.discharge is not None or step.charge is not None
    if not did and not step.steps:
        yield "step", f"does nothing; name an action: {', '.join(ACTIONS)}"
    if step.by and not step.trip:
        yield "by", "`by` says how a protection is tripped, and there is no `trip`"
    if step.trip and not step.by:
        yield "trip", "`trip` needs `by: direct_drive` or `by: shift`"
    if (step.until or step.for_) and not flows:
        yield "until" if step.until else "for", "`until` and `for` end a `charge` or a `discharge`, and there is none"
    if flows and not (step.until or step.for_):
        yield "discharge" if step.discharge else "charge", "say when it ends: `until: <condition>` or `for: <time>`"
    if [step.discharge is not None, step.charge is not None, step.under is not None].count(True) > 1:
        yield "charge" if step.charge else "under", "one current at a time: `discharge`, `charge` or `under`"
    if step.limit and not step.measure:
        yield "limit", "there is a `limit`, and nothing is measured"
    if step.otherwise and not (step.expect or step.measure):
        yield "otherwise", "after a remedy of `otherwise` nothing is there to be judged again"
    if step.attempts > 1 and (did & _ENERGISING or step.under):
        yield "attempts", "`attempts` is only for steps that energise nothing"
    for name in {name for name in step.measure if step.measure.count(name) > 1}:
        yield "measure", f"`{name}` is measured twice"
