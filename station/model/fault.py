"""A fault file: what is wrong with a simulated pack or bench, or done by a person or a PC, and the verdict it must get.

A fault changes parameters of the twin (`change`), or is a deed (`do`), or both. A list of values is one magnitude each,
the mildest first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from operator import ge, gt, le, lt
from typing import Annotated, Literal, get_args

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    PlainValidator,
    StrictBool,
    StrictInt,
    Tag,
    WithJsonSchema,
    model_validator,
)

from station.model.files import Model, shown
from station.model.quantity import NUMBER, Seconds, parse_quantity
from station.model.verdict import Verdict

Value = bool | int | float | str
"""What a parameter becomes: a quantity or a relation as a text, a number, a word, true or false."""

# ------------------------------------------------------------------------------------------------ when

_RELATIONS: dict[str, Callable[[float, float], bool]] = {"above": gt, "below": lt, "at least": ge, "at most": le}
_RELATION = re.compile(rf"({'|'.join(_RELATIONS)}) (.+)")


@dataclass(frozen=True, slots=True)
class Condition:
    """What a parameter must be compared with: `below -50 A`, or the word, number or truth that it must be."""

    relation: str
    """`above`, `below`, `at least` or `at most`; empty: it must be equal."""
    value: Value

    def holds(self, present: object) -> bool:
        """Whether a parameter that is `present` now meets it; what is no number is neither above nor below."""
        if not self.relation:
            return bool(present == self.value)
        return isinstance(present, int | float) and _RELATIONS[self.relation](present, float(self.value))

    def __str__(self) -> str:
        """As a file says it, in the unit that the twin calculates in."""
        return f"{self.relation} {self.value}".strip()


def _condition(value: object) -> Condition:
    """Read a condition; raises ValueError, BadQuantity for a comparison with what is no quantity."""
    if isinstance(value, Condition):
        return value
    if not isinstance(value, Value):
        raise ValueError(f"{shown(value)}: expected `below <quantity>`, `above <quantity>`, or what it must be")
    found = _RELATION.fullmatch(value) if isinstance(value, str) else None
    return Condition(found[1], number(found[2])) if found else Condition("", value)


def number(text: str) -> float:
    """A quantity in the station's own unit, or a plain number; raises BadQuantity."""
    return float(text) if re.fullmatch(NUMBER, text) else parse_quantity(text).si


Conditions = Annotated[
    dict[
        str,
        Annotated[
            Condition,
            PlainValidator(_condition),
            WithJsonSchema({"type": ["string", "number", "boolean"], "examples": ["below -50 A"]}),
        ],
    ],
    Field(min_length=1),
]
"""Parameters of the twin by name, and what all of them must be."""


class When(Model):
    """When a fault sets in, and for how long. Nothing said means from the start, and for good.

    A time or a step and a condition may stand together: the condition counts from then on.
    """

    at: Seconds | None = None
    """So long after the start of the twin."""
    step: str | None = None
    """When this step of the run begins."""
    while_: Conditions | None = Field(default=None, alias="while")
    """As long as this holds; whatever was changed is put back after."""
    once: Conditions | None = None
    """From the first time that this holds."""
    for_: Seconds | None = Field(default=None, alias="for")
    """So long, then everything is put back."""

    @model_validator(mode="after")
    def _makes_sense(self) -> When:
        if self.at is not None and self.step is not None:
            raise ValueError("write either `at: <time>` or `step: <step>`")
        if self.while_ and (self.once or self.for_):
            raise ValueError("`while` says already when it ends; leave out `once` and `for`")
        if not self.model_fields_set:
            raise ValueError("say when: `at`, `step`, `while`, `once` or `for`; without `when` it is from the start")
        return self


# ------------------------------------------------------------------------------------------------ deeds


class Scan(Model):
    """The operator scans or types another serial number than the one of the pack on the bench."""

    scan: str


class Repeat(Model):
    """The operator tests a serial number that has passed before."""

    repeat: Literal[True]


class StopAt(Model):
    """The operator stops the run when a step has begun."""

    stop_at: str


class KillAt(Model):
    """The station's process is killed (SIGKILL) when a step has begun; the bench goes on."""

    kill_at: str


class PowerLossAt(Model):
    """The station's computer loses power when a step has begun; what was not flushed is lost."""

    power_loss_at: str


class Disk(Model):
    """The disk with the records takes nothing more, from the start or from a step on."""

    disk: Literal["full", "read_only"]
    at_step: str | None = None


_JUMP = re.compile(r"(back|forward) (.+)")


def _jump(value: object) -> float:
    found = _JUMP.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"{shown(value)}: expected `back <time>` or `forward <time>`")
    return parse_quantity(found[2], "time").si * (1 if found[1] == "forward" else -1)


class ClockJump(Model):
    """The wall clock of the computer is set by so many seconds, negative: back; at the start or at a step."""

    clock: Annotated[
        float,
        PlainValidator(lambda value: value if isinstance(value, float) else _jump(value)),
        WithJsonSchema({"type": "string", "pattern": "^(back|forward) ", "examples": ["back 1 h"]}),
    ]
    at_step: str | None = None


class Stall(Model):
    """The station's process gets no processor for so long, while current flows in a step."""

    stall: Seconds
    at_step: str | None = None


class Tamper(Model):
    """The signed certificate is altered after the run; verifying it must refuse it."""

    tamper: Literal["certificate"]


class Edit(Model):
    """A file is changed before the run: limits without approval, or a bench whose calibration has run out."""

    edit: Literal["limits", "calibration"]


class Hold(Model):
    """Another run holds the bench already."""

    hold: Literal["bench"]


class Golden(Model):
    """The pack on the bench is the golden pack, and tested as such: what is wrong is wrong with the bench."""

    golden: Literal[True]


class Answers(Model):
    """How the operator answers prompts, and which role of the bench is the operator's to fill, if one is."""

    answers: Literal["always yes", "none", "without doing"]
    by_operator: Literal["key"] | None = None


class Store(Model):
    """The central store cannot be reached."""

    store: Literal["unreachable"]


Deed = (
    Annotated[Scan, Tag("scan")]
    | Annotated[Repeat, Tag("repeat")]
    | Annotated[StopAt, Tag("stop_at")]
    | Annotated[KillAt, Tag("kill_at")]
    | Annotated[PowerLossAt, Tag("power_loss_at")]
    | Annotated[Disk, Tag("disk")]
    | Annotated[ClockJump, Tag("clock")]
    | Annotated[Stall, Tag("stall")]
    | Annotated[Tamper, Tag("tamper")]
    | Annotated[Edit, Tag("edit")]
    | Annotated[Hold, Tag("hold")]
    | Annotated[Golden, Tag("golden")]
    | Annotated[Answers, Tag("answers")]
    | Annotated[Store, Tag("store")]
)
"""What a person or a computer does, instead of a parameter that changes; each goes by one word in a file."""
DEEDS = tuple(str(get_args(each)[1].tag) for each in get_args(Deed))
"""Those words."""


def _word(value: object) -> str | None:
    names = value if isinstance(value, dict) else type(value).model_fields if isinstance(value, Model) else ()
    return next((word for word in DEEDS if word in names), None)


_DeedOfFile = Annotated[
    Deed,
    Discriminator(
        _word, custom_error_type="deed", custom_error_message=f"expected one of `{'`, `'.join(DEEDS)}` under `do`"
    ),
]

# ------------------------------------------------------------------------------------------------ the file


class Expected(Model):
    """What a run with this fault must come to."""

    verdict: Verdict
    caught_by: str | tuple[str, ...] | None = None
    """The step that must catch it, or several of which one must; in a sequence without any of them it is a gap.

    `start-checks` is before the first step, and `verify` is the check of the certificate.
    """
    gap: str | None = None
    """Why no end-of-line test can see it; the certificate lists it."""

    @model_validator(mode="after")
    def _a_gap_passes(self) -> Expected:
        if self.gap is not None and (self.verdict != Verdict.PASS or self.caught_by is not None):
            raise ValueError("a `gap` is a fault that passes: write `verdict: PASS`, and no `caught_by`")
        return self

    @property
    def steps(self) -> tuple[str, ...]:
        """The steps of which one must catch it; none: nothing has to."""
        return (self.caught_by,) if isinstance(self.caught_by, str) else self.caught_by or ()


_One = StrictBool | StrictInt | float | str


def _values(value: object) -> object:
    for each in value if isinstance(value, list | tuple) else [value]:
        if not isinstance(each, Value):
            raise ValueError(f"{shown(each)}: expected a quantity, a number, a word, true or false, or a list of them")
    return value


class FaultFile(Model):
    """One fault: parameters of the twin by name and what they become, or a deed, and what must come of it."""

    fault: str
    reference: str | None = Field(default=None, pattern=r"^[A-Z]\d\d$")
    """Its number in the list of faults that the station was built against."""
    title: str
    class_: Literal["pack", "bench", "line", "operator", "pc"] = Field(alias="class")
    change: dict[str, Annotated[_One | Annotated[tuple[_One, ...], Field(min_length=1)], BeforeValidator(_values)]] = (
        Field(default_factory=dict, min_length=1)
    )
    when: When | None = None
    do: _DeedOfFile | None = None
    expect: Expected | None = None
    cause: str = ""
    remedy: str = ""

    @model_validator(mode="after")
    def _says_something(self) -> FaultFile:
        if not self.change and self.do is None:
            raise ValueError("nothing goes wrong here; write `change: {<parameter>: <value>}` or `do: {<deed>: ...}`")
        if len(counts := set(self._counts())) > 1:
            found = " and ".join(map(str, sorted(counts)))
            raise ValueError(f"`change` has lists of {found} values; each list has one value for each magnitude")
        return self

    @property
    def settings(self) -> dict[str, Value]:
        """What each parameter becomes: of a list of magnitudes the strongest, which is the last."""
        return self._magnitude(-1)

    @property
    def magnitudes(self) -> tuple[FaultFile, ...]:
        """The same fault once for each magnitude, the mildest first, with a single value for each parameter."""
        count = next(self._counts(), 1)
        return tuple(self.model_copy(update={"change": self._magnitude(index)}) for index in range(count))

    def _counts(self) -> Iterator[int]:
        return (len(value) for value in self.change.values() if isinstance(value, tuple))

    def _magnitude(self, index: int) -> dict[str, Value]:
        return {name: value[index] if isinstance(value, tuple) else value for name, value in self.change.items()}
