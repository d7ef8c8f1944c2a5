"""A state that is waited for, with a deadline of its own."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from station.actions.lamps import LampTrace
from station.actions.parameters import Parameters
from station.actions.stage import Stage
from station.model.sequence import Expectation


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that must hold by `until` on the run's clock; `tell` keeps what became of it."""

    until: float
    holds: Callable[[], bool]
    tell: Callable[[bool], None]


@dataclass(slots=True)
class Waiting:
    """The surroundings of the conditions of one expectation."""

    stage: Stage
    parameters: Parameters
    trace: LampTrace
    written: Expectation
    holding: ExitStack
    """What must be kept up while waiting, such as the probe current of a recovery."""
    began: float


ASK_EVERY = 0.3
"""Seconds between two questions to the pack while waiting for what it says."""


def throttled(stage: Stage, every: float, holds: Callable[[], bool]) -> Callable[[], bool]:
    """Ask at most every `every` seconds, since asking costs time on a wire."""
    asked: list[float] = []

    def ask() -> bool:
        now = stage.clock.now()
        if asked and now - asked[0] < every:
            return False
        asked[:] = [now]
        return holds()

    return ask


def lasts(waiting: Waiting) -> float:
    """Seconds for which an expectation must hold, where its `for` names a time of the pack file; else 0."""
    time = waiting.stage.pack.times.get(waiting.written.for_ or "")
    return 0.0 if time is None else time.high or 0.0
