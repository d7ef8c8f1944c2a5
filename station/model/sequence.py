"""The sequence language: a file, its steps, and the words that may stand in a step.

A step is a stimulus, an expectation, and what it proves. No number with a unit stands in a sequence; a name is a row of the pack
file, and the row knows its limit, its requirement and how fast the pack must react.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag, field_validator, model_validator

from station.model.files import Document, Fault, Location, Model
from station.model.quantity import UNITS

NAME = re.compile(r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*")
_QUANTITY = re.compile(
    r"(?<![\w.-])[-+]?\d+(?:\.\d+)?\s*(?:"
    + "|".join(sorted(map(re.escape, UNITS), key=len, reverse=True))
    + r")(?![\w/])"
)
_PLAIN_NUMBERS = {"attempts"}


def _as_tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else (value,)


Names = Annotated[tuple[str, ...], BeforeValidator(_as_tuple)]
"""One name, or a list of names where one would do: once for each, in this order."""


class Expectation(Model):
    """A state that the pack must reach, within the time that the pack file gives it; all parts must hold."""

    lamps: str | dict[str, str] | None = None
    for_: str | None = Field(default=None, alias="for")
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
        if not (self.model_fields_set - {"for_"}):
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

    write_back: str


class Under(Model):
    """The current that flows during a step."""

    discharge: str | None = None
    charge: str | None = None

    @model_validator(mode="after")
    def _one_direction(self) -> Under:
        if (self.discharge is None) == (self.charge is None):
            raise ValueError("write either `discharge: <current>` or `charge: <current>`")
        return self


class Use(Model):
    """Steps taken over from another file: `eol/reset`."""

    use: Names

    @field_validator("use")
    @classmethod
    def _file_and_step(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if not re.fullmatch(r"[a-z0-9-]+/[a-z0-9-]+", name):
                raise ValueError(f"`{name}`: write `sequence/step`, such as `eol/reset`")
        return value


class Step(Model):
    """One step: what is done (a stimulus), what must happen (an expectation), what is measured, and what it proves."""

    step: str
    title: str = ""
    gate: bool = False
    optional: str | None = None
    attempts: int = Field(default=1, ge=1, le=10)
    verifies: Names = ()
    require: Names = ()
    talk: Names = ()
    press_key: str | None = None
    program: Names = ()
    parameters: Literal["compare", "restore"] | WriteBack | None = None
    certificate: Literal["verify"] | None = None
    ask: tuple[Question, ...] = ()
    resistance: Literal["two_level", "one_step"] | None = None
    trip: Names = ()
    by: Names = ()
    alarm: Names = ()
    balance: Literal["start", "stop"] | None = None
    limiter: Names = ()
    discharge: str | None = None
    charge: str | None = None
    until: str | None = None
    for_: str | None = Field(default=None, alias="for")
    expect: Annotated[tuple[Expectation, ...], BeforeValidator(_as_tuple)] = ()
    measure: Names = ()
    limit: str | dict[str, str] = Field(default_factory=dict)
    record: dict[str, str | None] = Field(default_factory=dict)
    under: Under | None = None
    meanwhile: tuple[StepOrUse, ...] = ()
    otherwise: tuple[Step, ...] = ()
    steps: tuple[StepOrUse, ...] = ()

    @field_validator("step")
    @classmethod
    def _plain_name(cls, value: str) -> str:
        if not NAME.fullmatch(value):
            raise ValueError(
                f"`{value}` is no name for a step; write small letters, digits and `-`, such as `discharge-trips`"
            )
        return value

    @field_validator("record", mode="before")
    @classmethod
    def _record_is_names(cls, value: object) -> object:
        if isinstance(value, dict):
            return value
        names = value if isinstance(value, list) else [value]
        return {name: None for name in names if isinstance(name, str)}

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
    "talk", "require", "certificate", "ask", "press_key", "program", "parameters", "resistance", "trip", "alarm", "balance", "limiter",
    "discharge", "charge", "expect", "measure", "record",
)  # fmt: skip
"""The actions of the language, in the order in which a step carries them out."""

StepOrUse = Annotated[
    Annotated[Step, Tag("step")] | Annotated[Use, Tag("use")],
    Discriminator(
        lambda value: "use" if (isinstance(value, dict) and "use" in value) or isinstance(value, Use) else "step"
    ),
]


class Sequence(Model):
    """What is done to a pack, in which order."""

    sequence: str
    title: str
    pack: Names
    after_fail: Literal["continue", "stop"] = "continue"
    """Whether a bad pack gives all its evidence in one visit; a failed gate ends the run in any case."""
    steps: tuple[StepOrUse, ...] = Field(min_length=1)


def walk(steps: tuple[Step | Use, ...], at: Location = ("steps",)) -> Iterator[tuple[Step | Use, Location]]:
    """Every step of a file with its place, outer before inner."""
    for index, step in enumerate(steps):
        here = (*at, index)
        yield step, here
        if isinstance(step, Step):
            for word in ("meanwhile", "otherwise", "steps"):
                yield from walk(getattr(step, word), (*here, word))


def check_form(document: Document, sequence: Sequence) -> Iterator[Fault]:
    """What is wrong with a sequence whatever the pack: numbers, and names that stand twice."""
    yield from _numbers(document, document.data, ())
    seen: set[str] = set()
    for step, at in walk(sequence.steps):
        if isinstance(step, Use):
            continue
        if step.step in seen:
            yield document.fault((*at, "step"), f"there is already a step `{step.step}`")
        seen.add(step.step)
        yield from (document.fault(at, message) for message in _odd(step))


def _odd(step: Step) -> Iterator[str]:
    did = set(step.actions())
    if not did and not step.steps:
        yield f"step `{step.step}` does nothing; name an action: {', '.join(ACTIONS)}"
    if step.by and not step.trip:
        yield f"step `{step.step}`: `by` says how a protection is tripped; there is no `trip`"
    if step.trip and not step.by:
        yield f"step `{step.step}`: `trip` needs `by: direct_drive` or `by: shift`"
    if (step.until or step.for_) and not (step.charge or step.discharge):
        yield f"step `{step.step}`: `until` and `for` end a `charge` or a `discharge`; there is none"
    if (step.charge or step.discharge) and not (step.until or step.for_):
        yield f"step `{step.step}`: say when the current ends, with `until: <condition>` or `for: <time>`"
    if step.limit and not step.measure:
        yield f"step `{step.step}`: there is a `limit` and nothing is measured"
    if step.attempts > 1 and did & {"trip", "discharge", "charge", "resistance", "limiter", "balance", "alarm"}:
        yield f"step `{step.step}`: `attempts` is only for steps that energise nothing"
    if step.attempts > 1 and step.under:
        yield f"step `{step.step}`: `attempts` is only for steps that energise nothing"


def _numbers(document: Document, value: object, at: Location) -> Iterator[Fault]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key != "verifies":
                yield from _numbers(document, inner, (*at, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _numbers(document, inner, (*at, index))
    elif isinstance(value, str):
        found = _QUANTITY.search(value)
        if found:
            yield document.fault(
                at, f"`{found[0].strip()}`: no number with a unit stands in a sequence; name a row of the pack file"
            )
    elif isinstance(value, int | float) and not isinstance(value, bool) and (not at or at[-1] not in _PLAIN_NUMBERS):
        yield document.fault(at, f"`{value}`: no number stands in a sequence; name a row of the pack file")
