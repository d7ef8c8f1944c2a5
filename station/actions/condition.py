"""A state that is waited for, with a deadline of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from station.actions.stage import Stage


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that must hold by `until` on the run's clock; `tell` keeps what became of it."""

    until: float
    holds: Callable[[], bool]
    tell: Callable[[bool], None]


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
