"""A fault file: what is wrong with a simulated pack, bench or line, and the verdict that it must get."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, StrictBool, StrictInt, model_validator

from station.model.files import Model, shown
from station.model.quantity import Seconds
from station.model.verdict import Verdict


class When(Model):
    """When a fault sets in; nothing said means from the start."""

    at: Seconds | None = None
    """So long after the start of the twin."""
    step: str | None = None
    """When this step of the run begins."""

    @model_validator(mode="after")
    def _one_of_them(self) -> When:
        if (self.at is None) == (self.step is None):
            raise ValueError("write either `at: <time>` or `step: <step>`")
        return self


class Expected(Model):
    """What a run with this fault must come to."""

    verdict: Verdict
    caught_by: str | None = None
    """The step that must catch it."""


def _value(value: object) -> object:
    if not isinstance(value, str | int | float | bool):
        raise ValueError(f"{shown(value)}: expected a quantity, a number, a word, or true or false")
    return value


class FaultFile(Model):
    """One fault: parameters of the twin by name, and what they become."""

    fault: str
    title: str
    class_: Literal["pack", "bench", "line", "operator", "pc"] = Field(alias="class")
    change: dict[str, Annotated[StrictBool | StrictInt | float | str, BeforeValidator(_value)]] = Field(min_length=1)
    when: When | None = None
    expect: Expected | None = None
    cause: str = ""
    remedy: str = ""
